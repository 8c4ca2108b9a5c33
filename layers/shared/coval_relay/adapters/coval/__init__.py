"""Coval's API over HTTP: the client, what it makes of answers and rejections, and when it asks again."""

from coval_relay.adapters.coval.client import ApiKey, HttpCovalClient, http_client
from coval_relay.adapters.coval.gate import Gate

__all__ = ["ApiKey", "Gate", "HttpCovalClient", "http_client"]
