"""FLAC whose metadata has another length than its blocks say (RFC 9639 §8, §9.1)."""

import re
from typing import Final

MAGIC = b"fLaC"
BLOCK_HEADER = 4
STREAM_INFO_END = len(MAGIC) + BLOCK_HEADER + 34
LAST, PADDING = 0x80, 1
MOST_JUNK = 64 * 1024
"""What a block's size leaves out is a tag or a picture; sounds are not searched without end."""
_FIRST_FRAME = re.compile(rb"\xff[\xf8\xf9]..\0", re.DOTALL)
"""Sync, and the number 0 of a frame, or of its first sample."""
_FIXED_BYTES = 5
_SIZE_BYTES: Final = {6: 1, 7: 2}
_RATE_BYTES: Final = {12: 1, 13: 2, 14: 2}
"""What follows the number, by the codes of block size and sample rate."""
_CRC_POLYNOMIAL = 0x107
_HIGH_BIT = 0x100


def with_true_metadata(head: bytes) -> bytes:
    """The beginning of an object; where its blocks end before the first frame, padding up to that frame.

    FFmpeg passes over what lies between, but of fewer than ten frames it loses the first.
    """
    begin = _metadata_end(head) if head.startswith(MAGIC) else None
    frame = None if begin is None else _first_frame(head, begin)
    padding = 0 if frame is None or frame == begin else frame - STREAM_INFO_END - BLOCK_HEADER
    if padding <= 0:
        return head
    stream_info = MAGIC + bytes([head[len(MAGIC)] & ~LAST]) + head[len(MAGIC) + 1 : STREAM_INFO_END]
    header = bytes([LAST | PADDING]) + padding.to_bytes(3, "big")
    return stream_info + header + head[STREAM_INFO_END + BLOCK_HEADER :]


def _metadata_end(head: bytes) -> int | None:
    """As the blocks say; None where it lies further on."""
    position = len(MAGIC)
    while position + BLOCK_HEADER <= len(head):
        last = head[position] & LAST
        position += BLOCK_HEADER + int.from_bytes(head[position + 1 : position + BLOCK_HEADER], "big")
        if last:
            return position
    return None


def _first_frame(head: bytes, begin: int) -> int | None:
    frames = (found.start() for found in _FIRST_FRAME.finditer(head, begin, begin + MOST_JUNK))
    return next((frame for frame in frames if _is_header(head, frame)), None)


def _is_header(head: bytes, frame: int) -> bool:
    codes = head[frame + 2]
    end = frame + _FIXED_BYTES + _SIZE_BYTES.get(codes >> 4, 0) + _RATE_BYTES.get(codes & 15, 0)
    return end < len(head) and _crc(head[frame : end + 1]) == 0


def _crc(data: bytes) -> int:
    """0 of a header and the byte behind it that makes it so."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc <<= 1
            if crc & _HIGH_BIT:
                crc ^= _CRC_POLYNOMIAL
    return crc
