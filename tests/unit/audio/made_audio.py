"""Audio made byte by byte for the tests, and a reader that counts."""

import struct
from dataclasses import dataclass, field
from pathlib import Path

FIXTURES = Path(__file__).parents[2] / "fixtures/audio"
UNKNOWN = 0xFFFFFFFF


@dataclass
class CountingReader:
    """Reads ranges of `data` as S3 would, and remembers them as (start, length)."""

    data: bytes
    reads: list[tuple[int, int]] = field(default_factory=list)

    def __call__(self, start: int, length: int) -> bytes:
        self.reads.append((start, length))
        return self.data[start : start + length]


@dataclass
class SparseReader(CountingReader):
    """An object of which only the head exists; every other byte is zero."""

    def __call__(self, start: int, length: int) -> bytes:
        return super().__call__(start, length).ljust(length, b"\0")


def chunk(name: bytes, body: bytes, size: int | None = None) -> bytes:
    """A RIFF chunk, padded to an even length; `size` overrules the one in its header."""
    return struct.pack("<4sI", name, len(body) if size is None else size) + body + bytes(len(body) % 2)


def wave_format(tag: int = 1, channels: int = 1, rate: int = 8000, bits: int = 16, average: int | None = None) -> bytes:
    """The body of a `fmt ` chunk."""
    align = channels * -(-bits // 8)
    return struct.pack("<HHIIHH", tag, channels, rate, rate * align if average is None else average, align, bits)


def extensible(tag: int, channels: int = 1, rate: int = 8000, bits: int = 16) -> bytes:
    """The body of a `fmt ` chunk whose real tag stands in the sub-format's GUID."""
    guid = struct.pack("<H", tag) + bytes.fromhex("000000001000800000aa00389b71")
    return wave_format(0xFFFE, channels, rate, bits) + struct.pack("<HHI", 22, bits, 0) + guid


def riff(*chunks: bytes, form: bytes = b"RIFF", size: int | None = None) -> bytes:
    body = b"WAVE" + b"".join(chunks)
    return form + struct.pack("<I", len(body) if size is None else size) + body


def id3(body: bytes, *, footer: bool = False) -> bytes:
    size = len(body)
    header = bytes([4, 0, 0x10 * footer, size >> 21 & 127, size >> 14 & 127, size >> 7 & 127, size & 127])
    return b"ID3" + header + body + (b"3DI" + header if footer else b"")


def mpeg_frame(version: int, bit_rate_index: int, rate_index: int, mode: int = 0, payload: bytes = b"") -> bytes:
    """A layer III frame; its length comes from ISO 11172-3's formula, worked out here on its own."""
    kilobits = {
        3: (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
        2: (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
        0: (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    }[version][bit_rate_index - 1]
    rate = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}[version][rate_index]
    length = (144 if version == 3 else 72) * kilobits * 1000 // rate
    header = bytes([0xFF, 0xE3 | version << 3, bit_rate_index << 4 | rate_index << 2, mode << 6])
    return (header + payload).ljust(length, b"\0")


def frames_of_flac(flac: bytes) -> bytes:
    """What lies behind the metadata."""
    position, last = 4, 0
    while not last:
        last = flac[position] & 0x80
        position += 4 + int.from_bytes(flac[position + 1 : position + 4], "big")
    return flac[position:]
