"""Recordings without a header: known by their extension or by a key rule, decoded as what they are."""

import io
import struct

import numpy as np
import pytest
import soundfile

from coval_relay.adapters.audio import PyAvConverter
from coval_relay.domain.audio import AudioFacts, AudioRejectedError, Preparation, preparation, probe, rearranged
from coval_relay.domain.call import Recording, RecordingHints, RecordingState
from coval_relay.domain.raw_audio import RawAudio
from coval_relay.domain.s3_objects import ObjectVersion
from coval_relay.services.recording_preparer import RecordingPreparer
from tests.support import voices
from tests.support.fakes import FakeBucket
from tests.support.in_memory import InMemoryStaging, InMemoryUrls
from tests.support.voices import Sound, by_ffmpeg, correlation, decoded, narrow
from tests.unit.audio.made_audio import CountingReader, chunk, id3, mpeg_frame, riff, wave_format

SECONDS = 5.5


def headless(sound: Sound, subtype: str, rate: int = 8_000) -> bytes:
    """By libsndfile, which the product does not use."""
    file = io.BytesIO()
    soundfile.write(file, sound, rate, format="RAW", subtype=subtype, endian="LITTLE")
    return file.getvalue()


def g722(sound: Sound) -> bytes:
    return by_ffmpeg("g722", "g722")(sound, 16_000)


def prepared(
    name: str, data: bytes, hints: RecordingHints | None = None, side: int | None = None, url: str = ""
) -> bytes:
    """What Coval gets of it."""
    bucket = FakeBucket()
    bucket.put(name, data)
    preparer = RecordingPreparer(bucket, InMemoryUrls(), InMemoryStaging(bucket), PyAvConverter())
    recording = Recording(
        identity="s3://recordings/a#1", sort_key="1", created_at=1, state=RecordingState.READY, size=len(data),
        version=ObjectVersion("recordings", name, ""), agent_channel=side, hints=hints or RecordingHints(), url=url,
    )  # fmt: skip
    found, facts = preparer.inspect(recording)
    sent = preparer.make_copy(found, facts) if preparer.must_copy(found, facts) else found
    return b"".join(preparer.prepare(sent, facts).chunks)


MONO = voices.call(SECONDS, 8_000, 1)
WIDE = voices.call(SECONDS, 16_000, 1)


@pytest.mark.parametrize(
    ("name", "data", "said", "rate"),
    [
        ("call.ulaw", headless(MONO, "ULAW"), MONO, 8_000),
        ("2026/call.UL", headless(MONO, "ULAW"), MONO, 8_000),
        ("call.pcmu", headless(MONO, "ULAW"), MONO, 8_000),
        ("call.alaw", headless(MONO, "ALAW"), MONO, 8_000),
        ("call.al", headless(MONO, "ALAW"), MONO, 8_000),
        ("call.sln", headless(MONO, "PCM_16"), MONO, 8_000),
        ("call.sln16", headless(WIDE, "PCM_16"), WIDE, 16_000),
        ("call.g722", g722(WIDE), WIDE, 16_000),
        ("call.vox", headless(MONO, "VOX_ADPCM"), MONO, 8_000),
    ],
)
def test_known_extension_says_how_to_read(name: str, data: bytes, said: Sound, rate: int) -> None:
    heard, own = decoded(prepared(name, data))
    assert (own, heard.shape[1]) == (rate, 1)
    assert len(heard) / own == pytest.approx(SECONDS, abs=0.01)
    assert correlation(narrow(heard, own)[:, 0], narrow(said, rate)[:, 0]) > 0.95


STEREO = voices.call(SECONDS, 8_000, 2)


@pytest.mark.parametrize("side", [None, 0, 1])
@pytest.mark.parametrize(
    ("raw", "data"),
    [
        (RawAudio(codec="pcm_mulaw", channels=2), headless(STEREO, "ULAW")),
        (RawAudio(codec="pcm_alaw", channels=2), headless(STEREO, "ALAW")),
        (RawAudio(codec="pcm_s16le", channels=2), headless(STEREO, "PCM_16")),
    ],
)
def test_rule_says_how_to_read(raw: RawAudio, data: bytes, side: int | None) -> None:
    heard, rate = decoded(prepared("call.raw", data, RecordingHints(raw=raw), side))
    said = STEREO[:, ::-1] if side == 1 else STEREO
    assert len(heard) / rate == SECONDS
    for channel in (0, 1):
        assert correlation(heard[:, channel], said[:, channel]) > 0.99


def test_rule_knows_better_than_the_extension() -> None:
    said = voices.call(SECONDS, 6_000, 1)
    heard, rate = decoded(
        prepared("call.vox", headless(said, "VOX_ADPCM"), RecordingHints(raw=RawAudio(codec="vox", sample_rate=6_000)))
    )
    assert (rate, len(heard)) == (6_000, 33_000)


def test_extension_of_a_link_counts_not_that_of_its_copy() -> None:
    url = "https://pbx.example/monitor/call.ulaw?token=a.b"
    heard, _ = decoded(prepared("fetched/0001", headless(MONO, "ULAW"), url=url))
    assert len(heard) == 44_000


def test_gsm_is_decoded_frame_by_frame() -> None:
    """33 bytes and 20 ms a frame (GSM 06.10)."""
    data = headless(MONO, "GSM610")
    heard, rate = decoded(prepared("call.gsm", data))
    said, _ = soundfile.read(io.BytesIO(data), format="RAW", subtype="GSM610", samplerate=8_000, channels=1)
    assert (rate, len(heard)) == (8_000, len(data) // 33 * 160)
    assert correlation(heard[:, 0], said) > 0.95


def measured(data: bytes, name: str) -> AudioFacts:
    return probe(len(data), CountingReader(data), name=name)


@pytest.mark.parametrize(
    ("data", "format_"),
    [
        (riff(chunk(b"fmt ", wave_format()), chunk(b"data", bytes(96_000))), "pcm_s16le"),
        (b"OggS\0\2" + bytes(900), "OGG"),
        (id3(b"x") + mpeg_frame(2, 4, 2) * 300, "mp3"),
        (b"\0\0\0\x20ftypisom" + bytes(900), "MP4"),
    ],
)
def test_header_knows_better_than_the_name(data: bytes, format_: str) -> None:
    assert measured(data, "call.ulaw").codec == format_


@pytest.mark.parametrize("name", ["call.ulaw", "call.sln", "call.g729"])
@pytest.mark.parametrize(
    "data",
    [b"<?xml version='1.0'?><Error>" * 20, b'{"error": "not found"}\r\n', "Não há gravação.\n".encode() * 6_000],
)
def test_text_is_no_sound(name: str, data: bytes) -> None:
    with pytest.raises(AudioRejectedError):
        measured(data, name)


@pytest.mark.parametrize(("name", "codec"), [("vm-Work.alaw", "pcm_alaw"), ("vm-Work.ulaw", "pcm_mulaw")])
def test_a_quiet_beginning_is_no_text_though_it_is_text_bytes_only(name: str, codec: str) -> None:
    """Quiet samples below zero are 0x50 to 0x7e in both laws."""
    loud = headless(MONO, "ALAW" if codec == "pcm_alaw" else "ULAW")
    assert measured(b"^x{zeeeezxyz{{yd" * 60 + loud, name).codec == codec


def test_silence_of_mulaw_is_no_mp3() -> None:
    """0xFF, and values near it, are its silence, and begin frames of MP3 as well."""
    data = np.random.default_rng(1).choice([0xFF, 0xFB, 0xFA, 0x7F, 0x90, 0xF3], 60_000).astype(np.uint8).tobytes()
    facts = measured(data, "call.ulaw")
    assert (facts.codec, facts.duration_milliseconds) == ("pcm_mulaw", 7_500)
    assert preparation(facts, None) is Preparation.REARRANGE
    assert b"".join(rearranged([data], facts, swap=False))[-60_000:] == data
    with pytest.raises(AudioRejectedError):
        measured(data, "call.raw")


@pytest.mark.parametrize(("extension", "codec"), [("g729", "G.729"), ("G723", "G.723.1"), ("siren14", "G.722.1C")])
def test_codec_that_nothing_here_reads_is_named(extension: str, codec: str) -> None:
    with pytest.raises(AudioRejectedError) as rejected:
        measured(bytes(range(256)) * 40, f"call.{extension}")
    reason = f"Unsupported audio format: raw {codec}."
    assert rejected.value == AudioRejectedError("audio_unsupported_format", reason)


def test_frames_have_one_channel() -> None:
    data = bytes(range(256)) * 40
    with pytest.raises(AudioRejectedError, match="raw gsm of 2 channels"):
        probe(len(data), CountingReader(data), RawAudio(codec="gsm", channels=2))


def test_odd_end_is_left_out() -> None:
    data = struct.pack("<5h", 1, -2, 300, -400, 5) + b"\7"
    facts = measured(data, "call.sln")
    assert b"".join(rearranged([data], facts, swap=False)) == riff(
        chunk(b"fmt ", wave_format()), chunk(b"data", data[:-1])
    )


# --- reasons


@pytest.mark.parametrize(
    ("name", "data", "format_"),
    [
        ("call.ogg", b"OggS\0\2" + bytes(900), "OGG"),
        ("call.m4a", b"\0\0\0\x20ftypM4A " + bytes(900), "M4A"),
        ("call.wav", riff(chunk(b"fmt ", wave_format(0x2000, bits=0)), chunk(b"data", bytes(9_000))), "ac3"),
    ],
)
def test_what_cannot_be_decoded_is_named_by_what_it_seems_to_be(name: str, data: bytes, format_: str) -> None:
    with pytest.raises(AudioRejectedError) as rejected:
        prepared(name, data)
    reason = f"Invalid or corrupt audio file. Unable to decode it as {format_}."
    assert rejected.value == AudioRejectedError("audio_unreadable", reason)


def test_mp3_is_cut_out_on_its_way() -> None:
    frames = mpeg_frame(2, 4, 2) * 200
    assert prepared("call.mp3", bytes(300) + frames + bytes(5_000)) == frames
