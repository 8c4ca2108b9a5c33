"""What an event besides its end says of a call: it is sent along, and decides the sides, whenever it comes in time."""

import itertools
import json
from collections.abc import Callable
from typing import Any, cast

import pytest

from coval_relay.domain import lifecycle
from coval_relay.domain.call import Description
from coval_relay.domain.errors import PermanentError, RetryableError, UnknownOutcomeError
from tests.support.events import TURNS, call_ended, object_created
from tests.support.scenarios import put
from tests.support.world import World
from tests.unit.whole_calls.test_agent_channel import AGENT, CALLER, WRONG, heard

SAID = Description(status="voicemail", direction="outbound", agent_channel=1)
TEXT = json.dumps({"messages": TURNS}).encode()
ERRORS = {
    "busy": RetryableError("rate_limited", 30),
    "unknown": UnknownOutcomeError("timeout"),
    "no such upload": PermanentError("NOT_FOUND", "Upload not found: upl_1", "upload_id", 404),
    "words": PermanentError("INVALID_ARGUMENT", "Bad role.", "transcript[0].role", 400),
}


def describe(world: World) -> None:
    """Another worker takes it in."""
    seen, service = world.store.get("call-1"), cast("Any", world.consumers["call_end"].service)
    service.calls.update(seen, lambda call: lifecycle.call_described(call, SAID, world.clock.now))


def ended(world: World, kind: str) -> None:
    world.transcript_objects.transcript_objects["call-1.json"] = TEXT
    world.send("call_end", call_ended(transcript="pending" if kind == "object" else kind))
    if kind == "object":
        world.send("call_end", object_created("call-1.json", TEXT, bucket="transcripts"), 30)


def during_the_first_submit(world: World, error: Exception, meanwhile: Callable[[World], None]) -> None:
    submit = world.coval.submit

    def failing(_: bytes) -> Any:
        world.coval.submit = submit
        meanwhile(world)
        raise error

    world.coval.submit = failing


@pytest.mark.parametrize(
    ("kind", "error"),
    [one for one in itertools.product(("inline", "reference", "object", "none"), ERRORS) if one != ("none", "words")],
)
def test_what_is_said_while_a_submit_fails_is_sent_with_the_next(kind: str, error: str) -> None:
    world = World()
    during_the_first_submit(world, ERRORS[error], describe)
    world.send("recording", put(world, WRONG))
    world.run(hours=0.05)
    ended(world, kind)
    world.run(24)
    (held,) = world.coval.conversations.values()
    assert (held["metadata"]["direction"], held["metadata"]["call_status"]) == ("outbound", "voicemail")
    assert heard(world) == (AGENT, CALLER)


@pytest.mark.parametrize("kind", ["inline", "reference", "object"])
def test_the_side_that_is_said_after_the_text_was_sent_holds_for_the_recording(kind: str) -> None:
    world = World()
    ended(world, kind)
    world.run(hours=0.2)
    describe(world)
    world.send("recording", put(world, WRONG))
    world.run(24)
    assert heard(world) == (AGENT, CALLER)


@pytest.mark.parametrize("described_first", [True, False])
def test_the_side_of_a_recording_without_an_end(described_first: bool) -> None:
    world = World()
    if described_first:
        describe(world)
    world.send("recording", put(world, WRONG))
    world.run(hours=0.05)
    describe(world)
    world.send("call_end", call_ended(transcript="unavailable"), 6 * 3600)
    world.run(24)
    assert heard(world) == (AGENT, CALLER)
