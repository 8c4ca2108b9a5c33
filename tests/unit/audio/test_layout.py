"""Where the samples of a WAV lie, and whether its header is right about them."""

import struct

import pytest

from coval_relay.domain.audio import WaveLayout, probe
from tests.unit.audio.made_audio import UNKNOWN, CountingReader, chunk, extensible, riff, wave_format

SECOND = bytes(16_000)
BODY = wave_format()
FMT = chunk(b"fmt ", BODY)


def layout(data: bytes) -> WaveLayout | None:
    return probe(len(data), CountingReader(data)).layout


def ds64(data_size: int) -> bytes:
    return chunk(b"ds64", struct.pack("<QQQI", 0, data_size, 0, 0))


def expected(
    offset: int = 44, size: int = 16_000, frame_bytes: int = 2, body: bytes = BODY, *, declared: bool = True
) -> WaveLayout:
    return WaveLayout(format_chunk=body, data_offset=offset, data_size=size, frame_bytes=frame_bytes, declared=declared)


@pytest.mark.parametrize(
    ("data", "offset"),
    [
        (riff(FMT, chunk(b"data", SECOND)), 44),
        (riff(FMT, chunk(b"data", SECOND), chunk(b"LIST", b"x" * 5000)), 44),
        (riff(FMT, chunk(b"data", SECOND)) + b"ID3 and what else stands behind", 44),
        (riff(chunk(b"LIST", b"odd"), FMT, chunk(b"fact", bytes(4)), chunk(b"data", SECOND)), 68),
    ],
)
def test_header_that_is_right(data: bytes, offset: int) -> None:
    assert layout(data) == expected(offset)


@pytest.mark.parametrize(
    ("data", "offset", "size"),
    [
        (riff(FMT, chunk(b"data", SECOND), size=UNKNOWN), 44, 16_000),
        (riff(FMT, chunk(b"data", SECOND), size=0), 44, 16_000),
        (riff(FMT, chunk(b"data", SECOND), size=36), 44, 16_000),
        (riff(FMT, chunk(b"data", SECOND, size=UNKNOWN)), 44, 16_000),
        (riff(FMT, chunk(b"data", SECOND, size=0)), 44, 16_000),
        (riff(FMT, chunk(b"data", SECOND, size=0x7FFFF000)), 44, 16_000),
        (riff(FMT, chunk(b"data", SECOND))[:10_001], 44, 9_957),
        (riff(ds64(16_000), FMT, chunk(b"data", SECOND, size=UNKNOWN), form=b"RF64"), 80, 16_000),
        (riff(ds64(16_000), FMT, chunk(b"data", SECOND), form=b"RF64"), 80, 16_000),
        (riff(ds64(16_000), FMT, chunk(b"data", SECOND, size=UNKNOWN), form=b"BW64"), 80, 16_000),
    ],
)
def test_header_that_is_wrong_or_of_a_64_bit_form(data: bytes, offset: int, size: int) -> None:
    assert layout(data) == expected(offset, size, declared=False)


def test_padding_byte_may_be_missing() -> None:
    body = wave_format(7, bits=8)
    data = riff(chunk(b"fmt ", body), chunk(b"data", b"odd"))[:-1]
    assert layout(data) == expected(44, 3, 1, body)


@pytest.mark.parametrize(
    ("body", "frame_bytes"),
    [
        (wave_format(1, 2, bits=8), 2),
        (wave_format(1, 2, bits=16), 4),
        (wave_format(1, 2, bits=20), 6),
        (wave_format(1, 2, bits=24), 6),
        (wave_format(1, 2, bits=32), 8),
        (wave_format(3, 2, bits=32), 8),
        (wave_format(3, 2, bits=64), 16),
        (wave_format(6, 2, bits=8), 2),
        (wave_format(7, 2, bits=8) + b"\0\0", 2),
        (extensible(1, 6, bits=24), 18),
    ],
)
def test_linear_codecs_have_one(body: bytes, frame_bytes: int) -> None:
    data = riff(chunk(b"fmt ", body), chunk(b"data", bytes(14_400)))
    assert layout(data) == expected(28 + len(body), 14_400, frame_bytes, body)


@pytest.mark.parametrize("tag", [2, 0x11, 0x31, 0x45, 0x55])
def test_other_codecs_have_none(tag: int) -> None:
    data = riff(chunk(b"fmt ", wave_format(tag, bits=4, average=4000)), chunk(b"data", bytes(14_400)))
    assert layout(data) is None
