"""Generated recordings of every family, as ffmpeg decodes them; all of them: make audio-corpus."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import soundfile

from tests.audio_corpus.judging import relayed
from tests.audio_corpus.variants import judged, some


def test_as_ffmpeg_decodes_them(tmp_path: Path) -> None:
    """Each in a folder of its own; ffmpeg and the decoder work beside each other."""
    variants = some(120, seed=2)
    folders = [tmp_path / str(number) for number in range(len(variants))]
    for folder in folders:
        folder.mkdir()
    with ThreadPoolExecutor(2) as pool:
        rows = list(pool.map(judged, variants, folders))
    assert [(row.name, row.difference) for row in rows if row.difference] == []
    assert sum(row.ours.sent is not None for row in rows) >= 90


def test_hour_that_is_converted_is_an_hour(tmp_path: Path) -> None:
    """Stereo at 16 kHz would be more than an upload takes, and becomes MP3."""
    path = tmp_path / "hour.flac"
    with soundfile.SoundFile(path, "w", 16_000, 2, "PCM_16", format="FLAC") as file:
        for _ in range(60):
            file.write(np.zeros((16_000 * 60, 2), np.int16))
    verdict = relayed(path.read_bytes(), path.name)
    assert (verdict.milliseconds, verdict.code) == (3_600_000, "")
