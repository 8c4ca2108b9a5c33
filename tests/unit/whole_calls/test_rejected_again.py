"""Calls that were rejected, and are sent again from what was kept of them."""

import json
from typing import Any

import pytest

from coval_relay.domain.errors import PermanentError, Reason
from local.demo.audio_comparison import AUDIO
from scripts.send_again import reopening
from tests.support.events import call_ended, wav
from tests.support.in_memory import InMemoryRejectedEvents
from tests.support.scenarios import outcome, put
from tests.support.world import World

ERROR = PermanentError("INVALID_ARGUMENT", "Too many tags.", "tags", 400)
REASON = Reason("INVALID_ARGUMENT", "Too many tags.")
OGG = (AUDIO / "not-accepted.ogg").read_bytes()
"""Coval takes no Ogg: it is converted into a copy."""


def rejected(kept: bool = True, **changes: Any) -> World:
    """Coval has rejected the call; its recording came before, or comes after."""
    world = World(rejected_events=InMemoryRejectedEvents() if kept else None)
    world.coval.errors.append(("submit", ERROR, False))
    world.send("call_end", call_ended(**changes))
    world.send("recording", put(world, wav()), delay=60)
    world.run()
    assert world.store.get("call-1").reason == REASON
    return world


def send_all(world: World) -> None:
    assert world.rejected_events is not None
    revision = world.store.get("call-1").revision
    for queue, call_id, event in list(world.rejected_events.items):
        world.send(queue, reopening(call_id, revision, json.loads(event)))
    world.rejected_events.items.clear()


def test_a_rejected_call_is_kept_with_its_reason_and_sent_again_whole() -> None:
    world = rejected()
    assert world.rejected_events is not None
    assert {(queue, call_id) for queue, call_id, _ in world.rejected_events.items} == {
        ("call_end", "call-1"),
        ("recording", "call-1"),
    }
    assert set(world.rejected_events.items.values()) == {REASON}
    send_all(world)
    world.run()
    assert outcome(world) == ("SUBMITTED", "ATTACHED", True, True)
    assert (world.rejected_events.items, world.dead) == ({}, [])


def test_what_is_rejected_again_is_kept_again_as_it_came() -> None:
    """Its recording stands on the item by then, and is brought back with it."""
    world = rejected()
    assert world.rejected_events is not None
    before = dict(world.rejected_events.items)
    world.coval.errors.append(("submit", ERROR, False))
    send_all(world)
    world.run()
    kept = set(world.rejected_events.items)
    assert kept == {one for one in before if one in kept}
    assert "call_end" in {queue for queue, _, _ in kept}
    assert world.store.get("call-1").reason == REASON
    send_all(world)
    world.run()
    assert outcome(world) == ("SUBMITTED", "ATTACHED", True, True)


def test_sent_twice_changes_nothing() -> None:
    world = rejected()
    assert world.rejected_events is not None
    ((_, call_id, event),) = [one for one in world.rejected_events.items if one[0] == "call_end"]
    revision = world.store.get("call-1").revision
    for delay in (0, 1, 600):
        world.send("call_end", reopening(call_id, revision, json.loads(event)), delay)
    world.run()
    assert outcome(world) == ("SUBMITTED", "ATTACHED", True, True)


@pytest.mark.parametrize("transcript", ["reference", "none"])
def test_a_call_whose_words_are_not_in_its_event_is_brought_back_without_it(transcript: str) -> None:
    world = World()
    world.transcript_objects.transcript_objects["call-1.json"] = json.dumps({"messages": [TURN]}).encode()
    world.coval.errors.append(("submit", ERROR, False))
    world.send("call_end", call_ended(transcript=transcript))
    world.send("recording", put(world, wav()), delay=60)
    world.run()
    assert world.store.get("call-1").reason == REASON
    world.send("attach", reopening("call-1", world.store.get("call-1").revision))
    world.run()
    assert outcome(world) == ("SUBMITTED", "ATTACHED", True, transcript == "reference")


def test_a_copy_that_is_gone_is_made_anew() -> None:
    """The staging bucket keeps copies for 30 days; a call may be sent again later."""
    world = World(
        rejected_events=InMemoryRejectedEvents(), key_pattern=r"^rec/(?P<external_conversation_id>[^/]+)\.ogg$"
    )
    world.send("recording", put(world, OGG, "rec/call-1.ogg"))
    world.coval.errors.append(("submit", ERROR, False))
    world.send("call_end", call_ended(), delay=60)
    world.run()
    (copy,) = [key for key in world.bucket.objects if key.startswith("prepared/")]
    del world.bucket.objects[copy]
    send_all(world)
    world.run()
    assert outcome(world) == ("SUBMITTED", "ATTACHED", True, True)


TURN = {"role": "user", "content": "Hello.", "start_time": 0.5, "end_time": 2.0}


def test_a_call_whose_words_are_missing_waits_for_its_event() -> None:
    world = rejected(kept=False)
    world.send("attach", reopening("call-1", world.store.get("call-1").revision))
    world.run(hours=1)
    assert world.store.get("call-1").state.value == "QUEUED"
    world.send("call_end", call_ended())
    world.run()
    assert outcome(world) == ("SUBMITTED", "ATTACHED", True, True)


def test_an_input_that_breaks_a_rule_is_kept_too() -> None:
    world = World(rejected_events=InMemoryRejectedEvents())
    assert world.rejected_events is not None
    broken = call_ended(started_at="yesterday")
    world.send("call_end", broken)
    world.run()
    ((key, reason),) = world.rejected_events.items.items()
    assert (key[:2], json.loads(key[2]), reason.code) == (("call_end", "call-1"), broken, "invalid_input")
    world.send("call_end", reopening("call-1", world.store.get("call-1").revision, broken))
    world.run()
    assert list(world.rejected_events.items) == [key]


def test_what_cannot_be_kept_now_waits_until_it_can() -> None:
    world = World(rejected_events=InMemoryRejectedEvents(denied=True))
    assert world.rejected_events is not None
    world.coval.errors.append(("submit", ERROR, False))
    world.send("call_end", call_ended())
    world.run(hours=1)
    assert len(world.queued) == 1
    assert "OPERATOR_NEEDED" in world.events()
    world.rejected_events.denied = False
    world.run(hours=5)
    assert (world.queued, len(world.rejected_events.items)) == ([], 1)


def test_a_call_that_is_not_rejected_is_left_as_it_is() -> None:
    world = World()
    world.send("call_end", call_ended(recording={"expected": False}))
    world.run()
    before = world.store.get("call-1")
    world.send("attach", reopening("call-1", world.store.get("call-1").revision))
    world.run()
    assert world.store.get("call-1") == before
