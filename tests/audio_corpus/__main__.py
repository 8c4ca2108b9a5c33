"""make audio-corpus: the verdict of the relay beside ffmpeg's, for generated files or those of FOLDER."""

import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import chain
from pathlib import Path

from tests.audio_corpus.judging import Row, rows_of_files
from tests.audio_corpus.variants import VARIANTS, judged

MOST_FILES, MOST_BYTES = 24, 2_000_000
"""What one ffmpeg decodes: its start takes longer than a sound of some seconds."""
COUNTED = {"none": "sent as they are", "rearrange": "rearranged", "convert": "converted"}
DIFFERENCES = "differences"
Shown = tuple[str, tuple[str, ...]]
"""A line, and under which words it counts."""


def main(folder: str = "") -> int:
    began = time.monotonic()
    counts: Counter[str] = Counter()
    for text, words in _of_folder(Path(folder)) if folder else map(_shown, _generated()):
        counts.update(("files", *words))
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    counts[DIFFERENCES] += 0
    summary = ", ".join(f"{number} {word}" for word, number in counts.items())
    sys.stdout.write(f"{summary}, {time.monotonic() - began:.0f} s\n")
    return int(counts[DIFFERENCES] > 0)


def _of_folder(folder: Path) -> Iterator[Shown]:
    """But for empty ones, and what neither knows as sound."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.stat().st_size)
    with ProcessPoolExecutor() as pool:
        yield from chain.from_iterable(pool.map(_of_files, _batches(files)))


def _batches(files: Iterable[Path]) -> Iterator[list[Path]]:
    batch: list[Path] = []
    size = 0
    for path in files:
        more = path.stat().st_size
        if batch and (len(batch) == MOST_FILES or size + more > MOST_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(path)
        size += more
    if batch:
        yield batch


def _of_files(paths: Sequence[Path]) -> list[Shown]:
    return [_shown(row) for row in rows_of_files(paths) if row.judge or row.ours.facts]


def _generated() -> Iterable[Row]:
    with tempfile.TemporaryDirectory() as folder:
        for variant in VARIANTS:
            yield judged(variant, Path(folder))


def _shown(row: Row) -> Shown:
    theirs = f"{row.judge.milliseconds / 1000:.2f} s, {row.judge.channels} ch" if row.judge else "nothing"
    mark = f"DIFFERS: {row.difference}" if row.difference else "same"
    return f"{row.name:44.44} {row.ours!s:60.60} {row.decoder}: {theirs:16} {mark}", tuple(_counted(row))


def _counted(row: Row) -> Iterator[str]:
    """Limits do not count: most sounds that packages ship are too short for a call."""
    yield COUNTED.get(row.ours.how, "rejected")
    if row.decoder != "ffmpeg":
        yield f"as {row.decoder} has it"
    if row.difference:
        yield DIFFERENCES


if __name__ == "__main__":
    sys.exit(main("".join(sys.argv[1:2])))
