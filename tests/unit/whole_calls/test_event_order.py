"""P6: the final state does not depend on order or repetition of the events."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coval_relay.domain.errors import RetryableError
from tests.support.events import call_ended, object_created, recording_ready, wav
from tests.support.scenarios import outcome, put
from tests.support.world import World

GOOD, SHORT = wav(6.0), wav(2.0)


@settings(max_examples=3 * settings().max_examples // 2)
@given(
    st.permutations(["call", "call", "good", "good", "short", "url"]),
    st.lists(st.integers(0, 120), min_size=6),
)
def test_any_order_any_repetition_any_delay_within_the_grace_time(order: list[str], delays: list[int]) -> None:
    world = World()
    put(world, SHORT, "odd/short.wav")
    world.bucket.metadata["odd/short.wav"] = {"external-conversation-id": "call-1"}
    messages = {
        "call": ("call_end", call_ended()),
        "good": ("recording", put(world, GOOD)),
        "short": ("recording", object_created("odd/short.wav", SHORT, at=1_790_951_999)),
        "url": ("attach", recording_ready("https://foreign.example.com/x.wav")),
    }
    for name, delay in zip(order, delays, strict=False):
        queue, event = messages[name]
        world.send(queue, event, delay)
    world.run()
    assert outcome(world) == ("SUBMITTED", "ATTACHED", True, True)
    call = world.store.get("call-1")
    assert call.recording.identity.startswith("s3://recordings/rec/call-1.wav#")
    assert list(call.other_recordings.values()) == ["unusable: audio_too_short"]
    assert world.dead == []


@pytest.mark.parametrize("order", [("text", "mark"), ("mark", "text"), ("text", "mark", "text")])
def test_a_call_that_one_of_its_ends_knows_as_a_simulation_is_one_though_its_text_waits(order: tuple[str, ...]) -> None:
    """Coval is busy until both have come."""
    world = World()
    world.coval.errors += [("submit", RetryableError("unavailable"), False)] * 2
    events = {
        "text": call_ended(),
        "mark": call_ended(transcript="none", metadata={"coval_simulation_id": "sim_1"}),
    }
    for number, name in enumerate(order):
        world.send("call_end", events[name], 2 * number)
    world.run()
    assert (outcome(world), world.store.get("call-1").facts.metadata["campaign"]) == (
        ("FILTERED", None, False, False),
        "autumn",
    )
