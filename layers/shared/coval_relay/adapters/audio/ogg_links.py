"""The links of a chained Ogg: recordings behind each other, each with streams of its own (RFC 3533 §4)."""

import re
from collections.abc import Iterator

from coval_relay.adapters.audio.ranged_file import RangedFile
from coval_relay.domain.audio.facts import unsupported

PAGE = b"OggS"
HEADER = 27
FLAGS, SEGMENTS = 5, 26
BEGINS_STREAM = 2
MOST_LINKS = 500
CHUNK = 64 * 1024
_PAGE = re.compile(re.escape(PAGE) + b"\0")


def links(file: RangedFile, size: int) -> list[tuple[int, int]]:
    """Where each link begins and ends; one where it is no chain, or no Ogg."""
    starts = [0]
    inside = False
    for position, flags in _pages(file, size):
        begins = bool(flags & BEGINS_STREAM)
        if begins and inside:
            starts.append(position)
        inside = not begins
        if len(starts) > MOST_LINKS:
            raise unsupported(f"OGG of more than {MOST_LINKS} recordings")
    return list(zip(starts, [*starts[1:], size], strict=True))


def _pages(file: RangedFile, size: int) -> Iterator[tuple[int, int]]:
    """Position and flags of each page."""
    page = position = 0
    while position + HEADER <= size:
        header = _read(file, position, HEADER + 255)
        segments = header[SEGMENTS]
        if _PAGE.match(header) and len(header) >= HEADER + segments:
            page = position
            yield position, header[FLAGS]
            position += HEADER + segments + sum(header[HEADER : HEADER + segments])
        elif position == 0:
            return
        else:
            # the page before may have been cut
            page = position = _next_page(file, page + HEADER, size)


def _next_page(file: RangedFile, position: int, size: int) -> int:
    """The next page behind junk; where there is none, the end."""
    while position < size:
        chunk = _read(file, position, CHUNK)
        if found := _PAGE.search(chunk):
            return position + found.start()
        position += max(1, len(chunk) - len(PAGE))
    return size


def _read(file: RangedFile, position: int, length: int) -> bytes:
    """Across the file's blocks."""
    file.seek(position)
    data = b""
    while part := file.read(length - len(data)):
        data += part
    return data
