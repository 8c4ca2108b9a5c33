"""Other names of calls: whatever comes first, the object or the event that holds both names."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coval_relay.domain.call_aliases import Alias
from coval_relay.domain.messages import AliasesKnown
from coval_relay.domain.object_key_rules import KeyRule
from coval_relay.platforms import registry
from tests.support.events import TURNS, call_ended, event, object_created, recording_ready, wav
from tests.support.scenarios import outcome, put
from tests.support.world import PENDING_SECONDS, Killed, World

RECORDING_KEY = "odd/AC00000000000000000000000000000001/RE00000000000000000000000000000003"
RECORDING_NAME = {"type": "twilio_recording_sid", "value": "RE00000000000000000000000000000003"}
CALL_NAME = {"type": "twilio_call_sid", "value": "CA00000000000000000000000000000002"}


def aliases_known(target: dict[str, Any], *aliases: dict[str, str]) -> dict[str, Any]:
    return event("Aliases Known", {"schema_version": "1", **target, "aliases": list(aliases)})


def twilio_world(**options: Any) -> World:
    return World(platforms=("twilio",), key_pattern="", **options)


def send_all(world: World, order: list[str], delays: list[int]) -> None:
    events = {
        "end": ("call_end", call_ended(aliases=[CALL_NAME])),
        "bind": ("call_end", aliases_known({"alias": CALL_NAME}, RECORDING_NAME)),
        "object": ("recording", put(world, wav(), RECORDING_KEY)),
    }
    for name, delay in zip(order, delays, strict=False):
        world.send(*events[name], delay)


@given(
    st.permutations(["end", "bind", "object", "end", "bind", "object"]),
    st.lists(st.integers(0, 240), min_size=6),
)
def test_a_recording_finds_its_call_over_two_names_in_any_order(order: list[str], delays: list[int]) -> None:
    world = twilio_world()
    send_all(world, order, delays)
    world.run()
    assert outcome(world) == ("SUBMITTED", "ATTACHED", True, True)
    assert (world.dead, world.all_pending(), list(world.store.items)) == ([], [], ["call-1"])


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("order", [["object", "bind", "end"], ["end", "object", "bind"]])
def test_a_death_at_any_effect_loses_nothing_that_waits(order: list[str], after: bool) -> None:
    for at in range(1, 80):
        world = twilio_world()
        world.executioner.at, world.executioner.after = at, after
        send_all(world, order, [0, 30, 60])
        world.run()
        assert outcome(world) == ("SUBMITTED", "ATTACHED", True, True), (at, world.executioner.names)
        assert (world.dead, world.all_pending()) == ([], [])
        if world.executioner.count < at:
            return
    pytest.fail("the scenario has more effects than were tried")


def test_what_waited_too_long_goes_to_the_dead_letters_with_its_key_and_the_rules() -> None:
    world = twilio_world()
    world.send("recording", put(world, wav(), RECORDING_KEY))
    world.run(hours=PENDING_SECONDS / 3600 + 1)
    ((queue, body, reason),) = world.dead
    assert (queue, reason.code if reason else "") == ("recording", "invalid_input")
    assert reason is not None
    assert reason.text.startswith("detail.pending.event: no call became known under its ")
    assert "key rules own_transcript, twilio" in reason.text
    assert RECORDING_KEY in body
    assert (world.all_pending(), world.store.items) == ([], {})


def test_a_dead_letter_that_is_sent_again_finds_the_call_that_became_known() -> None:
    world = twilio_world()
    world.send("recording", put(world, wav(), RECORDING_KEY))
    world.run(hours=PENDING_SECONDS / 3600 + 1)
    ((queue, body, _),) = world.dead
    world.dead.clear()
    send_all(world, ["bind", "end"], [0, 0])
    for _ in range(2):
        world.send(queue, body)
    world.run()
    assert outcome(world) == ("SUBMITTED", "ATTACHED", True, True)
    assert world.dead == []


def test_a_name_that_belongs_to_another_call_stays_there_and_says_so() -> None:
    world = twilio_world()
    world.send("call_end", call_ended(aliases=[CALL_NAME]))
    world.send("call_end", call_ended("call-2", aliases=[CALL_NAME]), 30)
    world.run(hours=1)
    assert world.aliases.target(Alias(**CALL_NAME)) == "call-1"
    assert [note.code for note in world.store.get("call-2").notes] == ["alias_taken"]
    assert world.store.get("call-2").state == "SUBMITTED"


@pytest.mark.parametrize("first", ["object", "end"])
def test_an_object_whose_key_says_nothing_is_found_by_the_event_that_names_its_place(first: str) -> None:
    world = World(key_pattern="")
    created = put(world, wav(), "odd/2026-10-02/one.wav")
    ended = call_ended(recording={"items": [{"uri": "s3://recordings/odd/2026-10-02/one.wav"}]})
    world.send("recording", created, 0 if first == "object" else 60)
    world.send("call_end", ended, 60 if first == "object" else 0)
    world.run()
    assert outcome(world) == ("SUBMITTED", "ATTACHED", True, True)


@pytest.mark.parametrize("first", ["object", "sidecar"])
def test_a_sidecar_beside_the_recording_tells_whose_it_is(first: str) -> None:
    world = World(key_pattern="^never(?P<external_conversation_id>x)$", platforms=())
    content = json.dumps({"external_conversation_id": "call-1"}).encode()
    messages = {"object": put(world, wav(), "odd/one.wav"), "sidecar": put(world, content, "odd/one.wav.json")}
    second = "object" if first == "sidecar" else "sidecar"
    world.send("recording", messages[first])
    world.send("recording", messages[second], 30)
    world.send("call_end", call_ended(), 60)
    world.run()
    assert outcome(world) == ("SUBMITTED", "ATTACHED", True, True)
    assert world.dead == []


def test_a_recording_link_waits_for_its_call() -> None:
    world = World()
    world.urls.contents["https://media.example.com/a.wav"] = wav()
    ready = recording_ready("https://media.example.com/a.wav")
    del ready["detail"]["external_conversation_id"]
    ready["detail"]["alias"] = CALL_NAME
    world.send("attach", ready)
    world.send("call_end", call_ended(aliases=[CALL_NAME]), 60)
    world.run()
    assert outcome(world) == ("SUBMITTED", "ATTACHED", True, True)


def test_aliases_that_lead_in_a_circle_are_rejected() -> None:
    world = World(platforms=("twilio",), key_pattern="")
    other = {"type": "leg", "value": "1"}
    world.send("call_end", aliases_known({"alias": CALL_NAME}, other))
    world.send("call_end", aliases_known({"alias": other}, CALL_NAME), 5)
    world.send("call_end", aliases_known({"alias": other}, RECORDING_NAME), 10)
    world.send("recording", put(world, wav(), RECORDING_KEY), 60)
    world.run(hours=1)
    assert [reason.text for _, _, reason in world.dead if reason] == ["alias: must lead to a call in 5 steps"]


def test_a_transcript_object_may_wait_for_its_call_too() -> None:
    rule = KeyRule(
        name="legs", platform="custom", kind="transcript", alias_type="leg", pattern=r"^(?P<alias>\d+)\.json$"
    )
    world = World(transcript_key_pattern="")
    content = json.dumps(TURNS).encode()
    world.transcript_objects.transcript_objects["7.json"] = content
    book = registry.key_rule_set((), world.options, (rule,), ())
    service: Any = world.consumers["call_end"].service
    object.__setattr__(service.matcher, "key_rule_set", lambda: book)
    world.send("call_end", object_created("7.json", content, bucket="transcripts"))
    world.send("call_end", call_ended(transcript="pending", aliases=[{"type": "leg", "value": "7"}]), 30)
    world.send("recording", put(world, wav()), 40)
    world.run()
    assert outcome(world) == ("SUBMITTED", "ATTACHED", True, True)


def test_binding_sends_on_before_it_clears() -> None:
    world = twilio_world()
    send_all(world, ["object"], [0])
    world.run(hours=0.1)
    world.executioner.at = world.executioner.count + 3  # bind, send, and here clear
    service: Any = world.consumers["call_end"].service
    with pytest.raises(Killed):
        service.resolver.bind(AliasesKnown(target="call-1", aliases=(Alias(**RECORDING_NAME),)))
    assert world.executioner.names[-3:] == ["bind", "send_recording", "clear"]
    assert len(world.aliases.waiting(Alias(**RECORDING_NAME))) == len(world.queued) == 1
