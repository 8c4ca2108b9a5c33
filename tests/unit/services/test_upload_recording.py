"""Whose a recording is, and whether it is looked at now: one message at a time to the function of the recordings."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from coval_relay.adapters.aws import queue_messages
from coval_relay.domain.call import Call, Recording
from coval_relay.domain.call import ConversationState as State
from coval_relay.domain.call import RecordingState as Sound
from coval_relay.domain.call_aliases import IN_TIME, NO_RECORDING, Alias, PendingMessage, object_alias
from coval_relay.domain.coval import CIRCUIT_OPEN
from coval_relay.domain.errors import InvalidInputError, NotReadyError, PermanentError, RelayError
from coval_relay.domain.lifecycle import Attempt
from coval_relay.domain.log_events import LogEvent
from coval_relay.domain.messages import Message, ObjectCreated, ObjectNamed, PendingExpired, RecordingReady, Resume
from coval_relay.domain.s3_objects import ObjectVersion
from coval_relay.services.action_runner import DONE, Outcome
from tests.support import calls
from tests.support.events import etag, wav
from tests.support.fakes import FakeClock
from tests.support.world import DEADLINES, World

NOW = FakeClock().now
MINE = Attempt("mine", NOW + 180, NOW)
CLOSED = replace(MINE, closed_until=NOW + 70)
CONTENT = wav()
KEY = "rec/other.wav"
"""By its key the recording of a call named other."""
IDENTITY, URI = f"s3://recordings/{KEY}#{etag(CONTENT)}", f"s3://recordings/{KEY}"
PLACE, LEG, ROOM = object_alias("recordings", KEY), Alias("leg", "L1"), Alias("room", "R1")
NAMED = ObjectNamed(bucket="recordings", key=KEY)
READY = RecordingReady(target="call-1", uri=URI, created_at=NOW)
LEGS = {"name": "legs", "kind": "recording", "pattern": r"^odd/(?P<alias>[^/]+)\.wav$", "alias_type": "leg"}


@pytest.fixture
def world() -> World:
    made = World(key_rules=(LEGS,))
    made.bucket.put(KEY, CONTENT)
    return made


def hand(world: World, message: Message, attempt: Attempt = MINE) -> Outcome:
    service: Any = world.consumers["recording"].service
    outcome: Outcome = service(message, attempt)
    return outcome


def created(key: str = KEY, content: bytes = CONTENT) -> ObjectCreated:
    version = ObjectVersion("recordings", key, etag(content))
    return ObjectCreated(version=version, size=len(content), sort_key="1", created_at=NOW)


def recordings(world: World) -> dict[str, str | None]:
    """By call the identity of its recording."""
    return {name: call.recording and call.recording.identity for name, call in world.store.items.items()}


# --- an event's word over the key's ------------------------------------------------------------------


def by_an_alias(world: World) -> Message:
    world.aliases.bind(PLACE, "call-1")
    return NAMED


def by_a_sidecar(world: World) -> Message:
    content = b'{"external_conversation_id": "call-1"}'
    world.bucket.put(f"{KEY}.json", content)
    return created(f"{KEY}.json", content)


def by_an_announcement(_: World) -> Message:
    return READY


@pytest.mark.parametrize("naming", [by_an_alias, by_a_sidecar, by_an_announcement])
def test_what_an_event_names_goes_over_to_its_call(world: World, naming: Callable[[World], Message]) -> None:
    hand(world, created())
    assert recordings(world) == {"other": IDENTITY}
    assert hand(world, naming(world)) == DONE
    assert recordings(world) == {"other": None, "call-1": IDENTITY}
    assert world.store.get("other").other_recordings == {IDENTITY: "another call's"}
    assert world.store.get("call-1").recording_state is Sound.UPLOADED


def test_what_was_taken_for_the_call_of_its_leg_goes_over_too(world: World) -> None:
    world.bucket.put("odd/L1.wav", CONTENT)
    world.aliases.bind(LEG, "other")
    hand(world, created("odd/L1.wav"))
    world.aliases.bind(object_alias("recordings", "odd/L1.wav"), "call-1")
    assert hand(world, ObjectNamed(bucket="recordings", key="odd/L1.wav")) == DONE
    assert recordings(world) == {"other": None, "call-1": f"s3://recordings/odd/L1.wav#{etag(CONTENT)}"}


def test_an_event_before_the_object_leaves_nothing_under_the_key_s_name(world: World) -> None:
    world.aliases.bind(PLACE, "call-1")
    assert hand(world, created()) == DONE
    assert recordings(world) == {"call-1": IDENTITY}


def test_an_event_that_comes_while_the_item_is_written_holds(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    save = world.store.save

    def named_meanwhile(*both: Call) -> Call:
        world.aliases.bind(PLACE, "call-1")
        written: Call = save(*both)
        return written

    monkeypatch.setattr(world.store, "save", named_meanwhile)
    assert hand(world, created()) == DONE
    assert recordings(world) == {"other": None, "call-1": IDENTITY}


def test_what_is_named_by_a_room_waits_for_the_room_s_call(world: World) -> None:
    hand(world, created())
    world.aliases.bind(PLACE, ROOM.key)
    assert hand(world, NAMED) == DONE
    assert recordings(world) == {"other": None}
    event = queue_messages.to_text(created())
    assert world.aliases.waiting(ROOM) == (PendingMessage(IDENTITY, "recording", event, NOW),)


def elsewhere(**changes: Any) -> Recording:
    return calls.recording(version=ObjectVersion("recordings", "rec/another.wav", "e"), **changes)


@pytest.mark.parametrize(
    "held",
    [None, elsewhere(), calls.recording(version=None), calls.recording(url="https://a.example/", version=None)],
    ids=["none", "elsewhere", "gone", "a link"],
)
def test_what_the_call_of_the_key_does_not_hold_is_left(world: World, held: Recording | None) -> None:
    before = calls.call(external_conversation_id="other", recording=held)
    world.store.items["other"] = before
    world.aliases.bind(PLACE, "call-1")
    assert hand(world, NAMED) == DONE
    assert (world.store.items, world.telemetry) == ({"other": before}, [])


@pytest.mark.parametrize("leads_to", [None, ROOM])
def test_a_leg_without_a_call_holds_nothing(world: World, leads_to: Alias | None) -> None:
    if leads_to:
        world.aliases.bind(LEG, leads_to.key)
    assert hand(world, ObjectNamed(bucket="recordings", key="odd/L1.wav")) == DONE
    assert (world.store.items, world.telemetry) == ({}, [])


def test_what_an_event_says_is_no_recording_is_passed_over(world: World) -> None:
    world.bucket.put("odd/L1.wav", CONTENT)
    world.aliases.bind(LEG, Alias(NO_RECORDING, "one_side").key)
    assert hand(world, created("odd/L1.wav")) == DONE
    assert (world.store.items, world.telemetry) == ({}, [(LogEvent.RECORDING_SKIPPED, "", {"code": "one_side"})])


# --- an object that is announced ---------------------------------------------------------------------


def test_what_is_announced_for_a_room_waits_for_the_room_s_call(world: World) -> None:
    announced = replace(READY, target=ROOM.key)
    assert hand(world, announced) == DONE
    assert world.aliases.target(PLACE) == ROOM.key
    event = queue_messages.to_text(announced)
    assert world.aliases.waiting(ROOM) == (PendingMessage(URI, "recording", event, NOW),)
    assert world.store.items == {}


@pytest.mark.parametrize(("target", "named"), [("call-1", "call-1"), (ROOM.key, "")])
def test_whose_an_announced_object_of_a_foreign_bucket_is(world: World, target: str, named: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        hand(world, replace(READY, target=target, uri="s3://foreign/rec/other.wav"))
    rule = "is not one of the configured recording buckets"
    assert caught.value == InvalidInputError("detail.recording.uri", rule, named)


DENIED = PermanentError("s3_access_denied", "The function lacks a permission.")
ABSENT = InvalidInputError("detail.recording.uri", "names an object that is not there", "call-1")


@pytest.mark.parametrize("denied", [False, True])
@pytest.mark.parametrize(
    ("waited", "pause"),
    [(0, 30), (240, 30), (800, 100), (DEADLINES.recording - 8, DEADLINES.recording / 8 - 1), (DEADLINES.recording, 0)],
)
def test_an_announced_object_is_waited_for_to_its_deadline(
    world: World, monkeypatch: pytest.MonkeyPatch, waited: int, pause: float, denied: bool
) -> None:
    """Ever more seldom; what S3 denies may be not there."""
    world.bucket.objects.clear()
    if denied:

        def deny(_: ObjectVersion) -> None:
            raise DENIED

        monkeypatch.setattr(world.bucket, "head", deny)
    with pytest.raises(RelayError) as caught:
        hand(world, replace(READY, created_at=NOW - waited))
    last = DENIED if denied else ABSENT
    assert caught.value == (NotReadyError("recording_missing_or_denied", pause) if pause else last)


def test_an_announced_object_that_the_call_has_had_is_not_waited_for(world: World) -> None:
    hand(world, READY)
    before = dict(world.store.items)
    world.bucket.objects.clear()
    assert hand(world, READY) == DONE
    assert world.store.items == before


# --- whether it is looked at now ---------------------------------------------------------------------


def held_by(world: World, recording: Recording | None, **changes: Any) -> Call:
    seen = calls.call(State.WAITING, external_conversation_id="call-1", recording=recording, **changes)
    world.store.items["call-1"] = seen
    return seen


HELD = calls.recording(version=created().version, identity=IDENTITY, size=len(CONTENT))


@pytest.mark.parametrize(
    ("recording", "sweep"),
    [(None, None), (replace(HELD, state=Sound.REJECTED), None), (replace(HELD, state=Sound.REJECTED), 3), (HELD, 2)],
    ids=["none", "ended", "ended, by the sweep", "of an earlier sweep"],
)
def test_what_needs_no_look_is_left(world: World, recording: Recording | None, sweep: int | None) -> None:
    seen = held_by(world, recording, sweeps=3)
    assert hand(world, Resume("call-1", sweep=sweep)) == DONE
    assert (world.store.items, world.telemetry) == ({"call-1": seen}, [])


@pytest.mark.parametrize("sweep", [None, 3])
def test_what_goes_on_is_looked_at_again(world: World, sweep: int | None) -> None:
    held_by(world, HELD, sweeps=3)
    assert hand(world, Resume("call-1", sweep=sweep)) == DONE
    assert world.store.get("call-1").recording_state is Sound.UPLOADED


LINK = "https://a.example/b.wav"
ANNOUNCED = replace(READY, uri=f"{LINK}?X-Amz-Signature=new")
FETCHED = replace(HELD, identity=LINK, url=f"{LINK}?X-Amz-Signature=old")


@pytest.mark.parametrize(
    "held",
    [None, replace(FETCHED, identity="https://a.example/another.wav"), replace(FETCHED, version=None)],
    ids=["none", "another", "in vain"],
)
def test_a_link_is_not_fetched_while_coval_is_left_alone(world: World, held: Recording | None) -> None:
    seen = held_by(world, held)
    outcome = hand(world, ANNOUNCED, CLOSED)
    assert (outcome.until, outcome.code) == (NOW + 70, CIRCUIT_OPEN)
    assert (world.urls.fetched, world.store.items, world.telemetry) == ([], {"call-1": seen}, [])


def test_what_was_fetched_before_is_looked_at_while_coval_is_left_alone(world: World) -> None:
    held_by(world, FETCHED)
    outcome = hand(world, ANNOUNCED, CLOSED)
    assert (outcome.until, outcome.code) == (NOW + 70, CIRCUIT_OPEN)
    assert world.telemetry == [(LogEvent.RECORDING_RECEIVED, "call-1", {"state": "READY"})]
    assert (world.urls.fetched, world.coval.calls) == ([], [])


def test_a_link_under_a_room_and_a_second_ends_under_each_of_its_names(world: World) -> None:
    room = Alias(f"room{IN_TIME}", "R1@2026-10-02T14:31:38")
    link = RecordingReady(target=room.key, uri="https://media.example.com/a.wav", created_at=NOW)
    assert hand(world, link) == DONE
    (pending,) = set(world.all_pending())
    with pytest.raises(InvalidInputError, match="no call became known"):
        hand(world, PendingExpired(room, pending))
    assert world.all_pending() == []
