"""The cases that telephony is known for, one after the other, from the handlers' edge inwards."""

import copy
import json
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote_plus

import pytest

from coval_relay.domain.errors import UrlRejectedError
from tests.support.events import TURNS, call_ended, etag, object_created
from tests.support.voices import by_ffmpeg, by_libsndfile, decoded
from tests.support.voices import call as spoken
from tests.support.world import DEADLINES, FUNCTION_SECONDS, World
from tests.unit.platforms.calls import (
    AGENT_LEFT,
    AGENT_RIGHT,
    CALLS,
    CONNECT_AGENT,
    HELLO,
    LENS,
    LENS_AGENT,
    LIVEKIT_MANIFEST,
    MIXED,
    MONDAY,
    Part,
    PlatformCall,
    Sound,
    answered,
    as_json,
    asked,
    audio_of,
    canonical,
    come,
    created,
    event,
    heard,
    outcome,
    played,
    renamed,
    said,
    sample_event,
    world_of,
)

DAY = 86_400
MEBIBYTE = 1024 * 1024
ID = r"(?P<external_conversation_id>.+)"
BY_NAME = {call.name: call for call in CALLS}


@dataclass(frozen=True)
class Held:
    """A call's end: its states, what its item notes, and the words and the sound that Coval holds."""

    state: str
    recording: str | None = None
    notes: tuple[str, ...] = ()
    words: tuple[str, ...] | None = None
    sound: Sound | None = None


GREETED = tuple(str(turn["content"]) for turn in TURNS)
WHOLE = Held("SUBMITTED", "ATTACHED", words=GREETED, sound=MIXED)


def ends(world: World, *, dead: Sequence[str] = ()) -> dict[str, Held]:
    """Every call's end, once all is quiet; `dead` are the codes of the dead letters there must be."""
    world.run(hours=48)
    assert [reason.code for _, _, reason in world.dead if reason] == list(dead)
    assert (len(world.dead), world.all_pending(), world.queued) == (len(dead), [], [])
    bodies = [held["external_conversation_id"] for held in world.coval.conversations.values()]
    assert len(bodies) == len(set(bodies))
    return {name: _held(world, name) for name in {*world.store.items, *bodies}}


def _held(world: World, name: str) -> Held:
    item = world.store.get(name)
    made = [c for c in world.coval.conversations.values() if c["external_conversation_id"] == name]
    reason = item.recording.reason if item.recording else None
    codes = (*(note.code for note in item.notes), *([reason.code] if reason else []))
    words = tuple(m["content"] for m in made[0]["transcript"]) if made and "transcript" in made[0] else None
    audio = made[0]["audio"] if made else None
    sound = heard(audio_of(world, audio)) if audio is not None else None
    return Held(item.state, item.recording_state, codes, words, sound)


def invoke(world: World, payload: Any, queue: str = "call_end") -> None:
    assert world.consumers[queue](payload, lambda: FUNCTION_SECONDS) == {"batchItemFailures": []}


def record(body: Any, message_id: str = "m1") -> dict[str, Any]:
    return {"eventSource": "aws:sqs", "messageId": message_id, "body": json.dumps(body)}


def put(world: World, content: bytes, key: str = "rec/call-1.wav", **more: Any) -> dict[str, Any]:
    world.bucket.put(key, content)
    return object_created(key, content, **more)


def classic(key: str, content: bytes) -> dict[str, Any]:
    """The same object in a notification of S3's own, whose keys are form-encoded."""
    item = {"key": quote_plus(key), "size": len(content), "eTag": etag(content), "sequencer": "01"}
    stored = {"bucket": {"name": "recordings"}, "object": item}
    made = {"eventName": "ObjectCreated:Put", "eventTime": "2026-10-02T14:37:40.000Z", "s3": stored}
    return {"Records": [{"eventSource": "aws:s3", **made}]}


def one_after_the_other(parts: Sequence[Part], seconds: int = 5) -> list[tuple[Part, int]]:
    return [(part, index * seconds) for index, part in enumerate(parts)]


# --- how events come ---------------------------------------------------------------------------------

CALL_1, CALL_2 = call_ended("call-1"), call_ended("call-2")


@pytest.mark.parametrize(
    "payloads",
    [
        [CALL_1, CALL_2],
        [{"Records": [record(CALL_1), record(CALL_2, "m2")]}],
    ],
    ids=["bare events", "SQS records"],
)
def test_a_handler_gets_events_in_any_wrapping(payloads: list[Any]) -> None:
    """Lambda may be handed one event, or SQS records that hold one each."""
    world = World()
    for payload in payloads:
        invoke(world, payload)
    assert ends(world) == dict.fromkeys(("call-1", "call-2"), Held("SUBMITTED", words=GREETED))


@pytest.mark.parametrize("queued", [False, True], ids=["straight from S3", "in an SQS record"])
def test_a_handler_gets_classic_notifications(queued: bool) -> None:
    """S3's older notifications are recordings too."""
    world, content = World(), MIXED.wav()
    put(world, content)
    notification = classic("rec/call-1.wav", content)
    invoke(world, {"Records": [record(notification)]} if queued else notification, "recording")
    invoke(world, CALL_1)
    assert ends(world) == {"call-1": WHOLE}


@pytest.mark.parametrize("queue", ["call_end", "recording"])
def test_a_handler_gets_the_test_event(queue: str) -> None:
    """S3 sends a test event when notifications are set up: it is nobody's call."""
    world, greeting = World(), {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "recordings"}
    invoke(world, greeting, queue)
    invoke(world, {"Records": [record(greeting)]}, queue)
    assert ends(world) == {}


# --- repetition --------------------------------------------------------------------------------------


@pytest.mark.parametrize("ids", [("e-1", "e-1"), ("e-1", "e-2")], ids=["same id", "another id"])
def test_the_same_fact_twice(ids: tuple[str, str]) -> None:
    """EventBridge repeats an event under its id, a producer that sends again gives it a new one."""
    world = World()
    content = MIXED.wav()
    for name in ids:
        world.send("call_end", {**CALL_1, "id": name})
        world.send("recording", {**put(world, content), "id": name})
    assert ends(world) == {"call-1": WHOLE}
    assert world.coval.calls.count("submit") == 1


@pytest.mark.parametrize("forgotten", [False, True], ids=["the item is there", "the item has expired"])
def test_a_replay_days_later(forgotten: bool) -> None:
    """An archive is replayed a week later: what Coval has is found, not made a second time."""
    world = World()
    world.send("call_end", CALL_1)
    world.send("recording", put(world, MIXED.wav()))
    assert ends(world) == {"call-1": WHOLE}
    world.clock.now += 7 * DAY
    if forgotten:
        world.store.items.clear()
    world.send("call_end", CALL_1)
    world.send("recording", put(world, MIXED.wav()))
    assert ends(world) == {"call-1": WHOLE}
    assert world.coval.calls.count("submit") == 1


@pytest.mark.parametrize("backwards", [False, True], ids=["in order", "the other way round"])
@pytest.mark.parametrize("name", ["Connect", "Chime, two ends", "Retell"])
def test_two_events_tell_the_same_end(name: str, backwards: bool) -> None:
    """Connect's DISCONNECTED and COMPLETED, the two streams of Chime, Retell's ended and analyzed."""
    call = BY_NAME[name]
    parts = call.parts[::-1] if backwards else call.parts
    assert outcome(played(call, one_after_the_other(parts))) == call.ended


# --- order -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("transcript", ["inline", "none"])
def test_the_recording_comes_before_its_call(transcript: str) -> None:
    """The object is there minutes before the event of the call's end."""
    world = World()
    world.send("recording", put(world, MIXED.wav()))
    world.send("call_end", call_ended(transcript=transcript), delay=300)
    assert ends(world) == {"call-1": replace(WHOLE, words=GREETED if transcript == "inline" else None)}


@pytest.mark.parametrize("name", ["Twilio, hold splits the recording, in S3", "Daily with Pipecat's own event"])
def test_a_name_becomes_known_only_afterwards(name: str) -> None:
    """Objects under RE… and rooms wait until an event says whose they are."""
    call = BY_NAME[name]
    objects = [(part, 0) for part in call.parts if part.key]
    events = [(part, 600) for part in call.parts if not part.key]
    assert outcome(played(call, [*objects, *events])) == call.ended


def test_a_transcript_comes_before_its_call() -> None:
    """Contact Lens has written its file before the contact event is delivered."""
    call = BY_NAME["Connect"]
    transcripts = [(part, 0) for part in call.parts if part.queue == "call_end" and part.key]
    others = [(part, 300) for part in call.parts if (part, 0) not in transcripts]
    assert outcome(played(call, [*transcripts, *others])) == call.ended


@pytest.mark.parametrize(
    ("order", "waits"),
    [((0, 2), True), ((0, 1, 2), False), ((1, 0, 2), False)],
    ids=["nobody says so", "the analysis failed", "it had failed before the call ended"],
)
def test_no_transcript_ever_comes(order: Sequence[int], waits: bool) -> None:
    """Announced, and never written: the recording goes alone, at once where a FAILED event says so."""
    call = BY_NAME["Connect, analysis failed"]
    world = played(call, one_after_the_other([call.parts[index] for index in order]))
    assert outcome(world) == call.ended
    (item,) = world.store.items.values()
    assert (item.submitted_at - item.waiting_since >= DEADLINES.transcript) is waits


# --- keys --------------------------------------------------------------------------------------------

NAMES = ["room +1 555", "v3:KBnLO0ZK", "50% off", "Grüße 世界", "a%2Bb", "a+b%20c"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("first", ["event", "classic"])
def test_keys_are_taken_as_they_are_written(name: str, first: str) -> None:
    """A key is literal in EventBridge's event and form-encoded in a classic one: the call is the same."""
    world, content = World(key_pattern=rf"^rec/{ID}\.wav$"), MIXED.wav()
    literal = put(world, content, f"rec/{name}.wav")
    both = [literal, classic(f"rec/{name}.wav", content)]
    for notification in both if first == "event" else both[::-1]:
        world.send("recording", notification)
    world.send("call_end", call_ended(name), delay=5)
    assert ends(world) == {name: WHOLE}


OGG = by_libsndfile("OGG", "VORBIS")
MP4 = by_ffmpeg("mp4", "aac", b="64k")


def test_a_key_without_an_extension() -> None:
    """Twilio and Daily name no format: the bytes show it."""
    call = BY_NAME["Daily alone"]
    assert "." not in next(part.key for part in call.parts if part.key)
    assert outcome(played(call, [(part, 0) for part in call.parts])) == call.ended


@pytest.mark.parametrize("encode", [OGG, MP4], ids=["OGG", "MP4"])
def test_another_format_under_wav(encode: Callable[..., bytes]) -> None:
    """OGG and MP4 that are named .wav are converted into what Coval takes."""
    world = World()
    world.send("recording", put(world, encode(spoken(6.0, 16_000, 1), 16_000)))
    world.send("call_end", CALL_1, delay=5)
    world.run()
    (held,) = world.coval.conversations.values()
    audio = audio_of(world, held["audio"])
    sound, rate = decoded(audio)
    assert (audio[:3] in (b"ID3", b"\xff\xf3\xc4") or audio[0] == 0xFF, sound.shape[1]) == (True, 1)
    assert len(sound) / rate == pytest.approx(6.0, abs=0.2)
    assert world.store.get("call-1").recording_state == "ATTACHED"


def test_zero_bytes() -> None:
    """An empty object says so, and costs the text nothing."""
    world = World()
    world.send("recording", put(world, b""))
    world.send("call_end", CALL_1, delay=5)
    assert ends(world) == {"call-1": Held("SUBMITTED", "REJECTED", ("audio_empty",), GREETED)}


@pytest.mark.parametrize(
    ("platform", "key", "content"),
    [
        ("canonical", "rec/2026/", b""),
        ("canonical", "rec/.write_access_check_file.temp", b"x"),
        ("livekit", "recordings/EG_3gQwXy7ZtKfP.json", as_json(LIVEKIT_MANIFEST)),
        ("genesys", BY_NAME["Genesys, two recordings"].parts[6].key, b"{}"),
        ("amazon_connect", BY_NAME["Connect"].parts[4].key, MIXED.wav()),
        ("vapi", BY_NAME["Vapi, stereo whose sides are known"].parts[3].key, MIXED.wav()),
    ],
    ids=["folder", "probe", "manifest", "sidecar", "redacted twin", "one party's track"],
)
def test_objects_that_are_no_recordings(platform: str, key: str, content: bytes) -> None:
    """Folders, probes, manifests, sidecars, the twin that the policy does not want, tracks of one party."""
    world = World(platforms=(platform,), key_pattern="", prefixes=("",))
    world.send("recording", put(world, content, key))
    assert ends(world) == {}
    assert world.coval.calls == []


@pytest.mark.parametrize("name", ["Connect", "Connect, redacted"])
def test_the_redacted_twin(name: str) -> None:
    """Of a recording and its redacted twin, and of their transcripts, the policy's is taken."""
    call = BY_NAME[name]
    assert outcome(played(call, one_after_the_other(call.parts))) == call.ended


@pytest.mark.parametrize(
    ("forgotten", "end"),
    [(False, WHOLE), (True, replace(WHOLE, recording="REJECTED", notes=("superseded",)))],
    ids=["the item is there", "the item has expired"],
)
@pytest.mark.parametrize("reason", ["CopyObject", "CompleteMultipartUpload", "PutObject"])
def test_an_old_call_is_copied_months_later(forgotten: bool, end: Held, reason: str) -> None:
    """Replication, lifecycle and `aws s3 sync` make new objects of old recordings: that is no new call."""
    world = World()
    world.send("recording", put(world, MIXED.wav()))
    world.send("call_end", CALL_1, delay=5)
    assert ends(world) == {"call-1": WHOLE}
    world.clock.now += 90 * DAY
    if forgotten:
        world.store.items.clear()
    copied = put(world, MIXED.wav(), at=world.clock.now, sequencer="02")
    copied["detail"]["reason"] = reason
    copied["detail"]["object"]["version-id"] = "of-the-copy"
    world.send("recording", copied)
    assert ends(world) == {"call-1": end}
    assert world.coval.calls.count("submit") == 1


# --- calls of several parts --------------------------------------------------------------------------


def _contact(name: str, contact: str) -> tuple[Part, ...]:
    """A contact of the transfer, with its own recording and analysis."""
    old, new = "7c2f5b9b7a10", f"7c2f5b9b7{contact}"
    recording, analysis = CONNECT_AGENT.replace(old, new), LENS_AGENT.replace(old, new)
    return (
        event(sample_event("amazon_connect", name)),
        created(recording, AGENT_RIGHT.wav()),
        created(analysis, as_json(renamed(LENS, old, new)), bucket="transcripts"),
    )


def test_a_transfer_makes_two_calls_that_know_each_other() -> None:
    """Two contacts of a chain, each with objects of its own: two conversations with one group."""
    parts = (
        *_contact("disconnected_before_transfer", "a14"),
        *_contact("disconnected_after_transfer", "a15"),
    )
    world = played(BY_NAME["Connect"], one_after_the_other(parts, 2))
    first, second = (f"3b1f0f5e-6d1c-4a57-9f0e-7c2f5b9b7{contact}" for contact in ("a14", "a15"))
    words = tuple(turn["Content"] for turn in LENS["Transcript"])
    whole = Held("SUBMITTED", "ATTACHED", words=words, sound=AGENT_LEFT)
    assert ends(world) == {first: whole, second: whole}
    held = {c["external_conversation_id"]: c["metadata"] for c in world.coval.conversations.values()}
    assert [held[name].get("group_id") for name in (first, second)] == [None, first]


@pytest.mark.parametrize("kind", ["in S3", "by URL"])
@pytest.mark.parametrize("backwards", [False, True], ids=["in order", "the other way round"])
def test_a_hold_splits_the_recording(kind: str, backwards: bool) -> None:
    """Twilio's RE1 and RE2 of one call: the longer one is attached, the other one says superseded."""
    call = BY_NAME[f"Twilio, hold splits the recording, {kind}"]
    parts = call.parts[::-1] if backwards else call.parts
    assert outcome(played(call, one_after_the_other(parts))) == call.ended


# --- calls that were none ----------------------------------------------------------------------------

UNANSWERED = [
    ("canonical", None, "call_ended_not_answered"),
    ("amazon_connect", "amazon_connect", "disconnected_never_connected"),
    ("amazon_connect", "amazon_connect", "disconnected_in_queue"),
    ("twilio", "twilio", "call_no_answer"),
    ("telnyx", "telnyx", "call_hangup_no_answer"),
    ("vapi", "vapi", "end_of_call_report_no_answer"),
    ("retell", "retell", "call_ended_no_answer"),
    ("elevenlabs", "elevenlabs", "call_initiation_failure"),
    ("elevenlabs", "elevenlabs", "post_call_transcription_failed"),
]


@pytest.mark.parametrize(("platform", "folder", "name"), UNANSWERED, ids=[case[2] for case in UNANSWERED])
def test_nobody_answers(platform: str, folder: str | None, name: str) -> None:
    """No transcript, no recording, often no start: the call is closed with a note, and Coval not asked."""
    world = World(platforms=(platform,), key_pattern="")
    world.send("call_end", sample_event(folder, name) if folder else canonical(name))
    (held,) = ends(world).values()
    assert held == Held("WAITING", notes=("skipped",))
    (item,) = world.store.items.values()
    assert (item.due_at, item.facts.recording_expected, world.coval.calls) == (None, False, [])


# --- fields ------------------------------------------------------------------------------------------

BEGINNINGS = [
    ("twilio", "call_completed", "2026-10-02T14:31:07.000Z"),
    ("twilio", "event_stream_call_completed", "2026-10-02T14:31:07.000Z"),
    ("livekit", "room_finished", "2026-10-02T14:30:50.120Z"),
    ("livekit", "room_finished_without_metadata", "2026-10-02T14:30:50.000Z"),
    ("genesys", "customer_end", "2026-10-02T14:31:07.000Z"),
    ("amazon_connect", "disconnected_pascal_case", "2026-10-02T14:31:07.000Z"),
    ("amazon_connect", "disconnected_renamed", "2026-10-02T14:31:07.000Z"),
    ("amazon_connect", "disconnected_never_connected", "2026-10-02T14:30:50.000Z"),
    ("retell", "call_ended", "2026-10-02T14:31:07.000Z"),
]


@pytest.mark.parametrize(("platform", "name", "began"), BEGINNINGS, ids=[f"{p}, {n}" for p, n, _ in BEGINNINGS])
def test_numbers_and_times_in_every_spelling(platform: str, name: str, began: str) -> None:
    """Numbers as strings, seconds or milliseconds since 1970, RFC 2822, 1970 for never, PascalCase."""
    world = World(platforms=(platform,), key_pattern="")
    invoke(world, sample_event(platform, name))
    (item,) = world.store.items.values()
    assert (item.facts.occurred_at, world.dead) == (began, [])


def test_nanoseconds_in_strings() -> None:
    """LiveKit says when a recording began in nanoseconds, as a string."""
    call = BY_NAME["LiveKit, custom key and own id"]
    report, egress, recording = call.parts[1], call.parts[2], call.parts[4]
    world = world_of(call)
    come(world, recording, 100)
    come(world, egress, 0)
    come(world, report, 50)
    world.run()
    (item,) = world.store.items.values()
    assert item.recording.created_at == 1_790_951_467


# --- messages ----------------------------------------------------------------------------------------

SPOKEN_WHILE_LOOKING = {**asked(7.0), "content": "One moment."}
ODD = [
    (
        "vapi",
        "end_of_call_report_odd_messages",
        [
            said("assistant", HELLO, 2.9, 7.0),
            said("user", "Hi, I want", 2.0, 4.0),
            {**renamed(SPOKEN_WHILE_LOOKING, ':\\"mon', ': \\"mon'), "end_time": 7.4},
            answered(7.4),
            said("assistant", MONDAY, 0.0, 2.0),
        ],
    ),
    (
        "elevenlabs",
        "post_call_transcription_odd_turns",
        [
            said("assistant", HELLO, 0.0, 7.0),
            {**renamed(SPOKEN_WHILE_LOOKING, "call_1", "rq_1"), "end_time": 8.0},
            {**answered(8.0, "rq_1"), "content": '{"slots": ["09:00"]}'},
        ],
    ),
    (
        "retell",
        "call_ended_web_odd_turns",
        [
            said("assistant", HELLO, 0.0, 5.0),
            said("user", "Hi, I want", 6.47, 330.0),
            said("user", "Front desk here.", 5.0, 5.9),
        ],
    ),
    ("livekit", "session_report_odd_items", [said("assistant", f"{HELLO} [image_content]", 1.0, 328.9)]),
]


@pytest.mark.parametrize(("platform", "name", "messages"), ODD, ids=[f"{p}, {n}" for p, n, _ in ODD])
def test_odd_messages(platform: str, name: str, messages: list[dict[str, Any]]) -> None:
    """Words that are null or empty, calls of tools without words, answers to nothing, ends before starts."""
    world = World(platforms=(platform,), key_pattern="")
    invoke(world, sample_event(platform, name))
    (held,) = world.coval.conversations.values()
    assert held["transcript"] == messages
    assert world.dead == []


def test_two_speak_at_once() -> None:
    """Turns may overlap: the third one here begins before the second has ended."""
    turns = [
        said("user", "So,", 0.0, 2.0),
        said("assistant", "Yes?", 1.5, 3.0),
        said("user", "well.", 1.8, 4.0),
    ]
    world = World()
    invoke(world, call_ended(transcript={"status": "inline", "messages": turns}))
    (held,) = world.coval.conversations.values()
    assert held["transcript"] == turns


@pytest.mark.parametrize(
    ("message", "rule"),
    [
        (said("user", "Hi.", 5.0, 2.0), "[0].end_time: must not be before start_time"),
        (said("tool", "9", 1.0, 1.0, tool_call_id="x"), "[0].tool_call_id: must name an earlier tool call"),
        ({"role": "user", "content": None}, "[0]: must have content"),
        (
            said("user", "Hi.", 1_000.0, 900_000.0),
            ": times must be seconds: the last is far beyond the call's length",
        ),
    ],
    ids=["end before start", "answer to nothing", "nothing said", "milliseconds"],
)
def test_messages_of_ones_own_event_must_be_right(message: Mapping[str, Any], rule: str) -> None:
    """In the canonical event, which is the sender's own, an odd message is rejected and the item says why."""
    world = World()
    invoke(world, call_ended(transcript={"status": "inline", "messages": [message]}))
    assert [note.text for note in world.store.get("call-1").notes] == [f"detail.transcript.messages{rule}"]
    assert world.coval.calls == []


# --- ids and sizes -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["v3:KBnLO0ZK/3Dh+KM5s==", "sip:a@b.example;x=1", "x" * 256], ids=["v3", "sip", "256"])
def test_ids_of_any_characters(name: str) -> None:
    """Colons, slashes, plus signs, and 256 characters: the id goes through as it is."""
    world = World(key_pattern="")
    created_ = put(world, MIXED.wav(), "odd/one.wav")
    world.bucket.metadata["odd/one.wav"] = {"external-conversation-id": name}
    world.send("recording", created_)
    world.send("call_end", call_ended(name), delay=5)
    assert ends(world) == {name: WHOLE}


def test_an_id_that_is_too_long() -> None:
    """257 characters are no id: the event waits in the dead letters."""
    world = World()
    invoke(world, call_ended("x" * 257))
    assert ends(world, dead=["invalid_input"]) == {}


def test_a_detail_of_nearly_a_megabyte() -> None:
    """EventBridge carries 1 MB, Coval's queue 256 KB: the oldest words stay behind, and it is said."""
    turns = [{"role": "user", "content": f"{number} " + "word " * 200} for number in range(900)]
    ended = call_ended(transcript={"status": "inline", "messages": turns})
    assert 900_000 < len(json.dumps(ended)) < 1_000_000
    world = World()
    invoke(world, ended)
    (held,) = world.coval.conversations.values()
    kept = len(held["transcript"])
    assert held["transcript"] == turns[-kept:]
    assert held["metadata"]["transcript_dropped_messages"] == 900 - kept
    sent = {name: value for name, value in held.items() if name not in ("audio", "created")}
    assert 250_000 < len(json.dumps(sent, separators=(",", ":"))) <= 256_000


@pytest.mark.parametrize("late", [0, 600], ids=["there", "there ten minutes later"])
def test_a_transcript_by_reference(late: int) -> None:
    """The transcript lies in S3, perhaps not yet when the call ends."""
    world, document = World(), as_json({"messages": TURNS})
    world.send("call_end", call_ended(transcript="reference"))
    world.send("recording", put(world, MIXED.wav()))
    if not late:
        world.transcript_objects.transcript_objects["call-1.json"] = document
    world.run(hours=late / 3600)
    world.transcript_objects.transcript_objects["call-1.json"] = document
    assert ends(world) == {"call-1": WHOLE}


def test_a_reference_to_nothing() -> None:
    """What never comes is given up at its deadline: the recording goes alone."""
    world = World()
    world.send("call_end", call_ended(transcript="reference"))
    world.send("recording", put(world, MIXED.wav()))
    assert ends(world) == {"call-1": replace(WHOLE, words=None, notes=("transcript_missing",))}


# --- sounds ------------------------------------------------------------------------------------------


def head(size: int, *, rate: int, channels: int) -> bytes:
    """The beginning of a WAV file of so many bytes."""
    layout = struct.pack("<HHIIHH", 1, channels, rate, rate * channels * 2, channels * 2, 16)
    form = struct.pack("<4sI4s4sI", b"RIFF", size - 8, b"WAVE", b"fmt ", len(layout)) + layout
    return form + struct.pack("<4sI", b"data", size - 44) + bytes(1000)


@pytest.mark.parametrize(
    ("seconds", "end"),
    [(4.9, ("REJECTED", "audio_too_short")), (5.0, ("ATTACHED", None))],
)
def test_a_short_recording(seconds: float, end: tuple[str, str | None]) -> None:
    """Coval takes five seconds at least."""
    world, sound = World(), replace(MIXED, seconds=seconds)
    world.send("recording", put(world, sound.wav()))
    world.send("call_end", CALL_1)
    state, code = end
    rejected = Held("SUBMITTED", state, (str(code),), GREETED)
    assert ends(world) == {"call-1": rejected if code else replace(WHOLE, sound=sound)}


@pytest.mark.parametrize(
    ("size", "rate", "code"),
    [(61 * 60 * 16_000, 8_000, "audio_too_long"), (201 * MEBIBYTE, 48_000, "audio_too_large")],
    ids=["61 minutes", "201 MB"],
)
def test_a_long_recording(size: int, rate: int, code: str) -> None:
    """Coval takes an hour and 200 MB at most; the head has both."""
    world = World()
    created_ = put(world, head(size, rate=rate, channels=1))
    created_["detail"]["object"]["size"] = size
    world.send("recording", created_)
    world.send("call_end", CALL_1)
    assert ends(world) == {"call-1": Held("SUBMITTED", "REJECTED", (code,), GREETED)}


@pytest.mark.parametrize(
    ("side", "levels", "expected"),
    [
        (1, (2000, 1000), (1000, 2000)),
        (0, (1000, 2000), (1000, 2000)),
        (None, (2000, 1000), (2000, 1000)),
        (1, (1500,), (1500,)),
        (2, (400, 600, 1000, 500), (1000, 500)),
        (None, (400, 600, 1000, 500), (400, 600, 1000, 500)),
    ],
)
def test_the_agent_goes_to_the_left(side: int | None, levels: tuple[int, ...], expected: tuple[int, ...]) -> None:
    """The agent's channel comes first where it is known; an unknown side is not guessed."""
    world = World()
    world.send("recording", put(world, Sound(8.0, levels).wav()))
    world.send("call_end", call_ended(recording={"agent_channel": side}))
    assert ends(world) == {"call-1": replace(WHOLE, sound=Sound(8.0, expected))}


def test_a_url_has_expired() -> None:
    """Telnyx's URLs expire after ten minutes: the recording says so, and a new URL is taken."""
    call = BY_NAME["Telnyx, two legs, by URL"]
    saved = next(part for part in call.parts if part.event["detail-type"] == "call.recording.saved")
    expired = UrlRejectedError("url_expired_or_refused", "The URL's host answered with status 403.")
    gone = replace(call, urls=dict.fromkeys(call.urls, expired))
    world = played(gone, [(part, 0) for part in call.parts])
    name = call.ended.conversation["external_conversation_id"]
    assert ends(world) == {name: Held("WAITING", "REJECTED", ("url_expired_or_refused",))}
    world.urls.contents.update(call.urls)
    come(world, saved, 0)
    world.run()
    assert outcome(world) == call.ended


@pytest.mark.parametrize("call", CALLS, ids=str)
def test_an_old_call_is_sent_again_when_its_item_is_gone(call: PlatformCall) -> None:
    """A replay, a backfill, a restore: all the events of a call come once more, long after."""
    world = played(call, one_after_the_other(call.parts))
    before, submits = dict(world.coval.conversations), world.coval.calls.count("submit")
    world.store.items.clear()
    world.aliases.items.clear()
    world.clock.now += 100 * DAY
    for part, delay in one_after_the_other(call.parts):
        world.send(part.queue, copy.deepcopy(part.event), delay)
    world.run(hours=72)
    assert (world.coval.conversations, world.coval.calls.count("submit")) == (before, submits)
    assert {held.state for held in world.store.items.values()} == {"SUBMITTED"}
