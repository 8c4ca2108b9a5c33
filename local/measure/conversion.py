"""Measure the conversion of foreign formats: the layer's size, the library's import, speed, memory."""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av import AudioFrame, AudioStream

from local.demo.large_recording import FRAME_BYTES, HEADER_BYTES, SAMPLE_RATE, chunks
from local.stack.paths import PROJECT

ROUNDS = 9
SECONDS, WARM_SECONDS = 600, 10
MEBIBYTE = 1024 * 1024
MOST_UNPACKED = 250 * MEBIBYTE
"""Of a function with all its layers (Lambda quotas)."""
MOST_GROWTH = 32
MAKE = shutil.which("make") or "make"
PROCESSORS = ("aarch64", "x86_64")

IMPORT = "import time; begun = time.perf_counter(); import av; print(time.perf_counter() - begun)"
WORKER = """
import json, os, sys, time
from coval_relay.adapters.audio import PyAvConverter

def peak_mebibytes():
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024

def convert(path):
    begun, size = time.process_time(), os.stat(path).st_size
    with open(path, "rb") as source, open(os.devnull, "wb") as sink:
        def read(start, length):
            source.seek(start)
            return source.read(length)
        kind = PyAvConverter()(size, read, sink, agent_channel=1)
    return time.process_time() - begun, kind

convert(sys.argv[1])
warm = peak_mebibytes()
seconds, kind = convert(sys.argv[2])
print(json.dumps([seconds, peak_mebibytes() - warm, kind]))
"""
"""A warm worker: a short recording first, then the long one; prints processor seconds and MiB."""


@dataclass(frozen=True, slots=True)
class Source:
    """A format that a platform sends."""

    name: str
    container: str
    codec: str
    rate: int


SOURCES = (
    Source("WebM/Opus, 48 kHz", "webm", "libopus", 48_000),
    Source("M4A/AAC, 16 kHz", "ipod", "aac", 16_000),
    Source("MP3, 8 kHz", "mp3", "libmp3lame", 8_000),
    Source("FLAC, 16 kHz", "flac", "flac", 16_000),
)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        sizes = [_unpacked(Path(folder) / processor, processor) for processor in PROCESSORS]
        print(f"import of PyAV: {_import_milliseconds():.0f} ms, median of {ROUNDS}")
        print(f"conversion of {SECONDS // 60} minutes of stereo by a warm worker, agent on channel 1:")
        growth = max(_measured(source, Path(folder)) for source in SOURCES)
    sys.exit(max(sizes) > MOST_UNPACKED or growth > MOST_GROWTH)


def _unpacked(folder: Path, processor: str) -> int:
    """Bytes of a function's layers, built as `sam build` has them built."""
    audio, dependencies, shared = (_built(folder, part, processor) for part in ("audio", "dependencies", "shared"))
    zipped = Path(shutil.make_archive(str(folder / "audio"), "zip", folder / "audio")).stat().st_size
    print(
        f"audio, {processor}: {audio / MEBIBYTE:.0f} MiB, {zipped / MEBIBYTE:.0f} MiB zipped; "
        f"all layers {(audio + dependencies + shared) / MEBIBYTE:.0f} of 250 MiB"
    )
    return audio + dependencies + shared


def _built(folder: Path, part: str, processor: str) -> int:
    artifacts = folder / part
    artifacts.mkdir(parents=True)
    path = os.pathsep.join([str(PROJECT / ".venv-bootstrap" / "bin"), os.environ["PATH"]])
    subprocess.run(
        [
            *(MAKE, "-C", str(PROJECT / "layers" / part), f"build-{part.capitalize()}Layer"),
            *(f"PROCESSOR={processor}", f"ARTIFACTS_DIR={artifacts}"),
        ],
        env={**os.environ, "PATH": path},
        capture_output=True,
        check=True,
    )
    return sum(file.stat().st_size for file in artifacts.rglob("*") if file.is_file())


def _import_milliseconds() -> float:
    return 1000 * statistics.median(float(_python(IMPORT)) for _ in range(ROUNDS))


def _measured(source: Source, folder: Path) -> float:
    """Prints the speed; returns by how many MiB the peak grew."""
    files = [_encoded(source, folder / f"{source.container}-{seconds}", seconds) for seconds in (WARM_SECONDS, SECONDS)]
    spent, growth, kind = json.loads(_python(WORKER, *map(str, files)))
    print(
        f"  {source.name} to {kind}: {SECONDS / spent:.0f} x real time ({spent:.1f} s), "
        f"peak memory grows by {growth:.1f} MiB"
    )
    return float(growth)


def _encoded(source: Source, path: Path, seconds: int) -> Path:
    samples = b"".join(chunks(seconds))[HEADER_BYTES:]
    piece = SAMPLE_RATE * FRAME_BYTES
    with av.open(str(path), "w", format=source.container) as output:
        stream = output.add_stream(source.codec, rate=source.rate, layout="stereo")
        assert isinstance(stream, AudioStream)
        for number in range(seconds):
            frame = AudioFrame(format="s16", layout="stereo", samples=SAMPLE_RATE)
            frame.planes[0].update(samples[number * piece : (number + 1) * piece])
            frame.sample_rate, frame.pts = SAMPLE_RATE, number * SAMPLE_RATE
            frame.time_base = Fraction(1, SAMPLE_RATE)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def _python(code: str, *arguments: str) -> str:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(PROJECT / "layers" / "shared")}
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], env=environment, capture_output=True, text=True, check=True
    ).stdout


if __name__ == "__main__":
    main()
