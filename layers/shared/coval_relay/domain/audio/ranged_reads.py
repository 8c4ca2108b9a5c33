"""Ranged reads of one object under a budget, so that no head can make the relay read without end."""

from collections.abc import Callable, Iterator

from coval_relay.domain.audio.facts import unreadable

ReadRange = Callable[[int, int], bytes]
"""Reads at most `length` bytes from `start`: called as read(start, length)."""

WINDOW = 64 * 1024
"""Bytes of one look; the head of almost every recording fits into the first."""
BLOCK = 1024 * 1024
"""Bytes of one read of what is read to its end."""
MAX_READS = 40
MAX_BYTES = 2 * 1024 * 1024


class Ranges:
    """The object behind `read`, the last block kept; raises AudioRejectedError when the budget is spent."""

    def __init__(self, size: int, read: ReadRange) -> None:
        self.size = size
        self._read = read
        self._start = 0
        self._block = b""
        self._reads = 0
        self._bytes = 0

    def at(self, start: int, length: int, ahead: int = 0) -> bytes:
        """The bytes from `start`, fewer where the object ends; a read, if needed, fetches `ahead` bytes."""
        end = min(start + length, self.size)
        if start >= end:
            return b""
        if start < self._start or end > self._start + len(self._block):
            self._fetch(start, min(max(length, ahead), self.size - start))
        return self._block[start - self._start : end - self._start]

    def blocks(self, start: int) -> Iterator[bytes]:
        """All bytes from `start`, block by block and beside the budget: who takes them knows when to stop."""
        for position in range(start, self.size, BLOCK):
            length = min(BLOCK, self.size - position)
            block = self._read(position, length)[:length]
            yield block
            if len(block) < length:
                return

    def _fetch(self, start: int, length: int) -> None:
        self._reads += 1
        self._bytes += length
        if self._reads > MAX_READS or self._bytes > MAX_BYTES:
            raise unreadable()
        self._start, self._block = start, self._read(start, length)[:length]
