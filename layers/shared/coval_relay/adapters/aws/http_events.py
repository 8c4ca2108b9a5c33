"""What a function URL and an HTTP API hand a function: one shape, payload format 2.0."""

import base64
from collections.abc import Mapping
from typing import Any

from coval_relay.domain.webhooks.request import WebhookRequest


class MalformedRequestError(Exception):
    """The event is no HTTP request, or its body no base64 where it says so."""


def request_of(event: Mapping[str, Any]) -> WebhookRequest:
    """Raises MalformedRequestError; the path is without the stage, as the sender knows it."""
    try:
        context = event["requestContext"]
        return WebhookRequest(
            method=str(context["http"]["method"]),
            host=str(context["domainName"]),
            path=str(event["rawPath"]),
            query=str(event.get("rawQueryString") or ""),
            headers={str(name).lower(): str(value) for name, value in (event.get("headers") or {}).items()},
            body=_body(event),
            arrived_at=float(context["timeEpoch"]) / 1000,
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        raise MalformedRequestError from None


def _body(event: Mapping[str, Any]) -> bytes:
    body = event.get("body") or ""
    if event.get("isBase64Encoded") is True:
        return base64.b64decode(body, validate=True)
    return str(body).encode("utf-8", "surrogatepass")
