"""Whole calls, as their events: what the crash and the order tests play."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.support.events import TURNS, call_ended, object_created, recording_ready, wav
from tests.support.world import World

KEY = "rec/call-1.wav"


@dataclass(frozen=True)
class Scenario:
    """`play` sends the events; `expected` is (conversation, recording, audio in Coval, text in Coval)."""

    name: str
    play: Callable[[World], None]
    expected: tuple[str, str | None, bool, bool]

    def __str__(self) -> str:
        return self.name


def put(world: World, content: bytes, key: str = KEY, version: str | None = None) -> dict[str, Any]:
    world.bucket.put(key, content)
    return object_created(key, content, version=version)


def _both(world: World) -> None:
    world.send("call_end", call_ended())
    world.send("recording", put(world, wav()), delay=60)


def _recording_first(world: World) -> None:
    world.send("recording", put(world, wav()))
    world.send("call_end", call_ended(), delay=60)


def _recording_only(world: World) -> None:
    world.send("recording", put(world, wav()))


def _call_end_without_text(world: World) -> None:
    world.send("call_end", call_ended(transcript="none"))
    world.send("recording", put(world, wav()), delay=60)


def _without_text_after_recording(world: World) -> None:
    world.send("recording", put(world, wav()))
    world.send("call_end", call_ended(transcript="none"), delay=60)


def _by_reference(world: World) -> None:
    world.transcript_objects.transcript_objects["call-1.json"] = json.dumps({"messages": TURNS}).encode()
    world.send("call_end", call_ended(transcript="reference"))
    world.send("recording", put(world, wav()), delay=60)


def _pending(world: World) -> None:
    content = json.dumps(TURNS).encode()
    world.transcript_objects.transcript_objects["call-1.json"] = content
    world.send("call_end", call_ended(transcript="pending"))
    world.send("call_end", object_created("call-1.json", content, bucket="transcripts"), delay=30)
    world.send("recording", put(world, wav()), delay=60)


def _thrice(world: World) -> None:
    created = put(world, wav())
    for delay in (0, 1, 70):
        world.send("recording", created, delay=delay)
        world.send("call_end", call_ended(), delay=delay)


def _filtered(world: World) -> None:
    world.send("recording", put(world, wav()))
    world.send("call_end", call_ended(metadata={"coval_simulation_id": "sim_1"}), delay=60)


def _too_short(world: World) -> None:
    world.send("call_end", call_ended())
    world.send("recording", put(world, wav(3.0)), delay=60)


def _by_url(world: World) -> None:
    world.urls.contents["https://media.example.com/call-1.wav?token=secret"] = wav()
    world.send("call_end", call_ended())
    world.send("attach", recording_ready("https://media.example.com/call-1.wav?token=secret"), delay=60)


def _rejected_late(world: World) -> None:
    world.send("call_end", call_ended())
    world.send("recording", put(world, wav() + b"rejected", "odd/rejected.wav", "v1"), delay=60)
    world.bucket.metadata["odd/rejected.wav"] = {"external-conversation-id": "call-1"}


def _named_place(world: World) -> None:
    """The key says nothing: it is pending until the call's end names its place."""
    world.send("recording", put(world, wav(), "odd/place.wav"))
    named = {"items": [{"uri": "s3://recordings/odd/place.wav"}]}
    world.send("call_end", call_ended(recording=named), delay=60)


def _wrong_side(world: World) -> None:
    """Late, so that Coval fetches a copy with the channels changed over."""
    world.send("call_end", call_ended(recording={"agent_channel": 1}))
    world.send("recording", put(world, wav(channels=2)), delay=60)


def _text_only(world: World) -> None:
    world.send("call_end", call_ended(recording={"expected": False}))


SCENARIOS = [
    Scenario("call end first", _both, ("SUBMITTED", "ATTACHED", True, True)),
    Scenario("recording first", _recording_first, ("SUBMITTED", "ATTACHED", True, True)),
    Scenario("recording without call end", _recording_only, ("SUBMITTED", "ATTACHED", True, False)),
    Scenario("call end without text", _call_end_without_text, ("SUBMITTED", "ATTACHED", True, False)),
    Scenario("no text, recording first", _without_text_after_recording, ("SUBMITTED", "ATTACHED", True, False)),
    Scenario("transcript by reference", _by_reference, ("SUBMITTED", "ATTACHED", True, True)),
    Scenario("pending transcript", _pending, ("SUBMITTED", "ATTACHED", True, True)),
    Scenario("everything three times", _thrice, ("SUBMITTED", "ATTACHED", True, True)),
    Scenario("filtered", _filtered, ("FILTERED", "REJECTED", False, False)),
    Scenario("too short", _too_short, ("SUBMITTED", "REJECTED", False, True)),
    Scenario("recording by URL", _by_url, ("SUBMITTED", "ATTACHED", True, True)),
    Scenario("recording rejected by Coval", _rejected_late, ("SUBMITTED", "REJECTED", False, True)),
    Scenario("place named by the call end", _named_place, ("SUBMITTED", "ATTACHED", True, True)),
    Scenario("agent on the wrong side", _wrong_side, ("SUBMITTED", "ATTACHED", True, True)),
    Scenario("text only", _text_only, ("SUBMITTED", None, False, True)),
]


def outcome(world: World) -> tuple[str, str | None, bool, bool]:
    """What the item says and what Coval holds; asserts that they agree and that nothing is doubled."""
    held = [c for c in world.coval.conversations.values() if c["external_conversation_id"] == "call-1"]
    return compared(world, held)


def compared(world: World, held: list[dict[str, Any]]) -> tuple[str, str | None, bool, bool]:
    """The outcome, where Coval holds these conversations of the call, each with `audio` and `transcript`."""
    call = world.store.get("call-1")
    assert len(held) <= 1, "P1: two conversations of one call"
    assert "EXTRA_CONVERSATION_DELETED" not in world.events(), "P1: the audit had to delete a second conversation"
    audio = bool(held and held[0]["audio"] is not None)
    text = bool(held and held[0].get("transcript"))
    assert bool(held) == (call.state == "SUBMITTED"), "the item and Coval disagree"
    return call.state.value, call.recording_state.value if call.recording_state else None, audio, text


def submitted_bodies(world: World) -> list[dict[str, Any]]:
    """What Coval has of each conversation: the request, and the audio."""
    return list(world.coval.conversations.values())
