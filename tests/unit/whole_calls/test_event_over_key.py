"""What an event says of an object wins over what the object's key suggests, whichever comes first."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from coval_relay.domain.errors import PermanentError, RetryableError, UnknownOutcomeError
from coval_relay.domain.s3_objects import ObjectVersion
from tests.support.events import call_ended, event, object_created, recording_ready, wav
from tests.support.scenarios import outcome, put
from tests.support.world import DEADLINES, World

KEY, URI = "rec/other.wav", "s3://recordings/rec/other.wav"
"""By its key the recording of a call named other."""
WHOLE = ("SUBMITTED", "ATTACHED", True, True)


def named(target: dict[str, Any]) -> dict[str, Any]:
    place = {"type": "s3_object", "value": "recordings/rec/other.wav"}
    return event("Aliases Known", {"schema_version": "1", **target, "aliases": [place]})


def by_recording_ready() -> list[tuple[str, dict[str, Any]]]:
    return [("attach", recording_ready(URI)), ("call_end", call_ended())]


def by_call_end() -> list[tuple[str, dict[str, Any]]]:
    return [("call_end", call_ended(recording={"expected": True, "items": [{"uri": URI}]}))]


def by_an_alias() -> list[tuple[str, dict[str, Any]]]:
    room = {"type": "room", "value": "R1"}
    return [("call_end", named({"alias": room})), ("call_end", call_ended(aliases=[room]))]


@pytest.mark.parametrize("events", [by_recording_ready, by_call_end, by_an_alias])
@pytest.mark.parametrize("object_at", [0, 1, 45, 200, 500])
@pytest.mark.parametrize("events_at", [0, 1, 30, 120, 480])
def test_one_conversation_under_the_events_name(
    events: Callable[[], list[tuple[str, dict[str, Any]]]], object_at: int, events_at: int
) -> None:
    world = World()
    created = put(world, wav(), KEY)
    world.send("recording", created, object_at)
    for queue, body in events():
        world.send(queue, body, events_at)
    world.send("recording", copy.deepcopy(created), 550)
    world.run()
    assert outcome(world) == WHOLE
    assert (world.dead, world.all_pending()) == ([], [])
    other = world.store.items.get("other")
    assert other is None or (other.recording, list(other.other_recordings.values())) == (None, ["another call's"])


def test_sent_before_the_object_is_there_the_event_waits_for_it() -> None:
    world = World()
    for queue, body in by_recording_ready():
        world.send(queue, body)
    world.run(hours=0.2)
    assert (world.dead, outcome(world)) == ([], ("SUBMITTED", None, False, True))
    put(world, wav(), KEY)
    world.run()
    assert (world.dead, outcome(world)) == ([], WHOLE)


def test_an_object_that_came_and_went_is_not_waited_for() -> None:
    world = World()
    world.send("call_end", call_ended())
    world.send("recording", put(world, wav(), "rec/call-1.wav"))
    world.run(hours=0.2)
    world.bucket.objects.clear()
    world.send("attach", recording_ready("s3://recordings/rec/call-1.wav"))
    world.run(hours=1)
    assert (world.dead, world.queued, outcome(world)) == ([], [], WHOLE)


def test_a_sidecar_says_it_too() -> None:
    world = World()
    world.send("recording", put(world, wav(), KEY))
    world.send("recording", put(world, b'{"external_conversation_id": "call-1"}', f"{KEY}.json"), 30)
    world.send("call_end", call_ended(), 60)
    world.run()
    assert (world.dead, outcome(world)) == ([], WHOLE)


def test_what_has_gone_under_the_keys_name_stays_and_is_noted() -> None:
    world = World()
    world.send("recording", put(world, wav(), KEY))
    world.run(hours=DEADLINES.grace / 3600 + 1)
    assert world.store.get("other").state == "SUBMITTED"
    for queue, body in by_recording_ready():
        world.send(queue, body)
    world.run()
    other = world.store.get("other")
    assert (other.recording_state, [note.code for note in other.notes]) == ("ATTACHED", ["misnamed"])
    assert world.store.get("call-1").recording_state == "ATTACHED"
    assert world.dead == []


def test_another_version_follows_the_event_too() -> None:
    world = World()
    for queue, body in by_recording_ready():
        world.send(queue, body)
    world.send("recording", put(world, wav(), KEY))
    world.run(hours=0.2)
    world.bucket.put(KEY, wav(7))
    world.send("recording", object_created(KEY, wav(7), sequencer="02"))
    world.run()
    assert (outcome(world), world.dead) == (WHOLE, [])
    (held,) = world.coval.conversations.values()
    assert held["external_conversation_id"] == "call-1"


def test_the_first_event_that_names_it_holds() -> None:
    world = World()
    put(world, wav(), KEY)
    world.send("attach", recording_ready(URI, "call-2"))
    world.send("attach", recording_ready(URI, "call-1"), 30)
    world.send("call_end", call_ended("call-2"), 60)
    world.send("call_end", call_ended("call-1"), 60)
    world.run()
    first, second = world.store.get("call-2"), world.store.get("call-1")
    assert (first.recording_state, second.recording_state) == ("ATTACHED", None)
    assert [note.code for note in second.notes] == ["alias_taken"]


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("object_at", [0, 120])
def test_a_death_at_any_effect_leaves_one_conversation_under_the_events_name(object_at: int, after: bool) -> None:
    for at in range(1, 80):
        world = World()
        world.executioner.at, world.executioner.after = at, after
        world.send("recording", put(world, wav(), KEY), object_at)
        for queue, body in by_recording_ready():
            world.send(queue, body, 60)
        world.run()
        assert outcome(world) == WHOLE, (at, world.executioner.names)
        assert (world.dead, world.all_pending()) == ([], [])
        if world.executioner.count < at:
            return
    pytest.fail("the scenario has more effects than were tried")


def by_a_sidecar() -> list[tuple[str, dict[str, Any]]]:
    return [("recording", object_created(f"{KEY}.json", SIDECAR)), ("call_end", call_ended())]


SIDECAR = b'{"external_conversation_id": "call-1"}'
NAMINGS = [by_recording_ready, by_call_end, by_an_alias, by_a_sidecar]


@pytest.mark.parametrize("naming", NAMINGS)
@pytest.mark.parametrize("error", [RetryableError("s3_SlowDown"), PermanentError("access_denied", "S3 denied it.")])
def test_a_read_that_fails_while_it_is_handed_over_does_not_lose_it(
    naming: Callable[[], list[tuple[str, dict[str, Any]]]], error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The object was taken for the other call long ago; its event does not come again."""
    world = taken_for_the_other()
    read, failures = world.bucket.read_range, [error] * 3

    def failing(version: ObjectVersion, *more: int) -> bytes:
        if version.key == KEY and failures:
            raise failures.pop()
        return bytes(read(version, *more))

    monkeypatch.setattr(world.bucket, "read_range", failing)
    for queue, body in naming():
        world.send(queue, body)
    world.run()
    assert (outcome(world), failures, world.dead) == (WHOLE, [], [])


@pytest.mark.parametrize("naming", NAMINGS)
@pytest.mark.parametrize("after", [False, True])
def test_nor_does_a_death(naming: Callable[[], list[tuple[str, dict[str, Any]]]], after: bool) -> None:
    for at in range(1, 80):
        world = taken_for_the_other()
        world.executioner.at, world.executioner.after = world.executioner.count + at, after
        for queue, body in naming():
            world.send(queue, body)
        world.run()
        assert (outcome(world), world.dead, world.all_pending()) == (WHOLE, [], []), (at, world.executioner.names)
        if world.executioner.count < world.executioner.at:
            return
    pytest.fail("the scenario has more effects than were tried")


def taken_for_the_other() -> World:
    world = World()
    world.bucket.put(f"{KEY}.json", SIDECAR)
    world.send("recording", put(world, wav(), KEY))
    world.run(hours=0.05)
    assert world.store.get("other").recording_state == "UPLOADED"
    return world


@pytest.mark.parametrize("word", ["event", "sidecar"])
def test_what_its_own_call_cannot_take_yet_is_kept_until_it_can(word: str) -> None:
    """The call has another recording on its way, which Coval rejects in the end."""
    world = World()
    world.coval.errors.append(("attach", UnknownOutcomeError("timeout"), False))
    world.send("call_end", call_ended())
    world.send("recording", put(world, wav() + b"x", "odd/rejected.wav", "v1"), delay=5)
    world.bucket.metadata["odd/rejected.wav"] = {"external-conversation-id": "call-1"}
    world.bucket.put(KEY, wav())
    world.send("recording", object_created(KEY, wav(), at=1_790_951_990), delay=2)
    if word == "event":
        world.send("call_end", named({"external_conversation_id": "call-1"}), delay=8)
    else:
        world.send("recording", put(world, b'{"external_conversation_id": "call-1"}', f"{KEY}.json"), delay=8)
    world.run()
    assert outcome(world) == WHOLE
    assert (world.dead, world.all_pending()) == ([], [])


@pytest.mark.parametrize("comes", [False, True])
def test_under_an_alias_that_leads_nowhere_in_time_it_is_a_dead_letter(comes: bool) -> None:
    world = World()
    room = {"type": "room", "value": "R1"}
    world.send("call_end", named({"alias": room}))
    world.send("recording", put(world, wav(), KEY), delay=5)
    if comes:
        world.send("call_end", call_ended(aliases=[room]), delay=5 * 3600)
    world.run(hours=48)
    assert [queue for queue, _, _ in world.dead] == ["recording"]
    assert ("other" in world.store.items, world.all_pending()) == (False, [])
