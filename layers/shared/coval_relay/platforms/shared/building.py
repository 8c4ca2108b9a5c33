"""Building blocks of canonical events; see platforms/canonical.py for what each must hold."""

from collections.abc import Iterable, Sequence
from typing import Any

from coval_relay.platforms.shared.contract import CanonicalEvent, CanonicalMessage, PlatformOptions
from coval_relay.platforms.shared.field_types import host_of, s3_place

MILLISECONDS = 3
"""Decimals that times are rounded to."""


def canonical(detail_type: str, provider: str, **detail: Any) -> CanonicalEvent:
    """A canonical event, without what is not known."""
    return {
        "detail-type": detail_type,
        "detail": {"schema_version": "1", "provider": provider, **known(**detail)},
    }


def known(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def alias(type_: str, value: str) -> dict[str, str]:
    return {"type": type_, "value": value}


def aliases(**values: str | None) -> list[dict[str, str]]:
    """Aliases by their types, without those that are not known."""
    return [alias(type_, value) for type_, value in values.items() if value]


# --- transcripts -------------------------------------------------------------------------------------


def message(
    role: str, content: str | None, start: float | None, end: float | None = None, **more: Any
) -> CanonicalMessage:
    """One message; an end without a start, or before it, is left out."""
    began, ended = _seconds(start), _seconds(end)
    if began is None or (ended is not None and ended < began):
        ended = None
    return {"role": role, **known(content=content or None, start_time=began, end_time=ended, **more)}


def _seconds(value: float | None) -> float | None:
    return None if value is None else max(0.0, round(value, MILLISECONDS))


def tool_call(id_: str | None, name: str | None, arguments: str | None) -> dict[str, Any] | None:
    """A tool's call; None where it cannot be referred to."""
    if not id_ or not name:
        return None
    return {"id": id_, "type": "function", "function": {"name": name, "arguments": arguments or "{}"}}


def asking(
    content: str | None, calls: Iterable[dict[str, Any] | None], start: float | None
) -> CanonicalMessage:
    """An assistant's message that calls tools; without words it takes no time."""
    asked = [call for call in calls if call] or None
    return message("assistant", content, start, None if content else start, tool_calls=asked)


def answering(id_: str | None, content: str | None, start: float | None) -> CanonicalMessage:
    """A tool's answer."""
    return message("tool", content, start, start, tool_call_id=id_)


def speech(messages: Iterable[CanonicalMessage]) -> list[CanonicalMessage]:
    """The messages that say something: no empty ones, and no answer that no earlier call asked for."""
    asked: set[str] = set()
    kept = []
    for told in messages:
        calls = told.get("tool_calls", ())
        asked.update(call["id"] for call in calls)
        orphan = told["role"] == "tool" and told.get("tool_call_id") not in asked
        if not orphan and (calls or told.get("content", "").strip()):
            kept.append(told)
    return kept


def transcript(
    messages: Sequence[CanonicalMessage], time_base: str = "recording_start", *, separate: bool = False
) -> dict[str, Any]:
    """A call's transcript as its end tells it: the words, or whether they come separately."""
    if messages:
        return {"status": "inline", "time_base": time_base, "messages": list(messages)}
    return {"status": "pending" if separate else "none"}


# --- recordings --------------------------------------------------------------------------------------


def allowed(url: str | None, options: PlatformOptions) -> str | None:
    """The URL, where the operator allows to fetch recordings from its host."""
    return url if host_of(url) in options.recording_hosts else None


def reachable(url: str | None, options: PlatformOptions) -> str | None:
    """Where the relay gets this recording: by URL, or as an object of S3; None where it cannot."""
    place = s3_place(url)
    return allowed(url, options) or (f"s3://{place[0]}/{place[1]}" if place else None)
