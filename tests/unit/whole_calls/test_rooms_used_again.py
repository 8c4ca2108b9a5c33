"""Rooms whose names are used again: each meeting is a call of its own, and has its own recording."""

from collections.abc import Callable
from itertools import permutations
from typing import Any

import pytest

from coval_relay.domain.errors import Reason
from coval_relay.platforms.shared.contract import PlatformOptions
from tests.support.events import event, wav
from tests.support.scenarios import put
from tests.support.world import World
from tests.unit.platforms.calls import audio_of

BEGAN = 1_790_951_460
"""2026-10-02T14:31:00Z."""
LENGTH = 300
Events = list[tuple[str, dict[str, Any]]]


def daily(world: World, number: int, began: int) -> Events:
    """A meeting in room-7, and its recording a few seconds later; the object's name says the room and the moment."""
    key = f"acme/room-7/{(began + 7) * 1000 + 123}"
    meeting = {"start_ts": began, "end_ts": began + LENGTH, "meeting_id": f"meeting-{number}", "room": "room-7"}
    recording = {"type": "cloud", "recording_id": f"rec-{number}", "room_name": "room-7", "start_ts": began + 7}
    return [
        ("recording", put(world, wav(6 + number), key)),
        ("call_end", event("recording.ready-to-download", {"payload": recording})),
        ("call_end", event("meeting.ended", {"payload": meeting})),
    ]


def livekit(world: World, number: int, began: int) -> Events:
    at = {BEGAN: "143107", BEGAN + LENGTH: "143607"}[began]
    room = {"sid": f"RM_{number}", "name": "room-7", "creationTime": str(began)}
    return [
        ("recording", put(world, wav(6 + number), f"rec/room-7-2026-10-02T{at}.wav")),
        ("call_end", event("room_finished", {"createdAt": str(began + LENGTH), "room": room})),
    ]


def world_of(platform: str, **more: Any) -> World:
    return World(platforms=(platform,), key_pattern="", prefixes=("",), options=PlatformOptions(**more))


def recordings(world: World) -> dict[str, int]:
    """The length of each conversation's audio, by its id."""
    calls = world.coval.conversations.values()
    return {call["external_conversation_id"]: len(audio_of(world, call["audio"])) // 16_000 for call in calls}


@pytest.mark.parametrize(
    ("platform", "events", "ids"),
    [("daily", daily, ("meeting-1", "meeting-2")), ("livekit", livekit, ("RM_1", "RM_2"))],
)
@pytest.mark.parametrize("delays", list(permutations((0, 130, 260))))
def test_two_meetings_one_right_after_the_other(
    platform: str, events: Callable[[World, int, int], Events], ids: tuple[str, str], delays: tuple[int, ...]
) -> None:
    world = world_of(platform)
    for number, began in ((1, BEGAN), (2, BEGAN + LENGTH)):
        for (queue, body), delay in zip(events(world, number, began), delays, strict=False):
            world.send(queue, body, (number - 1) * LENGTH + delay)
    world.run()
    assert recordings(world) == dict(zip(ids, (7, 8), strict=True))
    assert (world.dead, world.all_pending()) == ([], [])
    assert [world.store.get(call_id).notes for call_id in ids] == [(), ()]


# --- two sessions of one room within a minute --------------------------------------------------------


def session(platform: str, number: int, first: int, last: int) -> tuple[str, dict[str, Any]]:
    """One of room-7, from and until so many seconds after BEGAN."""
    if platform == "daily":
        times = {"start_ts": BEGAN + first, "end_ts": BEGAN + last}
        return "call_end", event("meeting.ended", {"payload": {**times, "meeting_id": f"{number}", "room": "room-7"}})
    room = {"sid": f"RM_{number}", "name": "room-7", "creationTime": str(BEGAN + first)}
    return "call_end", event("room_finished", {"createdAt": str(BEGAN + last), "room": room})


def recorded(world: World, platform: str, number: int, second: int) -> tuple[str, dict[str, Any]]:
    keys = {
        "daily": f"acme/room-7/{(BEGAN + second) * 1000 + 123}",
        "livekit": f"rec/room-7-2026-10-02T1431{second:02}.wav",
    }
    return "recording", put(world, wav(6 + number), keys[platform])


@pytest.mark.parametrize("gap", [10, 400], ids=["at once", "long after each other"])
@pytest.mark.parametrize("order", list(permutations(range(4))))
@pytest.mark.parametrize("platform", ["daily", "livekit"])
def test_each_session_within_a_minute_has_its_own_recording(platform: str, order: tuple[int, ...], gap: int) -> None:
    world = world_of(platform)
    sent = [
        session(platform, 1, 2, 32),
        session(platform, 2, 38, 300),
        recorded(world, platform, 1, 5),
        recorded(world, platform, 2, 39),
    ]
    for place, number in enumerate(order):
        world.send(*sent[number], place * gap)
    world.run()
    assert sorted(recordings(world).values()) == [7, 8]
    assert recordings(world)[{"daily": "1", "livekit": "RM_1"}[platform]] == 7
    assert (world.dead, world.all_pending()) == ([], [])


@pytest.mark.parametrize("first", [1, 2])
@pytest.mark.parametrize("began", [30, 33], ids=["ten seconds of it", "the second itself"])
def test_what_began_in_a_second_of_two_sessions_is_neithers_and_says_so(began: int, first: int) -> None:
    world = world_of("livekit")
    claims = {1: session("livekit", 1, 2, 32), 2: session("livekit", 2, began, 300)}
    world.send(*claims[first])
    world.send(*claims[3 - first], 10)
    world.send(*recorded(world, "livekit", 2, 31), 20)
    world.run()
    assert recordings(world) == {}
    ((queue, _, reason),) = world.dead
    assert (queue, reason) == (
        "recording",
        Reason(
            "invalid_input",
            "alias: livekit_room_at is ambiguous: two calls claim the room in this second; its own id, or an event, "
            "must say whose this is",
        ),
    )


def test_what_began_in_no_session_of_its_room_says_what_it_lacked() -> None:
    world = world_of("livekit")
    world.send(*session("livekit", 1, 2, 32))
    world.send(*recorded(world, "livekit", 1, 45), 10)
    world.run(hours=48)
    assert recordings(world) == {}
    ((_, _, reason),) = world.dead
    assert reason is not None
    assert reason.text.startswith(
        "detail.pending.event: no call became known under its livekit_room_at, s3_object in time (livekit_room needs "
        "the end of a call that was in this room in the second in which it began; tried: key rules "
    )
    assert world.all_pending() == []


# --- LiveKit: what names a room only -----------------------------------------------------------------

ROOM = {"sid": "RM_1", "name": "call-1", "creationTime": str(BEGAN), "metadata": '{"external_conversation_id": "a"}'}
FINISHED = event("room_finished", {"createdAt": str(BEGAN + LENGTH), "room": ROOM})
KEYS = ("rec/call-1/2026-10-02T143107.wav", "rec/call-1-caller-2026-10-02T143107.wav")


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("object_at", [0, 200])
@pytest.mark.parametrize("room_at", [0, 100])
def test_a_key_of_ones_own_template_is_the_rooms(key: str, object_at: int, room_at: int) -> None:
    world = world_of("livekit")
    world.send("recording", put(world, wav(), key), object_at)
    world.send("call_end", FINISHED, room_at)
    world.run()
    assert recordings(world) == {"a": 6}
    assert (world.dead, world.all_pending()) == ([], [])


def egress(**kind: Any) -> dict[str, Any]:
    file = {"filename": KEYS[1], "location": f"s3://recordings/{KEYS[1]}", "startedAt": f"{BEGAN}000000000"}
    info = {"roomName": "call-1", "status": "EGRESS_COMPLETE", "startedAt": f"{BEGAN}000000000", "fileResults": [file]}
    return event("egress_ended", {"egressInfo": {**info, **kind}})


@pytest.mark.parametrize("delays", list(permutations((0, 20, 40))))
def test_what_an_egress_says_is_one_participants_is_no_recording(delays: tuple[int, ...]) -> None:
    world = world_of("livekit")
    sent = [
        ("recording", put(world, wav(), KEYS[1])),
        ("call_end", egress(roomId="RM_1", participant={"identity": "caller"})),
        ("call_end", FINISHED),
    ]
    for (queue, body), delay in zip(sent, delays, strict=True):
        world.send(queue, body, delay)
    world.run()
    assert not any(call.get("audio") for call in world.coval.conversations.values())
    assert (world.dead, world.all_pending()) == ([], [])


@pytest.mark.parametrize("delays", list(permutations((0, 100, 200))))
def test_an_egress_that_names_the_room_alone_is_the_rooms(delays: tuple[int, ...]) -> None:
    world = world_of("livekit", recording_hosts=("storage.acme.example",))
    url = "https://storage.acme.example/any/name.wav"
    world.urls.contents[url] = wav()
    elsewhere = egress(fileResults=[{"filename": "any/name.wav", "location": url}])
    report = {"room_id": "RM_1", "room": "call-1", "external_conversation_id": "a", "started_at": BEGAN + 20.5}
    item = {"type": "message", "role": "user", "content": ["Hi."], "created_at": BEGAN + 22}
    session = event("session_report", {**report, "timestamp": BEGAN + 200, "chat_history": {"items": [item]}})
    for body, delay in zip((elsewhere, session, FINISHED), delays, strict=True):
        world.send("call_end", body, delay)
    world.run()
    assert recordings(world) == {"a": 6}
    assert (world.dead, world.all_pending()) == ([], [])


def test_an_object_may_come_twice() -> None:
    world = world_of("daily")
    for queue, body in daily(world, 1, BEGAN):
        world.send(queue, body)
        world.send(queue, body, 30)
    world.run()
    assert recordings(world) == {"meeting-1": 7}
