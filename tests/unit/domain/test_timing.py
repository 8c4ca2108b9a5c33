"""Times of a transcript: filled in and marked, checked for their unit, moved to the start of the audio."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coval_relay.domain.errors import InvalidInputError
from coval_relay.domain.transcript import Message, Transcript, check_times, completed
from tests.support.events import call_ended, event, wav
from tests.support.scenarios import outcome, put, submitted_bodies
from tests.support.world import DEADLINES, OPTIONS, World


def said(start: float | None, end: float | None = None, role: str = "user") -> dict[str, Any]:
    times = {"start_time": start, "end_time": end}
    return {"role": role, "content": "Hi.", **{name: t for name, t in times.items() if t is not None}}


def spans(transcript: Transcript) -> list[tuple[float, float]]:
    return [(message["start_time"], message["end_time"]) for message in transcript.messages]


@pytest.mark.parametrize(
    ("messages", "expected", "estimated"),
    [
        ([said(0, 1), said(2, 3)], [(0, 1), (2, 3)], 0),
        ([said(0), said(3), said(7)], [(0, 3), (3, 7), (7, 60)], 3),
        ([said(0), said(3, 5), said(7)], [(0, 3), (3, 5), (7, 60)], 2),
        ([said(0, 2), said(None), said(7, 8)], [(0, 2), (2, 7), (7, 8)], 1),
        ([said(3), said(3), said(9)], [(3, 9), (3, 9), (9, 60)], 3),
        ([said(5), said(2)], [(5, 60), (2, 5)], 2),
        ([said(70)], [(70, 70)], 1),
    ],
)
def test_a_missing_end_is_the_next_later_start_and_the_last_one_the_calls_end(
    messages: list[Message], expected: list[tuple[float, float]], estimated: int
) -> None:
    filled = completed(tuple(messages), 60, keep_estimates=True)
    assert (spans(filled), filled.estimated) == (expected, estimated)


def test_what_a_tool_does_takes_no_time() -> None:
    asked = {"role": "assistant", "content": None, "tool_calls": ({"id": "c"},), "start_time": 4}
    answered = {"role": "tool", "content": "[]", "tool_call_id": "c", "start_time": 4}
    filled = completed((said(2), asked, answered, said(9)), 60, keep_estimates=True)
    assert spans(filled) == [(2, 4), (4, 4), (4, 4), (9, 60)]


def test_without_estimates_an_incomplete_transcript_has_no_times_at_all() -> None:
    untimed = {"role": "user", "content": "Hi."}
    assert completed((said(0), said(3, 4)), 60, keep_estimates=False) == Transcript((untimed, untimed))
    whole = (said(0, 1), said(3, 4))
    assert completed(whole, 60, keep_estimates=False) == Transcript(whole)


def test_a_transcript_without_any_times_stays_so() -> None:
    untimed = ({"role": "user", "content": "Hi."},) * 2
    assert completed(untimed, 60, keep_estimates=True) == Transcript(untimed)


@given(st.lists(st.tuples(st.none() | st.floats(0, 100), st.booleans()), min_size=1, max_size=8))
def test_whatever_is_missing_all_have_times_in_order_or_none_has(
    parts: list[tuple[float | None, bool]],
) -> None:
    messages = tuple(said(start, start + 1 if ended and start is not None else None) for start, ended in parts)
    filled = completed(messages, 100, keep_estimates=True)
    timed = [message for message in filled.messages if "start_time" in message]
    assert len(timed) in (0, len(messages))
    assert all(message["end_time"] >= message["start_time"] for message in timed)
    check_times(filled.messages, None, "messages")


@pytest.mark.parametrize("messages", [[said(0, 400_000)], [said(240_000)]])
def test_milliseconds_are_distinguished_from_seconds_by_the_calls_length(messages: list[Message]) -> None:
    with pytest.raises(InvalidInputError) as caught:
        check_times(tuple(messages), 330, "messages")
    assert str(caught.value) == "messages: times must be seconds: the last is far beyond the call's length"


def ended(started: str | None, base: str, *times: tuple[float, float]) -> dict[str, Any]:
    items = [{"started_at": started}] if started else []
    messages = [said(*pair) for pair in times]
    transcript = {"status": "inline", "time_base": base, "messages": messages}
    return call_ended(transcript=transcript, recording={"items": items})


@pytest.mark.parametrize(
    ("started", "base", "occurred_at", "expected"),
    [
        ("2026-10-02T14:31:12Z", "answered", "2026-10-02T14:31:12.000Z", [(0.0, 1.0), (5.0, 7.0)]),
        ("2026-10-02T14:31:00Z", "call_start", "2026-10-02T14:31:00.000Z", [(0.0, 0.0), (0.0, 2.0)]),
        ("2026-10-02T14:31:07.2Z", "answered", "2026-10-02T14:31:07.200Z", [(4.0, 6.0), (10.0, 12.0)]),
        ("2026-10-02T14:31:12Z", "recording_start", "2026-10-02T14:31:12.000Z", [(4.0, 6.0), (10.0, 12.0)]),
        (None, "call_start", "2026-10-02T14:30:50.000Z", [(4.0, 6.0), (10.0, 12.0)]),
        (None, "answered", "2026-10-02T14:31:07.000Z", [(4.0, 6.0), (10.0, 12.0)]),
    ],
)
def test_times_count_from_the_start_of_the_audio(
    started: str | None, base: str, occurred_at: str, expected: list[tuple[float, float]]
) -> None:
    world = World()
    world.send("call_end", ended(started, base, (4, 6), (10, 12)))
    world.run(hours=1)
    (body,) = submitted_bodies(world)
    assert body["occurred_at"] == occurred_at
    assert [(turn["start_time"], turn["end_time"]) for turn in body["transcript"]] == expected


@pytest.mark.parametrize("policy", ["send", "omit"])
def test_estimated_times_are_marked_or_left_to_coval(policy: Any) -> None:
    world = World(options=replace(OPTIONS, estimated_times=policy))
    transcript = {"status": "inline", "messages": [said(0), said(3)]}
    world.send("call_end", call_ended(transcript=transcript))
    world.run(hours=1)
    (body,) = submitted_bodies(world)
    times = [(turn.get("start_time"), turn.get("end_time")) for turn in body["transcript"]]
    mark = body["metadata"].get("transcript_times_estimated")
    assert (times, mark) == (([(0, 3), (3, 330)], 2) if policy == "send" else ([(None, None)] * 2, None))


def utterances(*spoken: tuple[str, float, str]) -> dict[str, Any]:
    utterances = [
        {"id": name, "role": "user", "content": words, "spoken_at": at, "ended_at": at + 1.0}
        for name, at, words in spoken
    ]
    detail = {"schema_version": "1", "external_conversation_id": "call-1", "utterances": utterances}
    return event("Transcript Utterances", detail)


ANSWERED = 1_790_951_467.0
COLLECTED = {"status": "reference", "reference": {"uri": "utterances:", "format": "utterances"}}


@given(
    st.permutations(["end", "one", "two", "two", "one", "object"]),
    st.lists(st.integers(0, 50), min_size=6, max_size=6),
)
def test_a_transcript_that_comes_in_parts_in_any_order(order: list[str], delays: list[int]) -> None:
    world = World()
    events = {
        "end": ("call_end", call_ended(transcript=COLLECTED)),
        "one": ("call_end", utterances(("a", ANSWERED + 2.9, "Hi."), ("c", ANSWERED + 9, "Bye."))),
        "two": ("call_end", utterances(("b", ANSWERED + 5.0, "I am Ann."), ("a", ANSWERED + 2.9, "Hi."))),
        "object": ("recording", put(world, wav())),
    }
    for name, delay in zip(order, delays, strict=True):
        world.send(*events[name], delay)
    world.run()
    assert outcome(world) == ("SUBMITTED", "ATTACHED", True, True)
    (body,) = submitted_bodies(world)
    assert [(turn["content"], turn["start_time"], turn["end_time"]) for turn in body["transcript"]] == [
        ("Hi.", 2.9, 3.9),
        ("I am Ann.", 5.0, 6.0),
        ("Bye.", 9.0, 10.0),
    ]


def test_a_call_of_which_no_part_came_goes_on_without_text_in_the_end() -> None:
    world = World()
    began = world.clock.now
    world.send("call_end", call_ended(transcript=COLLECTED))
    world.send("recording", put(world, wav()), 60)
    world.run()
    call = world.store.get("call-1")
    assert outcome(world) == ("SUBMITTED", "ATTACHED", True, False)
    assert [note.code for note in call.notes] == ["transcript_missing"]
    assert call.submitted_at - began >= DEADLINES.transcript


@pytest.mark.parametrize("first", ["end", "unavailable"])
def test_a_transcript_that_will_not_come_is_not_waited_for(first: str) -> None:
    world = World()
    detail = {"schema_version": "1", "external_conversation_id": "call-1", "reason": "FAILED"}
    events = {"end": call_ended(transcript="pending"), "unavailable": event("Transcript Unavailable", detail)}
    second = "unavailable" if first == "end" else "end"
    began = world.clock.now
    world.send("call_end", events[first])
    world.send("call_end", events[second], 30)
    world.send("recording", put(world, wav()), 60)
    while not world.coval.conversations:
        world.run(hours=0.01)
    assert world.clock.now - began < 300
    assert outcome(world) == ("SUBMITTED", "ATTACHED", True, False)


@pytest.mark.parametrize("delay", [100, 400, 3000])
def test_parts_that_come_after_the_call_went_on_bring_its_text_back_or_are_noted(delay: int) -> None:
    world = World()
    world.send("call_end", call_ended(transcript=COLLECTED))
    world.send("call_end", utterances(("a", ANSWERED + 1, "Hi.")), delay)
    world.send("recording", put(world, wav()), 300)
    world.run()
    in_time = delay < DEADLINES.transcript
    assert outcome(world) == ("SUBMITTED", "ATTACHED", True, in_time)
    assert world.store.get("call-1").late == (() if in_time else ("transcript",))
