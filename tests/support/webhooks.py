"""Webhooks of every platform as requests that have arrived at once."""

import base64
from typing import Any

from coval_relay.domain.webhooks.request import WebhookRequest
from local.webhooks import headers_of, query_of

HOST = "abc123.lambda-url.eu-west-2.on.aws"


def request_of(platform: str, content_type: str, body: bytes, at: float, **changes: Any) -> WebhookRequest:
    """A request as it arrives at once."""
    query = query_of(platform, content_type, body)
    url = f"https://{HOST}/{platform}" + (f"?{query}" if query else "")
    fields: dict[str, Any] = {
        "method": "POST",
        "host": HOST,
        "path": f"/{platform}",
        "query": query,
        "headers": headers_of(platform, content_type, body, url, at),
        "body": body,
        "arrived_at": at,
    }
    return WebhookRequest(**(fields | changes))


def http_event(request: WebhookRequest) -> dict[str, Any]:
    """As a function URL hands it over (Lambda, function URLs: payload format 2.0)."""
    http = {"method": request.method, "path": request.path}
    return {
        "version": "2.0",
        "rawPath": request.path,
        "rawQueryString": request.query,
        "headers": dict(request.headers),
        "requestContext": {"domainName": request.host, "http": http, "timeEpoch": int(request.arrived_at * 1000)},
        "body": base64.b64encode(request.body).decode(),
        "isBase64Encoded": True,
    }
