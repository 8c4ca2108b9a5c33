"""What an event hands on to other functions does not multiply, however often the event itself comes again."""

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest

from coval_relay.domain.errors import PermanentError, Reason, RetryableError, code_of
from coval_relay.domain.s3_objects import ObjectHead, ObjectVersion
from tests.support.events import call_ended, wav
from tests.support.fakes import FakeBucket, FakeCoval
from tests.support.scenarios import outcome, put
from tests.support.world import World

URL, OBJECT = "https://media.example.com/a.wav", "s3://recordings/{key}"
ATTACHED = ("SUBMITTED", "ATTACHED", True, True)


@dataclass
class Closed(FakeCoval):
    """A Coval that is left alone, as after failures."""

    seconds: int = 60

    def wait_turn(self) -> int:
        return self.seconds


def _kinds(world: World) -> Counter[tuple[str, str]]:
    return Counter((message.queue, json.loads(message.body)["detail-type"]) for message in world.queued)


def _world(*items: Any) -> World:
    world = World(coval=Closed())
    world.urls.contents[URL] = wav()
    ended = call_ended(recording={"expected": True, "items": [{"uri": uri} for uri in items]})
    world.send("call_end", ended)
    return world


def _is_submitted_and_attached(world: World) -> bool:
    assert isinstance(world.coval, Closed)
    world.coval.seconds = 0
    world.run(hours=6)
    return (outcome(world), world.queued, world.dead) == (ATTACHED, [], [])


@pytest.mark.parametrize("hours", [3.0, 24.0, 96.0])
def test_a_recording_at_a_url_is_handed_on_when_its_call_end_is_done(hours: float) -> None:
    world = _world(URL)
    world.run(hours=hours)
    assert _kinds(world) == {("call_end", "Call Ended"): 1}
    assert _is_submitted_and_attached(world)


@pytest.mark.parametrize("key", ["rec/call-1.wav", "odd/place.wav"])
def test_a_named_object_that_is_where_it_belongs_keeps_no_message_waiting(key: str) -> None:
    world = _world(OBJECT.format(key=key))
    world.send("recording", put(world, wav(), key))
    world.run(hours=24)
    assert _kinds(world) == {("call_end", "Call Ended"): 1, ("recording", "Object Created"): 1}
    assert _is_submitted_and_attached(world)


def test_an_object_that_its_key_gave_to_another_call_goes_to_its_own_once() -> None:
    world = World(coval=Closed())
    world.send("recording", put(world, wav(), "rec/call-2.wav"))
    named = {"expected": True, "items": [{"uri": "s3://recordings/rec/call-2.wav"}]}
    world.send("call_end", call_ended(recording=named), delay=60)
    world.run(hours=24)
    assert all(count == 1 for count in _kinds(world).values())
    assert world.store.get("call-1").recording is not None
    assert world.store.get("call-2").recording is None
    assert _is_submitted_and_attached(world)


@pytest.mark.slow  # two weeks pass, half an hour by half an hour
@pytest.mark.parametrize("error", [RetryableError("s3_SlowDown"), PermanentError("access_denied", "S3 denied it.")])
def test_an_object_of_no_call_that_cannot_be_read_when_its_time_is_over_keeps_no_message(error: Exception) -> None:
    """The sweep comes again each half hour; one that waited by itself each time would never be the last."""
    world = World(bucket=Denied(error=error))
    world.send("recording", put(world, wav(), "odd/place.wav"))
    world.run(hours=0.1)
    world.bucket.denied = True
    for _ in range(10):
        world.run(hours=24)
        assert (len(world.queued), len(world.all_pending())) == (0, 1)
    world.run(hours=24 * 4)
    assert (world.queued, world.all_pending()) == ([], [])
    ((queue, _, reason),) = world.dead
    assert (queue, reason) == ("recording", Reason("waited_too_long", f"It has waited for 12 days: {code_of(error)}."))


@dataclass
class Denied(FakeBucket):
    """A bucket that the function may not read any more."""

    error: Exception = field(default_factory=ValueError)
    denied: bool = False

    def head(self, version: ObjectVersion) -> ObjectHead:
        if self.denied:
            raise self.error
        return super().head(version)
