"""make audio-corpus: the verdict of the relay beside ffmpeg's, for generated files or those of FOLDER."""

import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from types import MappingProxyType

from tests.audio_corpus.judging import Row, row_of_file
from tests.audio_corpus.variants import VARIANTS, judged

Shown = tuple[str, bool]
"""A line, and whether the two differ."""


def main(folder: str = "", known: Mapping[str, str] = MappingProxyType({})) -> int:
    """`known` differences, by the names of their files, do not count."""
    differences = total = 0
    for text, differs in _of_folder(Path(folder), known) if folder else map(_shown, _generated()):
        total += 1
        differences += differs
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    sys.stdout.write(f"{total} files, {differences} differences\n")
    return int(differences > 0)


def _of_folder(folder: Path, known: Mapping[str, str]) -> Iterator[Shown]:
    """But for empty ones, and what neither knows as sound."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.stat().st_size)
    with ProcessPoolExecutor() as pool:
        yield from filter(None, pool.map(partial(_of_file, known=dict(known)), files, chunksize=8))


def _of_file(path: Path, known: Mapping[str, str]) -> Shown | None:
    row = row_of_file(path)
    return _shown(row, known.get(row.name, "")) if row.judge or row.ours.facts else None


def _generated() -> Iterable[Row]:
    with tempfile.TemporaryDirectory() as folder:
        for variant in VARIANTS:
            yield judged(variant, Path(folder))


def _shown(row: Row, known: str = "") -> Shown:
    theirs = f"{row.judge.milliseconds / 1000:.2f} s, {row.judge.channels} ch" if row.judge else "nothing"
    mark = f"{'known' if known else 'DIFFERS'}: {known or row.difference}" if row.difference else "same"
    return f"{row.name:44.44} {row.ours!s:60.60} ffmpeg: {theirs:16} {mark}", bool(row.difference) and not known


if __name__ == "__main__":
    sys.exit(main("".join(sys.argv[1:2])))
