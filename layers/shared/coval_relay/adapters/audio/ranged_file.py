"""A file over ranged reads, as a demuxer wants it: seekable, under a budget."""

import os
from collections import OrderedDict

from coval_relay.adapters.audio.native_callback_errors import FirstError
from coval_relay.domain.audio import ReadRange
from coval_relay.domain.audio.facts import unreadable

BLOCK = 2 * 1024 * 1024
KEPT = 4
"""Blocks in memory: a demuxer goes back and forth between index, sound and picture."""
ROUNDS = 6
ALLOWANCE = 16
"""Every block may be read so many times, and so many blocks more."""


class _Seekable:
    """Where a file of a known size is read next."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._position = 0

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = max(0, start + offset)
        return self._position

    def tell(self) -> int:
        return self._position


class RangedFile(_Seekable):
    """Reads block by block; raises AudioRejectedError where a broken index makes the reads endless."""

    def __init__(self, size: int, read: ReadRange) -> None:
        super().__init__(size)
        self._read = read
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self._reads_left = ROUNDS * -(-size // BLOCK) + ALLOWANCE
        self.failure = FirstError()

    def read(self, length: int) -> bytes:
        """At most `length` bytes: up to the end of a block.

        After an error the file seems to end: FFmpeg may read on, and PyAV keeps but one error.
        """
        if self.failure.error or self._position >= self._size:
            return b""
        number, offset = divmod(self._position, BLOCK)
        with self.failure:
            part = self._block(number)[offset : offset + length]
        self._position += len(part)
        return part

    @property
    def size(self) -> int:
        return self._size

    def _block(self, number: int) -> bytes:
        if number not in self._blocks:
            if len(self._blocks) == KEPT:
                self._blocks.popitem(last=False)
            self._blocks[number] = self._fetch(number * BLOCK)
        self._blocks.move_to_end(number)
        return self._blocks[number]

    def _fetch(self, start: int) -> bytes:
        self._reads_left -= 1
        if self._reads_left < 0:
            raise unreadable()
        return self._read(start, min(BLOCK, self._size - start))


class Section(_Seekable):
    """A part of a file, as a file; several may be read in turn."""

    def __init__(self, file: RangedFile, start: int, end: int) -> None:
        super().__init__(end - start)
        self._file = file
        self._start = start

    def read(self, length: int) -> bytes:
        self._file.seek(self._start + self._position)
        part = self._file.read(max(0, min(length, self._size - self._position)))
        self._position += len(part)
        return part

    @property
    def rest(self) -> int:
        """Bytes that were not read yet."""
        return self._size - self._position
