"""What was sent and what Coval holds, decoded by a library that the relay does not use, and compared."""

import io
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from local.stack.paths import PROJECT

AUDIO = PROJECT / "tests" / "fixtures" / "audio"
AS_SENT, SAME_SAMPLES = "as sent", "same samples"
SIDES_CHANGED, CONVERTED, ANOTHER = "sides changed", "converted", "another sound"
LEAST_CORRELATION = 0.9
MOST_SHIFT_SECONDS = 0.05

Sound = np.ndarray[Any, np.dtype[np.int16]]
"""Samples by frame and channel."""
Samples = np.ndarray[Any, np.dtype[np.float64]]


def content(file: str) -> bytes:
    """The bytes of a fixture, or of a recording that is made of one."""
    return _MADE[file]() if file in _MADE else (AUDIO / file).read_bytes()


@cache
def _agent_on_channel_1() -> bytes:
    sound, rate = _decoded(AUDIO / "stereo-pcm-8khz.wav")
    return _encoded(sound[:, ::-1], rate, format="WAV", subtype="PCM_16")


@cache
def _opus() -> bytes:
    return _encoded(*_decoded(AUDIO / "stereo-pcm-16khz.wav"), format="OGG", subtype="OPUS")


_MADE = {"agent-on-channel-1.wav": _agent_on_channel_1, "stereo-opus-16khz.ogg": _opus}


def likeness(sent: bytes, held: bytes) -> str:
    """What became of a recording on its way."""
    if sent == held:
        return AS_SENT
    said, rate = _decoded(io.BytesIO(sent))
    heard, heard_rate = _decoded(io.BytesIO(held))
    if heard_rate == rate and np.array_equal(heard, said):
        return SAME_SAMPLES
    if heard_rate == rate and np.array_equal(heard, said[:, ::-1]):
        return SIDES_CHANGED
    return CONVERTED if _alike(said, rate, heard, heard_rate) else ANOTHER


def _decoded(file: Path | io.BytesIO) -> tuple[Sound, int]:
    sound, rate = soundfile.read(file, dtype="int16", always_2d=True)
    return sound, rate


def _encoded(sound: Sound, rate: int, **form: str) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, sound, rate, **form)
    return file.getvalue()


def _alike(said: Sound, rate: int, heard: Sound, heard_rate: int) -> bool:
    """Every channel sounds as it did, and lasts as long."""
    if heard.shape[1] != said.shape[1] or heard_rate % rate:
        return False
    heard = heard[:: heard_rate // rate]
    shift = round(MOST_SHIFT_SECONDS * rate)
    pairs = zip(said.T, heard.T, strict=True)
    return abs(len(heard) - len(said)) <= shift and all(
        _correlation(one.astype(float), other.astype(float), shift) >= LEAST_CORRELATION for one, other in pairs
    )


def _correlation(one: Samples, other: Samples, shift: int) -> float:
    """The best of all shifts."""
    size = len(one) + len(other)
    products = np.fft.irfft(np.fft.rfft(one, size) * np.conj(np.fft.rfft(other, size)), size)
    nearby = np.concatenate((products[: shift + 1], products[-shift:]))
    return float(nearby.max() / np.sqrt((one**2).sum() * (other**2).sum()))
