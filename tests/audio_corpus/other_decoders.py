"""Decoders that share nothing with FFmpeg, for the few files in which it is alone with what it hears."""

import io
from collections.abc import Callable
from typing import Final

import miniaudio  # type: ignore[import-untyped]
import numpy as np
import soundfile

from tests.support.ffmpeg import Decoded

FULL_SCALE = 32_767


def libsndfile(data: bytes) -> Decoded | None:
    try:
        sound, rate = soundfile.read(io.BytesIO(data), always_2d=True)
    except soundfile.LibsndfileError:
        return None
    return Decoded(rate, (sound.clip(-1, 1) * FULL_SCALE).astype(np.int16))


def mp3_by_miniaudio(data: bytes) -> Decoded | None:
    try:
        info = miniaudio.mp3_get_info(data)
        made = miniaudio.decode(data, miniaudio.SampleFormat.SIGNED16, info.nchannels, info.sample_rate)
    except miniaudio.DecodeError:
        return None
    return Decoded(info.sample_rate, np.frombuffer(made.samples, np.int16).reshape(-1, info.nchannels))


OTHER_DECODERS: Final[dict[str, Callable[[bytes], Decoded | None]]] = {
    "libsndfile": libsndfile,
    "miniaudio": mp3_by_miniaudio,
}
