"""One call has one name, however its characters, blanks and versions are spelled."""

import unicodedata
from typing import Any

import pytest

from coval_relay.adapters.aws.s3_events import object_created as read
from tests.support.events import call_ended, event, object_created, recording_ready, wav
from tests.support.scenarios import outcome, put
from tests.support.world import World

COMPOSED, DECOMPOSED = (unicodedata.normalize(form, "B\u00fcro-1") for form in ("NFC", "NFD"))
WHOLE = ("SUBMITTED", "ATTACHED", True, True)


@pytest.mark.parametrize("event_id", [COMPOSED, DECOMPOSED, f" {COMPOSED}", f"{DECOMPOSED}\t"])
@pytest.mark.parametrize("key_id", [COMPOSED, DECOMPOSED, f"{COMPOSED} "])
@pytest.mark.parametrize("end_first", [True, False])
def test_characters_and_blanks(event_id: str, key_id: str, end_first: bool) -> None:
    world = World()
    world.send("call_end", call_ended(event_id), 0 if end_first else 30)
    world.send("recording", put(world, wav(), f"rec/{key_id}.wav"), 15)
    world.run()
    assert list(world.store.items) == [COMPOSED]
    call, (held,) = world.store.get(COMPOSED), world.coval.conversations.values()
    assert (call.state, call.recording_state, held["external_conversation_id"]) == ("SUBMITTED", "ATTACHED", COMPOSED)


@pytest.mark.parametrize("spelled", [COMPOSED, DECOMPOSED, f"{COMPOSED} "])
def test_an_alias_too(spelled: str) -> None:
    world = World(key_pattern="")
    room = {"type": "room", "value": DECOMPOSED}
    ready = recording_ready("s3://recordings/rec/a.wav")
    ready["detail"] |= {"external_conversation_id": None, "alias": {"type": "room", "value": spelled}}
    put(world, wav(), "rec/a.wav")
    world.send("recording", ready)
    world.send("call_end", call_ended(aliases=[room]), 60)
    world.run()
    assert outcome(world) == WHOLE


def test_what_is_rejected_is_noted_under_the_one_name() -> None:
    world = World()
    world.send("call_end", call_ended(f"{DECOMPOSED} ", status="unheard-of"))
    world.run()
    assert [(name, len(call.notes)) for name, call in world.store.items.items()] == [(COMPOSED, 1)]
    world.send("call_end", event("Call Ended", {"external_conversation_id": f"{DECOMPOSED} "}))
    world.run()
    assert [(name, len(call.notes)) for name, call in world.store.items.items()] == [(COMPOSED, 2)]


def sort_key(sequencer: str) -> str:
    created: dict[str, Any] = object_created("rec/call-1.wav", wav(), sequencer=sequencer)
    return read(created).sort_key


@pytest.mark.parametrize(
    ("older", "newer"),
    [("0055AED6DCD90281E5", "0055AED6DCD90281E6"), ("0055AED6DCD9", "0055AED6DCD90281E5"), ("00ab", "00B"), ("", "1")],
)
def test_of_two_versions_within_a_second_the_sequencer_padded_on_the_right_decides(older: str, newer: str) -> None:
    assert sort_key(older) < sort_key(newer)


def test_a_file_that_macos_leaves_beside_a_recording_is_no_call() -> None:
    world = World(platforms=("canonical",), key_pattern="")
    world.send("recording", put(world, b"\0\5\26\7" + bytes(100), "rec/._call-1.wav"))
    world.run()
    assert (world.dead, world.store.items, world.all_pending()) == ([], {}, [])
