"""One call a platform, and its variants: all that comes of it, and what it must become."""

import copy
import io
import json
import re
import wave
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import soundfile

from coval_relay.domain.errors import ObjectGoneError
from coval_relay.domain.s3_objects import ObjectVersion
from coval_relay.domain.submit_request import STAMP
from coval_relay.platforms.shared.contract import PlatformOptions
from tests.support.events import etag
from tests.support.fakes import FakeBucket, FakeClock
from tests.support.platform_samples import EVENTS, sample
from tests.support.world import World

SOON, LATE = 50, 500
"""Seconds within which a part comes: where one settles for the best of several, and where none does."""
WITH_SIDECARS = 25
"""A recording looks for its sidecar every half minute, and must have found it before the others settle."""
RATE = 8000
CREATED = "2026-10-02T14:36:40Z"


# --- sounds ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sound:
    """What can be known of a recording by ear: its length, and the level of each of its channels."""

    seconds: float
    levels: tuple[int, ...]

    def wav(self) -> bytes:
        file = io.BytesIO()
        with wave.open(file, "wb") as writer:
            writer.setnchannels(len(self.levels))
            writer.setsampwidth(2)
            writer.setframerate(RATE)
            writer.writeframes(np.array(self.levels, "<i2").tobytes() * round(self.seconds * RATE))
        return file.getvalue()

    def flac(self) -> bytes:
        file = io.BytesIO()
        frames = np.tile(np.array(self.levels, "int16"), (round(self.seconds * RATE), 1))
        soundfile.write(file, frames, RATE, format="FLAC")
        return file.getvalue()

    @property
    def swapped(self) -> "Sound":
        return replace(self, levels=self.levels[::-1])


def heard(content: bytes) -> Sound:
    """The sound of a file whose levels do not change."""
    frames, rate = soundfile.read(io.BytesIO(content), dtype="int16", always_2d=True)
    assert (frames == frames[0]).all()
    return Sound(len(frames) / rate, tuple(int(level) for level in frames[0]))


AGENT_LEFT = Sound(8.0, (1000, 2000))
AGENT_RIGHT = AGENT_LEFT.swapped
MIXED = Sound(8.0, (1500,))
OTHER = Sound(6.0, (300, 400))
"""A recording that must not be taken."""


# --- what comes --------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Part:
    """One event; an object comes with its event."""

    queue: str
    event: Mapping[str, Any]
    within: int = LATE
    key: str = ""
    content: bytes = b""
    already: bool = False
    """Whether the object is there before any event, because another one names it too."""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """The whole outcome of a call: what Coval was sent, and the recordings' ends."""

    conversation: Mapping[str, Any]
    sound: Sound
    recording: str
    """The chosen one, without its ETag."""
    superseded: frozenset[str] = frozenset()
    sides: tuple[int | None, ...] = (None,)
    """The agent's channel on the item. Two where the side may be known after the audio went: then the audio
    is right as it is, for another side would have made it wrong."""


@dataclass(frozen=True, kw_only=True)
class PlatformCall:
    """All that a platform sends of one call."""

    name: str
    platform: str
    parts: tuple[Part, ...]
    ended: Ended
    options: PlatformOptions = field(default_factory=PlatformOptions)
    transcript_objects: Mapping[str, bytes] = field(default_factory=dict)
    urls: Mapping[str, bytes | Exception] = field(default_factory=dict)
    transcript_key_pattern: str = ""

    def __str__(self) -> str:
        return self.name


@dataclass
class ArrivingBucket(FakeBucket):
    """Objects that are there from their moment on."""

    clock: FakeClock = field(default_factory=FakeClock)
    since: dict[str, int] = field(default_factory=dict)

    def _content(self, version: ObjectVersion) -> bytes:
        if self.since.get(version.key, 0) > self.clock.now:
            raise ObjectGoneError
        return super()._content(version)


def world_of(call: PlatformCall, **more: Any) -> World:
    """A world of this platform alone, in which nothing has come yet."""
    clock = FakeClock()
    options = replace(call.options, transcript_buckets=("transcripts",))
    settings = {
        "platforms": (call.platform,),
        "options": options,
        "key_pattern": "",
        "transcript_key_pattern": call.transcript_key_pattern,
        "prefixes": ("",),
        **more,
    }
    world = World(clock=clock, bucket=ArrivingBucket(clock=clock), **settings)
    world.transcript_objects.transcript_objects.update(call.transcript_objects)
    world.urls.contents.update(call.urls)
    return world


def come(world: World, part: Part, delay: int) -> None:
    """Let the part come after so many seconds; its object is there from its first time on."""
    moment = world.clock.now + delay
    if part.key:
        world.bucket.put(part.key, part.content)
        first = world.clock.now if part.already else moment
        world.bucket.since[part.key] = min(first, world.bucket.since.get(part.key, first))
        if part.queue == "call_end":
            world.transcript_objects.transcript_objects[part.key] = part.content
    world.send(part.queue, copy.deepcopy(part.event), delay)


def played(call: PlatformCall, order: Sequence[tuple[Part, int]]) -> World:
    """The world in which these parts came, each after so many seconds, when all is quiet again."""
    world = world_of(call)
    for part, delay in order:
        come(world, part, delay)
    world.run()
    return world


# --- what it became ----------------------------------------------------------------------------------


def outcome(world: World) -> Ended:
    """The outcome of the only call; asserts that nothing is lost, doubled, or still under way."""
    (held,) = world.coval.conversations.values()
    (call,) = world.store.items.values()
    assert (world.dead, world.all_pending(), world.queued, call.due_at) == ([], [], [], None)
    assert (call.state, call.recording_state, call.late, call.notes) == ("SUBMITTED", "ATTACHED", (), ())
    assert set(call.other_recordings.values()) <= {"superseded"}
    sent = {name: value for name, value in held.items() if name not in ("audio", "created", "upload_id")}
    sent["metadata"] = {name: value for name, value in held["metadata"].items() if name != STAMP}
    return Ended(
        conversation=sent,
        sound=heard(audio_of(world, held["audio"])),
        recording=_place(call.recording.identity),
        superseded=frozenset(map(_place, call.other_recordings)),
        sides=(call.recording.agent_channel,),
    )


def audio_of(world: World, audio: bytes | str) -> bytes:
    """The bytes that Coval was given, or those it fetches at the URL that it was given."""
    if isinstance(audio, bytes):
        return audio
    key = audio.partition(".test/")[2].partition("?")[0]
    return bytes(world.bucket.objects[key][1])


def _place(identity: str) -> str:
    return identity.partition("#")[0]


# --- samples -----------------------------------------------------------------------------------------


def sample_event(platform: str, name: str, **changes: Any) -> dict[str, Any]:
    """A sample event, its bucket that of the world; `changes` are made at the top of its detail."""
    event = json.loads(_ours(json.dumps(sample(platform, name))))
    return {**event, "detail": {**event["detail"], **changes}}


def _ours(text: str) -> str:
    return re.sub(r"acme-(?:[a-z]+-)?(recordings|transcripts)", r"\1", text)


def canonical(name: str, **changes: Any) -> dict[str, Any]:
    event = json.loads(_ours((EVENTS / f"{name}.json").read_text(encoding="utf-8")))
    return {**event, "detail": {**event["detail"], **changes}}


def renamed(event: Mapping[str, Any], old: str, new: str) -> Any:
    """The event with another name for a thing, wherever it stands."""
    return json.loads(json.dumps(event).replace(old, new))


def said(role: str, content: str, start: float, end: float, **more: Any) -> dict[str, Any]:
    return {"role": role, "content": content, "start_time": start, "end_time": end, **more}


def event(payload: Mapping[str, Any], *, within: int = LATE) -> Part:
    return Part(queue="call_end", event=payload, within=within)


def created(
    key: str,
    content: bytes,
    *,
    of: tuple[str, str] | None = None,
    within: int = SOON,
    bucket: str = "recordings",
    already: bool = False,
) -> Part:
    """An object's event, made of the platform's sample where there is one."""
    base = sample_event(*of) if of else canonical("s3_object_created")
    assert of is None or base["detail"]["object"]["key"] == key
    item = {"key": key, "size": len(content), "etag": etag(content), "sequencer": "01"}
    detail = {**base["detail"], "bucket": {"name": bucket}, "object": item}
    queue = "recording" if bucket == "recordings" else "call_end"
    at_once = {**base, "time": CREATED, "detail": detail}
    return Part(queue=queue, event=at_once, within=within, key=key, content=content, already=already)


def as_json(value: Any) -> bytes:
    return json.dumps(value).encode()


def in_bucket(key: str) -> str:
    return f"s3://recordings/{key}"


HELLO, MOVE, MONDAY = "Thanks for calling Acme.", "Hi, I want to move my appointment.", "Monday at nine?"
FIND_SLOT = {"name": "find_slot", "arguments": '{"day":"mon"}'}


def asked(start: float, id_: str = "call_1") -> dict[str, Any]:
    calls = [{"id": id_, "type": "function", "function": FIND_SLOT}]
    return {"role": "assistant", "content": None, "tool_calls": calls, "start_time": start, "end_time": start}


def answered(start: float, id_: str = "call_1") -> dict[str, Any]:
    return said("tool", '["09:00"]', start, start, tool_call_id=id_)


# --- canonical ---------------------------------------------------------------------------------------

ACME_KEY = "recordings/acme-8842.wav"
ACME_TRANSCRIPT = [
    said("assistant", HELLO, 0.9, 2.9),
    said("user", MOVE, 3.35, 6.47),
    asked(7.0),
    answered(7.4),
    said("assistant", "Monday at nine is free.", 8.1, 10.2),
]
ACME = {
    "external_conversation_id": "acme-8842",
    "occurred_at": "2026-10-02T14:31:07.000Z",
    "tags": ["appointments"],
    "transcript": ACME_TRANSCRIPT,
    "metadata": {
        "provider": "custom",
        "direction": "inbound",
        "call_status": "completed",
        "end_reason": "customer-ended-call",
        "campaign": "autumn",
        "disconnect_side": "customer",
    },
}
ACME_METADATA = {"provider": "custom", "direction": "inbound", "call_status": "completed"}

CANONICAL = (
    PlatformCall(
        name="canonical, inline",
        platform="canonical",
        parts=(
            event(canonical("call_ended_inline")),
            event(canonical("recording_ready")),
            created(ACME_KEY, AGENT_LEFT.wav(), within=LATE, already=True),
        ),
        ended=Ended(conversation=ACME, sound=AGENT_LEFT, recording=in_bucket(ACME_KEY), sides=(0, None)),
    ),
    PlatformCall(
        name="canonical, by reference",
        platform="canonical",
        parts=(
            event(canonical("call_ended_reference")),
            created("recordings/acme-8843.wav", MIXED.wav(), within=LATE),
        ),
        transcript_objects={"acme-8843.json": as_json(ACME_TRANSCRIPT)},
        ended=Ended(
            conversation={
                "external_conversation_id": "acme-8843",
                "occurred_at": "2026-10-02T14:31:07.000Z",
                "transcript": ACME_TRANSCRIPT,
                "metadata": ACME_METADATA,
            },
            sound=MIXED,
            recording=in_bucket("recordings/acme-8843.wav"),
        ),
    ),
    PlatformCall(
        name="canonical, transcript object",
        platform="canonical",
        parts=(
            event(canonical("call_ended_pending")),
            created("recordings/acme-8844.wav", MIXED.wav(), within=LATE),
            created("acme-8844.json", as_json(ACME_TRANSCRIPT), within=LATE, bucket="transcripts"),
        ),
        transcript_key_pattern=r"^(?P<external_conversation_id>[^/]+)\.json$",
        ended=Ended(
            conversation={
                "external_conversation_id": "acme-8844",
                "occurred_at": "2026-10-02T14:31:07.000Z",
                "transcript": ACME_TRANSCRIPT,
                "metadata": ACME_METADATA,
            },
            sound=MIXED,
            recording=in_bucket("recordings/acme-8844.wav"),
        ),
    ),
    PlatformCall(
        name="canonical, audio alone",
        platform="canonical",
        parts=(
            event(canonical("call_ended_without_transcript")),
            created("recordings/acme-8845.wav", MIXED.wav(), within=LATE),
        ),
        ended=Ended(
            conversation={
                "external_conversation_id": "acme-8845",
                "occurred_at": "2026-10-02T14:31:07.000Z",
                "metadata": ACME_METADATA,
            },
            sound=MIXED,
            recording=in_bucket("recordings/acme-8845.wav"),
        ),
    ),
)

# --- Amazon Connect ----------------------------------------------------------------------------------

CONTACT = "3b1f0f5e-6d1c-4a57-9f0e-7c2f5b9b7a10"
CONNECT_AGENT = f"connect/acme/CallRecordings/2026/10/02/{CONTACT}_20261002T14:31_UTC.wav"
CONNECT_IVR = f"connect/acme/CallRecordings/ivr/2026/10/02/{CONTACT}_20261002T14:30_UTC.wav"
CONNECT_REDACTED = f"Analysis/Voice/Redacted/2026/10/02/{CONTACT}_call_recording_redacted_2026-10-02T14:31:07Z.wav"
LENS_AGENT = f"Analysis/Voice/2026/10/02/{CONTACT}_analysis_2026-10-02T14:31:07Z.json"
LENS_IVR = f"Analysis/Voice/ivr/2026/10/02/{CONTACT}_analysis_2026-10-02T14:30:50Z.json"
LENS_REDACTED = f"Analysis/Voice/Redacted/2026/10/02/{CONTACT}_analysis_redacted_2026-10-02T14:31:07Z.json"
LENS = sample("amazon_connect", "contact_lens")
LENS_OF_IVR = renamed(sample("amazon_connect", "contact_lens_bot"), "7a13", "7a10")
CONNECT_TRANSCRIPT = [
    said("assistant", "Thanks for calling Acme, this is Ana.", 0.0, 2.41),
    said("user", MOVE, 2.9, 6.02),
    said("user", "It is on Friday.", 6.1, 7.48),
    said("assistant", "Of course, when would suit you?", 7.3, 9.12),
]
CONNECT_PARTS = (
    event(sample_event("amazon_connect", "disconnected")),
    event(sample_event("amazon_connect", "completed")),
    created(CONNECT_AGENT, AGENT_RIGHT.wav(), of=("amazon_connect", "recording_created")),
    created(CONNECT_IVR, OTHER.wav()),
    created(CONNECT_REDACTED, replace(AGENT_RIGHT, seconds=7.0).wav()),
    created(LENS_AGENT, as_json(LENS), of=("amazon_connect", "contact_lens_created"), bucket="transcripts"),
    created(LENS_IVR, as_json(LENS_OF_IVR), bucket="transcripts"),
    created(LENS_REDACTED, as_json(renamed(LENS, "Friday", "[PII]")), bucket="transcripts"),
)
CONNECT_CONVERSATION = {
    "external_conversation_id": CONTACT,
    "occurred_at": "2026-10-02T14:31:07.000Z",
    "transcript": CONNECT_TRANSCRIPT,
    "metadata": {
        "provider": "amazon_connect",
        "direction": "inbound",
        "call_status": "completed",
        "queue": "aaaaaaaa-1111-2222-3333-bbbbbbbbbbbb",
        "initiation_method": "INBOUND",
    },
}
CONNECT = (
    PlatformCall(
        name="Connect",
        platform="amazon_connect",
        parts=CONNECT_PARTS,
        ended=Ended(
            conversation=CONNECT_CONVERSATION,
            sound=AGENT_LEFT,
            recording=in_bucket(CONNECT_AGENT),
            superseded=frozenset([in_bucket(CONNECT_IVR)]),
            sides=(1,),
        ),
    ),
    PlatformCall(
        name="Connect, redacted",
        platform="amazon_connect",
        options=PlatformOptions(redacted=True),
        parts=CONNECT_PARTS,
        ended=Ended(
            conversation=renamed(CONNECT_CONVERSATION, "Friday", "[PII]"),
            sound=replace(AGENT_LEFT, seconds=7.0),
            recording=in_bucket(CONNECT_REDACTED),
            sides=(1,),
        ),
    ),
    PlatformCall(
        name="Connect, analysis failed",
        platform="amazon_connect",
        parts=(
            event(sample_event("amazon_connect", "disconnected")),
            event(sample_event("amazon_connect", "analysis_failed")),
            created(CONNECT_AGENT, AGENT_RIGHT.wav(), of=("amazon_connect", "recording_created")),
        ),
        ended=Ended(
            conversation={k: v for k, v in CONNECT_CONVERSATION.items() if k != "transcript"},
            sound=AGENT_LEFT,
            recording=in_bucket(CONNECT_AGENT),
            sides=(1,),
        ),
    ),
)

# --- Amazon Chime ------------------------------------------------------------------------------------

CHIME_CALL = "089b1d79-d4ca-4f74-b36b-681f606937f6"
CHIME_KEY = f"calls/{CHIME_CALL}.wav"
CHIME = (
    PlatformCall(
        name="Chime, two ends",
        platform="amazon_chime",
        options=PlatformOptions(agent_channels={"amazon_chime": 1}),
        parts=(
            event(sample_event("amazon_chime", "started")),
            event(sample_event("amazon_chime", "ended_caller")),
            event(sample_event("amazon_chime", "ended_callee")),
            event(sample_event("amazon_chime", "media_insights_stopped")),
            created(CHIME_KEY, AGENT_RIGHT.wav(), of=("amazon_chime", "recording_created"), within=LATE),
        ),
        ended=Ended(
            conversation={
                "external_conversation_id": CHIME_CALL,
                "occurred_at": "2026-10-02T14:31:07.120Z",
                "metadata": {
                    "provider": "amazon_chime",
                    "direction": "inbound",
                    "call_status": "completed",
                    "voice_connector_id": "abcdef1ghij2klmno3pqr4",
                },
            },
            sound=AGENT_LEFT,
            recording=in_bucket(CHIME_KEY),
            sides=(1,),
        ),
    ),
)

# --- Twilio ------------------------------------------------------------------------------------------

TWILIO_CALL = "CA00000000000000000000000000000002"
TWILIO_FOLDER = "voice/AC00000000000000000000000000000001"
RE1, RE2 = (f"{TWILIO_FOLDER}/RE0000000000000000000000000000000{number}" for number in (3, 4))
TWILIO_URL = "https://api.twilio.com/2010-04-01/Accounts/AC00000000000000000000000000000001/Recordings"
URL1, URL2 = (f"{TWILIO_URL}/RE0000000000000000000000000000000{number}.wav" for number in (3, 4))
SENTENCES = "https://intelligence.twilio.com/v2/Transcripts/GT00000000000000000000000000000005/Sentences"
TWILIO_CHOICES = PlatformOptions(transcript_hosts=("intelligence.twilio.com",), separate_transcripts=("twilio",))
TWILIO_EVENTS = (
    event(sample_event("twilio", "call_in_progress")),
    event(sample_event("twilio", "call_completed")),
    event(sample_event("twilio", "child_leg_completed")),
    event(sample_event("twilio", "transcript_available")),
    event(sample_event("twilio", "recording_in_progress"), within=SOON),
    event(sample_event("twilio", "recording_completed"), within=SOON),
    event(sample_event("twilio", "recording_completed_after_hold"), within=SOON),
)
TWILIO_PAGES = {
    f"{SENTENCES}?PageSize=1000": as_json(sample("twilio", "sentences")),
    f"{SENTENCES}?PageSize=1000&Page=1&PageToken=PASGX2": as_json(sample("twilio", "sentences_last_page")),
}
TWILIO_CONVERSATION = {
    "external_conversation_id": TWILIO_CALL,
    "occurred_at": "2026-10-02T14:31:07.000Z",
    "transcript": [
        said("assistant", HELLO, 0.9, 2.9),
        said("user", MOVE, 3.35, 6.47),
        said("assistant", MONDAY, 7.4, 330.0),
    ],
    "metadata": {
        "provider": "twilio",
        "direction": "inbound",
        "call_status": "completed",
        "transcript_times_estimated": 1,
    },
}
TWILIO = (
    PlatformCall(
        name="Twilio, hold splits the recording, in S3",
        platform="twilio",
        options=TWILIO_CHOICES,
        parts=(
            *TWILIO_EVENTS,
            created(RE1, AGENT_RIGHT.wav(), of=("twilio", "recording_created")),
            created(RE2, OTHER.wav()),
        ),
        urls=TWILIO_PAGES,
        ended=Ended(
            conversation=TWILIO_CONVERSATION,
            sound=AGENT_LEFT,
            recording=in_bucket(RE1),
            superseded=frozenset([in_bucket(RE2)]),
            sides=(1,),
        ),
    ),
    PlatformCall(
        name="Twilio, hold splits the recording, by URL",
        platform="twilio",
        options=replace(TWILIO_CHOICES, recording_hosts=("api.twilio.com",)),
        parts=TWILIO_EVENTS,
        urls={**TWILIO_PAGES, URL1: AGENT_RIGHT.wav(), URL2: OTHER.wav()},
        ended=Ended(
            conversation=TWILIO_CONVERSATION,
            sound=AGENT_LEFT,
            recording=URL1,
            superseded=frozenset([URL2]),
            sides=(1,),
        ),
    ),
)

# --- Genesys -----------------------------------------------------------------------------------------

GENESYS_CALL = "97b9dcb3-c182-4d1f-8123-76a4b5cf1f5a"
GENESYS_FOLDER = (
    f"0f1e2d3c-0000-4000-8000-000000000001/year=2026/month=10/day=02/hour=14/conversation_id={GENESYS_CALL}"
)
TRUNK, STATION, SCREEN = (f"{GENESYS_FOLDER}/c0ffee00-0001-4000-8000-00000000000{n}" for n in (1, 2, 3))
GENESYS = (
    PlatformCall(
        name="Genesys, two recordings",
        platform="genesys",
        options=PlatformOptions(agent_channels={"genesys": 1}),
        parts=(
            event(sample_event("genesys", "customer_end")),
            *(
                event(sample_event("genesys", name), within=SOON)
                for name in (
                    "transcription",
                    "transcription_both_sides",
                    "transcription_not_final",
                    "transcription_session_ended",
                )
            ),
            created(
                f"{TRUNK}.wav",
                replace(AGENT_RIGHT, seconds=6.0).wav(),
                of=("genesys", "recording_created"),
                within=WITH_SIDECARS,
            ),
            created(
                f"{TRUNK}_metadata.json",
                as_json(sample("genesys", "recording_metadata")),
                of=("genesys", "recording_metadata_created"),
                within=WITH_SIDECARS,
            ),
            created(f"{STATION}.wav", replace(OTHER, seconds=9.0).wav(), within=WITH_SIDECARS),
            created(
                f"{STATION}_metadata.json",
                as_json(sample("genesys", "recording_metadata_station")),
                within=WITH_SIDECARS,
            ),
            created(f"{SCREEN}.mp4", OTHER.wav(), within=WITH_SIDECARS),
            created(
                f"{SCREEN}_metadata.json",
                as_json(sample("genesys", "recording_metadata_screen")),
                within=WITH_SIDECARS,
            ),
        ),
        ended=Ended(
            conversation={
                "external_conversation_id": GENESYS_CALL,
                "occurred_at": "2026-10-02T14:31:07.000Z",
                "transcript": [
                    said("user", MOVE, 2.9, 6.02),
                    said("assistant", "of course when would suit you", 6.3, 8.1),
                    said("user", "On Monday.", 8.4, 9.1),
                ],
                "metadata": {
                    "provider": "genesys",
                    "direction": "inbound",
                    "call_status": "completed",
                    "end_reason": "CLIENT",
                    "division_id": "22222222-2222-4333-8444-555555555555",
                },
            },
            sound=replace(AGENT_LEFT, seconds=6.0),
            recording=in_bucket(f"{TRUNK}.wav"),
            superseded=frozenset([in_bucket(f"{STATION}.wav")]),
            sides=(1,),
        ),
    ),
)

# --- LiveKit -----------------------------------------------------------------------------------------

ROOM, ROOM_ID = "call-_+15550100002_Xk2pQ9", "RM_8hV2kQnWbTzA"
LIVEKIT_KEY, BY_HAND = f"recordings/{ROOM}-2026-10-02T143107.ogg", "recordings/by-hand.mp4"
LIVEKIT_MANIFEST = json.loads(_ours(json.dumps(sample("livekit", "manifest"))))
LIVEKIT_CHOICES = PlatformOptions(separate_transcripts=("livekit",))
LIVEKIT_CONVERSATION = {
    "external_conversation_id": ROOM_ID,
    "occurred_at": "2026-10-02T14:31:07.450Z",
    "transcript": [
        said("assistant", HELLO, 0.45, 2.45),
        said("user", MOVE, 2.9, 6.02),
        asked(6.55),
        answered(6.95),
        said("assistant", MONDAY, 8.0, 331.45),
    ],
    "metadata": {"provider": "livekit", "call_status": "completed", "transcript_times_estimated": 1},
}
LIVEKIT: tuple[PlatformCall, ...] = (
    PlatformCall(
        name="LiveKit, default key",
        platform="livekit",
        options=LIVEKIT_CHOICES,
        parts=(
            event(sample_event("livekit", "room_finished_without_metadata")),
            event(sample_event("livekit", "session_report")),
            event(sample_event("livekit", "egress_ended")),
            created("recordings/EG_3gQwXy7ZtKfP.json", as_json(LIVEKIT_MANIFEST), within=LATE),
            created(LIVEKIT_KEY, AGENT_LEFT.flac(), of=("livekit", "recording_created"), within=LATE, already=True),
        ),
        ended=Ended(
            conversation=LIVEKIT_CONVERSATION,
            sound=AGENT_LEFT,
            recording=in_bucket(LIVEKIT_KEY),
            sides=(0, None),
        ),
    ),
    PlatformCall(
        name="LiveKit, custom key and own id",
        platform="livekit",
        options=LIVEKIT_CHOICES,
        parts=(
            event(renamed(sample_event("livekit", "room_finished"), "simulation-1", "")),
            event(sample_event("livekit", "session_report", external_conversation_id="acme-8842")),
            event(renamed(sample_event("livekit", "egress_ended"), LIVEKIT_KEY, BY_HAND)),
            created("recordings/EG_3gQwXy7ZtKfP.json", as_json(LIVEKIT_MANIFEST), within=LATE),
            created(BY_HAND, AGENT_LEFT.wav(), within=LATE, already=True),
        ),
        ended=Ended(
            conversation={**LIVEKIT_CONVERSATION, "external_conversation_id": "acme-8842"},
            sound=AGENT_LEFT,
            recording=in_bucket(BY_HAND),
            sides=(0, None),
        ),
    ),
)
_, OWN_ID = LIVEKIT
MANIFESTLESS = tuple(part for part in OWN_ID.parts if not part.key.endswith(".json"))
LIVEKIT = (*LIVEKIT, replace(OWN_ID, name="LiveKit, custom key without a manifest", parts=MANIFESTLESS))

# --- Daily -------------------------------------------------------------------------------------------

DAILY_ROOM, DAILY_KEY = "support-room-8842", "acme/support-room-8842/1790951467123"
DAILY_MEETING = "6f0d1a2b-3c4d-4e5f-8a9b-0c1d2e3f4a5b"
DAILY = (
    PlatformCall(
        name="Daily with Pipecat's own event",
        platform="daily",
        parts=(
            event(canonical("call_ended_inline", aliases=[{"type": "daily_room", "value": DAILY_ROOM}])),
            event(sample_event("daily", "recording_ready")),
            event(sample_event("daily", "recording_ready_raw_tracks")),
            created(DAILY_KEY, MIXED.wav(), of=("daily", "recording_created"), within=LATE),
            created(f"{DAILY_KEY}-3f9b0d52-cam-audio-1790951467456", OTHER.wav(), within=LATE),
        ),
        ended=Ended(conversation=ACME, sound=MIXED, recording=in_bucket(DAILY_KEY)),
    ),
    PlatformCall(
        name="Daily alone",
        platform="daily",
        options=PlatformOptions(agent_channels={"daily": 1}),
        parts=(
            event(sample_event("daily", "meeting_ended")),
            event(sample_event("daily", "recording_ready")),
            created(DAILY_KEY, AGENT_RIGHT.flac(), of=("daily", "recording_created"), within=LATE),
        ),
        ended=Ended(
            conversation={
                "external_conversation_id": DAILY_MEETING,
                "occurred_at": "2026-10-02T14:30:50.000Z",
                "metadata": {
                    "provider": "daily",
                    "call_status": "completed",
                    "daily_meeting_id": DAILY_MEETING,
                },
            },
            sound=AGENT_LEFT,
            recording=in_bucket(DAILY_KEY),
            sides=(1,),
        ),
    ),
)

# --- Vapi --------------------------------------------------------------------------------------------

VAPI_CALL = "de28acb8-b62b-4e25-a64c-ced9dd181990"
MONO_FILE = f"{VAPI_CALL}-1790951797870-93a858ed-749f-4c78-beb1-7889b25743c4-mono.wav"
STEREO_FILE = f"{VAPI_CALL}-1790951797871-83a858ed-749f-4c78-beb1-7889b25743c4-stereo.wav"
VAPI_FOLDER, VAPI_URL = "vapi/2026-10-02", "https://storage.vapi.ai"
SIDE_FILES = [MONO_FILE.replace("93a858ed", side) for side in ("22222222", "33333333")]
VAPI_MONO, VAPI_STEREO = f"{VAPI_FOLDER}/{MONO_FILE}", f"{VAPI_FOLDER}/{STEREO_FILE}"
VAPI_LINKS = {f"{VAPI_URL}/{MONO_FILE}": MIXED.wav(), f"{VAPI_URL}/{STEREO_FILE}": AGENT_RIGHT.wav()}
VAPI_PARTS = (
    event(sample_event("vapi", "end_of_call_report_own_bucket")),
    created(VAPI_MONO, MIXED.wav()),
    created(VAPI_STEREO, AGENT_RIGHT.wav(), of=("vapi", "recording_created")),
    created(f"{VAPI_FOLDER}/{VAPI_CALL}-1790951797872-customer.wav", OTHER.wav()),
    *(created(f"{VAPI_FOLDER}/{file}", OTHER.wav()) for file in SIDE_FILES),
)
VAPI_CONVERSATION = {
    "external_conversation_id": VAPI_CALL,
    "occurred_at": "2026-10-02T14:31:07.000Z",
    "transcript": [
        said("assistant", HELLO, 0.9, 2.9),
        said("user", MOVE, 3.35, 6.47),
        asked(7.0),
        answered(7.4),
        said("assistant", MONDAY, 7.9, 9.2),
    ],
    "metadata": {
        "provider": "vapi",
        "direction": "inbound",
        "call_status": "completed",
        "end_reason": "customer-ended-call",
        "agent_name": "Acme front desk",
        "vapi_call_type": "inboundPhoneCall",
    },
}
VAPI = (
    PlatformCall(
        name="Vapi, stereo whose sides are known",
        platform="vapi",
        options=PlatformOptions(agent_channels={"vapi": 1}),
        parts=VAPI_PARTS,
        ended=Ended(
            conversation=VAPI_CONVERSATION,
            sound=AGENT_LEFT,
            recording=in_bucket(VAPI_STEREO),
            superseded=frozenset([in_bucket(VAPI_MONO)]),
            sides=(1,),
        ),
    ),
    PlatformCall(
        name="Vapi, stereo whose sides are not known",
        platform="vapi",
        parts=(replace(VAPI_PARTS[0], within=SOON), *VAPI_PARTS[1:]),
        ended=Ended(
            conversation=VAPI_CONVERSATION,
            sound=MIXED,
            recording=in_bucket(VAPI_MONO),
            superseded=frozenset([in_bucket(VAPI_STEREO)]),
        ),
    ),
    PlatformCall(
        name="Vapi, stereo by URL",
        platform="vapi",
        options=PlatformOptions(agent_channels={"vapi": 1}, recording_hosts=("storage.vapi.ai",)),
        parts=(event(sample_event("vapi", "end_of_call_report")),),
        urls=VAPI_LINKS,
        ended=Ended(
            conversation=VAPI_CONVERSATION,
            sound=AGENT_LEFT,
            recording=f"{VAPI_URL}/{STEREO_FILE}",
            sides=(1,),
        ),
    ),
)

# --- Retell ------------------------------------------------------------------------------------------

RETELL_CALL = "call_5f0c1f8a2b3c4d5e6f708192a3b"
RETELL_HOST = "dxc03zgurdly9.cloudfront.example"
RETELL_URL = f"https://{RETELL_HOST}/call_5f0c/recording.wav"
RETELL_SIDES = f"https://{RETELL_HOST}/call_5f0c/recording_multichannel.wav"
RETELL_CONVERSATION = {
    "external_conversation_id": RETELL_CALL,
    "occurred_at": "2026-10-02T14:31:07.000Z",
    "transcript": [
        said("assistant", HELLO, 0.9, 2.9),
        said("user", MOVE, 3.35, 6.47),
        asked(7.0, "tc_1"),
        answered(7.4, "tc_1"),
        said("assistant", MONDAY, 7.9, 9.2),
    ],
    "metadata": {
        "provider": "retell",
        "direction": "inbound",
        "call_status": "completed",
        "end_reason": "user_hangup",
        "agent_name": "Acme front desk",
        "agent_version": "7",
    },
}
RETELL_PARTS = (event(sample_event("retell", "call_ended")), event(sample_event("retell", "call_analyzed")))
RETELL = (
    PlatformCall(
        name="Retell",
        platform="retell",
        options=PlatformOptions(recording_hosts=(RETELL_HOST,)),
        parts=RETELL_PARTS,
        urls={RETELL_URL: MIXED.wav()},
        ended=Ended(conversation=RETELL_CONVERSATION, sound=MIXED, recording=RETELL_URL),
    ),
    PlatformCall(
        name="Retell, sides known",
        platform="retell",
        options=PlatformOptions(recording_hosts=(RETELL_HOST,), agent_channels={"retell": 1}),
        parts=RETELL_PARTS,
        urls={RETELL_SIDES: AGENT_RIGHT.wav()},
        ended=Ended(conversation=RETELL_CONVERSATION, sound=AGENT_LEFT, recording=RETELL_SIDES, sides=(1,)),
    ),
)

# --- ElevenLabs --------------------------------------------------------------------------------------

ELEVENLABS_CALL = "conv_01k0example8842"
ELEVENLABS_URL = f"https://api.elevenlabs.io/v1/convai/conversations/{ELEVENLABS_CALL}/audio"
ELEVENLABS = (
    PlatformCall(
        name="ElevenLabs",
        platform="elevenlabs",
        options=PlatformOptions(recording_hosts=("api.elevenlabs.io",)),
        parts=(
            event(sample_event("elevenlabs", "post_call_transcription")),
            event(sample_event("elevenlabs", "post_call_audio")),
        ),
        urls={ELEVENLABS_URL: MIXED.wav()},
        ended=Ended(
            conversation={
                "external_conversation_id": ELEVENLABS_CALL,
                "occurred_at": "2026-10-02T14:31:07.000Z",
                "transcript": [
                    said("assistant", HELLO, 0.0, 3.0),
                    said("user", MOVE, 3.0, 7.0),
                    asked(7.0, "rq_1"),
                    answered(7.0, "rq_1"),
                    said("assistant", MONDAY, 8.0, 330.0),
                ],
                "metadata": {
                    "provider": "elevenlabs",
                    "direction": "inbound",
                    "call_status": "completed",
                    "end_reason": "client disconnected",
                    "agent_name": "Acme front desk",
                    "transcript_times_estimated": 3,
                },
            },
            sound=MIXED,
            recording=ELEVENLABS_URL,
        ),
    ),
)

# --- Telnyx ------------------------------------------------------------------------------------------

TELNYX_CALL = "99706bb8-85ae-11ec-885c-02420a0d7e70"
TELNYX_KEY = "047e057e-cb46-4b11-bb31-37987e753ed7/2026-10-02/9977677e-85ae-11ec-826d-02420a0d7e70-1790951797.wav"
TELNYX_URL = f"https://s3.amazonaws.com/recordings/{TELNYX_KEY}"
TELNYX_EVENTS = (
    event(sample_event("telnyx", "call_hangup"), within=SOON),
    event(renamed(sample_event("telnyx", "call_hangup_other_leg"), "simulation-1", ""), within=SOON),
    event(sample_event("telnyx", "call_conversation_ended")),
    event(sample_event("telnyx", "call_recording_saved")),
    event(sample_event("telnyx", "call_recording_transcription_saved")),
)
TELNYX_CONVERSATION = {
    "external_conversation_id": TELNYX_CALL,
    "occurred_at": "2026-10-02T14:30:50.120Z",
    "metadata": {
        "provider": "telnyx",
        "direction": "inbound",
        "call_status": "completed",
        "end_reason": "normal_clearing",
        "hangup_source": "caller",
    },
}
TELNYX = (
    PlatformCall(
        name="Telnyx, two legs, in S3",
        platform="telnyx",
        parts=(
            *TELNYX_EVENTS,
            created(TELNYX_KEY, AGENT_RIGHT.wav(), of=("telnyx", "recording_created")),
        ),
        ended=Ended(conversation=TELNYX_CONVERSATION, sound=AGENT_LEFT, recording=in_bucket(TELNYX_KEY), sides=(1,)),
    ),
    PlatformCall(
        name="Telnyx, two legs, by URL",
        platform="telnyx",
        options=PlatformOptions(recording_hosts=("s3.amazonaws.com",)),
        parts=TELNYX_EVENTS,
        urls={f"{TELNYX_URL}?X-Amz-Expires=600": AGENT_RIGHT.wav()},
        ended=Ended(conversation=TELNYX_CONVERSATION, sound=AGENT_LEFT, recording=TELNYX_URL, sides=(1,)),
    ),
)

CALLS = (
    *CANONICAL,
    *CONNECT,
    *CHIME,
    *TWILIO,
    *GENESYS,
    *LIVEKIT,
    *DAILY,
    *VAPI,
    *RETELL,
    *ELEVENLABS,
    *TELNYX,
)
