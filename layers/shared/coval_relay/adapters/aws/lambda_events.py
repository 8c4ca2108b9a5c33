"""What Lambda hands a function: SQS records or a bare event; S3's own notifications in either."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from coval_relay.adapters.aws.s3_events import classic_events

EPOCH = re.compile(r"[0-9]{1,15}")


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event to handle; `event` is None where the body is no JSON object."""

    event: Mapping[str, Any] | None
    raw: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """By what a received message is hidden or reported; `sent_at` is when it first came, in epoch seconds."""

    message_id: str
    handle: str
    sent_at: int


@dataclass(frozen=True, slots=True)
class Record:
    """What comes, waits and ends together: the events of a queue message, or of a bare invocation without a receipt."""

    deliveries: tuple[Delivery, ...]
    raw: str
    receipt: Receipt | None = None


def records(payload: Any) -> Iterator[Record]:
    """All records of one invocation, in order; what is no event is delivered too, to be rejected."""
    if isinstance(payload, Mapping) and _is_sqs(payload):
        for record in payload["Records"]:
            yield _from_queue(_mapping(record))
    else:
        events = _events(payload)
        yield Record(tuple(_delivery(event, _as_json(payload if event is None else event)) for event in events), "")


def _is_sqs(payload: Mapping[str, Any]) -> bool:
    records = payload.get("Records")
    return isinstance(records, list) and any(
        isinstance(record, Mapping) and record.get("eventSource") == "aws:sqs" for record in records
    )


def _from_queue(record: Mapping[str, Any]) -> Record:
    body = record.get("body")
    body = body if isinstance(body, str) else ""
    events: list[Mapping[str, Any] | None]
    try:
        events = _events(json.loads(body))
    except (ValueError, RecursionError):
        events = [None]
    deliveries = (_delivery(event, body if len(events) == 1 else _as_json(event)) for event in events)
    receipt = Receipt(str(record.get("messageId") or ""), str(record.get("receiptHandle") or ""), _sent_at(record))
    return Record(tuple(deliveries), body, receipt)


def _delivery(event: Mapping[str, Any] | None, raw: str | None) -> Delivery:
    """What cannot be written as JSON again is no event: it could not be kept."""
    return Delivery(None, "") if raw is None else Delivery(event, raw)


def _as_json(content: Any) -> str | None:
    try:
        return json.dumps(content)
    except (ValueError, RecursionError):
        return None


def _sent_at(record: Mapping[str, Any]) -> int:
    """SQS's own time: a count of receives would be driven up by throttles and crashes."""
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
