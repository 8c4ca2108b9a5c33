"""Whatever a platform sends, Coval gets: the voices on their channels, their length, and nothing by detour.

What comes out is judged by libsndfile and miniaudio, which the product does not use.
"""

import errno
import io
import struct
import subprocess
import sys
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
import soundfile
from av.video.frame import VideoFrame
from hypothesis import given, settings
from hypothesis import strategies as st

from coval_relay.adapters.audio import PyAvConverter
from coval_relay.adapters.audio.ranged_file import BLOCK, RangedFile
from coval_relay.domain.audio import AudioRejectedError, probe
from coval_relay.domain.errors import RetryableError
from tests.support import audio_files, voices
from tests.support.conversion import SECONDS, assert_that_voices_are_kept, converted, recording
from tests.support.voices import KINDS, Kind, Sound, correlation, decoded, narrow

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

UNREADABLE = AudioRejectedError("audio_unreadable", "Invalid or corrupt audio file. Unable to read audio metadata.")
ROOT = Path(__file__).parents[3]


def rejection(data: bytes) -> AudioRejectedError:
    with pytest.raises(AudioRejectedError) as rejected:
        converted(data)
    return rejected.value


# --- what was said; every kind, layout and side is in tests/fidelity


@pytest.mark.parametrize(
    ("name", "channels"),
    [
        ("flac", 2),
        ("webm opus", 2),
        ("m4a aac", 1),
        ("wav gsm", 1),
        ("wav, 3 channels", 3),
        ("m4a aac, 4 channels", 4),
    ],
)
def test_voices_keep_their_sound_and_length_and_stand_on_their_sides(name: str, channels: int) -> None:
    kind = next(kind for kind in KINDS if kind.name == name)
    assert_that_voices_are_kept(kind, channels, agent_channel=1 if channels > 1 else None)


def test_speech_of_the_ogg_fixture_is_that_of_its_wav() -> None:
    fixtures = ROOT / "tests/fixtures/audio"
    said, rate = soundfile.read(fixtures / "stereo-pcm-16khz.wav")
    heard, _ = decoded(converted((fixtures / "not-accepted.ogg").read_bytes(), 1)[1])
    assert len(heard) == pytest.approx(len(said), abs=voices.WITHIN_SECONDS * rate)
    for channel in (0, 1):
        assert correlation(narrow(heard, rate)[:, channel], narrow(said, rate)[:, 1 - channel]) >= 0.9


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "FLOAT", "ULAW", "ALAW"])
def test_linear_sound_of_16_bits_or_fewer_is_exact(subtype: str) -> None:
    data = audio_files.wav(channels=2, subtype=subtype)
    _, made = converted(data, 1)
    before, after = soundfile.read(io.BytesIO(data))[0], soundfile.read(io.BytesIO(made))[0]
    tolerance = 0 if subtype not in {"PCM_24", "FLOAT"} else 1 / 32768
    np.testing.assert_allclose(after, before[:, ::-1], rtol=0, atol=tolerance)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if 2 in kind.layouts], ids=lambda kind: kind.name)
def test_what_is_made_is_measured_as_what_coval_takes(kind: Kind) -> None:
    _, data = recording(kind, 2, 0)
    content_type, made = converted(data)
    facts = probe(len(made), lambda start, length: made[start : start + length])
    assert (facts.content_type, facts.channels) == (content_type, 2)
    assert facts.layout is None or facts.layout.declared
    assert facts.duration_milliseconds == pytest.approx(SECONDS * 1000, abs=150)  # MP3 counts its padding


@pytest.mark.parametrize(
    ("rate", "becomes"),
    [
        (8_000, 16_000),
        (11_025, 22_050),
        (12_000, 24_000),
        (16_000, 16_000),
        (32_000, 32_000),
        (48_000, 48_000),
    ],
)
def test_mp3_has_a_rate_that_every_reader_knows(rate: int, becomes: int) -> None:
    content_type, made = converted(voices.by_libsndfile("MP3", "MPEG_LAYER_III")(voices.call(2, rate, 2), rate))
    facts = probe(len(made), lambda start, length: made[start : start + length])
    assert (content_type, facts.sample_rate) == ("audio/mp3", becomes)
    assert len(made) == pytest.approx(2 * 128_000 / 8, rel=0.1)


def test_wav_that_could_not_be_uploaded_becomes_mp3() -> None:
    """An hour of stereo at 16 kHz takes 230 MB; here the head of a FLAC (RFC 9639, 8.2) says it has one."""
    data = voices.by_libsndfile("FLAC", "PCM_16")(voices.call(1, 16_000, 2), 16_000)
    numbers = int.from_bytes(data[18:26], "big") >> 36 << 36 | 3600 * 16_000
    content_type, made = converted(data[:18] + numbers.to_bytes(8, "big") + data[26:])
    assert content_type == "audio/mp3"
    assert len(decoded(made)[0]) == 16_000


# --- time


def opus(sound: Sound, kept: Iterable[tuple[float, float]], shift: float = 0.0, clock: float = 0.0) -> bytes:
    """WebM of which only packets of the `kept` seconds are there; the clock is set after the first second."""
    file = io.BytesIO()
    with av.open(file, "w", format="webm") as output:
        stream = output.add_stream("libopus", rate=48_000, layout="stereo")
        packets = [p for frame in voices.frames(sound, 48_000, "stereo") for p in stream.encode(frame)]
        for packet in [*packets, *stream.encode(None)]:
            assert packet.pts is not None
            assert packet.time_base is not None
            time = float(packet.pts * packet.time_base)
            if any(start <= time < end for start, end in kept):
                packet.pts = packet.dts = packet.pts + round((shift + clock * (time > 1)) / packet.time_base)
                output.mux(packet)
    return file.getvalue()


def test_lost_packets_are_silence_of_their_length() -> None:
    said = voices.call(6, 48_000, 2)
    _, made = converted(opus(said, [(-1, 2), (3.5, 7)]))
    heard, rate = decoded(made)
    assert len(heard) / rate == pytest.approx(6, abs=0.05)
    assert np.abs(heard[round(2.1 * rate) : round(3.4 * rate)]).max() < 0.01
    after = slice(round(3.6 * rate), None)
    assert correlation(narrow(heard[after], rate)[:, 0], narrow(said[after], rate)[:, 0]) > 0.9


def test_recording_begins_where_its_sound_begins() -> None:
    _, made = converted(opus(voices.call(3, 48_000, 2), [(-1, 9)], shift=7200.0))
    heard, rate = decoded(made)
    assert len(heard) / rate == pytest.approx(3, abs=0.05)


def test_clock_that_was_set_is_no_silence() -> None:
    _, made = converted(opus(voices.call(3, 48_000, 2), [(-1, 9)], clock=4000.0))
    heard, rate = decoded(made)
    assert len(heard) / rate == pytest.approx(3, abs=0.05)


def film(audio_after: float | None) -> bytes:
    """A picture for three seconds, and sound from some time on."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as output:
        picture = output.add_stream("mpeg4", rate=10, width=32, height=32, pix_fmt="yuv420p")
        sound = None if audio_after is None else output.add_stream("aac", rate=48_000, layout="stereo")
        for number in range(30):
            image = VideoFrame(32, 32, "yuv420p")
            image.pts, image.time_base = number, Fraction(1, 10)
            output.mux(picture.encode(image))
        output.mux(picture.encode(None))
        if sound is not None and audio_after is not None:
            for frame in voices.frames(voices.call(2, 48_000, 2), 48_000, "stereo"):
                assert frame.pts is not None
                frame.pts += round(audio_after * 48_000)
                output.mux(sound.encode(frame))
            output.mux(sound.encode(None))
    return file.getvalue()


def test_sound_of_a_film_keeps_its_time() -> None:
    _, made = converted(film(1.0), 1)
    heard, rate = decoded(made)
    assert len(heard) / rate == pytest.approx(3, abs=0.05)
    assert np.abs(heard[: round(0.9 * rate)]).max() < 0.01
    said = voices.call(2, 48_000, 2)
    later = narrow(heard[rate:], rate)
    assert correlation(later[:, 1], narrow(said, 48_000)[:, 0]) > 0.9


def test_recording_of_more_than_an_hour_is_rejected_before_its_end() -> None:
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", 8_000, 1, "PCM_16", format="FLAC") as flac:
        for _ in range(75):
            flac.write(np.zeros(8_000 * 60, np.int16))
    assert rejection(file.getvalue()) == AudioRejectedError(
        "audio_too_long", "Audio too long: 61.1 minutes. Maximum duration is 60 minutes."
    )


# --- other tracks


def flv_tag(kind: int, body: bytes, milliseconds: int) -> bytes:
    time = milliseconds.to_bytes(3, "big") + bytes(4)
    head = bytes([kind]) + len(body).to_bytes(3, "big") + time
    return head + body + struct.pack(">I", len(head + body))


PICTURE, SOUND_OF_NO_CODEC = (9, bytes([0x12, 0, 0, 0, 0])), (8, bytes([0xFF, 0, 0]))


def test_picture_that_begins_late_costs_no_sound() -> None:
    said = voices.call(8, 44_100, 1)
    data = voices.by_ffmpeg("flv", "libmp3lame", b="32k")(said, 44_100) + flv_tag(*PICTURE, milliseconds=8_000)
    _, made = converted(data)
    heard, rate = decoded(made)
    assert len(heard) / rate == pytest.approx(8, abs=0.1)
    assert correlation(narrow(heard, rate)[:, 0], narrow(said, 44_100)[:, 0]) >= 0.9


def test_track_of_an_unknown_codec_is_a_track() -> None:
    data = voices.by_ffmpeg("flv", "aac")(voices.call(1, 44_100, 2), 44_100)
    data += flv_tag(*SOUND_OF_NO_CODEC, milliseconds=1_000)
    reason = "Unsupported audio format: unknown codec in flv."
    assert rejection(data) == AudioRejectedError("audio_unsupported_format", reason)


# --- damage

IN_A_CHILD = """
import sys
from coval_relay.adapters.audio import PyAvConverter
data = sys.stdin.buffer.read()
with open(sys.argv[1], "wb") as sink:
    PyAvConverter()(len(data), lambda start, length: data[start : start + length], sink, agent_channel=None)
"""
"""For what has aborted its process once."""


@pytest.mark.parametrize("damage", [float("nan"), float("inf"), 3e38, -1e9])
def test_a_sample_that_is_no_sound_costs_its_moment(damage: float, tmp_path: Path) -> None:
    said = voices.call(2, 8_000, 1)
    samples = said[:, 0].astype(">f4")
    samples[8_000] = damage
    claimed = 2 * 3600 * 32_000  # two hours, too much for an upload as WAV
    data = struct.pack(">4s5I", b".snd", 24, claimed, 6, 8_000, 1) + samples.tobytes()
    made, environment = tmp_path / "made.mp3", {"PYTHONPATH": str(ROOT / "layers/shared")}
    child = [sys.executable, "-c", IN_A_CHILD, str(made)]
    subprocess.run(child, input=data, env=environment, capture_output=True, check=True)
    heard, rate = decoded(made.read_bytes())
    for part in (slice(0, 7_600), slice(8_400, 16_000)):
        assert correlation(narrow(heard, rate)[part, 0], said[part, 0]) >= 0.9


# --- what cannot be converted


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"OggS",
        b"fLaC" + bytes(1000),
        b"OggS" + bytes(range(256)) * 100,
        b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile:///etc/hostname\n#EXT-X-ENDLIST\n",
        b"ffconcat version 1.0\nfile /etc/hostname\n",
        b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n",
        voices.by_libsndfile("FLAC", "PCM_16")(np.zeros((0, 1)), 8_000),
    ],
)
def test_what_has_no_sound_is_unreadable(data: bytes) -> None:
    assert rejection(data) == UNREADABLE


def test_film_without_sound_is_named() -> None:
    reason = "Unsupported audio format: mov,mp4,m4a,3gp,3g2,mj2 without sound."
    assert rejection(film(None)) == AudioRejectedError("audio_unsupported_format", reason)


@pytest.mark.parametrize("rate", [24, 384_000])
def test_rate_of_no_recorder_is_named(rate: int) -> None:
    reason = f"Unsupported audio format: {rate} samples a second."
    data = voices.by_libsndfile("AU", "PCM_16")(np.zeros((9_000, 1)), rate)
    assert rejection(data) == AudioRejectedError("audio_unsupported_format", reason)


SOURCES = [
    kind.encode(voices.call(0.6, kind.rate, kind.layouts[-1]), kind.rate)
    for kind in KINDS
    if kind.name in {"flac", "ogg vorbis", "webm opus", "m4a aac", "adts aac", "mp3", "aiff", "wav ms adpcm", "w64"}
]


@given(
    st.sampled_from(SOURCES),
    st.lists(st.tuples(st.integers(0, 3_000), st.binary(min_size=1, max_size=8)), max_size=8),
    st.sampled_from([1.0, 0.9, 0.5, 0.1]),
    st.sampled_from([None, 0, 1]),
)
@settings(max_examples=3 * settings().max_examples // 2)
def test_damage_is_heard_or_rejected(
    data: bytes, changes: list[tuple[int, bytes]], kept: float, agent_channel: int | None
) -> None:
    for position, replacement in changes:
        data = data[:position] + replacement + data[position + len(replacement) :]
    data = data[: round(len(data) * kept)]
    outcome: AudioRejectedError | None
    try:
        content_type, made = converted(data, agent_channel)
    except AudioRejectedError as rejected:
        outcome = rejected
    else:
        outcome = None
        facts = probe(len(made), lambda start, length: made[start : start + length])
        assert facts.content_type == content_type
    assert outcome is None or outcome.code in {"audio_unreadable", "audio_unsupported_format", "audio_too_long"}


def test_sound_before_the_break_is_kept() -> None:
    said = voices.call(6, 16_000, 2)
    data = voices.by_libsndfile("FLAC", "PCM_16")(said, 16_000)
    _, made = converted(data[: len(data) // 2])
    heard, rate = decoded(made)
    assert 2 < len(heard) / rate < 4
    assert correlation(narrow(heard, rate)[:, 0], narrow(said[: len(heard)], rate)[:, 0]) >= 0.99


# --- errors of others


@pytest.mark.parametrize(
    ("name", "good"), [("flac", 0), ("flac", 1), ("webm opus", 0), ("webm opus", 1), ("m4a aac", 0)]
)
def test_what_the_reader_raises_passes_through(name: str, good: int, capfd: pytest.CaptureFixture[str]) -> None:
    kind = next(kind for kind in KINDS if kind.name == name)
    _, data = recording(kind, 2, 0)
    data += bytes(2 * BLOCK)
    reads = []

    def read(start: int, length: int) -> bytes:
        reads.append(start)
        if len(reads) > good:
            raise RetryableError("s3_unreachable")
        return data[start : start + length]

    with pytest.raises(RetryableError) as raised:
        PyAvConverter()(len(data), read, io.BytesIO(), agent_channel=None)
    assert raised.value == RetryableError("s3_unreachable")
    assert capfd.readouterr() == ("", "")


class FullSink(io.BytesIO):
    def write(self, data: "ReadableBuffer") -> int:
        if self.tell() > 20_000:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(data)


@pytest.mark.parametrize("name", ["flac", "webm opus"])
def test_what_the_sink_raises_passes_through(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    kind = next(kind for kind in KINDS if kind.name == name)
    _, data = recording(kind, 2, 0)
    with pytest.raises(OSError, match="No space left") as raised:
        PyAvConverter()(len(data), lambda start, length: data[start : start + length], FullSink(), agent_channel=None)
    assert raised.value.errno == errno.ENOSPC
    assert capfd.readouterr() == ("", "")


# --- reading

CONTENT = bytes(range(256)) * (3 * BLOCK // 256) + b"end"
operations = st.one_of(
    st.tuples(st.just("read"), st.integers(0, BLOCK), st.just(0)),
    st.tuples(st.just("seek"), st.integers(0, len(CONTENT) + 10), st.just(0)),
    st.tuples(st.just("seek"), st.integers(-50, 50), st.just(1)),
    st.tuples(st.just("seek"), st.integers(-len(CONTENT), 0), st.just(2)),
)


@given(st.lists(operations, max_size=30))
def test_ranges_read_as_a_file(steps: list[tuple[str, int, int]]) -> None:
    file = RangedFile(len(CONTENT), lambda start, length: CONTENT[start : start + length])
    position = 0
    for name, amount, whence in steps:
        if name == "seek":
            position = max(0, (0, position, len(CONTENT))[whence] + amount)
            assert file.seek(amount, whence) == position
        else:
            part = file.read(amount)
            assert part == CONTENT[position : position + len(part)]
            assert part or not amount or position >= len(CONTENT)
            position += len(part)
        assert file.tell() == position


def test_blocks_are_read_once_while_they_are_near() -> None:
    reads: list[tuple[int, int]] = []

    def read(start: int, length: int) -> bytes:
        reads.append((start, length))
        return CONTENT[start : start + length]

    file = RangedFile(len(CONTENT), read)
    for position in (0, len(CONTENT) - 1, 5, BLOCK, 9, 2 * BLOCK):
        file.seek(position)
        file.read(100)
    assert reads == [(0, BLOCK), (3 * BLOCK, 3), (BLOCK, BLOCK), (2 * BLOCK, BLOCK)]


def test_reading_without_end_is_rejected() -> None:
    reads: list[int] = []

    def read(start: int, length: int) -> bytes:
        reads.append(start)
        return bytes(length)

    file = RangedFile(10 * BLOCK, read)

    def hop() -> None:
        for number in range(1000):
            file.seek(number * 3 % 10 * BLOCK)
            file.read(1)

    with pytest.raises(AudioRejectedError) as rejected:
        hop()
    assert rejected.value == UNREADABLE
    assert len(reads) == 76


# --- cost


def test_pyav_is_loaded_by_a_conversion_only() -> None:
    code = "import sys, coval_relay.adapters.audio; print('av' in sys.modules)"
    environment = {"PYTHONPATH": str(ROOT / "layers/shared")}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
