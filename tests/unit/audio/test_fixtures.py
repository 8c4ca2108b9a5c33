"""The recordings in the repository: our measure against the manifest, which holds ffmpeg's."""

import json
from dataclasses import replace
from typing import Any

import pytest

from coval_relay.domain.audio import (
    AudioFacts,
    AudioRejectedError,
    Preparation,
    check_limits,
    preparation,
    probe,
)
from tests.unit.audio.made_audio import FIXTURES, CountingReader

MANIFEST: dict[str, dict[str, Any]] = json.loads((FIXTURES / "manifest.json").read_text())
ACCEPTED = [name for name, entry in MANIFEST.items() if entry["refusal"] is None]
REJECTED = [name for name, entry in MANIFEST.items() if entry["refusal"] is not None]
FOREIGN = ["not-accepted.ogg"]
"""Coval rejects them, the relay converts them."""
COUNTED = ("stereo-cbr-16khz.mp3", "stereo-cbr-16khz-without-xing.mp3", "mono-vbr-8khz-without-xing.mp3")
"""They have no count of frames: LAME's does not fit into a frame of 32 kbit/s."""


def measured(name: str) -> AudioFacts:
    data = (FIXTURES / name).read_bytes()
    facts = probe(len(data), CountingReader(data))
    check_limits(facts)
    return facts


def test_manifest_names_every_recording() -> None:
    recordings = {path.name for path in FIXTURES.iterdir() if path.suffix in {".wav", ".mp3", ".ogg"}}
    assert recordings == set(MANIFEST)


@pytest.mark.parametrize("name", ACCEPTED)
def test_accepted_recording_is_measured_as_ffmpeg_decodes_it(name: str) -> None:
    entry = MANIFEST[name]
    facts = measured(name)
    assert replace(facts, layout=None) == AudioFacts(
        format=entry["format"],
        content_type="audio/mp3" if entry["format"] == "mp3" else "audio/wav",
        duration_milliseconds=entry["duration_milliseconds"],
        channels=entry["channels"],
        sample_rate=entry["sample_rate"],
        codec=entry["codec"],
        size=entry["size"],
        padded=name in COUNTED,
    )


@pytest.mark.parametrize("name", FOREIGN)
def test_foreign_recording_is_to_be_converted(name: str) -> None:
    data = (FIXTURES / name).read_bytes()
    facts = probe(len(data), CountingReader(data))
    assert facts.format == "foreign"
    assert MANIFEST[name]["refusal"]["reason"].startswith(f"Unsupported audio format: {facts.codec}.")
    assert preparation(facts, None) is Preparation.CONVERT


@pytest.mark.parametrize("name", [name for name in REJECTED if name not in FOREIGN])
def test_rejected_recording_is_rejected_in_covals_words(name: str) -> None:
    expected = MANIFEST[name]["refusal"]
    with pytest.raises(AudioRejectedError) as rejected:
        measured(name)
    assert rejected.value == AudioRejectedError(expected["code"], expected["reason"])


@pytest.mark.parametrize("name", [name for name in ACCEPTED if name not in COUNTED])
def test_head_alone_is_read(name: str) -> None:
    data = (FIXTURES / name).read_bytes()
    reader = CountingReader(data)
    probe(len(data), reader)
    assert reader.reads == [(0, min(len(data), 65536))]


@pytest.mark.parametrize("name", [name for name in MANIFEST if "transcript" in MANIFEST[name]])
def test_transcript_lies_inside_the_recording_in_order(name: str) -> None:
    entry = MANIFEST[name]
    times = [t for message in entry["transcript"] for t in (message["start_time"], message["end_time"])]
    assert times == sorted(times)
    assert times[0] >= 0
    assert times[-1] * 1000 <= entry["duration_milliseconds"]


def test_folder_is_small() -> None:
    assert sum(path.stat().st_size for path in FIXTURES.iterdir()) < 1_500_000
