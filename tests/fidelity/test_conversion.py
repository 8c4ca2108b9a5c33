"""Every kind of recording, layout and side is converted: the voices stay, and memory does not grow."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.support.conversion import assert_that_voices_are_kept
from tests.support.voices import KINDS, Kind

ROOT = Path(__file__).parents[2]
LAYOUTS = [(kind, channels) for kind in KINDS for channels in kind.layouts]


@pytest.mark.parametrize("agent_channel", [None, 0, 1])
@pytest.mark.parametrize(("kind", "channels"), LAYOUTS, ids=[f"{kind.name}-{channels}" for kind, channels in LAYOUTS])
def test_voices_keep_their_sound_and_length_and_stand_on_their_sides(
    kind: Kind, channels: int, agent_channel: int | None
) -> None:
    assert_that_voices_are_kept(kind, channels, agent_channel)


WORKER = """
import json, os, sys
from coval_relay.adapters.audio import PyAvConverter

def peak_mebibytes():
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024

def convert(path):
    size = os.stat(path).st_size
    with open(path, "rb") as source, open(os.devnull, "wb") as sink:
        def read(start, length):
            source.seek(start)
            return source.read(length)
        PyAvConverter()(size, read, sink, agent_channel=1)

convert(sys.argv[1])
warm = peak_mebibytes()
convert(sys.argv[2])
print(json.dumps(peak_mebibytes() - warm))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux gives a process its own peak")
@pytest.mark.parametrize(("container", "subtype", "minutes"), [("FLAC", "PCM_16", 30), ("OGG", "VORBIS", 8)])
def test_memory_does_not_grow_with_the_recording(tmp_path: Path, container: str, subtype: str, minutes: int) -> None:
    """A minute first, then many: the samples alone would take 57 MB as 16 bit, 31 MB as float."""
    noise = np.random.default_rng(1).uniform(-0.5, 0.5, (480_000, 2))
    noise[8_000:] = 0  # silence is quick to encode
    for name, times in (("short", 1), ("long", minutes)):
        with soundfile.SoundFile(tmp_path / name, "w", 8_000, 2, subtype, format=container) as file:
            for _ in range(times):
                file.write(noise)
    done = subprocess.run(
        [sys.executable, "-c", WORKER, str(tmp_path / "short"), str(tmp_path / "long")],
        env={"PYTHONPATH": str(ROOT / "layers/shared")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) < 8
