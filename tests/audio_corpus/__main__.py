"""make audio-corpus: the verdict of the relay beside ffmpeg's, for generated files or those of FOLDER."""

import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.audio_corpus.judging import Row, row_of_file
from tests.audio_corpus.variants import VARIANTS, judged


def main(folder: str = "") -> int:
    differences = total = 0
    for row in _files(Path(folder)) if folder else _generated():
        total += 1
        differences += bool(row.difference)
        sys.stdout.write(line(row) + "\n")
        sys.stdout.flush()
    sys.stdout.write(f"{total} files, {differences} differences\n")
    return int(differences > 0)


def _files(folder: Path) -> Iterator[Row]:
    """But for empty ones, and what neither knows as sound."""
    rows = map(row_of_file, sorted(path for path in folder.rglob("*") if path.is_file() and path.stat().st_size))
    return (row for row in rows if row.judge or row.ours.facts)


def _generated() -> Iterable[Row]:
    with tempfile.TemporaryDirectory() as folder:
        for variant in VARIANTS:
            yield judged(variant, Path(folder))


def line(row: Row) -> str:
    theirs = f"{row.judge.milliseconds / 1000:.2f} s, {row.judge.channels} ch" if row.judge else "nothing"
    mark = f"DIFFERS: {row.difference}" if row.difference else "same"
    return f"{row.name:44.44} {row.ours!s:60.60} ffmpeg: {theirs:16} {mark}"


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
