"""Transcripts that come in utterances while the call lasts: none is left out in silence."""

import itertools
import json
import random
from collections.abc import Callable
from typing import Any

import pytest

from coval_relay.domain.errors import RetryableError, UnknownOutcomeError
from coval_relay.domain.lifecycle import Deadlines
from tests.support.events import TURNS, call_ended, event, object_created, wav
from tests.support.scenarios import outcome, put
from tests.support.world import DEADLINES, World

NAMED = {"status": "reference", "reference": {"uri": "utterances:", "format": "utterances"}}
TEXT_ONLY = {"expected": False}
BEGAN = 1_790_951_470.0
MINUTE = 60


def spoken(number: int) -> dict[str, Any]:
    one = {
        "id": f"u{number}",
        "role": ("assistant", "user")[number % 2],
        "content": f"sentence {number}",
        "spoken_at": BEGAN + number,
        "ended_at": BEGAN + number + 1,
    }
    return event(
        "Transcript Utterances", {"schema_version": "1", "external_conversation_id": "call-1", "utterances": [one]}
    )


def end(transcript: Any = None, **changes: Any) -> dict[str, Any]:
    return call_ended(transcript=transcript or NAMED, **{"recording": TEXT_ONLY, **changes})


def words(world: World) -> list[str]:
    """What Coval has."""
    (held,) = world.coval.conversations.values()
    return [message["content"] for message in held.get("transcript", [])]


def sentences(count: int) -> list[str]:
    return [f"sentence {number}" for number in range(count)]


# --- those that come late ----------------------------------------------------------------------------


@pytest.mark.parametrize("after", [False, True])
def test_of_a_worker_that_dies_none_is_missed(after: bool) -> None:
    """Where it dies before it could hide its message, that comes half an hour later, and is noted."""
    for at in range(1, 40):
        world = World()
        world.executioner.at, world.executioner.after = at, after
        for number in range(4):
            world.send("call_end", spoken(number), number)
        world.send("call_end", end(), 10)
        world.run(48)
        late = world.store.get("call-1").late
        died = world.executioner.names[at - 1] if at <= world.executioner.count else ""
        assert late in ((), ("utterances",) if died == "hide_call_end" and not after else ()), (at, died)
        assert (words(world) == sentences(4)) == (late == ()), (at, died)
        if world.executioner.count < at:
            return
    pytest.fail("there are more effects than were tried")


def outage(world: World, seconds: int) -> None:
    """The table takes nothing for so long; the pauses are as in life."""
    add, save, ends_at = world.utterances.add, world.store.save, world.clock.now + seconds

    def denied(do: Callable[..., Any]) -> Callable[..., Any]:
        def denying(*given: Any) -> Any:
            if world.clock.now < ends_at:
                raise RetryableError("table_ThrottlingException")
            return do(*given)

        return denying

    world.utterances.add, world.store.save = denied(add), denied(save)
    chance = random.Random(3)  # noqa: S311 - a pause, no secret
    for consumer in world.consumers.values():
        object.__setattr__(consumer, "chance", chance.random)


@pytest.mark.parametrize("hours", [0.5, 1, 4, 24])
def test_after_an_outage_of_the_table_none_is_missed(hours: float) -> None:
    world = World()
    outage(world, int(hours * 3600))
    for number in range(20):
        world.send("call_end", spoken(number), number * MINUTE)
    world.send("call_end", end(), 20 * MINUTE)
    world.run(hours + 20)
    assert (words(world), world.store.get("call-1").late) == (sentences(20), ())


@pytest.mark.parametrize("seconds", [0, 60, 120])
def test_the_time_begins_anew_with_each_that_comes_after_the_end(seconds: int) -> None:
    world = World()
    world.send("call_end", spoken(0))
    world.send("call_end", end(), 10)
    for number in range(1, 5):
        world.send("call_end", spoken(number), 10 + seconds * number)
    world.run(12)
    assert (words(world), world.store.get("call-1").late) == (sentences(5), ())


def test_but_not_beyond_the_deadline_of_a_transcript() -> None:
    world = World(deadlines=Deadlines(grace=600, transcript=900, recording=86_400, audit=600, resume=900))
    world.send("call_end", end())
    for number in range(30):
        world.send("call_end", spoken(number), 60 * number)
    world.run(12)
    call = world.store.get("call-1")
    assert call.submitted_at - call.waiting_since <= 900 + MINUTE
    assert 10 <= len(words(world)) < 30
    assert call.late == ("utterances",)


@pytest.mark.parametrize("repeated", [0, 1])
@pytest.mark.parametrize("delay", [1, 3600, 9 * 86_400])
def test_one_that_comes_after_its_text_was_sent_is_noted_and_a_repetition_is_not(repeated: int, delay: int) -> None:
    world = World()
    for number in range(2):
        world.send("call_end", spoken(number), number)
    world.send("call_end", end(), 10)
    world.run(1)
    assert words(world) == sentences(2)
    world.send("call_end", spoken(2 - repeated), delay)
    world.send("call_end", end(), delay + 1)
    world.run(10 * 24)
    assert world.store.get("call-1").late == (() if repeated else ("utterances",))
    assert words(world) == sentences(2)


@pytest.mark.parametrize("at", range(1, 5))
@pytest.mark.parametrize("after", [False, True])
def test_it_is_noted_whatever_becomes_of_the_worker(at: int, after: bool) -> None:
    world = World()
    world.send("call_end", spoken(0))
    world.send("call_end", end(), 10)
    world.run(1)
    world.executioner.at, world.executioner.after = world.executioner.count + at, after
    world.send("call_end", spoken(1))
    world.run(12)
    assert world.store.get("call-1").late == ("utterances",)


@pytest.mark.parametrize("made", [False, True])
def test_one_that_comes_while_the_text_is_sent_is_sent_too_or_noted(made: bool) -> None:
    """Coval has made the conversation, or has not, and nobody heard."""
    world = World()
    world.coval.errors.append(("submit", UnknownOutcomeError("timeout"), made))
    world.send("call_end", spoken(0))
    world.send("call_end", end(), 10)
    world.run(hours=0.05)
    assert world.store.get("call-1").state.value == "SUBMITTING"
    world.send("call_end", spoken(1))
    world.run(12)
    assert (words(world), world.store.get("call-1").late) == (
        (sentences(1), ("utterances",)) if made else (sentences(2), ())
    )


# --- without an end, or without one that names them --------------------------------------------------


@pytest.mark.parametrize("with_recording", [False, True])
def test_of_a_call_that_never_ends_they_are_sent_when_its_end_is_overdue(with_recording: bool) -> None:
    world = World()
    began = world.clock.now
    for number in range(4):
        world.send("call_end", spoken(number), number)
    if with_recording:
        world.send("recording", put(world, wav()), 60)
    world.run(20 * 24)
    assert words(world) == sentences(4)
    assert outcome(world) == ("SUBMITTED", "ATTACHED" if with_recording else None, with_recording, True)
    assert world.store.get("call-1").submitted_at - began >= DEADLINES.transcript


def test_a_call_that_lasts_for_long_is_not_taken_for_one_without_an_end() -> None:
    world = World()
    for number in range(20):
        world.send("call_end", spoken(number), number * DEADLINES.transcript // 4)
    world.send("call_end", end(), 20 * DEADLINES.transcript // 4)
    world.run(48)
    assert (words(world), world.store.get("call-1").late) == (sentences(20), ())


@pytest.mark.parametrize("order", list(itertools.permutations(("spoken", "end", "spoken again"))))
@pytest.mark.parametrize("transcript", ["none", "unavailable", "pending"])
def test_they_speak_for_a_call_whose_end_brings_no_other_text(transcript: str, order: tuple[str, ...]) -> None:
    world = World()
    events = {"spoken": spoken(0), "spoken again": spoken(1), "end": end(transcript)}
    for number, name in enumerate(order):
        world.send("call_end", events[name], 20 * number)
    world.run(48)
    assert (words(world), world.store.get("call-1").late) == (sentences(2), ())


@pytest.mark.parametrize("order", list(itertools.permutations(("spoken", "end", "object"))))
def test_they_give_way_to_a_transcript_that_is_announced(order: tuple[str, ...]) -> None:
    world = World()
    content = json.dumps(TURNS).encode()
    world.transcript_objects.transcript_objects["call-1.json"] = content
    events = {
        "spoken": spoken(0),
        "object": object_created("call-1.json", content, bucket="transcripts"),
        "end": end("pending"),
    }
    for number, name in enumerate(order):
        world.send("call_end", events[name], 600 * number)
    world.run(48)
    assert (words(world), world.store.get("call-1").late) == ([turn["content"] for turn in TURNS], ())


@pytest.mark.parametrize("order", list(itertools.permutations(("spoken", "end"))))
@pytest.mark.parametrize("busy", [0, 3])
def test_they_give_way_to_text_in_the_end_itself(order: tuple[str, ...], busy: int) -> None:
    world = World()
    world.coval.errors += [("submit", RetryableError("unavailable"), False)] * busy
    events = {"spoken": spoken(0), "end": end("inline")}
    for number, name in enumerate(order):
        world.send("call_end", events[name], 5 * number)
    world.run(48)
    assert (words(world), world.store.get("call-1").late) == ([turn["content"] for turn in TURNS], ())


@pytest.mark.parametrize("hours", [1, 30])
@pytest.mark.parametrize("expected", [False, True])
def test_those_that_come_when_the_call_was_given_up_without_them_are_sent(hours: int, expected: bool) -> None:
    world = World()
    world.send("call_end", end(recording={"expected": expected}))
    world.run(DEADLINES.transcript / 3600 + hours)
    world.send("call_end", spoken(0))
    world.run(12)
    assert (words(world), world.store.get("call-1").late) == (sentences(1), ())
