"""A recording of any length, made while it is sent: a fixture's speech over and over, in constant memory."""

import struct
import wave
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

SPEECH = Path(__file__).parents[2] / "tests/fixtures/audio/stereo-pcm-16khz.wav"
SAMPLE_RATE = 16_000
CHANNELS = 2
FRAME_BYTES = CHANNELS * 2
HEADER_BYTES = 44
CHUNK_BYTES = 256 * 1024


def total_size(seconds: float) -> int:
    """Bytes of the whole file: 1800 s make 115,200,044."""
    return HEADER_BYTES + _data_size(seconds)


def chunks(seconds: float, speech: Path = SPEECH, chunk_bytes: int = CHUNK_BYTES) -> Iterator[bytes]:
    """A 16-bit stereo WAV at 16 kHz in pieces of at most `chunk_bytes`; `speech` is of that form, too.

    Raises ValueError where it is not.
    """
    frames = _frames(speech)
    yield _header(_data_size(seconds))
    left = _data_size(seconds)
    for piece in cycle(frames[at : at + chunk_bytes] for at in range(0, len(frames), chunk_bytes)):
        if not left:
            return
        yield piece[:left]
        left -= len(piece[:left])


def _data_size(seconds: float) -> int:
    return int(seconds * SAMPLE_RATE) * FRAME_BYTES


def _frames(speech: Path) -> bytes:
    with wave.open(str(speech), "rb") as file:
        if (file.getnchannels(), file.getsampwidth(), file.getframerate()) != (CHANNELS, 2, SAMPLE_RATE):
            raise ValueError("the speech must be 16-bit stereo at 16 kHz")
        return file.readframes(file.getnframes())


def _header(data_size: int) -> bytes:
    form = struct.pack("<4sI4s", b"RIFF", HEADER_BYTES - 8 + data_size, b"WAVE")
    rate = SAMPLE_RATE * FRAME_BYTES
    wave_format = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, CHANNELS, SAMPLE_RATE, rate, FRAME_BYTES, 16)
    return form + wave_format + struct.pack("<4sI", b"data", data_size)
