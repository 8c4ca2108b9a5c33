"""FFmpeg's own program as a judge: what it makes of a file when it decodes all of it."""

import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np

Samples = np.ndarray[tuple[int, ...], np.dtype[np.int16]]


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


def full_decode(path: Path, *options: str, track: int = 0) -> Decoded | None:
    """None where ffmpeg finds no sound; `options` stand before the input."""
    command = ["ffmpeg", "-v", "quiet", "-nostdin", *options, "-i", str(path), "-map", f"0:a:{track}", "-f", "wav"]
    done = subprocess.run([*command, "-c:a", "pcm_s16le", "-"], capture_output=True, check=False)
    body = done.stdout.find(b"data") + 8
    if body < 8:
        return None
    at = done.stdout.index(b"fmt ") + 8
    _, channels, rate = struct.unpack_from("<HHI", done.stdout, at)
    samples = np.frombuffer(done.stdout[body : len(done.stdout) - (len(done.stdout) - body) % (2 * channels)], "<i2")
    return Decoded(rate, samples.reshape(-1, channels)) if len(samples) else None


def make(path: Path, *arguments: str) -> bytes:
    """A file that ffmpeg writes; its bytes."""
    command = ["ffmpeg", "-v", "error", "-nostdin", "-y", *arguments, str(path)]
    subprocess.run(command, check=True)
    return path.read_bytes()
