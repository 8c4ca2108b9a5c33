"""A recording that Coval cannot take as it is: converted and sent in one go; what each step leaves on the item."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from coval_relay.domain.audio import AudioFacts
from coval_relay.domain.audio.facts import unsupported
from coval_relay.domain.call import Call, ConversationState, Recording, RecordingState
from coval_relay.domain.errors import ObjectGoneError, PermanentError, RetryableError
from coval_relay.domain.lifecycle import MAX_CONVERSIONS, NEVER_CONVERTED, Action, Transition
from coval_relay.domain.log_events import LogEvent
from coval_relay.domain.s3_objects import ObjectVersion
from coval_relay.services import recording_preparer
from coval_relay.services.action_runner import DONE, Content
from coval_relay.services.upload import Upload
from tests.support import calls
from tests.support.calls import MINE, NOW
from tests.support.events import etag, wav
from tests.support.fakes import FakeConverter
from tests.support.world import World

FOREIGN, CONVERTED = b"OggS" + bytes(100), wav(7.0)
CONVERSION = FakeConverter(CONVERTED)
VERSION = ObjectVersion("recordings", "rec/c.ogg", etag(FOREIGN), "v1")
OTHER = calls.recording(sort_key="9")
Step = Callable[[Upload, Transition, AudioFacts], Transition]
"""An upload, or the copy that Coval fetches: both may have to convert."""
STEPS: tuple[Step, ...] = (Upload.__call__, Upload.make_copy)


@pytest.fixture
def world() -> World:
    made = World()
    made.clock.now = NOW
    made.bucket.put(VERSION.key, FOREIGN)
    return made


def arrived(world: World, **changes: Any) -> tuple[Recording, AudioFacts]:
    """A recording that must be converted, as it stands on the call's item, and what a look at it has found."""
    preparer: Any = world.consumers["recording"].service.preparer  # type: ignore[attr-defined]
    recording, facts = preparer.inspect(calls.recording(version=VERSION, size=len(FOREIGN), **changes))
    world.store.items["c"] = calls.call(recording=recording)
    return recording, facts


def go(
    world: World, facts: AudioFacts, step: Step, converter: FakeConverter, *, seen: Call | None = None
) -> Transition:
    """The step of the call as it stands, or as it was seen before."""
    upload: Any = world.consumers["recording"].service.actions.upload  # type: ignore[attr-defined]
    converting = replace(upload, preparer=replace(upload.preparer, convert=converter))
    return step(converting, Transition(seen or world.store.get("c"), Action.UPLOAD), facts)


def left(world: World) -> Recording | None:
    found: Call = world.store.get("c")
    return found.recording


def choose(world: World, recording: Recording | None) -> None:
    """Another worker writes this recording to the item."""
    seen = world.store.get("c")
    world.store.save(seen, replace(seen, recording=recording))


def test_what_is_converted_is_sent_in_the_same_go(world: World) -> None:
    recording, facts = arrived(world, settling_until=5)
    sent = go(world, facts, Upload.__call__, CONVERSION)
    assert sent == Transition(world.store.get("c"))
    after = sent.call.recording
    assert after is not None
    assert after.prepared is not None
    assert after == replace(
        recording, state=RecordingState.UPLOADED, prepared=after.prepared, needs_preparation=False,
        duration_milliseconds=7000, channels=1, upload_id=after.upload_id, changed_at=NOW,
    )  # fmt: skip
    assert world.coval.uploads == {after.upload_id: CONVERTED}
    assert b"".join(world.bucket.stream(after.prepared)) == CONVERTED
    assert world.telemetry == [(LogEvent.RECORDING_UPLOADED, "c", {"size": len(CONVERTED)})]


def test_a_copy_that_is_too_large_to_be_sent_is_left_to_be_fetched(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording_preparer, "MAX_UPLOAD_BYTES", len(CONVERTED) - 1)
    _, facts = arrived(world)
    assert go(world, facts, Upload.__call__, CONVERSION) == Transition(world.store.get("c"))
    assert world.store.get("c").recording_state is RecordingState.BY_URL
    assert (world.coval.calls, world.telemetry) == ([], [])


@pytest.mark.parametrize("step", STEPS)
def test_what_cannot_be_converted_is_rejected(world: World, step: Step) -> None:
    recording, facts = arrived(world)
    error = unsupported("Ogg")
    assert go(world, facts, step, FakeConverter(error)) == Transition(world.store.get("c"))
    rejected = replace(recording, state=RecordingState.REJECTED, conversions=1, reason=error.reason, changed_at=NOW)
    assert (left(world), world.coval.calls) == (rejected, [])
    assert world.telemetry == [(LogEvent.RECORDING_REJECTED, "c", {"code": error.code})]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(
    "error", [RetryableError("s3_unreachable"), PermanentError("access_denied", "S3 denied it."), ZeroDivisionError()]
)
def test_a_conversion_that_the_worker_survives_does_not_count(world: World, error: Exception, step: Step) -> None:
    recording, facts = arrived(world, conversions=2)
    begun: list[Any] = []
    with pytest.raises(type(error)) as caught:
        go(world, facts, step, FakeConverter(error, lambda: begun.append(left(world))))
    assert caught.value is error
    assert (begun, left(world)) == ([replace(recording, conversions=3)], recording)
    assert world.telemetry == []


@pytest.mark.parametrize("step", STEPS)
def test_what_has_killed_its_worker_each_time_is_not_begun_again(world: World, step: Step) -> None:
    recording, facts = arrived(world, conversions=MAX_CONVERSIONS)
    assert go(world, facts, step, FakeConverter(AssertionError())) == Transition(world.store.get("c"))
    assert left(world) == replace(recording, state=RecordingState.REJECTED, reason=NEVER_CONVERTED, changed_at=NOW)
    assert world.telemetry == [(LogEvent.RECORDING_REJECTED, "c", {"code": "never_converted"})]
    assert world.coval.calls == []


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("other", [None, OTHER])
def test_what_is_not_the_call_s_any_more_is_not_converted(world: World, step: Step, other: Recording | None) -> None:
    _, facts = arrived(world)
    seen = world.store.get("c")
    choose(world, other)
    done = go(world, facts, step, FakeConverter(AssertionError()), seen=seen)
    assert done == Transition(world.store.get("c"))
    assert (left(world), world.staging.serial, world.coval.calls, world.telemetry) == (other, 0, [], [])


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("other", [None, OTHER])
def test_another_recording_that_was_chosen_meanwhile_is_not_sent_by_what_was_made(
    world: World, step: Step, other: Recording | None
) -> None:
    _, facts = arrived(world)
    done = go(world, facts, step, replace(CONVERSION, meanwhile=lambda: choose(world, other)))
    assert done == Transition(world.store.get("c"))
    assert (left(world), world.coval.calls, world.telemetry) == (other, [], [])


@pytest.mark.parametrize("step", STEPS)
def test_a_copy_for_a_side_that_became_known_meanwhile_is_made_anew(world: World, step: Step) -> None:
    recording, facts = arrived(world)
    known = replace(recording, agent_channel=1)
    done = go(world, facts, step, replace(CONVERSION, meanwhile=lambda: choose(world, known)))
    assert done == Transition(world.store.get("c"), Action.REQUEUE_RECORDING)
    assert (left(world), world.coval.calls) == (known, [])


@pytest.mark.parametrize("state", [RecordingState.UPLOADED, RecordingState.BY_URL])
def test_what_goes_before_a_submitted_call_has_its_copy_has_ended(world: World, state: RecordingState) -> None:
    """Coval may hold the bytes, but they came too late for the submit, and only a copy can be attached."""
    unversioned = replace(VERSION, version_id=None)
    recording, facts = arrived(world)
    held = replace(recording, version=unversioned, state=state, needs_preparation=False, upload_id="upl")
    seen = world.store.items["c"] = calls.call(ConversationState.SUBMITTED, recording=held)
    del world.bucket.objects[VERSION.key]
    runner: Any = world.consumers["recording"].service.actions  # type: ignore[attr-defined]
    outcome = runner.run(Transition(seen), MINE, Content(audio=facts, audio_of=held.identity))
    assert outcome == DONE
    assert left(world) == replace(
        held, state=RecordingState.REJECTED, conversions=1, reason=ObjectGoneError().reason, upload_id=None,
        changed_at=NOW,
    )  # fmt: skip
