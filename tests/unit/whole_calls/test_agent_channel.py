"""The agent's voice is on channel 0, whatever the order in which the side and the audio become known."""

import io
import wave
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coval_relay.platforms.shared.contract import PlatformOptions
from tests.support.events import call_ended, recording_ready
from tests.support.scenarios import KEY, outcome, put
from tests.support.world import OPTIONS, Killed, World

AGENT, CALLER = b"\x01\x02", b"\x33\x44"
SECONDS, RATE = 6, 8000


def stereo(left: bytes, right: bytes, seconds: int = SECONDS) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((left + right) * (seconds * RATE))
    return buffer.getvalue()


def heard(world: World) -> tuple[bytes, bytes]:
    """The first sample of both channels of the audio that Coval has: as bytes, or behind a staged URL."""
    (held,) = world.coval.conversations.values()
    audio = held["audio"]
    if isinstance(audio, str):
        key = audio.split("/", 3)[3].split("?")[0]
        audio = world.bucket.objects[key][1]
    with wave.open(io.BytesIO(audio)) as file:
        assert file.getnframes() == SECONDS * RATE
        frame = file.readframes(1)
    return frame[:2], frame[2:]


WRONG, RIGHT = stereo(CALLER, AGENT), stereo(AGENT, CALLER)


def ended_with(channel: int | None) -> dict[str, Any]:
    return call_ended(recording={"agent_channel": channel})


@given(st.permutations(["end", "end", "object", "object"]), st.lists(st.integers(0, 240), min_size=4, max_size=4))
def test_a_side_that_the_call_tells_holds_in_any_order(order: list[str], delays: list[int]) -> None:
    world = World()
    events = {"end": ("call_end", ended_with(1)), "object": ("recording", put(world, WRONG))}
    for name, delay in zip(order, delays, strict=True):
        world.send(*events[name], delay)
    world.run()
    assert outcome(world) == ("SUBMITTED", "ATTACHED", True, True)
    assert heard(world) == (AGENT, CALLER)
    assert world.store.get("call-1").recording.agent_channel == 1


@pytest.mark.parametrize("transcript", ["inline", "none"])
@pytest.mark.parametrize("first", ["end", "object"])
@pytest.mark.parametrize("after", [False, True])
def test_a_death_anywhere_leaves_no_voice_on_the_wrong_side(transcript: str, first: str, after: bool) -> None:
    for at in range(1, 40):
        world = World()
        world.executioner.at, world.executioner.after = at, after
        ended = call_ended(transcript=transcript, recording={"agent_channel": 1})
        world.send("call_end", ended, 0 if first == "end" else 60)
        world.send("recording", put(world, WRONG), 60 if first == "end" else 0)
        world.run()
        assert outcome(world)[:3] == ("SUBMITTED", "ATTACHED", True), (at, world.executioner.names)
        assert heard(world) == (AGENT, CALLER), (at, world.executioner.names)
        if world.executioner.count < at:
            return
    pytest.fail("there are more effects than were tried")


@pytest.mark.parametrize(
    ("channel", "content"),
    [(0, RIGHT), (None, RIGHT), (None, WRONG)],
    ids=["right", "unknown", "unknown too"],
)
def test_what_is_right_or_unknown_goes_as_it_is(channel: int | None, content: bytes) -> None:
    world = World()
    world.send("call_end", ended_with(channel))
    world.send("recording", put(world, content, version="v1"), 60)
    world.run()
    (held,) = world.coval.conversations.values()
    assert held["audio"].startswith("https://recordings.test/rec/call-1.wav")
    assert world.store.get("call-1").recording.agent_channel == channel
    assert ("AGENT_CHANNEL_UNKNOWN" in world.events()) == (channel is None)


def test_the_side_by_the_operators_choice_for_a_platform() -> None:
    options = PlatformOptions(agent_channels={"canonical": 1}, recording_hosts=OPTIONS.recording_hosts)
    world = World(key_pattern="", platforms=("canonical",), options=options)
    world.send("recording", put(world, WRONG))
    world.run()
    assert heard(world) == (AGENT, CALLER)


@pytest.mark.parametrize("order", [["ready", "end"], ["end", "ready"]])
def test_a_link_to_a_recording_with_its_side(order: list[str]) -> None:
    world = World()
    link = "https://media.example.com/one.wav?signature=secret"
    world.urls.contents[link] = WRONG
    ready = recording_ready(link)
    ready["detail"]["recording"]["agent_channel"] = 1
    for delay, name in zip((0, 60), order, strict=True):
        world.send(*{"ready": ("attach", ready), "end": ("call_end", call_ended())}[name], delay)
    world.run()
    assert outcome(world) == ("SUBMITTED", "ATTACHED", True, True)
    assert heard(world) == (AGENT, CALLER)
    assert world.urls.fetched == [link]


def test_an_event_that_tells_the_side_after_the_upload_makes_it_anew() -> None:
    world = World()
    world.send("recording", put(world, WRONG))
    world.run(hours=0.01)
    assert world.store.get("call-1").recording.state == "UPLOADED"
    ready = recording_ready(f"s3://recordings/{KEY}")
    ready["detail"]["recording"]["agent_channel"] = 1
    world.send("attach", ready)
    world.send("call_end", call_ended(), 60)
    world.run()
    assert outcome(world) == ("SUBMITTED", "ATTACHED", True, True)
    assert heard(world) == (AGENT, CALLER)


def test_a_side_that_becomes_known_while_the_bytes_are_on_their_way() -> None:
    """upload as it is ── call end, agent on channel 1 ── the upload ends: it does not count"""
    world = World()
    created = put(world, WRONG)
    original = world.coval.put_audio

    def meanwhile(*arguments: Any) -> None:
        world.coval.put_audio = original
        world.send("call_end", ended_with(1))
        world.deliver(world.queued[-1])
        original(*arguments)

    world.coval.put_audio = meanwhile
    world.send("recording", created)
    world.run()
    assert outcome(world) == ("SUBMITTED", "ATTACHED", True, True)
    assert heard(world) == (AGENT, CALLER)


@pytest.mark.parametrize("kind", ["copy", "move"])
def test_a_recording_that_is_copied_into_its_place_is_taken(kind: str) -> None:
    world = World()
    created = put(world, RIGHT)
    created["detail"]["reason"] = "CopyObject"
    world.send("recording", created)
    if kind == "copy":
        world.send("call_end", call_ended(), 60)
    world.run()
    assert outcome(world)[:3] == ("SUBMITTED", "ATTACHED", True)


def test_a_worker_that_dies_while_it_stages_leaves_nothing_wrong() -> None:
    world = World()
    world.send("call_end", ended_with(1))
    world.run(hours=0.01)
    world.executioner.error = Killed
    world.executioner.at = world.executioner.count + 1
    world.send("recording", put(world, WRONG))
    world.run()
    assert "store" in world.executioner.names
    assert heard(world) == (AGENT, CALLER)
