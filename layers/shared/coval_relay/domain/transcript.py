"""Transcripts in Coval's form: roles of its enum, times in seconds from the start of the audio."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from coval_relay.domain.errors import InvalidInputError

Message = Mapping[str, Any]
"""One message with Coval's own field names (Coval API, submit: transcript[])."""

ROLES = ("assistant", "user", "system", "tool")
UNIT_FACTOR, UNIT_SLACK_SECONDS = 2, 60
SAME_INSTANT_SECONDS = 0.25
"""A recording that begins this close to the call's zero begins with it."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """The words of a call, oldest first.

    `estimated` counts the messages whose times were filled in, `replaced` the characters that were none; `utterances`
    is a digest of those that it was made of.
    """

    messages: tuple[Message, ...]
    estimated: int = 0
    replaced: int = 0
    utterances: str = ""


@dataclass(frozen=True, slots=True)
class Utterance:
    """One utterance of a transcript that comes while the call lasts; times are epoch seconds."""

    id: str
    role: str
    content: str = field(repr=False)
    spoken_at: float
    ended_at: float


def collected(utterances: Iterable[Utterance]) -> tuple[Utterance, ...]:
    """In the order in which they were spoken; of one id the one that ended last, in whatever order they came."""
    by_end = sorted(utterances, key=lambda one: (one.ended_at, one.spoken_at, one.role, one.content))
    latest = {one.id: one for one in by_end}
    return tuple(sorted(latest.values(), key=lambda one: (one.spoken_at, one.ended_at, one.id)))


def digest_of(utterances: Sequence[Utterance]) -> str:
    """The same for the same utterances, of the same words; not for others."""
    told = [(one.id, one.role, one.content, one.spoken_at, one.ended_at) for one in utterances]
    return hashlib.sha256(repr(told).encode(errors="surrogatepass")).hexdigest()[:12]


def check_times(messages: tuple[Message, ...], call_seconds: float | None, path: str) -> None:
    """Reject times that cannot be seconds of this call.

    Raises InvalidInputError where a message ends before it starts, or where the last end lies far beyond the
    call's own length: then the unit is milliseconds.
    """
    for index, message in enumerate(messages):
        start, end = message.get("start_time"), message.get("end_time")
        if end is not None and start is None:
            raise InvalidInputError(f"{path}[{index}].end_time", "needs a start_time")
        if start is not None and end is not None and end < start:
            raise InvalidInputError(f"{path}[{index}].end_time", "must not be before start_time")
    last = max((m.get("end_time", m.get("start_time", 0)) for m in messages), default=0)
    if is_far_beyond(last, call_seconds):
        raise InvalidInputError(path, "times must be seconds: the last is far beyond the call's length")


def is_far_beyond(last: float, call_seconds: float | None) -> bool:
    """Whether a message's time cannot be of a call of this length."""
    return call_seconds is not None and last > UNIT_FACTOR * call_seconds + UNIT_SLACK_SECONDS


def completed(messages: tuple[Message, ...], call_seconds: float | None, *, keep_estimates: bool) -> Transcript:
    """Every message with both its times, or none with any.

    Coval transcribes audio anew unless each message has its times (Coval API, submit: transcript[]). So a
    missing end becomes the next later start, the last one the call's end; a missing start the end of what
    came before. Without `keep_estimates` an incomplete transcript loses its times instead.
    """
    missing = sum(1 for message in messages if "end_time" not in message)
    if not missing or missing == len(messages) == sum("start_time" not in m for m in messages):
        return Transcript(messages)
    if not keep_estimates:
        return Transcript(tuple(_untimed(message) for message in messages))
    starts = _starts(messages)
    last = call_seconds if call_seconds is not None else max(starts)
    timed = (
        {
            **message,
            "start_time": start,
            "end_time": message.get("end_time", _end(message, start, starts, last)),
        }
        for message, start in zip(messages, starts, strict=True)
    )
    return Transcript(tuple(timed), estimated=missing)


def _end(message: Message, start: float, starts: list[float], last: float) -> float:
    """What is said lasts until the next later start; what a tool does takes no time of the call."""
    if message["role"] == "tool" or not message.get("content"):
        return start
    return min((later for later in starts if later > start), default=max(start, last))


def _starts(messages: tuple[Message, ...]) -> list[float]:
    starts: list[float] = []
    reached = 0.0
    for message in messages:
        starts.append(message.get("start_time", reached))
        reached = message.get("end_time", max(reached, starts[-1]))
    return starts


def _untimed(message: Message) -> Message:
    return {name: value for name, value in message.items() if name not in ("start_time", "end_time")}


def shifted(transcript: Transcript, seconds: float) -> Transcript:
    """The times of a recording that began `seconds` after the zero of these times; none below 0."""
    if abs(seconds) <= SAME_INSTANT_SECONDS:
        return transcript
    return replace(transcript, messages=tuple(_shifted(m, seconds) for m in transcript.messages))


def _shifted(message: Message, seconds: float) -> Message:
    times = {
        name: max(0.0, round(message[name] - seconds, 3)) for name in ("start_time", "end_time") if name in message
    }
    return {**message, **times}


def check_tool_calls(messages: tuple[Message, ...], path: str) -> None:
    """Reject a tool's answer that no earlier message asked for (Coval API, submit: tool_call_id)."""
    asked: set[str] = set()
    for index, message in enumerate(messages):
        asked.update(call["id"] for call in message.get("tool_calls") or ())
        if message["role"] == "tool" and message.get("tool_call_id") not in asked:
            raise InvalidInputError(f"{path}[{index}].tool_call_id", "must name an earlier tool call")


def without_oldest(messages: tuple[Message, ...], count: int) -> tuple[Message, ...]:
    """The messages without the oldest `count`, and without tools' answers whose call went with those."""
    kept = messages[count:]
    asked = {call["id"] for message in kept for call in message.get("tool_calls") or ()}
    return tuple(m for m in kept if m["role"] != "tool" or m.get("tool_call_id") in asked)
