"""Transcripts in Coval's form: roles of its enum, times in seconds from the start of the audio."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from coval_relay.domain.errors import InvalidInput

Message = Mapping[str, Any]
"""One message with Coval's own field names (Coval API, submit: transcript[])."""

ROLES = ("assistant", "user", "system", "tool")
UNIT_FACTOR, UNIT_SLACK_SECONDS = 2, 60


@dataclass(frozen=True, slots=True)
class Transcript:
    """The words of a call, oldest first."""

    messages: tuple[Message, ...]


def check_times(messages: tuple[Message, ...], call_seconds: float | None, path: str) -> None:
    """Refuse times that cannot be seconds of this call.

    Raises InvalidInput where a message ends before it starts, or where the last end lies far beyond the
    call's own length: then the unit is milliseconds.
    """
    for index, message in enumerate(messages):
        start, end = message.get("start_time"), message.get("end_time")
        if (start is None) != (end is None):
            raise InvalidInput(f"{path}[{index}]", "start_time and end_time go together")
        if start is not None and end is not None and end < start:
            raise InvalidInput(f"{path}[{index}].end_time", "must not be before start_time")
    ends = [message["end_time"] for message in messages if message.get("end_time") is not None]
    if ends and call_seconds is not None and max(ends) > UNIT_FACTOR * call_seconds + UNIT_SLACK_SECONDS:
        raise InvalidInput(path, "times must be seconds: the last is far beyond the call's length")


def check_tool_calls(messages: tuple[Message, ...], path: str) -> None:
    """Refuse a tool's answer that no earlier message asked for (Coval API, submit: tool_call_id)."""
    asked: set[str] = set()
    for index, message in enumerate(messages):
        asked.update(call["id"] for call in message.get("tool_calls") or ())
        if message["role"] == "tool" and message.get("tool_call_id") not in asked:
            raise InvalidInput(f"{path}[{index}].tool_call_id", "must name an earlier tool call")


def without_oldest(messages: tuple[Message, ...], count: int) -> tuple[Message, ...]:
    """The messages without the oldest `count`, and without tools' answers whose call went with those."""
    kept = messages[count:]
    asked = {call["id"] for message in kept for call in message.get("tool_calls") or ()}
    return tuple(m for m in kept if m["role"] != "tool" or m.get("tool_call_id") in asked)
