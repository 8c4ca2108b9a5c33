"""Dead letters that are sent again when the cause is mended: once, twice, thrice, with the same end."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

import pytest

from coval_relay.domain.call import Call
from coval_relay.domain.errors import PermanentError, RetryableError
from coval_relay.domain.s3_objects import ObjectHead, ObjectVersion
from tests.support.events import call_ended, wav
from tests.support.fakes import FakeBucket, FakeCoval
from tests.support.scenarios import outcome, put
from tests.support.world import World

pytestmark = pytest.mark.slow  # weeks pass, minute by minute
ATTACHED = ("SUBMITTED", "ATTACHED", True, True)
DAYS = 24.0


@dataclass
class Outage:
    """Raises until it is mended."""

    error: Exception
    mended: bool = False

    def __call__(self) -> None:
        if not self.mended:
            raise self.error


@dataclass
class DeniedBucket(FakeBucket):
    """A bucket that the function may not read."""

    outage: Outage = field(default_factory=lambda: Outage(PermanentError("access_denied", "S3 denied it.")))

    def read_range(self, version: ObjectVersion, start: int, length: int) -> bytes:
        self.outage()
        return super().read_range(version, start, length)

    def head(self, version: ObjectVersion) -> ObjectHead:
        self.outage()
        return super().head(version)


@dataclass
class FailingCoval(FakeCoval):
    """A Coval whose submits fail."""

    outage: Outage = field(default_factory=lambda: Outage(ZeroDivisionError()))

    def submit(self, body: bytes) -> Any:
        self.outage()
        return super().submit(body)


@dataclass(frozen=True)
class Mishap:
    """How messages end as dead letters: `play` returns the world, and what mends it."""

    name: str
    play: Callable[[], tuple[World, Callable[[], None]]]
    codes: tuple[str | None, ...]
    """Reasons of the dead letters; None where SQS moved it."""

    def __str__(self) -> str:
        return self.name


def _mend(outage: Outage) -> Callable[[], None]:
    def mend() -> None:
        outage.mended = True

    return mend


def _denied() -> tuple[World, Callable[[], None]]:
    bucket = DeniedBucket()
    world = World(bucket=bucket)
    world.send("call_end", call_ended())
    world.send("recording", put(world, wav()), delay=60)
    return world, _mend(bucket.outage)


def _failed_every_time() -> tuple[World, Callable[[], None]]:
    coval = FailingCoval()
    world = World(coval=coval)
    world.send("call_end", call_ended())
    world.send("recording", put(world, wav()), delay=60)
    return world, _mend(coval.outage)


def _waited_too_long() -> tuple[World, Callable[[], None]]:
    coval = FailingCoval(outage=Outage(RetryableError("unavailable", 3600)))
    world = World(coval=coval)
    world.send("call_end", call_ended())
    world.send("recording", put(world, wav()), delay=60)
    return world, _mend(coval.outage)


def _pending_too_long() -> tuple[World, Callable[[], None]]:
    """Nobody says whose the recording is, until the call's end comes days late."""
    world = World()
    world.send("recording", put(world, wav(), "odd/place.wav"))
    named = {"items": [{"uri": "s3://recordings/odd/place.wav"}]}
    return world, lambda: world.send("call_end", call_ended(recording=named))


def _misplaced() -> tuple[World, Callable[[], None]]:
    """The stack was deployed without the prefix."""
    world = World()
    owner: Any = world.consumers["recording"].service
    object.__setattr__(owner.matcher, "prefixes", ("else/",))
    world.send("call_end", call_ended())
    world.send("recording", put(world, wav()), delay=60)
    return world, lambda: object.__setattr__(owner.matcher, "prefixes", world.prefixes)


MISHAPS = [
    Mishap("denied by S3", _denied, ("waited_too_long",)),
    Mishap("failed every time", _failed_every_time, ("waited_too_long",)),
    Mishap("waited too long", _waited_too_long, ("waited_too_long",)),
    Mishap("pending too long", _pending_too_long, ("invalid_input",)),
    Mishap("misplaced", _misplaced, ("invalid_input",)),
]


def sent_again(mishap: Mishap, times: int, apart: int) -> World:
    """The world at the end, where each dead letter was sent again so many times."""
    world, mend = mishap.play()
    world.run(hours=13.5 * DAYS)
    queued, world.queues.dead = world.dead, []
    assert tuple(reason.code if reason else None for _, _, reason in queued) == mishap.codes
    mend()
    for queue, body, _ in queued:
        for turn in range(times):
            world.send(queue, body, delay=turn * apart)
    world.run(hours=3 * DAYS)
    return world


def facts(world: World) -> tuple[Any, ...]:
    """All that is left of the history, but when and how often it was written."""
    call = world.store.get("call-1")
    recording = replace(call.recording, changed_at=0, created_at=0)
    bare = Call(external_conversation_id="call-1", revision=0)
    timeless = {
        name: getattr(call, name)
        for name in (
            "state",
            "call_end",
            "sent",
            "late",
            "reason",
            "notes",
            "other_recordings",
            "conversation_id",
        )
    }
    assert call.due_at is None
    return (
        replace(bare, recording=recording, **timeless),
        world.coval.conversations,
        world.dead,
        world.queued,
    )


@pytest.mark.parametrize("mishap", MISHAPS, ids=str)
def test_to_send_a_dead_letter_again_twice_ends_as_once(mishap: Mishap) -> None:
    once = sent_again(mishap, 1, 0)
    assert outcome(once) == ATTACHED
    assert (once.dead, once.queued) == ([], [])
    for times, apart in product((2, 3), (0, 1, 90, 7200)):
        assert facts(sent_again(mishap, times, apart)) == facts(once), f"{times} times, {apart} s apart"


@pytest.mark.parametrize("mishap", MISHAPS, ids=str)
def test_a_dead_letter_that_is_sent_before_the_cause_is_mended_comes_back(mishap: Mishap) -> None:
    world, mend = mishap.play()
    world.run(hours=13.5 * DAYS)
    for _ in range(2):
        queued, world.queues.dead = world.dead, []
        for queue, body, _ in queued:
            world.send(queue, body)
        world.run(hours=13.5 * DAYS)
        assert [body for _, body, _ in world.dead] == [body for _, body, _ in queued]
    mend()
    for queue, body, _ in world.dead:
        world.send(queue, body)
    world.run(hours=3 * DAYS)
    assert outcome(world) == ATTACHED
