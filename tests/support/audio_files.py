"""Sounds made on the fly with libsndfile, which the product does not use."""

import io
import struct

import numpy as np
import soundfile

RATE = 8000


def samples(seconds: float, channels: int = 1) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Every second half noise, half silence, so that a variable bit rate really varies."""
    second = np.random.default_rng(1).normal(0, 0.1, (RATE, channels)).astype(np.float32)
    second[: RATE // 2] = 0
    return np.resize(second, (round(seconds * RATE), channels))


def wav(seconds: float = 6.0, *, channels: int = 1, subtype: str = "PCM_16", container: str = "WAV") -> bytes:
    """A WAV file; `container` is libsndfile's WAV, WAVEX (extensible) or RF64."""
    file = io.BytesIO()
    soundfile.write(file, samples(seconds, channels), RATE, subtype=subtype, format=container)
    return file.getvalue()


def streamed(whole: bytes, riff_size: int, data_size: int) -> bytes:
    """The same WAV as a streaming recorder leaves it, with lengths that were never filled in."""
    data = whole.index(b"data")
    sizes = struct.pack("<I", riff_size), struct.pack("<I", data_size)
    return whole[:4] + sizes[0] + whole[8 : data + 4] + sizes[1] + whole[data + 8 :]


def mp3(seconds: float = 6.0, *, channels: int = 1, bit_rate: str = "CONSTANT", with_xing: bool = True) -> bytes:
    """An MP3 file with a constant or variable bit rate (libsndfile's CONSTANT, VARIABLE)."""
    file = io.BytesIO()
    content = samples(seconds, channels)
    soundfile.write(file, content, RATE, format="MP3", bitrate_mode=bit_rate, compression_level=0.5)
    whole = file.getvalue()
    # the first frame holds the Xing header and no sound
    return whole if with_xing else whole[whole.index(whole[:2], 2) :]
