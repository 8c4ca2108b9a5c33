"""What became of a recording on its way is known by its samples."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import soundfile

from local.demo.audio_comparison import Sound, content, likeness

STEREO, STREAMED, OPUS = "stereo-pcm-8khz.wav", "stereo-mulaw-8khz-streamed.wav", "stereo-opus-16khz.ogg"


def anew(file: str, change: Callable[[Sound], Sound] = lambda sound: sound) -> bytes:
    """Decoded, changed, and written again."""
    sound, rate = soundfile.read(io.BytesIO(content(file)), dtype="int16", always_2d=True)
    return written(change(sound), rate, "WAV", "PCM_16")


def as_mp3(file: str, change: Callable[[Sound], Sound] = lambda sound: sound) -> bytes:
    sound, rate = soundfile.read(io.BytesIO(content(file)), dtype="int16", always_2d=True)
    # libsndfile does not scale whole numbers for LAME
    return written(change(sound) / 2.0**15, rate, "MP3", "MPEG_LAYER_III")


def written(sound: np.ndarray[Any, Any], rate: int, container: str, subtype: str) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, sound, rate, format=container, subtype=subtype)
    return file.getvalue()


def swapped(sound: Sound) -> Sound:
    return sound[:, ::-1]


def cut(sound: Sound) -> Sound:
    return sound[: len(sound) * 9 // 10]


@pytest.mark.parametrize(
    ("sent", "held", "expected"),
    [
        (STEREO, content(STEREO), "as sent"),
        (STREAMED, anew(STREAMED), "same samples"),
        (STEREO, anew(STEREO, swapped), "sides changed"),
        ("agent-on-channel-1.wav", content(STEREO), "sides changed"),
        (OPUS, as_mp3(OPUS), "converted"),
        (OPUS, as_mp3(OPUS, swapped), "another sound"),
        (OPUS, as_mp3(OPUS, cut), "another sound"),
        (OPUS, as_mp3(OPUS, lambda sound: sound[:, :1]), "another sound"),
        (STEREO, anew(STEREO, np.flipud), "another sound"),
        (STEREO, content("stereo-pcm-16khz.wav"), "another sound"),
    ],
)
def test_likeness(sent: str, held: bytes, expected: str) -> None:
    assert likeness(content(sent), held) == expected
