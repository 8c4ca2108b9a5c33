"""The messages that the relay's functions send each other, as JSON."""

from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from coval_relay.domain.errors import InvalidInput
from coval_relay.domain.identifiers import checked_call_id
from coval_relay.domain.messages import SOURCE, AttachRecording, RecordingFound, Resume, Sweep

KINDS: Mapping[str, type] = {
    "Attach Recording": AttachRecording,
    "Recording Found": RecordingFound,
    "Resume": Resume,
    "Sweep": Sweep,
}
_NAMES = {kind: name for name, kind in KINDS.items()}


@cache
def _adapter(kind: type) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def to_event(message: AttachRecording | RecordingFound | Resume) -> dict[str, Any]:
    """The event that `from_event` reads."""
    return {"source": SOURCE, "detail-type": _NAMES[type(message)], "detail": asdict(message)}


def from_event(event: Mapping[str, Any]) -> AttachRecording | RecordingFound | Resume | Sweep:
    """Raises InvalidInput for what no function of the relay has sent."""
    kind = KINDS.get(str(event.get("detail-type")))
    if kind is None:
        raise InvalidInput("detail-type", "is not one that the relay's functions send")
    try:
        message: AttachRecording | RecordingFound | Resume | Sweep = _adapter(kind).validate_python(
            event.get("detail") or {}
        )
    except ValidationError as error:
        location = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise InvalidInput(f"detail.{location}", error.errors()[0]["msg"]) from None
    if not isinstance(message, Sweep):
        checked_call_id(message.external_conversation_id, "detail.external_conversation_id")
    return message
