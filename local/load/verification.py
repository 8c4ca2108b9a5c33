"""What is left of a load run: each call against what Coval and the table hold of it."""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from local.load.call_plan import Kind, LoadCall

Held = Mapping[str, Any]
_Check = Callable[[LoadCall, Held], bool]
MOST = 0.95
"""The share of the calls beside which the rest are stragglers."""
GONE = frozenset({"CANCELLED", "DELETED"})


@dataclass(frozen=True, slots=True)
class Verdict:
    """Ids of the calls by what is wrong with them; all empty where nothing is."""

    lost: tuple[str, ...] = ()
    """Coval has no live conversation."""
    doubled: tuple[str, ...] = ()
    wrong_text: tuple[str, ...] = ()
    wrong_audio: tuple[str, ...] = ()
    unfinished: tuple[str, ...] = ()
    """The item does not say that all is done."""
    unknown: tuple[str, ...] = ()
    """Live conversations of no call of ours."""
    pending: tuple[str, ...] = ()
    """Names under which a recording waits that no call has."""

    def is_good(self) -> bool:
        return self == Verdict()


def judged(calls: Sequence[LoadCall], conversations: Iterable[Held], items: Sequence[Held]) -> Verdict:
    """Compare; conversations and items as the simulator's admin and the table show them."""
    live = _live(conversations)
    found = {item["external_conversation_id"]: item for item in items if item["item_key"] == "call"}
    return Verdict(
        lost=_ids(call for call in calls if not live.get(call.call_id)),
        doubled=_ids(call for call in calls if len(live.get(call.call_id, ())) > 1),
        wrong_text=_ids(call for call in calls if _any(live, call, _has_other_text)),
        wrong_audio=_ids(call for call in calls if _any(live, call, _has_other_audio)),
        unfinished=_ids(call for call in calls if not is_finished(found.get(call.call_id, {}))),
        unknown=tuple(sorted(live.keys() - {call.call_id for call in calls})),
        pending=pending(items),
    )


def is_finished(item: Held) -> bool:
    """Whether a call's item has come to its end: submitted, with its recording, and never due again."""
    states = (item.get("state"), item.get("recording_state"))
    return states == ("SUBMITTED", "ATTACHED") and not is_due(item)


def is_due(item: Held) -> bool:
    """Whether a sweep takes up a call now or later."""
    return "due_at" in item and item["item_key"] == "call"


def pending(items: Sequence[Held]) -> tuple[str, ...]:
    """Names under which a recording waits that no call has.

    One that waited under two names has found its call by the first of them to be bound; under the other it
    stays until its pending time is over, and is looked at once more.
    """
    taken = {name for item in items for name in item.get("other_recordings", ())}
    taken |= {item["recording"]["identity"] for item in items if item.get("recording")}
    waiting = (item for item in items if item["item_key"].startswith("pending#"))
    return tuple(sorted({one["external_conversation_id"] for one in waiting if one["identity"] not in taken}))


def deleted(conversations: Iterable[Held]) -> int:
    """How many were made twice and taken back by the audit."""
    return sum(one["status"] in GONE for one in conversations)


def waits(
    calls: Sequence[LoadCall], conversations: Iterable[Held], sent_at: Mapping[tuple[str, Kind], float]
) -> list[float]:
    """Seconds from when all that a submit needs was sent until the conversation was made, sorted."""
    live = _live(conversations)
    made = {name: datetime.fromisoformat(held[0]["create_time"]).timestamp() for name, held in live.items()}
    return sorted(made[call.call_id] - _ready(call, sent_at) for call in calls if call.call_id in made)


def submit_times(conversations: Iterable[Held]) -> list[float]:
    """When each conversation was made (epoch seconds), sorted."""
    return sorted(datetime.fromisoformat(one["create_time"]).timestamp() for one in conversations)


def percentile(values: Sequence[float], share: float) -> float:
    """The least of the sorted values that so large a share does not exceed; 0 of none."""
    return values[min(int(share * len(values)), len(values) - 1)] if values else 0.0


def _ready(call: LoadCall, sent_at: Mapping[tuple[str, Kind], float]) -> float:
    needed: dict[str, tuple[Kind, ...]] = {
        "inline": ("call_end",),
        "object": ("call_end", "transcript"),
        "none": ("call_end", "recording"),
    }
    return max(sent_at[call.call_id, kind] for kind in needed[call.text])


def _live(conversations: Iterable[Held]) -> dict[str, list[Held]]:
    live: dict[str, list[Held]] = {}
    for conversation in conversations:
        if conversation["status"] not in GONE:
            live.setdefault(str(conversation["external_conversation_id"]), []).append(conversation)
    return live


def _any(live: Mapping[str, Sequence[Held]], call: LoadCall, is_wrong: _Check) -> bool:
    return any(is_wrong(call, held) for held in live.get(call.call_id, ()))


def _has_other_text(call: LoadCall, held: Held) -> bool:
    said = [(one["role"], one["content"]) for one in held["transcript"] or ()]
    return said != [(one["role"], one["content"]) for one in call.messages]


def _has_other_audio(call: LoadCall, held: Held) -> bool:
    audio = held["audio"]
    return audio is None or audio["sha256"] != hashlib.sha256(call.recording()).hexdigest()


def _ids(calls: Iterable[LoadCall]) -> tuple[str, ...]:
    return tuple(call.call_id for call in calls)


def answer_to(request: Mapping[str, Any]) -> str:
    """The status, or what became of the connection; by a fault, or by itself and then with its code."""
    answer = str(request["response_status"] or request["outcome"])
    if request["fault"]:
        return f"{answer} (fault)"
    body = request["response_body"]
    error = body.get("error") if isinstance(body, dict) else None
    return f"{answer} {error['code']} {_without_names(error['message'])}" if error else answer


def is_limited(request: Mapping[str, Any]) -> bool:
    """Whether a request was carried out, and counts for Coval's limit: its upload host has none."""
    return str(request["response_status"]).startswith("2") and str(request["path"]).startswith("/v1/")


def _without_names(message: str) -> str:
    return re.sub(r"'[^']*'|upl_\w+|\d[\d.]*", "…", message)
