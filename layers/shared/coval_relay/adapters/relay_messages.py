"""The messages that the relay's functions send each other, as JSON."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from coval_relay.domain.errors import InvalidInput
from coval_relay.domain.identifiers import checked_call_id
from coval_relay.domain.messages import (
    SOURCE,
    AttachRecording,
    Message,
    ObjectCreated,
    ParkingExpired,
    RecordingFound,
    RecordingReady,
    Resume,
    Sweep,
)
from coval_relay.validation import fault

KINDS: Mapping[str, type] = {
    "Attach Recording": AttachRecording,
    "Object Waiting": ObjectCreated,
    "Parking Expired": ParkingExpired,
    "Recording Announced": RecordingReady,
    "Recording Found": RecordingFound,
    "Resume": Resume,
    "Sweep": Sweep,
}
PLACE = re.compile(r"(s3://[^/]+/.+|https://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/.*)?)", re.DOTALL)
MOST_NUMBER = 2**53
_NAMES = {kind: name for name, kind in KINDS.items()}


@cache
def _adapter(kind: type) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def to_event(message: Message) -> dict[str, Any]:
    """The event that `from_event` reads."""
    return {"source": SOURCE, "detail-type": _NAMES[type(message)], "detail": asdict(message)}


def from_event(event: Mapping[str, Any]) -> Message:
    """Raises InvalidInput for what no function of the relay has sent."""
    kind = KINDS.get(str(event.get("detail-type")))
    detail = event.get("detail") or {}
    if kind is None:
        raise InvalidInput("detail-type", "is not one that the relay's functions send")
    try:
        message: Message = _adapter(kind).validate_python(detail)
        json.dumps(detail, ensure_ascii=False).encode()
        _check_numbers(detail)
    except ValidationError as error:
        raise fault(error, "detail") from None
    except (ValueError, RecursionError):
        raise InvalidInput("detail", "must be JSON in valid Unicode, with numbers within 2^53") from None
    _check_place(message)
    if isinstance(message, AttachRecording | RecordingFound | Resume):
        checked_call_id(message.external_conversation_id, "detail.external_conversation_id")
    return message


def _check_numbers(value: object) -> None:
    """Raises ValueError for a number that the table could not keep."""
    if isinstance(value, Mapping | list):
        for part in value.values() if isinstance(value, Mapping) else value:
            _check_numbers(part)
    elif isinstance(value, int | float) and not abs(value) <= MOST_NUMBER:
        raise ValueError


def _check_place(message: Message) -> None:
    """Raises InvalidInput where a recording lies nowhere."""
    if isinstance(message, RecordingReady) and not PLACE.fullmatch(message.uri):
        raise InvalidInput("detail.uri", "must be the place of an object, or an https URL")
    if isinstance(message, RecordingFound) and message.created is None and not PLACE.fullmatch(message.url):
        raise InvalidInput("detail.url", "must be an https URL where no object is named")


def to_text(message: Message) -> str:
    return json.dumps(to_event(message))


def from_text(text: str) -> Message:
    """Raises InvalidInput."""
    try:
        event = json.loads(text)
    except (ValueError, RecursionError):
        event = None
    if not isinstance(event, Mapping):
        raise InvalidInput("detail.parked.event", "must be a JSON object")
    return from_event(event)
