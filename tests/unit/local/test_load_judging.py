"""A load run's judge finds each way in which a call can suffer."""

import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from local.load.call_plan import Kind, LoadCall, planned
from local.load.verification import Verdict, answer_to, deleted, is_limited, judged, percentile, submit_times, waits

CALLS = planned(20, "a", 1).calls
FIRST = next(call for call in CALLS if call.text == "inline")
State = dict[str, list[dict[str, Any]]]


def conversation(call: LoadCall) -> dict[str, Any]:
    return {
        "external_conversation_id": call.call_id,
        "status": "COMPLETED",
        "create_time": "2026-11-21T10:00:05Z",
        "transcript": call.messages or None,
        "audio": {"sha256": hashlib.sha256(call.recording()).hexdigest()},
    }


def item(call: LoadCall) -> dict[str, Any]:
    states = {"state": "SUBMITTED", "recording_state": "ATTACHED"}
    return {"external_conversation_id": call.call_id, "item_key": "call", **states}


def waiting(identity: str) -> dict[str, Any]:
    return {"external_conversation_id": "alias#a#b", "item_key": "pending#1", "due_at": 9, "identity": identity}


def state() -> State:
    return {"held": [conversation(call) for call in CALLS], "items": [item(call) for call in CALLS]}


def of_first(found: list[dict[str, Any]]) -> dict[str, Any]:
    return next(one for one in found if one["external_conversation_id"] == FIRST.call_id)


def test_all_is_well() -> None:
    found = state()
    assert judged(CALLS, found["held"], found["items"]) == Verdict()
    assert Verdict().is_good()


SUFFERING: dict[str, tuple[Callable[[State], Any], Verdict]] = {
    "lost": (lambda now: now["held"].remove(of_first(now["held"])), Verdict(lost=(FIRST.call_id,))),
    "deleted": (
        lambda now: of_first(now["held"]).update(status="DELETED"),
        Verdict(lost=(FIRST.call_id,)),
    ),
    "doubled": (lambda now: now["held"].append(conversation(FIRST)), Verdict(doubled=(FIRST.call_id,))),
    "without its text": (
        lambda now: of_first(now["held"]).update(transcript=None),
        Verdict(wrong_text=(FIRST.call_id,)),
    ),
    "without its audio": (
        lambda now: of_first(now["held"]).update(audio=None),
        Verdict(wrong_audio=(FIRST.call_id,)),
    ),
    "with another's audio": (
        lambda now: of_first(now["held"]).update(audio={"sha256": "0"}),
        Verdict(wrong_audio=(FIRST.call_id,)),
    ),
    "without an item": (
        lambda now: now["items"].remove(of_first(now["items"])),
        Verdict(unfinished=(FIRST.call_id,)),
    ),
    "still due": (
        lambda now: of_first(now["items"]).update(due_at=1),
        Verdict(unfinished=(FIRST.call_id,)),
    ),
    "not attached": (
        lambda now: of_first(now["items"]).update(recording_state="UPLOADED"),
        Verdict(unfinished=(FIRST.call_id,)),
    ),
    "pending": (
        lambda now: now["items"].append(waiting("s3://b/other#1")),
        Verdict(pending=("alias#a#b",)),
    ),
    "of no call": (
        lambda now: now["held"].append({**conversation(FIRST), "external_conversation_id": "other"}),
        Verdict(unknown=("other",)),
    ),
}


@pytest.mark.parametrize("name", SUFFERING)
def test_what_a_call_suffers_is_found(name: str) -> None:
    suffer, expected = SUFFERING[name]
    found = state()
    suffer(found)
    verdict = judged(CALLS, found["held"], found["items"])
    assert verdict == expected
    assert not verdict.is_good()


def test_a_conversation_that_the_audit_has_deleted_is_no_double() -> None:
    found = state()
    found["held"].append({**conversation(FIRST), "status": "CANCELLED"})
    assert judged(CALLS, found["held"], found["items"]) == Verdict()
    assert deleted(found["held"]) == 1


def test_a_recording_that_has_found_its_call_by_another_name_is_not_pending() -> None:
    found = state()
    of_first(found["items"])["recording"] = {"identity": "s3://b/k#2"}
    of_first(found["items"])["other_recordings"] = {"s3://b/k#1": "superseded"}
    found["items"] += [waiting("s3://b/k#1"), waiting("s3://b/k#2")]
    assert judged(CALLS, found["held"], found["items"]) == Verdict()


def test_a_wait_begins_when_all_that_a_submit_needs_is_sent() -> None:
    began = 1795255200.0  # 2026-11-21T10:00:00Z
    sent_at: dict[tuple[str, Kind], float] = {
        (call.call_id, kind): began for call in CALLS for kind in ("call_end", "recording", "transcript")
    }
    sent_at |= {(call.call_id, "recording"): began + 2 for call in CALLS}
    silent = sum(call.text == "none" for call in CALLS)
    assert silent
    assert waits(CALLS, state()["held"], sent_at) == [3.0] * silent + [5.0] * (len(CALLS) - silent)


@pytest.mark.parametrize(
    ("request_", "counts"),
    [
        ({"response_status": 200, "path": "/v1/audio:upload"}, True),
        ({"response_status": 200, "path": "/uploads/upl_1"}, False),
        ({"response_status": 429, "path": "/v1/audio:upload"}, False),
        ({"response_status": None, "path": "/v1/audio:upload"}, False),
    ],
)
def test_which_requests_coval_s_limit_counts(request_: dict[str, Any], counts: bool) -> None:
    assert is_limited(request_) is counts


def test_when_the_conversations_were_made() -> None:
    held = [{"create_time": "2026-10-02T14:36:41.5Z"}, {"create_time": "2026-10-02T14:36:40Z"}]
    assert submit_times(held) == [1790951800.0, 1790951801.5]


def test_percentiles() -> None:
    values = [float(value) for value in range(1, 101)]
    assert [percentile(values, share) for share in (0.5, 0.95, 1.0)] == [51.0, 96.0, 100.0]
    assert percentile([], 0.5) == 0.0


@pytest.mark.parametrize(
    ("request_", "named"),
    [
        ({"response_status": 200, "response_body": {"conversation": {}}}, "200"),
        ({"response_status": 503, "response_body": {"message": "busy"}, "fault": 3}, "503 (fault)"),
        ({"response_status": None, "outcome": "aborted"}, "aborted"),
        (
            {
                "response_status": 409,
                "response_body": {"error": {"code": "ALREADY_EXISTS", "message": "The 'abc' has it."}},
            },
            "409 ALREADY_EXISTS The … has it.",
        ),
        (
            {
                "response_status": 400,
                "response_body": {"error": {"code": "INVALID_ARGUMENT", "message": "Short: 3.0 seconds."}},
            },
            "400 INVALID_ARGUMENT Short: … seconds.",
        ),
    ],
)
def test_answers_are_counted_without_what_they_name(request_: dict[str, Any], named: str) -> None:
    assert answer_to({"fault": None, "response_body": None, "outcome": "answered", **request_}) == named
