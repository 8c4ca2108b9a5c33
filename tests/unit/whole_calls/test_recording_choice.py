"""Several recordings of a call: the better one is chosen before the one-shot attach, the others say so."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coval_relay.domain.call import RecordingHints
from coval_relay.domain.object_key_rules import KeyRule
from coval_relay.platforms import registry
from tests.support.events import call_ended, event, recording_ready, wav
from tests.support.scenarios import outcome, put
from tests.support.world import DEADLINES, World


def rule(name: str, rank: int, *, longest: bool = False) -> KeyRule:
    return KeyRule(
        name=name,
        platform="custom",
        pattern=rf"^rec/{name}/(?P<external_conversation_id>call-\d)(?:\.\d)?\.wav$",
        hints=RecordingHints(rank=rank, several=True, longest=longest),
    )


def world_of(*rules: KeyRule) -> World:
    world = World(key_pattern="")
    book = registry.key_rule_set((), world.options, rules, ())
    service: Any = world.consumers["recording"].service
    object.__setattr__(service.matcher, "key_rule_set", lambda: book)
    return world


def chosen(world: World) -> str:
    call = world.store.get("call-1")
    assert outcome(world)[:3] == ("SUBMITTED", "ATTACHED", True)
    assert world.dead == []
    return str(call.recording.identity.split("#")[0].removeprefix("s3://recordings/rec/"))


@given(
    st.permutations(["end", "agent", "ivr", "agent", "ivr", "end"]),
    st.lists(st.integers(0, DEADLINES.settling - 5), min_size=6, max_size=6),
    st.sampled_from(["inline", "none"]),
)
def test_the_higher_rank_wins_in_any_order(order: list[str], delays: list[int], transcript: str) -> None:
    world = world_of(rule("agent", 2), rule("ivr", 1))
    events = {
        "end": ("call_end", call_ended(transcript=transcript)),
        "agent": ("recording", put(world, wav(6), "rec/agent/call-1.wav")),
        "ivr": ("recording", put(world, wav(7), "rec/ivr/call-1.wav")),
    }
    for name, delay in zip(order, delays, strict=True):
        world.send(*events[name], delay)
    world.run()
    assert chosen(world) == "agent/call-1.wav"
    other_recordings = world.store.get("call-1").other_recordings
    assert list(other_recordings.values()) == ["superseded"]
    assert next(iter(other_recordings)).startswith("s3://recordings/rec/ivr/call-1.wav#")
    assert "RECORDING_SUPERSEDED" in world.events()


@pytest.mark.parametrize("order", [(6, 9, 7), (9, 7, 6), (7, 6, 9)])
def test_the_longest_wins_where_the_rule_says_so(order: tuple[int, ...]) -> None:
    world = world_of(rule("part", 1, longest=True))
    world.send("call_end", call_ended())
    for delay, seconds in enumerate(order):
        world.send("recording", put(world, wav(seconds), f"rec/part/call-1.{seconds}.wav"), delay * 10)
    world.run()
    assert chosen(world) == "part/call-1.9.wav"
    assert sorted(world.store.get("call-1").other_recordings.values()) == ["superseded", "superseded"]


def test_nothing_is_attached_before_the_settling_time_and_the_text_does_not_wait() -> None:
    world = world_of(rule("agent", 2))
    began = world.clock.now
    world.send("call_end", call_ended())
    world.send("recording", put(world, wav(), "rec/agent/call-1.wav"))
    world.run()
    recording = world.store.get("call-1").recording
    assert recording.state.value == "ATTACHED"
    assert recording.changed_at - began >= DEADLINES.settling
    assert world.coval.calls[0] == "submit"


UTTERANCES = {"status": "reference", "reference": {"uri": "utterances:", "format": "utterances"}}


def spoken() -> dict[str, Any]:
    words = {"id": "a", "role": "user", "content": "Hi.", "spoken_at": 1_790_951_470, "ended_at": 1_790_951_471}
    common = {"schema_version": "1", "external_conversation_id": "call-1"}
    return event("Transcript Utterances", {**common, "utterances": [words]})


@pytest.mark.parametrize("ended_after", [0, 30, 200])
def test_a_recording_that_has_settled_goes_along_with_text_that_comes_later(ended_after: int) -> None:
    world = world_of(rule("agent", 2))
    world.send("recording", put(world, wav(), "rec/agent/call-1.wav"), 10)
    world.send("call_end", call_ended(transcript=UTTERANCES), ended_after)
    world.send("call_end", spoken(), 600)
    world.run()
    assert chosen(world) == "agent/call-1.wav"
    assert world.coval.calls == ["create_upload", "put_audio", "submit"]


def test_a_recording_that_settles_does_not_put_off_the_text() -> None:
    world = world_of(rule("agent", 2))
    began = world.clock.now
    world.send("call_end", call_ended(transcript=UTTERANCES))
    world.send("call_end", spoken(), 10)
    world.send("recording", put(world, wav(), "rec/agent/call-1.wav"), 120)
    world.run()
    assert chosen(world) == "agent/call-1.wav"
    assert world.coval.calls == ["submit", "attach"]
    assert world.store.get("call-1").submitted_at - began < 120 + DEADLINES.settling


def test_one_that_comes_after_the_settling_time_is_superseded_and_visible() -> None:
    world = world_of(rule("agent", 2), rule("ivr", 1))
    world.send("call_end", call_ended())
    world.send("recording", put(world, wav(), "rec/ivr/call-1.wav"))
    world.send("recording", put(world, wav(8), "rec/agent/call-1.wav"), DEADLINES.settling * 3)
    world.run()
    assert chosen(world) == "ivr/call-1.wav"
    assert list(world.store.get("call-1").other_recordings.values()) == ["superseded"]


BETWEEN = 700
"""Seconds in which the first one is offered to Coval, and rejected."""


def tell_by_its_link(world: World) -> None:
    """Coval rejects a link to bytes that say so."""
    presign, objects = world.bucket.presign, world.bucket.objects
    world.bucket.presign = lambda one: presign(one) + ("rejected" if b"rejected" in objects[one.key][1] else "")


def rejected_by_coval(world: World) -> dict[str, Any]:
    """It is the newer one."""
    tell_by_its_link(world)
    return {**put(world, wav(8) + b"rejected", "rec/agent/call-1.coval.wav"), "time": "2026-10-03T00:00:00Z"}


def of_nobody(world: World) -> dict[str, Any]:
    """Our look finds it too short."""
    return {**put(world, wav(2), "rec/agent/call-1.2.wav"), "time": "2026-10-03T00:00:00Z"}


@pytest.mark.parametrize("text", ["inline", "none"])
@pytest.mark.parametrize("bad", [rejected_by_coval, of_nobody])
@pytest.mark.parametrize("order", [("bad", "good"), ("bad", "good", "bad"), ("good", "bad"), ("bad", "bad", "good")])
def test_a_good_one_is_attached_whatever_became_of_another(
    order: tuple[str, ...], bad: Callable[[World], dict[str, Any]], text: str
) -> None:
    pattern = r"^rec/agent/(?P<external_conversation_id>call-\d)(?:\.\w+)?\.wav$"
    world = world_of(KeyRule(name="agent", platform="custom", pattern=pattern))
    world.send("call_end", call_ended(transcript=text))
    events = {"bad": bad(world), "good": put(world, wav(7), "rec/agent/call-1.wav")}
    for number, name in enumerate(order):
        world.send("recording", events[name], 60 + number * BETWEEN)
    world.run(24)
    assert chosen(world) == "agent/call-1.wav"
    assert len(world.store.get("call-1").other_recordings) == 1


def test_one_that_was_superseded_is_chosen_when_it_comes_again_and_the_other_was_rejected() -> None:
    world = world_of(rule("agent", 2), rule("ivr", 1))
    tell_by_its_link(world)
    world.send("call_end", call_ended())
    superseded = put(world, wav(7), "rec/ivr/call-1.wav")
    world.send("recording", put(world, wav(6) + b"rejected", "rec/agent/call-1.wav"), 1)
    world.send("recording", superseded, 2)
    world.run(1)
    assert list(world.store.get("call-1").other_recordings.values()) == ["superseded"]
    world.send("recording", superseded)
    world.run(1)
    assert chosen(world) == "ivr/call-1.wav"
    assert list(world.store.get("call-1").other_recordings.values()) == ["rejected: INVALID_ARGUMENT"]


def test_two_links_of_the_same_second_come_to_rest() -> None:
    world = World()
    for name in ("one", "two"):
        link = f"https://media.example.com/{name}.wav"
        world.urls.contents[link] = wav(6)
        ready = recording_ready(link)
        ready["detail"]["recording"] |= {"several": True, "started_at": "2026-10-02T14:31:07Z"}
        world.send("attach", ready)
    world.send("call_end", call_ended(transcript="pending"))
    world.run(hours=3)
    assert outcome(world)[:3] == ("SUBMITTED", "ATTACHED", True)
    assert list(world.store.get("call-1").other_recordings.values()) == ["superseded"]
    assert (world.queued, world.dead) == ([], [])
