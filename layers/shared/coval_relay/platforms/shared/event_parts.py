"""Parts of canonical events that many platforms make in the same way."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice
from typing import TypedDict

from coval_relay.domain.call_aliases import NO_RECORDING, S3_OBJECT, Alias, checked_alias
from coval_relay.domain.errors import InvalidInputError
from coval_relay.domain.transcript import is_far_beyond
from coval_relay.platforms.shared import canonical_events as canonical
from coval_relay.platforms.shared.contract import Event, PlatformOptions
from coval_relay.platforms.shared.fields import MAX_URL_LENGTH, host_of, s3_place, sent_at
from coval_relay.platforms.shared.room_names import CLOCKS_APART, UNKNOWN_LENGTH, room_at, room_during

MILLISECONDS = 3
"""Decimals that times are rounded to."""


def aliases(**values: str | None) -> tuple[Alias, ...]:
    """Aliases by their types, without those that are not known, or that can be none."""
    return tuple(alias for type_, value in values.items() if (alias := _alias(type_, value)))


def _alias(type_: str, value: str | None) -> Alias | None:
    try:
        return checked_alias(type_, value, type_) if value else None
    except InvalidInputError:
        return None


def metadata(**values: canonical.Scalar | None) -> dict[str, canonical.Scalar]:
    """Metadata without what is not known."""
    return {name: value for name, value in values.items() if value is not None}


def no_recording(code: str) -> Alias:
    """What the aliases of an object lead to that is no call's recording: one side, one participant, a screen."""
    return Alias(NO_RECORDING, code)


class CallTimes(TypedDict):
    """The three times of a call's end."""

    started_at: datetime | None
    answered_at: datetime | None
    ended_at: datetime | None


def call_times(event: Event, started: datetime | None, ended: datetime | None, *answered: datetime | None) -> CallTimes:
    """The times that do not contradict each other; of several answers the first that does not.

    A time only informs. What ends before it starts has no length; what has no start begins at its end, or when
    its event was sent, and has no length either.
    """
    answer = next((moment for moment in answered if moment and _in_order(started, moment, ended)), None)
    first = started or answer
    if first is None:
        return CallTimes(started_at=ended or sent_at(event), answered_at=None, ended_at=None)
    return CallTimes(started_at=started, answered_at=answer, ended_at=ended if _in_order(first, ended) else None)


def _in_order(*moments: datetime | None) -> bool:
    known = [moment for moment in moments if moment]
    return known == sorted(known)


# --- rooms ---------------------------------------------------------------------------------------------


def room_alias(type_: str, name: str | None, moment: datetime | None) -> Alias | None:
    """A room by its name, in the second in which something of it began."""
    if not name or moment is None:
        return None
    known = room_at(type_, name, moment)
    return _alias(known.type, known.value)


def room_known(
    ended: canonical.CallEndedEvent, room: Alias | None, started_at: datetime | None, early: timedelta = CLOCKS_APART
) -> list[canonical.AliasesKnownEvent]:
    """A room by its name is this call in all of its time, and so long before.

    It is an hour, where the platform does not say when it began, or when it ended.
    """
    began = ended.began_at
    if room is None or room_alias(room.type, room.value, began) is None:
        return []
    if started_at is None:
        aliases = room_during(room, began, began, UNKNOWN_LENGTH)
    else:
        aliases = room_during(room, began, ended.ended_at or began + UNKNOWN_LENGTH, early)
    return [
        canonical.AliasesKnownEvent(
            provider=ended.provider, external_conversation_id=ended.external_conversation_id, aliases=some
        )
        for some in _in_batches(aliases)
    ]


def _in_batches(aliases: tuple[Alias, ...]) -> Iterator[tuple[Alias, ...]]:
    for first in range(0, len(aliases), canonical.MAX_ALIASES):
        yield aliases[first : first + canonical.MAX_ALIASES]


# --- transcripts -------------------------------------------------------------------------------------


def message(
    role: canonical.Role, content: str | None, start: float | None, end: float | None = None
) -> canonical.Message:
    """One message; an end without a start, or before it, is left out."""
    start_time, end_time = _seconds(start), _seconds(end)
    if start_time is None or (end_time is not None and end_time < start_time):
        end_time = None
    return canonical.Message(role=role, content=content or None, start_time=start_time, end_time=end_time)


def _seconds(value: float | None) -> float | None:
    return None if value is None else max(0.0, round(value, MILLISECONDS))


def pressed(keys: str | None) -> str | None:
    """A caller's key presses as words."""
    return f"[pressed {keys}]" if keys else None


def texted(text: str | None) -> str | None:
    """A caller's text message as words."""
    return f"[sent a text] {text}" if text else None


def tool_call(id_: str | None, name: str | None, arguments: str | None) -> canonical.ToolCall | None:
    """A tool's call; None where it cannot be referred to."""
    if not id_ or not name:
        return None
    return canonical.ToolCall(id=id_, function=canonical.ToolFunction(name=name, arguments=arguments or "{}"))


def tool_call_message(
    content: str | None, calls: Iterable[canonical.ToolCall | None], start: float | None
) -> canonical.Message:
    """An assistant's message that calls tools; without content it takes no time."""
    tool_calls = tuple(call for call in calls if call) or None
    return replace(message("assistant", content, start, None if content else start), tool_calls=tool_calls)


def tool_result(id_: str | None, content: str | None, time: float | None) -> canonical.Message:
    """A tool's answer."""
    return replace(message("tool", content, time, time), tool_call_id=id_)


def usable_messages(messages: Iterable[canonical.Message | None]) -> list[canonical.Message]:
    """The messages without the empty ones, and without results of tools that no earlier message called."""
    called: set[str] = set()
    kept = []
    for candidate in messages:
        if candidate is None:
            continue
        called.update(call.id for call in candidate.tool_calls or ())
        is_orphan = candidate.role == "tool" and candidate.tool_call_id not in called
        if not is_orphan and (candidate.tool_calls or (candidate.content or "").strip()):
            kept.append(candidate)
    return kept


def transcript(
    messages: Sequence[canonical.Message] = (),
    time_base: canonical.TimeBase = "recording_start",
    *,
    times: CallTimes | None = None,
    separate: bool = False,
) -> canonical.Transcript:
    """The transcript in a call's end; without messages, whether it comes separately."""
    if messages:
        plausible = plausibly_timed(messages, times and _seconds_of(times))
        return canonical.Transcript(status="inline", time_base=time_base, messages=plausible)
    return canonical.Transcript(status="pending" if separate else "none")


def _seconds_of(times: CallTimes) -> float | None:
    first, last = times["started_at"] or times["answered_at"], times["ended_at"]
    return (last - first).total_seconds() if first and last else None


def plausibly_timed(messages: Sequence[canonical.Message], call_seconds: float | None) -> tuple[canonical.Message, ...]:
    """The messages, without any times where one lies far beyond the call's end: a vendor's clock costs no call."""
    last = max((message.end_time or message.start_time or 0 for message in messages), default=0)
    if not is_far_beyond(last, call_seconds):
        return tuple(messages)
    return tuple(replace(message, start_time=None, end_time=None) for message in messages)


# --- recordings --------------------------------------------------------------------------------------


def fetchable(url: str | None, options: PlatformOptions) -> str | None:
    """The URL, where the operator allows to fetch recordings from its host."""
    return _usable_uri(url) if host_of(url) in options.recording_hosts else None


def _usable_uri(uri: str | None) -> str | None:
    return uri if uri and len(uri) <= MAX_URL_LENGTH and re.fullmatch(canonical.LOCATION, uri) else None


def is_place(bucket: str, key: str) -> bool:
    """Whether an object can lie there, and its place be an alias."""
    known = _alias(S3_OBJECT, f"{bucket}/{key}")
    return known is not None and _usable_uri(f"s3://{bucket}/{key}") is not None


def first_recording(*candidates: tuple[str | None, int | None]) -> tuple[canonical.CallRecording, ...]:
    """The first that has a URI, of pairs of a recording's URI and the agent's channel."""
    found = (canonical.CallRecording(uri=uri, agent_channel=channel) for uri, channel in candidates if uri)
    return tuple(islice(found, 1))


def recording_uri(url: str | None, options: PlatformOptions) -> str | None:
    """The URI by which the relay gets this recording, from its host or from S3; None where it cannot."""
    place = s3_place(url)
    return fetchable(url, options) or _usable_uri(f"s3://{place[0]}/{place[1]}" if place else None)
