"""The messages that the relay's functions send each other, as JSON."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from coval_relay.boundary import fault
from coval_relay.domain.call_id import checked_call_id
from coval_relay.domain.errors import InvalidInputError
from coval_relay.domain.messages import (
    SOURCE,
    AttachRecording,
    Message,
    ObjectCreated,
    ObjectNamed,
    PendingExpired,
    RecordingFound,
    RecordingReady,
    Resume,
    Sweep,
)

KINDS: Mapping[str, type] = {
    "Attach Recording": AttachRecording,
    "Object Named": ObjectNamed,
    "Object Pending": ObjectCreated,
    "Pending Expired": PendingExpired,
    "Recording Announced": RecordingReady,
    "Recording Found": RecordingFound,
    "Resume": Resume,
    "Sweep": Sweep,
}
PLACE = re.compile(r"(s3://[^/]+/.+|https://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/.*)?)", re.DOTALL)
MAX_NUMBER = 2**53
_NAMES = {kind: name for name, kind in KINDS.items()}


@cache
def _adapter(kind: type) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def to_event(message: Message) -> dict[str, Any]:
    """The event that `from_event` reads."""
    return {"source": SOURCE, "detail-type": _NAMES[type(message)], "detail": asdict(message)}


def from_event(event: Mapping[str, Any]) -> Message:
    """Raises InvalidInputError for what no function of the relay has sent."""
    kind = KINDS.get(str(event.get("detail-type")))
    detail = event.get("detail") or {}
    if kind is None:
        raise InvalidInputError("detail-type", "is not one that the relay's functions send")
    try:
        message: Message = _adapter(kind).validate_python(detail)
        json.dumps(detail, ensure_ascii=False).encode()
        _check_numbers(detail)
    except ValidationError as error:
        raise fault(error, "detail") from None
    except (ValueError, RecursionError):
        raise InvalidInputError("detail", "must be JSON in valid Unicode, with numbers within 2^53") from None
    _check_place(message)
    if isinstance(message, AttachRecording | RecordingFound | Resume):
        checked_call_id(message.external_conversation_id, "detail.external_conversation_id")
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
    if isinstance(message, RecordingFound) and message.created is None and not PLACE.fullmatch(message.url):
        raise InvalidInputError("detail.url", "must be an https URL where no object is named")


def to_text(message: Message) -> str:
    return json.dumps(to_event(message))


def from_text(text: str) -> Message:
    """Raises InvalidInputError."""
    try:
        event = json.loads(text)
    except (ValueError, RecursionError):
        event = None
    if not isinstance(event, Mapping):
        raise InvalidInputError("detail.pending.event", "must be a JSON object")
    return from_event(event)
