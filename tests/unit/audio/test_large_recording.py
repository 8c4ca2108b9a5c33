"""The demo's late recording: its exact size, its form, its content."""

import io
import tracemalloc
import wave

import pytest

from coval_relay.domain.audio import AudioFacts, WaveLayout, probe
from local.demo.large_recording import SPEECH, chunks, total_size
from tests.unit.audio.made_audio import FIXTURES, CountingReader


def test_half_an_hour() -> None:
    tracemalloc.start()
    sizes = [len(piece) for piece in chunks(1800)]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sum(sizes) == total_size(1800) == 115_200_044
    assert max(sizes) <= 256 * 1024
    assert peak < 4 * 1024 * 1024


@pytest.mark.parametrize("seconds", [0, 0.00001, 1, 7.276, 20.5])
def test_size_is_what_was_announced(seconds: float) -> None:
    assert len(b"".join(chunks(seconds, chunk_bytes=1000))) == total_size(seconds)


def test_is_a_wav_of_the_speech_over_and_over() -> None:
    data = b"".join(chunks(20))
    with wave.open(str(SPEECH), "rb") as speech, wave.open(io.BytesIO(data), "rb") as made:
        expected, frames = speech.readframes(speech.getnframes()), made.readframes(made.getnframes())
    assert frames == (expected * 3)[: len(frames)]
    assert probe(len(data), CountingReader(data)) == AudioFacts(
        format="wav",
        content_type="audio/wav",
        duration_milliseconds=20_000,
        channels=2,
        sample_rate=16_000,
        codec="pcm_s16le",
        size=1_280_044,
        layout=WaveLayout(format_chunk=data[20:36], data_offset=44, data_size=1_280_000, frame_bytes=4, declared=True),
    )


@pytest.mark.parametrize("name", ["stereo-pcm-8khz.wav", "mono-pcm-8khz.wav"])
def test_other_speech_is_rejected(name: str) -> None:
    with pytest.raises(ValueError, match="16-bit stereo at 16 kHz"):
        next(chunks(10, FIXTURES / name))
