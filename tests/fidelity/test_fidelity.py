"""Whatever a platform sends, Coval hears the agent on channel 0 and the caller on channel 1.

For each platform, channel layout and format: through the real services and the real conversion, the recording
before the text (an upload) and after its submit (a PATCH). What Coval gets is judged by the simulator's
rules, and decoded by libsndfile and miniaudio, which the product does not use.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from coval_relay.platforms.shared.contract import PlatformOptions
from local.simulator.audio import inspect
from local.simulator.audio_storage import StoredFile
from local.simulator.behaviour_switches import Switches
from tests.support import audio_files, voices
from tests.support.events import call_ended, event, object_created
from tests.support.platform_samples import sample
from tests.support.voices import KINDS, LOSSLESS, WAV, Kind, Sound, by_libsndfile, decoded, narrow
from tests.support.world import World

SECONDS = 5.4
LENGTH_WITHIN_SECONDS = 0.05
ALIGNED_WITHIN_SECONDS = 0.02
DELAYED, DELAYED_WITHIN_SECONDS = ("adts aac", "wav mp3"), 0.05
"""Containers that cannot store their encoder's delay, which so is part of the recording."""
STRANGER = 0.1
"""Correlation with the other voice stays below."""
RATE = 8_000
"""What is compared, in hertz: all that was said lies below half of it."""
When = Literal["before the text", "late"]


# --- formats


def rf64(sound: Sound, rate: int) -> bytes:
    return by_libsndfile("RF64", "PCM_16")(sound, rate)


def streamed(sound: Sound, rate: int) -> bytes:
    """Lengths that were never filled in."""
    return audio_files.streamed(by_libsndfile("WAV", "PCM_16")(sound, rate), 0xFFFFFFFF, 0xFFFFFFFF)


ALL = {kind.name: kind for kind in KINDS} | {
    kind.name: kind
    for kind in (
        *(
            Kind(f"wav {name.lower()}", RATE, by_libsndfile("WAV", name), LOSSLESS, WAV)
            for name in ("PCM_U8", "PCM_24", "PCM_32", "FLOAT", "ULAW", "ALAW")
        ),
        Kind("wav 48 kHz", 48_000, by_libsndfile("WAV", "PCM_16"), LOSSLESS, WAV),
        Kind("rf64", RATE, rf64, LOSSLESS, WAV),
        Kind("wav streamed", RATE, streamed, LOSSLESS, WAV),
    )
}


# --- platforms


@dataclass(frozen=True, kw_only=True)
class Way:
    """How a platform's recording comes, and what ends its call; a transcript by reference suits them all."""

    platform: str
    call_id: str
    ended: Mapping[str, Any]
    key: str = ""
    url: str = ""
    events: tuple[Mapping[str, Any], ...] = ()
    """What comes with the recording."""
    options: PlatformOptions = field(default_factory=PlatformOptions)
    named_by_alias: bool = False
    """The recording waits for the call's end to learn whose it is."""


def of(platform: str, name: str, **changes: Any) -> dict[str, Any]:
    read = sample(platform, name)
    return {**read, "detail": {**read["detail"], **changes}}


def side(platform: str, channel: int | None = 1, **more: Any) -> PlatformOptions:
    """The operator's options; None where nobody knows the side."""
    known = {} if channel is None else {platform: channel}
    hosts = ("api.twilio.com", "storage.vapi.ai", "dxc03zgurdly9.cloudfront.example", "api.elevenlabs.io",
             "s3.amazonaws.com")  # fmt: skip
    return PlatformOptions(agent_channels=known, recording_hosts=hosts, transcript_buckets=("transcripts",),
                   separate_transcripts=(platform,), **more)  # fmt: skip


CONTACT = "3b1f0f5e-6d1c-4a57-9f0e-7c2f5b9b7a10"
CA, RE = f"CA{31 * '0'}2", f"RE{31 * '0'}3"
VAPI_CALL, VAPI_FILE = (
    "de28acb8-b62b-4e25-a64c-ced9dd181990",
    "-1790951797871-83a858ed-749f-4c78-beb1-7889b25743c4-",
)
RETELL_CALL, RETELL_URL = (
    "call_5f0c1f8a2b3c4d5e6f708192a3b",
    "https://dxc03zgurdly9.cloudfront.example/call_5f0c/",
)
ROOM = "call-_+15550100002_Xk2pQ9"
GENESYS_CALL = "97b9dcb3-c182-4d1f-8123-76a4b5cf1f5a"
CHIME_CALL = "089b1d79-d4ca-4f74-b36b-681f606937f6"
SESSION = "99706bb8-85ae-11ec-885c-02420a0d7e70"

CONNECT = Way(
    platform="amazon_connect",
    call_id=CONTACT,
    ended=of("amazon_connect", "disconnected"),
    key=f"connect/acme/CallRecordings/2026/10/02/{CONTACT}_20261002T14:31_UTC.wav",
    options=side("amazon_connect", None),
)
CONNECT_REDACTED = replace(
    CONNECT,
    key=f"Analysis/Voice/Redacted/2026/10/02/{CONTACT}_call_recording_redacted_2026-10-02T14:31:07Z.wav",
    options=side("amazon_connect", None, redacted=True),
)
TWILIO_INBOUND = Way(
    platform="twilio",
    call_id=CA,
    ended=of("twilio", "call_completed"),
    key=f"voice/AC00000000000000000000000000000001/{RE}",
    events=(of("twilio", "recording_in_progress"),),
    options=side("twilio", None),
    named_by_alias=True,
)
TWILIO_OUTBOUND = replace(TWILIO_INBOUND, ended=of("twilio", "call_completed", Direction="outbound-api"))
TWILIO_LINK = replace(
    TWILIO_INBOUND,
    key="",
    url=f"https://api.twilio.com/2010-04-01/Accounts/AC00000000000000000000000000000001/Recordings/{RE}.mp3",
    events=(
        of(
            "twilio",
            "recording_completed",
            RecordingUrl="https://api.twilio.com/2010-04-01/Accounts/AC00000000000000000000000000000001/Recordings/"
            f"{RE}.mp3",
        ),
    ),
)
VAPI = Way(
    platform="vapi",
    call_id=VAPI_CALL,
    ended=of("vapi", "end_of_call_report_own_bucket"),
    key=f"vapi/2026-10-02/{VAPI_CALL}{VAPI_FILE}stereo.wav",
    options=side("vapi"),
)
VAPI_MONO_FILE = f"vapi/2026-10-02/{VAPI_CALL}-1790951797870-93a858ed-749f-4c78-beb1-7889b25743c4-mono.wav"
VAPI_MONO = replace(VAPI, key=VAPI_MONO_FILE, options=side("vapi", None), named_by_alias=True)
VAPI_MONO_ALONE = replace(VAPI_MONO, options=side("vapi"))
VAPI_LINK = replace(
    VAPI,
    key="",
    url=f"https://storage.vapi.ai/{VAPI_CALL}{VAPI_FILE}stereo.wav",
    ended=of("vapi", "end_of_call_report"),
)
RETELL = Way(
    platform="retell",
    call_id=RETELL_CALL,
    ended=of("retell", "call_analyzed"),
    url=f"{RETELL_URL}recording_multichannel.wav",
    options=side("retell"),
)
RETELL_MIX = replace(RETELL, url=f"{RETELL_URL}recording.wav", options=side("retell", None))
ELEVENLABS = Way(
    platform="elevenlabs",
    call_id="conv_01k0example8842",
    ended=of("elevenlabs", "post_call_transcription"),
    url="https://api.elevenlabs.io/v1/convai/conversations/conv_01k0example8842/audio",
    options=side("elevenlabs", None),
)
LIVEKIT = Way(
    platform="livekit",
    call_id="RM_8hV2kQnWbTzA",
    ended=of("livekit", "room_finished_without_metadata"),
    key=f"recordings/{ROOM}-2026-10-02T143107.ogg",
    events=(json.loads(json.dumps(sample("livekit", "egress_ended")).replace("acme-recordings", "recordings")),),
    options=side("livekit", None),
    named_by_alias=True,
)
DAILY = Way(
    platform="daily",
    call_id="6f0d1a2b-3c4d-4e5f-8a9b-0c1d2e3f4a5b",
    ended=of("daily", "meeting_ended"),
    key="acme/support-room-8842/1790951467123",
    options=side("daily"),
    named_by_alias=True,
)
GENESYS = Way(
    platform="genesys",
    call_id=GENESYS_CALL,
    ended=of("genesys", "customer_end"),
    key=f"export/conversation_id={GENESYS_CALL}/c0ffee00-0001-4000-8000-000000000001.wav",
    options=side("genesys"),
)
TELNYX = Way(
    platform="telnyx",
    call_id=SESSION,
    ended=of("telnyx", "call_hangup"),
    key="047e057e-cb46-4b11-bb31-37987e753ed7/2026-10-02/9977677e-85ae-11ec-826d-02420a0d7e70-1790951797.wav",
    options=side("telnyx", None),
    named_by_alias=True,
)
TELNYX_LINK = replace(
    TELNYX,
    key="",
    url=sample("telnyx", "call_recording_saved")["detail"]["data"]["payload"]["recording_urls"]["wav"],
    events=(of("telnyx", "call_recording_saved"),),
)
CHIME = Way(
    platform="amazon_chime",
    call_id=CHIME_CALL,
    ended=of("amazon_chime", "ended_caller"),
    key=f"calls/{CHIME_CALL}.wav",
    options=side("amazon_chime"),
)
CANONICAL = Way(
    platform="canonical",
    call_id="acme-8842",
    ended=call_ended("acme-8842", transcript="pending"),
    key="calls/acme-8842.wav",
    options=side("canonical"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One way, one format, one layout: where the agent is, None in a mix."""

    way: Way
    kind: str
    agent: int | None
    heard: int | None = 0
    """The agent's channel at Coval."""

    def __str__(self) -> str:
        way = "link" if self.way.url else "object"
        place = {None: "mix", 0: "agent left", 1: "agent right"}[self.agent]
        return f"{self.way.platform} {way}, {self.kind}, {place}"


def rows(way: Way, agent: int | None, *kinds: str, heard: int | None = 0) -> list[Row]:
    return [Row(way, kind, agent, heard) for kind in kinds]


ROWS = (
    *rows(CONNECT, 1, "wav linear", "wav 48 kHz"),
    *rows(CONNECT, None, "wav linear"),
    *rows(CONNECT_REDACTED, 1, "wav linear"),
    *rows(TWILIO_INBOUND, 1, "wav linear", "wav ulaw", "mp3"),
    *rows(TWILIO_INBOUND, None, "wav linear"),
    *rows(TWILIO_OUTBOUND, 1, "wav linear", "wav ulaw", "mp3"),
    *rows(TWILIO_LINK, 1, "mp3", "wav linear"),
    *rows(VAPI, 1, "wav linear", "mp3"),
    *rows(VAPI_MONO, None, "wav linear", "mp3"),
    *rows(VAPI_MONO_ALONE, None, "wav linear"),
    *rows(VAPI_LINK, 1, "wav linear", "mp3"),
    *rows(RETELL, 1, "wav linear", "wav pcm_24"),
    *rows(RETELL_MIX, None, "wav linear"),
    *rows(ELEVENLABS, None, "mp3, 44 kHz"),
    *rows(LIVEKIT, 0, "ogg opus", "mp4 aac", "m4a aac", "mp3, 44 kHz", "webm opus"),
    *rows(LIVEKIT, None, "ogg opus"),
    *rows(DAILY, 1, "mp4 aac", "m4a aac", "mp4 fragments"),
    *rows(DAILY, None, "mp4 aac"),
    *rows(GENESYS, 1, "wav linear", "wav ulaw", "ogg opus", "webm opus", "mp3"),
    *rows(replace(GENESYS, options=side("genesys", None)), 1, "wav linear", "ogg opus", heard=1),
    *rows(TELNYX, 1, "wav linear", "mp3"),
    *rows(TELNYX_LINK, 1, "wav linear", "mp3, 44 kHz"),
    *rows(CHIME, 1, "wav linear", "ogg opus"),
    *rows(CANONICAL, 1, *(name for name, kind in ALL.items() if 2 in kind.layouts)),
    *rows(replace(CANONICAL, options=side("canonical", 0)), 0, "wav alaw", "flac", "wav streamed", "rf64"),
    *rows(CANONICAL, None, "wav gsm", "wav ima adpcm", "ogg vorbis", "rf64", "wav streamed"),
)


# --- the call


@cache
def recording(kind: str, agent: int | None) -> tuple[Sound, bytes]:
    """What was said, and the file."""
    encoder = ALL[kind]
    said = voices.call(SECONDS, encoder.rate, 1 if agent is None else 2, agent or 0)
    return said, encoder.encode(said, encoder.rate)


def played(row: Row, path: When) -> World:
    """The call, all of it."""
    way, (_, content) = row.way, recording(row.kind, row.agent)
    world = World(platforms=(way.platform,), options=way.options, prefixes=("",), key_pattern="",
                  transcript_key_pattern="")  # fmt: skip
    words = [{"role": "assistant", "content": "Hello?", "start_time": 0.1, "end_time": 0.9}]
    world.transcript_objects.transcript_objects["words.json"] = str(words).replace("'", '"').encode()
    if way.url:
        world.urls.contents[way.url] = content
    parts: dict[str, Callable[[], None]] = {
        "end": lambda: world.send("call_end", way.ended),
        "words": lambda: world.send("call_end", spoken(way)),
        "recording": lambda: comes(world, way, content),
    }
    for part in order(way, path):
        parts[part]()
        world.run(0.05)
    world.run()
    return world


def order(way: Way, path: When) -> Sequence[str]:
    if path == "late":
        return "end", "words", "recording"
    return ("end", "recording", "words") if way.named_by_alias else ("recording", "end", "words")


def how(row: Row, path: When) -> str:
    """What is ready before the text goes with it; what only the end names, which has the text, is late in any case."""
    in_the_end = (row.way.url and not row.way.events) or row.way.key == VAPI_MONO_FILE
    return "attach" if path == "late" or in_the_end else "put_audio"


def spoken(way: Way) -> Mapping[str, Any]:
    """The words as the platform sends them: Genesys in parts, the others' stand in a file here."""
    if way.platform == "genesys":
        words = {"id": "a", "role": "assistant", "content": "Hello?", "spoken_at": 1.0, "ended_at": 2.0}
        spoken_words = {"schema_version": "1", "external_conversation_id": way.call_id, "utterances": [words]}
        return event("Transcript Utterances", spoken_words)
    reference = {"uri": "s3://transcripts/words.json", "format": "canonical_v1"}
    ready = {"schema_version": "1", "external_conversation_id": way.call_id, "reference": reference}
    return event("Transcript Ready", ready)


def comes(world: World, way: Way, content: bytes) -> None:
    for one in way.events:
        world.send("call_end", one)
    if way.key:
        world.bucket.put(way.key, content)
        world.send("recording", object_created(way.key, content))


def received(world: World) -> bytes:
    """The only conversation's audio: what was uploaded, or what lies at the URL of the PATCH."""
    (held,) = world.coval.conversations.values()
    assert (world.dead, world.all_pending()) == ([], [])
    audio = held["audio"]
    if isinstance(audio, bytes):
        return audio
    return bytes(world.bucket.objects[audio.partition(".test/")[2].partition("?")[0]][1])


# --- the judge


def aligned(heard: Sound, said: Sound, within_seconds: float) -> float:
    """The strongest correlation at a shift that is allowed, to a quarter of a sample."""
    length, finer = min(len(heard), len(said)), 4
    heard, said = heard[:length], said[:length]
    spectrum = np.fft.rfft(heard, 2 * length) * np.conj(np.fft.rfft(said, 2 * length))
    products = np.fft.irfft(spectrum, finer * 2 * length) * finer
    most = round(within_seconds * RATE * finer)
    nearby = np.concatenate((products[: most + 1], products[-most:]))
    strongest = nearby[np.abs(nearby).argmax()]
    return float(strongest / np.sqrt((heard**2).sum() * (said**2).sum()))


@pytest.mark.parametrize("path", ["before the text", "late"])
@pytest.mark.parametrize("row", ROWS, ids=str)
def test_coval_hears_the_agent_first(row: Row, path: When, tmp_path: Path) -> None:
    world = played(row, path)
    audio = received(world)

    assert {"attach", "put_audio"} & set(world.coval.calls) == {how(row, path)}
    file = tmp_path / "audio"
    file.write_bytes(audio)
    inspect(StoredFile(file, len(audio), hashlib.sha256(audio).hexdigest()), "upload_id", Switches())
    for decoder in ("libsndfile", "miniaudio"):
        heard, rate = decoded(audio, decoder)
        assert abs(len(heard) / rate - SECONDS) <= LENGTH_WITHIN_SECONDS
        _judge(narrow(heard, rate), row)


def _judge(heard: Sound, row: Row) -> None:
    kind = ALL[row.kind]
    said, content = recording(row.kind, row.agent)
    if kind.name == "wav gsm":  # keeps what speech sounds like, not its curve
        said, _ = decoded(content)
    expected = narrow(said, kind.rate)
    if row.agent != row.heard and row.agent is not None:
        expected = expected[:, ::-1]
    assert heard.shape[1] == expected.shape[1]
    within = DELAYED_WITHIN_SECONDS if kind.name in DELAYED else ALIGNED_WITHIN_SECONDS
    for channel in range(heard.shape[1]):
        assert aligned(heard[:, channel], expected[:, channel], within) >= kind.correlation
    if heard.shape[1] == 2:
        assert abs(aligned(heard[:, 0], expected[:, 1], within)) < STRANGER
        assert abs(aligned(heard[:, 1], expected[:, 0], within)) < STRANGER
