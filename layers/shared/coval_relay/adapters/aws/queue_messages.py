"""The messages that the relay's functions send each other, as JSON."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from coval_relay.domain.call_id import checked_call_id
from coval_relay.domain.errors import InvalidInputError, RetryableError
from coval_relay.domain.messages import (
    SOURCE,
    Message,
    ObjectCreated,
    ObjectNamed,
    PendingExpired,
    RecordingReady,
    Reopen,
    Resume,
    Sweep,
)

KINDS: Mapping[str, type] = {
    "Object Named": ObjectNamed,
    "Object Pending": ObjectCreated,
    "Pending Expired": PendingExpired,
    "Recording Announced": RecordingReady,
    "Reopen": Reopen,
    "Resume": Resume,
    "Sweep": Sweep,
}
PLACE = re.compile(r"(s3://[^/]+/.+|https://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/.*)?)", re.DOTALL)
MAX_NUMBER = 2**53
UNKNOWN = "message_unknown"
_NAMES = {kind: name for name, kind in KINDS.items()}


@cache
def _adapter(kind: type) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def to_event(message: Message) -> dict[str, Any]:
    """The event that `from_event` reads."""
    return {"source": SOURCE, "detail-type": _NAMES[type(message)], "detail": asdict(message)}


def from_event(event: Mapping[str, Any]) -> Message:
    """Raises RetryableError for what this version does not know: a newer one may have sent it, half way of a deploy."""
    kind = KINDS.get(str(event.get("detail-type")))
    detail = event.get("detail") or {}
    if kind is None:
        raise RetryableError(UNKNOWN)
    try:
        message: Message = _adapter(kind).validate_python(detail)
        json.dumps(detail, ensure_ascii=False).encode()
        if not isinstance(message, Reopen):  # its event is the platform's
            _check_numbers(detail)
        _check_place(message)
        if isinstance(message, Resume | Reopen):
            checked_call_id(message.external_conversation_id, "detail.external_conversation_id")
    except (ValueError, RecursionError, InvalidInputError):
        raise RetryableError(UNKNOWN) from None
    return message


def _check_numbers(value: object) -> None:
    """Raises ValueError for a number that the table could not keep."""
    if isinstance(value, Mapping | list):
        for part in value.values() if isinstance(value, Mapping) else value:
            _check_numbers(part)
    elif isinstance(value, int | float) and not abs(value) <= MAX_NUMBER:
        raise ValueError


def _check_place(message: Message) -> None:
    """Raises InvalidInputError where a recording lies nowhere."""
    if isinstance(message, RecordingReady) and not PLACE.fullmatch(message.uri):
        raise InvalidInputError("detail.uri", "must be the place of an object, or an https URL")


def reopened_event(event: Mapping[str, Any] | None) -> str | None:
    """The event that was sent again in this one, if it is such a one."""
    if event is None or (event.get("source"), event.get("detail-type")) != (SOURCE, _NAMES[Reopen]):
        return None
    return json.dumps(event["detail"]["event"])


def to_text(message: Message) -> str:
    return json.dumps(to_event(message))


def from_text(text: str) -> Message:
    """Raises RetryableError, as `from_event`."""
    try:
        event = json.loads(text)
    except (ValueError, RecursionError):
        event = None
    if not isinstance(event, Mapping):
        raise RetryableError(UNKNOWN)
    return from_event(event)
