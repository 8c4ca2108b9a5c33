"""make audio-corpus: the verdict of the relay beside ffmpeg's, for generated files or those of FOLDER."""

import sys
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tests.audio_corpus.judging import Row, row_of_file
from tests.audio_corpus.variants import VARIANTS, judged

Shown = tuple[str, bool]
"""A line, and whether the two differ."""


def main(folder: str = "") -> int:
    differences = total = 0
    for text, differs in _of_folder(Path(folder)) if folder else map(_shown, _generated()):
        total += 1
        differences += differs
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    sys.stdout.write(f"{total} files, {differences} differences\n")
    return int(differences > 0)


def _of_folder(folder: Path) -> Iterator[Shown]:
    """But for empty ones, and what neither knows as sound."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.stat().st_size)
    with ProcessPoolExecutor() as pool:
        yield from filter(None, pool.map(_of_file, files, chunksize=8))


def _of_file(path: Path) -> Shown | None:
    row = row_of_file(path)
    return _shown(row) if row.judge or row.ours.facts else None


def _generated() -> Iterable[Row]:
    with tempfile.TemporaryDirectory() as folder:
        for variant in VARIANTS:
            yield judged(variant, Path(folder))


def _shown(row: Row) -> Shown:
    theirs = f"{row.judge.milliseconds / 1000:.2f} s, {row.judge.channels} ch" if row.judge else "nothing"
    mark = f"DIFFERS: {row.difference}" if row.difference else "same"
    return f"{row.name:44.44} {row.ours!s:60.60} ffmpeg: {theirs:16} {mark}", bool(row.difference)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
