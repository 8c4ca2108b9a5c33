"""ffmpeg decodes as much as we measure, mediainfo measures the same; left out where they are not installed,
unless ORACLES=required."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from coval_relay.domain.audio import probe
from tests.support.ffmpeg import full_decode
from tests.unit.audio.made_audio import FIXTURES, CountingReader, chunk, extensible, riff, wave_format

RECORDINGS = sorted(path for path in FIXTURES.iterdir() if path.suffix in {".wav", ".mp3"} and "not-" not in path.name)
pytestmark = [pytest.mark.oracle, pytest.mark.slow]


def needed(tool: str) -> pytest.MarkDecorator:
    left_out = not shutil.which(tool) and os.environ.get("ORACLES") != "required"
    return pytest.mark.skipif(left_out, reason=f"{tool} is not installed")


needs_ffmpeg, needs_mediainfo = needed("ffmpeg"), needed("mediainfo")


def our_milliseconds(path: Path) -> int:
    data = path.read_bytes()
    return probe(len(data), CountingReader(data)).duration_milliseconds


def decoded_milliseconds(path: Path) -> float:
    decoded = full_decode(path)
    assert decoded
    return decoded.milliseconds


@needs_ffmpeg
@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.name)
def test_fixture_as_ffmpeg_decodes_it(path: Path) -> None:
    assert our_milliseconds(path) == pytest.approx(decoded_milliseconds(path), abs=1)


@needs_mediainfo
@pytest.mark.parametrize("path", [path for path in RECORDINGS if path.suffix == ".wav"], ids=lambda path: path.name)
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
    assert our_milliseconds(path) == pytest.approx(decoded_milliseconds(path), abs=1)


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
    assert our_milliseconds(path) == pytest.approx(decoded_milliseconds(path), abs=1)
