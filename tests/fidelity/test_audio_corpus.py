"""Generated recordings of every family, as ffmpeg decodes them; all of them: make audio-corpus."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.audio_corpus.variants import judged, some


def test_as_ffmpeg_decodes_them(tmp_path: Path) -> None:
    """Each in a folder of its own; ffmpeg and the decoder work beside each other."""
    variants = some(150, seed=2)
    folders = [tmp_path / str(number) for number in range(len(variants))]
    for folder in folders:
        folder.mkdir()
    with ThreadPoolExecutor(2) as pool:
        rows = list(pool.map(judged, variants, folders))
    assert [(row.name, row.difference) for row in rows if row.difference] == []
    assert sum(row.ours.sent is not None for row in rows) >= 110
