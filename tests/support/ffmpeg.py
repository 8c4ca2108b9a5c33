"""FFmpeg's own program as a judge: what it makes of a file when it decodes all of it."""

import struct
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

Samples = np.ndarray[tuple[int, ...], np.dtype[np.int16]]
QUIETLY = ("ffmpeg", "-v", "quiet", "-nostdin")
AS_WAVE = ("-map_metadata", "-1", "-f", "wav", "-c:a", "pcm_s16le")
"""Without the file's own words, which may hold any."""


@dataclass(frozen=True)
class Decoded:
    """The first audio track as 16-bit samples, one row a sample."""

    rate: int
    samples: Samples

    @property
    def milliseconds(self) -> float:
        return len(self.samples) * 1000 / self.rate

    @property
    def channels(self) -> int:
        return int(self.samples.shape[1])


def full_decode(path: Path, *options: str) -> Decoded | None:
    """None where ffmpeg finds no sound; `options` stand before the input."""
    command = [*QUIETLY, *options, "-i", str(path), "-map", "0:a:0", *AS_WAVE, "-"]
    return _samples(subprocess.run(command, capture_output=True, check=False).stdout)


def full_decodes(files: Sequence[tuple[Path, Sequence[str]]]) -> list[Decoded | None]:
    """Of each file with its options, by one process, whose start takes longer than a short file.

    One by one where ffmpeg gives up on all of them because of one.
    """
    if not files:
        return []
    inputs = [word for path, options in files for word in (*options, "-i", str(path))]
    with tempfile.TemporaryDirectory() as folder:
        made = [Path(folder) / str(number) for number in range(len(files))]
        outputs = [word for number, path in enumerate(made) for word in ("-map", f"{number}:a:0", *AS_WAVE, str(path))]
        if subprocess.run([*QUIETLY, *inputs, *outputs], check=False).returncode:
            return [full_decode(path, *options) for path, options in files]
        return [_samples(path.read_bytes()) for path in made]


def _samples(wav: bytes) -> Decoded | None:
    body = wav.find(b"data") + 8
    if body < 8:
        return None
    _, channels, rate = struct.unpack_from("<HHI", wav, wav.index(b"fmt ") + 8)
    samples = np.frombuffer(wav[body : len(wav) - (len(wav) - body) % (2 * channels)], "<i2")
    return Decoded(rate, samples.reshape(-1, channels)) if len(samples) else None


def make(path: Path, *arguments: str) -> bytes:
    """A file that ffmpeg writes; its bytes."""
    command = ["ffmpeg", "-v", "error", "-nostdin", "-y", *arguments, str(path)]
    subprocess.run(command, check=True)
    return path.read_bytes()
