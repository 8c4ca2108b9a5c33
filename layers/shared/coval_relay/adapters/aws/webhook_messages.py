"""Verified webhooks as queue messages, in a shape that no EventBridge event has.

An event always has a detail-type, and what its sender says stands below `detail`; so nobody who may put events on a
bus can make a message that bears a webhook's provenance.
"""

import base64
import binascii
import hashlib
import json
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from coval_relay.domain.errors import InvalidInputError
from coval_relay.domain.webhooks.event_types import EVENT_TYPES, OWN_EVENTS
from coval_relay.domain.webhooks.request import content_of, value_at
from coval_relay.domain.webhooks.stored_webhook import LABEL, PLATFORM, StoredWebhook

NAME = "webhook"
MAX_MESSAGE_BYTES = 900_000
"""SQS takes 1 MiB; what is larger than this goes by way of S3."""
FIELDS = {"platform": PLATFORM, "label": LABEL, "type": re.compile(r".*")}
PutObject = Callable[[str, bytes], None]
GetObject = Callable[[str], bytes]


# --- to the queue ------------------------------------------------------------------------------------


def to_text(webhook: StoredWebhook, put: PutObject) -> str:
    """The message; a large body is put into S3 first, under a name that is never used again."""
    text = _text(webhook, _inline(webhook.body))
    if len(text) <= MAX_MESSAGE_BYTES:
        return text
    name = f"{webhook.platform}/{uuid.uuid4()}"
    put(name, webhook.body)
    return _text(webhook, {"claim": name, "sha256": hashlib.sha256(webhook.body).hexdigest()})


def _text(webhook: StoredWebhook, body: Mapping[str, str]) -> str:
    """In ASCII, so that its length is what SQS counts."""
    fields = {
        "platform": webhook.platform,
        "label": webhook.label,
        "type": webhook.event_type,
        "arrived_at": webhook.arrived_at,
        "form": webhook.is_form,
    }
    return json.dumps({NAME: {**fields, **body}})


def _inline(body: bytes) -> Mapping[str, str]:
    """As text where it is some, so that a dead letter can be read."""
    try:
        return {"text": body.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(body).decode()}


# --- from the queue ----------------------------------------------------------------------------------


def from_message(message: Mapping[str, Any], get: GetObject) -> StoredWebhook:
    """Raises InvalidInputError for what the door has not sent, and whatever `get` raises."""
    stored = message.get(NAME)
    if not isinstance(stored, Mapping):
        raise InvalidInputError(NAME, "must be an object")
    for name, pattern in FIELDS.items():
        if not isinstance(stored.get(name), str) or not pattern.fullmatch(stored[name]):
            raise InvalidInputError(f"{NAME}.{name}", "must be one that the door has sent")
    arrived_at = stored.get("arrived_at")
    if not isinstance(arrived_at, int | float):
        raise InvalidInputError(f"{NAME}.arrived_at", "must be a number")
    return StoredWebhook(
        platform=stored["platform"],
        label=stored["label"],
        event_type=stored["type"],
        arrived_at=arrived_at,
        is_form=stored.get("form") is True,
        body=_body(stored, get),
    )


def _body(stored: Mapping[str, Any], get: GetObject) -> bytes:
    match stored:
        case {"text": str(text)}:
            return text.encode("utf-8", "surrogatepass")
        case {"base64": str(encoded)}:
            return _unencoded(encoded)
        case {"claim": str(name), "sha256": str(digest)}:
            body = get(name)
            if hashlib.sha256(body).hexdigest() != digest:
                raise InvalidInputError(f"{NAME}.sha256", "is not that of the object")
            return body
    raise InvalidInputError(NAME, "must have a body")


def _unencoded(encoded: str) -> bytes:
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidInputError(f"{NAME}.base64", "must be base64") from None


# --- to the platforms' readers -----------------------------------------------------------------------


def events_of(webhook: StoredWebhook) -> Iterator[Mapping[str, Any]]:
    """What a relay of webhooks would put on a bus, several where a list came; raises InvalidInputError."""
    content = content_of(webhook.body, is_form=webhook.is_form)
    if content is None:
        raise InvalidInputError(f"{NAME}.body", "must be JSON, or a form, in UTF-8")
    detail = EVENT_TYPES.get(webhook.platform, OWN_EVENTS).detail
    for part in content if isinstance(content, list) else [content]:
        yield {
            "source": NAME,
            "detail-type": webhook.event_type,
            "time": _time(webhook.arrived_at),
            "detail": value_at(part, detail) if detail else part,
        }


def _time(arrived_at: float) -> str:
    try:
        return datetime.fromtimestamp(arrived_at, UTC).isoformat()
    except (ValueError, OverflowError, OSError):
        raise InvalidInputError(f"{NAME}.arrived_at", "must be epoch seconds") from None
