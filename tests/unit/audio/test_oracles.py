"""ffprobe and mediainfo measure the same; left out where they are not installed, unless ORACLES=required."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from coval_relay.domain.audio import probe
from tests.unit.audio.made_audio import FIXTURES, CountingReader, chunk, extensible, riff, wave_format

RECORDINGS = sorted(path for path in FIXTURES.iterdir() if path.suffix in {".wav", ".mp3"} and "not-" not in path.name)
UNTOLD = "mono-vbr-8khz-without-xing.mp3"
"""Both tools guess here from the first frames, and are far off; the manifest has the sum of the packets."""
ADPCM_BLOCK = 100
"""Milliseconds: the last block is filled up, and our measure by the average rate counts all of it."""
pytestmark = pytest.mark.oracle


def needed(tool: str) -> pytest.MarkDecorator:
    left_out = not shutil.which(tool) and os.environ.get("ORACLES") != "required"
    return pytest.mark.skipif(left_out, reason=f"{tool} is not installed")


needs_ffmpeg, needs_mediainfo = needed("ffmpeg"), needed("mediainfo")


def our_milliseconds(path: Path) -> int:
    data = path.read_bytes()
    return probe(len(data), CountingReader(data)).duration_milliseconds


def ffprobe_milliseconds(path: Path) -> float:
    command = ["ffprobe", "-v", "error", "-of", "json", "-show_entries", "format=duration", str(path)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return float(json.loads(output)["format"]["duration"]) * 1000


@needs_ffmpeg
@pytest.mark.parametrize("path", [path for path in RECORDINGS if path.name != UNTOLD], ids=lambda path: path.name)
def test_fixture_as_ffprobe_measures_it(path: Path) -> None:
    assert our_milliseconds(path) == pytest.approx(ffprobe_milliseconds(path), abs=50)


@needs_mediainfo
@pytest.mark.parametrize("path", [path for path in RECORDINGS if path.name != UNTOLD], ids=lambda path: path.name)
def test_fixture_as_mediainfo_measures_it(path: Path) -> None:
    command = ["mediainfo", "--Inform=Audio;%Duration%", str(path)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert our_milliseconds(path) == pytest.approx(float(output), abs=50)


@needs_ffmpeg
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("rf64.wav", ["-rf64", "always"]),
        ("pcm24.wav", ["-c:a", "pcm_s24le"]),
        ("float.wav", ["-c:a", "pcm_f32le"]),
        ("six-channels.wav", ["-ac", "6"]),
        ("adpcm-ms.wav", ["-c:a", "adpcm_ms"]),
        ("adpcm-ima.wav", ["-c:a", "adpcm_ima_wav"]),
        ("mp3-48khz.mp3", ["-ar", "48000", "-b:a", "64k"]),
        ("mp3-44khz-untagged.mp3", ["-ar", "44100", "-b:a", "64k", "-write_xing", "0"]),
        ("mp3-8khz.mp3", ["-ar", "8000", "-ac", "1", "-q:a", "5"]),
        ("mp3-11khz-abr.mp3", ["-ar", "11025", "-b:a", "24k", "-abr", "1"]),
    ],
)
def test_format_that_ffmpeg_writes(tmp_path: Path, name: str, options: list[str]) -> None:
    path = tmp_path / name
    source = str(FIXTURES / "stereo-pcm-16khz.wav")
    command = ["ffmpeg", "-v", "error", "-i", source, *options, str(path)]
    subprocess.run(command, check=True)
    tolerance = ADPCM_BLOCK if "adpcm" in name else 50
    assert our_milliseconds(path) == pytest.approx(ffprobe_milliseconds(path), abs=tolerance)


@needs_ffmpeg
@pytest.mark.parametrize(
    "data",
    [
        riff(chunk(b"fmt ", wave_format()), chunk(b"data", bytes(32_000), size=0xFFFFFFFF)),
        riff(chunk(b"fmt ", wave_format()), chunk(b"data", bytes(32_000), size=0)),
        riff(chunk(b"fmt ", wave_format()), chunk(b"data", bytes(32_000), size=96_000)),
        riff(
            chunk(b"fmt ", extensible(7, 2, bits=8)),
            chunk(b"data", bytes(32_000)),
            chunk(b"LIST", b"x" * 4000),
        ),
    ],
)
def test_wav_header_made_by_hand(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "made.wav"
    path.write_bytes(data)
    assert our_milliseconds(path) == pytest.approx(ffprobe_milliseconds(path), abs=1)
