"""What Lambda hands a function: SQS records or a bare event; S3's own notifications in either."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from coval_relay.adapters.aws.s3_events import classic_events

FIRST_SENT = "first_sent"
"""Message attribute: when a message that waits came first, in epoch seconds."""
EPOCH = re.compile(r"[0-9]{1,15}")


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event to handle; `event` is None where the body is no JSON object, `message_id` without a queue."""

    event: Mapping[str, Any] | None
    raw: str
    message_id: str | None = None
    first_sent: int | None = None


def deliveries(payload: Any) -> Iterator[Delivery]:
    """All events of one invocation, in order; what is none is delivered too, to be rejected."""
    if isinstance(payload, Mapping) and _is_sqs(payload):
        for record in payload["Records"]:
            yield from _from_record(_mapping(record))
    else:
        for event in _events(payload):
            yield _delivery(event, _as_json(event if event is not None else payload))


def _is_sqs(payload: Mapping[str, Any]) -> bool:
    records = payload.get("Records")
    return isinstance(records, list) and any(
        isinstance(record, Mapping) and record.get("eventSource") == "aws:sqs" for record in records
    )


def _from_record(record: Mapping[str, Any]) -> Iterator[Delivery]:
    body, message_id, sent = record.get("body"), record.get("messageId"), _first_sent(record)
    body = body if isinstance(body, str) else ""
    events: list[Mapping[str, Any] | None]
    try:
        events = _events(json.loads(body))
    except (ValueError, RecursionError):
        events = [None]
    for event in events:
        raw = body if len(events) == 1 else _as_json(event)
        yield _delivery(event, raw, message_id if isinstance(message_id, str) else None, sent)


def _delivery(
    event: Mapping[str, Any] | None, raw: str | None, message_id: str | None = None, sent: int | None = None
) -> Delivery:
    """What cannot be written as JSON again is no event: it could not be kept."""
    return Delivery(None, "", message_id, sent) if raw is None else Delivery(event, raw, message_id, sent)


def _as_json(content: Any) -> str | None:
    try:
        return json.dumps(content)
    except (ValueError, RecursionError):
        return None


def _first_sent(record: Mapping[str, Any]) -> int:
    """Our own attribute where the message has waited already, else SQS's own."""
    sent = _mapping(_mapping(record.get("messageAttributes")).get(FIRST_SENT)).get("stringValue")
    if EPOCH.fullmatch(str(sent)):
        return int(str(sent))
    sent = str(_mapping(record.get("attributes")).get("SentTimestamp"))
    return int(sent) // 1000 if EPOCH.fullmatch(sent) else 0


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _events(content: Any) -> list[Mapping[str, Any] | None]:
    """The events in a body; what is none gives None."""
    if not isinstance(content, Mapping):
        return [None]
    if content.get("Event") == "s3:TestEvent":
        return []
    if isinstance(content.get("Records"), list) and "detail-type" not in content:
        return list(classic_events(content)) if content["Records"] else [None]
    return [content]
