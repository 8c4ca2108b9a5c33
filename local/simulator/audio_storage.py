"""Audio bytes on disk, written as they come so that a large object costs no memory."""

import hashlib
import shutil
from collections.abc import AsyncIterable
from dataclasses import dataclass
from itertools import count
from pathlib import Path


@dataclass(frozen=True)
class StoredFile:
    """Bytes that came in completely."""

    path: Path
    size: int
    sha256: str


class TooManyBytes(Exception):
    """More bytes came than the limit allows."""


class Storage:
    """A folder of files, each written once."""

    def __init__(self, root: Path) -> None:
        self._folder = root / "audio"
        self._numbers = count(1)
        self.clear()

    def clear(self) -> None:
        """Forget every file."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)

    async def write(self, chunks: AsyncIterable[bytes], limit: int) -> StoredFile:
        """Store a stream; raises TooManyBytes, and whatever the stream raises. Nothing half-written stays."""
        path = self._folder / f"{next(self._numbers):06d}"
        digest, size, is_complete = hashlib.sha256(), 0, False
        try:
            with path.open("wb") as file:
                async for chunk in chunks:
                    size += len(chunk)
                    if size > limit:
                        raise TooManyBytes
                    digest.update(chunk)
                    file.write(chunk)
            is_complete = True
        finally:
            if not is_complete:
                path.unlink(missing_ok=True)
        return StoredFile(path, size, digest.hexdigest())
