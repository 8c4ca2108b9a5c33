"""Words that cannot be sent: their call goes on by its recording, or ends visibly, and can be brought back."""

import json
from typing import Any

import pytest

from coval_relay.domain.errors import PermanentError, Reason
from coval_relay.domain.lifecycle import TRANSCRIPT_MISSING, WAITED_TOO_LONG
from scripts.send_again import reopening
from tests.support.events import TURNS, call_ended, object_created, wav
from tests.support.in_memory import InMemoryRejectedEvents
from tests.support.scenarios import outcome, put
from tests.support.world import DEADLINES, World

ROLE = PermanentError("INVALID_ARGUMENT", "Bad role.", "transcript[1].role", 400)
TOO_LARGE = "payload_too_large"
DAY = 24


def world_of(way: str, **changes: Any) -> World:
    """A call whose words cannot be sent in this way."""
    limit = 300 if way == "too large" else 256_000
    world = World(rejected_events=InMemoryRejectedEvents(), oversize="recording", max_payload_bytes=limit)
    if way == "rejected":
        world.coval.errors.append(("submit", ROLE, False))
    if way == "no transcript":
        world.transcript_objects.transcript_objects["call-1.json"] = b"{"
    inline = way in ("rejected", "too large")
    world.send("call_end", call_ended(transcript="inline" if inline else "reference", **changes))
    return world


CODES = {
    "rejected": "INVALID_ARGUMENT",
    "too large": TOO_LARGE,
    "no transcript": "invalid_transcript",
    "never there": "transcript_missing",
}
NOT_EXPECTED: dict[str, Any] = {"recording": {"expected": False}}


def mended(world: World, way: str) -> None:
    if way == "too large":
        submission: Any = world.consumers["call_end"].service
        object.__setattr__(submission.actions.submission, "max_payload_bytes", 256_000)
    world.transcript_objects.transcript_objects["call-1.json"] = json.dumps({"messages": TURNS}).encode()


def send_again(world: World) -> None:
    assert world.rejected_events is not None
    revision = world.store.get("call-1").revision
    for queue, call_id, event in list(world.rejected_events.items):
        world.send(queue, reopening(call_id, revision, json.loads(event)))


@pytest.mark.parametrize("way", CODES)
def test_without_a_recording_the_call_ends_with_the_reason_when_that_is_overdue(way: str) -> None:
    world = world_of(way)
    world.run(hours=DEADLINES.recording / 3600 - 0.1)
    assert world.store.get("call-1").state.value == "WAITING"
    world.run(30 * DAY)
    call = world.store.get("call-1")
    assert (call.state.value, call.reason and call.reason.code, call.due_at) == ("REJECTED", CODES[way], None)
    assert call.recording_missed_at > 0
    told = [
        "TRANSCRIPT_MISSING" if way == "never there" else "TRANSCRIPT_DROPPED",
        "RECORDING_MISSING",
        "CALL_REJECTED",
    ]
    endings = ("TRANSCRIPT_DROPPED", "TRANSCRIPT_MISSING", "RECORDING_MISSING", "CALL_REJECTED")
    assert [name for name in world.events() if name in endings] == told
    assert [fields for event, _, fields in world.telemetry if event.name == "CALL_REJECTED"] == [{"code": CODES[way]}]


@pytest.mark.parametrize("way", CODES)
def test_where_none_is_expected_it_ends_at_once(way: str) -> None:
    world = world_of(way, **NOT_EXPECTED)
    world.run(hours=DEADLINES.transcript / 3600 + 1)
    call = world.store.get("call-1")
    assert (call.state.value, call.reason and call.reason.code, call.due_at) == ("REJECTED", CODES[way], None)
    told = [fields for event, _, fields in world.telemetry if event.name == "CALL_REJECTED"]
    assert told == [{"code": CODES[way]}]


@pytest.mark.parametrize("changes", [{}, NOT_EXPECTED])
@pytest.mark.parametrize("way", CODES)
def test_mended_it_is_sent_again(way: str, changes: dict[str, Any]) -> None:
    """What its item says is enough where the words lie elsewhere; else its event was kept, with the reason."""
    world = world_of(way, **changes)
    world.run(3 * DAY)
    assert world.rejected_events is not None
    kept = {(queue, reason.code) for (queue, _, _), reason in world.rejected_events.items.items()}
    assert kept == ({("call_end", CODES[way])} if way != "never there" else set())
    mended(world, way)
    send_again(world)
    if not kept:
        world.send("attach", reopening("call-1", world.store.get("call-1").revision))
    world.run()
    assert outcome(world) == ("SUBMITTED", None, False, True)
    assert world.store.get("call-1").dropped is None


@pytest.mark.parametrize("way", ["no transcript", "never there"])
def test_mended_it_is_brought_back_without_its_event(way: str) -> None:
    world = world_of(way)
    world.run(3 * DAY)
    mended(world, way)
    world.send("attach", reopening("call-1", world.store.get("call-1").revision))
    world.run()
    assert outcome(world) == ("SUBMITTED", None, False, True)


def test_brought_back_without_its_words_it_waits_for_them_and_ends_again() -> None:
    world = world_of("rejected")
    world.run(3 * DAY)
    world.send("attach", reopening("call-1", world.store.get("call-1").revision))
    world.run(1)
    assert world.store.get("call-1").state.value == "QUEUED"
    world.run(20 * DAY)
    assert (world.store.get("call-1").state.value, world.store.get("call-1").reason) == ("REJECTED", WAITED_TOO_LONG)


def test_sent_again_unmended_it_ends_as_before() -> None:
    world = world_of("no transcript")
    world.run(3 * DAY)
    before = world.store.get("call-1")
    send_again(world)
    world.run(3 * DAY)
    after = world.store.get("call-1")
    assert (after.state, after.reason, after.due_at) == (before.state, before.reason, None)
    assert world.events().count("CALL_REJECTED") == 2


@pytest.mark.parametrize("hours", [0, 1, 23, 25, 9 * DAY])
@pytest.mark.parametrize("changes", [{}, NOT_EXPECTED])
@pytest.mark.parametrize("way", CODES)
def test_a_recording_speaks_for_the_call_whenever_it_comes(way: str, changes: dict[str, Any], hours: int) -> None:
    world = world_of(way, **changes)
    recording = put(world, wav())
    for delay in (hours * 3600, hours * 3600 + 60):
        world.send("recording", recording, delay)
    world.run(20 * DAY)
    assert outcome(world) == ("SUBMITTED", "ATTACHED", True, False)


def test_a_recording_that_cannot_be_used_ends_no_waiting_for_a_better_one() -> None:
    world = world_of("no transcript")
    world.send("recording", put(world, wav(3.0)), 60)
    world.run(0.5 * DAY)
    assert outcome(world) == ("WAITING", "REJECTED", False, False)
    world.run(30 * DAY)
    assert outcome(world) == ("REJECTED", "REJECTED", False, False)
    assert world.events().count("CALL_REJECTED") == 1
    world.send("recording", put(world, wav(3.0)))
    world.run(30 * DAY)
    assert outcome(world) == ("REJECTED", "REJECTED", False, False)
    world.send("recording", put(world, wav(), "rec/call-1.mp3"))
    world.run(30 * DAY)
    assert outcome(world) == ("SUBMITTED", "ATTACHED", True, False)


def test_without_words_and_end_a_rejected_recording_ends_the_call() -> None:
    """A transcript object that is none came alone, and its recording is rejected by Coval."""
    world = World()
    world.transcript_objects.transcript_objects["call-1.json"] = b"{"
    world.send("call_end", object_created("call-1.json", b"{", bucket="transcripts"))
    world.send("recording", put(world, wav()), DEADLINES.transcript + 600)
    world.coval.errors.append(("submit", PermanentError("INVALID_ARGUMENT", "Bad.", "audio", 400), False))
    world.run(4 * DAY)
    call = world.store.get("call-1")
    assert (call.state.value, call.reason and call.reason.code, call.due_at) == ("REJECTED", "invalid_transcript", None)


@pytest.mark.parametrize("hours", [1, 5])
def test_the_end_of_a_call_whose_text_came_before_and_is_none(hours: int) -> None:
    world = World()
    world.transcript_objects.transcript_objects["call-1.json"] = b"{"
    world.send("call_end", object_created("call-1.json", b"{", bucket="transcripts"))
    world.send("call_end", call_ended(transcript="none"), hours * 3600)
    world.send("recording", put(world, wav()), hours * 3600 + 60)
    world.run(DAY)
    assert outcome(world) == ("SUBMITTED", "ATTACHED", True, False)
    (held,) = world.coval.conversations.values()
    assert held["metadata"]["campaign"] == "autumn"


@pytest.mark.parametrize("changes", [{}, NOT_EXPECTED])
def test_a_text_that_comes_long_after_it_was_given_up_is_sent(changes: dict[str, Any]) -> None:
    world = world_of("never there", **changes)
    world.run(3 * DAY)
    assert world.store.get("call-1").reason == TRANSCRIPT_MISSING
    content = json.dumps({"messages": TURNS}).encode()
    world.transcript_objects.transcript_objects["call-1.json"] = content
    world.send("call_end", object_created("call-1.json", content, bucket="transcripts"))
    world.run()
    assert outcome(world) == ("SUBMITTED", None, False, True)


@pytest.mark.parametrize("code", ["object_archived", "place_not_configured"])
def test_what_an_operator_has_to_mend_costs_no_words(code: str) -> None:
    world = World()
    fetch = world.transcript_objects.fetch

    def refuse(*_: Any) -> bytes:
        raise PermanentError(code, "x")

    world.transcript_objects.fetch = refuse
    world.transcript_objects.transcript_objects["call-1.json"] = json.dumps({"messages": TURNS}).encode()
    world.send("call_end", call_ended(transcript="reference", **NOT_EXPECTED))
    world.run(5 * DAY)
    waiting = world.store.get("call-1")
    assert (waiting.state.value, waiting.notes, waiting.dropped) == ("WAITING", (), None)
    assert {fields["code"] for event, _, fields in world.telemetry if event.name == "OPERATOR_NEEDED"} == {code}
    world.transcript_objects.fetch = fetch
    world.run(DAY)
    assert outcome(world) == ("SUBMITTED", None, False, True)


def test_the_event_is_kept_though_the_recording_speaks_for_the_call() -> None:
    world = world_of("too large")
    event = world.queued[0].body
    world.send("recording", put(world, wav()), 60)
    world.run(DAY)
    assert outcome(world) == ("SUBMITTED", "ATTACHED", True, False)
    reason = Reason(TOO_LARGE, world.store.get("call-1").notes[0].text)
    assert world.rejected_events is not None
    assert world.rejected_events.items == {("call_end", "call-1", event): reason}
