"""RIFF and its relatives: every way in which headers in the field are odd, wrong or cut."""

import struct
from dataclasses import replace

import pytest

from coval_relay.domain.audio import AudioFacts, AudioRejectedError, probe
from tests.unit.audio.made_audio import (
    UNKNOWN,
    CountingReader,
    SparseReader,
    chunk,
    extensible,
    riff,
    wave_format,
)

SECOND = bytes(16_000)
"""One second of 16-bit mono at 8 kHz."""
FMT = chunk(b"fmt ", wave_format())
UNREADABLE = AudioRejectedError("audio_unreadable", "Invalid or corrupt audio file. Unable to read audio metadata.")


def measured(data: bytes) -> AudioFacts:
    """Without the layout, which has tests of its own."""
    return replace(probe(len(data), CountingReader(data)), layout=None)


def wav_facts(data: bytes, milliseconds: int, codec: str = "pcm_s16le", channels: int = 1) -> AudioFacts:
    return AudioFacts(
        format="wav",
        content_type="audio/wav",
        duration_milliseconds=milliseconds,
        channels=channels,
        sample_rate=8000,
        codec=codec,
        size=len(data),
    )


def ds64(data_size: int) -> bytes:
    return chunk(b"ds64", struct.pack("<QQQI", 0, data_size, 0, 0))


@pytest.mark.parametrize(
    "data",
    [
        riff(FMT, chunk(b"data", SECOND)),
        riff(FMT, chunk(b"data", SECOND), size=UNKNOWN),
        riff(FMT, chunk(b"data", SECOND), size=0),
        riff(FMT, chunk(b"data", SECOND, size=UNKNOWN)),
        riff(FMT, chunk(b"data", SECOND, size=0)),
        riff(FMT, chunk(b"data", SECOND, size=0x7FFFF000)),
        riff(FMT, chunk(b"data", SECOND, size=UNKNOWN - 44)),
        riff(FMT, chunk(b"data", SECOND), chunk(b"LIST", b"x" * 5000)),
        riff(chunk(b"LIST", b"odd"), FMT, chunk(b"fact", bytes(4)), chunk(b"data", SECOND)),
        riff(chunk(b"JUNK", b""), FMT, chunk(b"data", SECOND)),
        riff(chunk(b"fmt ", wave_format() + b"\0\0"), chunk(b"data", SECOND)),
        riff(chunk(b"fmt ", wave_format(average=0)), chunk(b"data", SECOND)),
        riff(chunk(b"fmt ", extensible(1)), chunk(b"data", SECOND)),
        riff(ds64(16_000), FMT, chunk(b"data", SECOND, size=UNKNOWN), form=b"RF64"),
        riff(ds64(16_000), FMT, chunk(b"data", SECOND, UNKNOWN), chunk(b"bext", b"x" * 99), form=b"RF64"),
        riff(ds64(16_000), FMT, chunk(b"data", SECOND, size=UNKNOWN), form=b"BW64"),
        riff(ds64(0), FMT, chunk(b"data", SECOND, size=UNKNOWN), form=b"RF64"),
        riff(ds64(2**64 - 1), FMT, chunk(b"data", SECOND, size=UNKNOWN), form=b"RF64"),
        riff(ds64(7), FMT, chunk(b"data", SECOND), form=b"RF64"),
    ],
)
def test_one_second_is_one_second(data: bytes) -> None:
    assert measured(data) == wav_facts(data, 1000)


@pytest.mark.parametrize(
    ("body", "data_size", "milliseconds", "codec", "channels"),
    [
        (wave_format(1, 2, bits=16), 32_000, 1000, "pcm_s16le", 2),
        (wave_format(1, bits=8), 8_000, 1000, "pcm_u8", 1),
        (wave_format(1, bits=24), 24_000, 1000, "pcm_s24le", 1),
        (wave_format(1, bits=12), 16_000, 1000, "pcm_s16le", 1),
        (wave_format(3, bits=32), 32_000, 1000, "pcm_f32le", 1),
        (wave_format(6, bits=8), 8_000, 1000, "pcm_alaw", 1),
        (wave_format(7, 2, bits=8), 16_000, 1000, "pcm_mulaw", 2),
        (wave_format(7, bits=8)[:14], 8_000, 1000, "pcm_mulaw", 1),
        (extensible(7, 2, bits=8), 16_000, 1000, "pcm_mulaw", 2),
        (extensible(1, 6), 96_000, 1000, "pcm_s16le", 6),
        (wave_format(2, bits=4, average=4096), 4_096, 1000, "adpcm_ms", 1),
        (wave_format(0x11, bits=4, average=4055), 8_110, 2000, "adpcm_ima_wav", 1),
        (wave_format(0x31, bits=0, average=1625), 16_250, 10_000, "gsm_ms", 1),
        (wave_format(0x55, bits=0, average=2000), 10_000, 5000, "mp3", 1),
        (wave_format(0x1234, bits=0, average=1000), 500, 500, "wav_0x1234", 1),
        (wave_format(0xFFFE), 16_000, None, "", 1),
    ],
)
def test_formats(body: bytes, data_size: int, milliseconds: int | None, codec: str, channels: int) -> None:
    data = riff(chunk(b"fmt ", body), chunk(b"data", bytes(data_size)))
    if milliseconds is None:
        milliseconds, codec = 1000, "wav_0xfffe"
    assert measured(data) == wav_facts(data, milliseconds, codec, channels)


@pytest.mark.parametrize(
    "data",
    [
        riff(),
        riff(FMT),
        riff(chunk(b"data", SECOND)),
        riff(chunk(b"data", SECOND), FMT),
        riff(FMT)[:20],
        riff(chunk(b"fmt ", wave_format()[:13]), chunk(b"data", SECOND)),
        riff(chunk(b"fmt ", wave_format(channels=0)), chunk(b"data", SECOND)),
        riff(chunk(b"fmt ", wave_format(rate=0)), chunk(b"data", SECOND)),
        riff(chunk(b"fmt ", wave_format(2, average=0)), chunk(b"data", SECOND)),
        riff(chunk(b"LIST", b"", size=UNKNOWN), FMT, chunk(b"data", SECOND)),
        riff(FMT, chunk(b"data", SECOND))[:40],
    ],
)
def test_header_that_cannot_be_read(data: bytes) -> None:
    with pytest.raises(AudioRejectedError) as refused:
        measured(data)
    assert refused.value == UNREADABLE


def test_header_alone_lasts_no_time() -> None:
    data = riff(FMT, chunk(b"data", b""))
    assert measured(data) == wav_facts(data, 0)


def test_data_that_is_cut_counts_as_far_as_it_goes() -> None:
    data = riff(FMT, chunk(b"data", SECOND * 4))[: 44 + 40_000]
    assert measured(data) == wav_facts(data, 2500)


def test_large_chunks_before_the_data_are_stepped_over() -> None:
    data = riff(chunk(b"JUNK", bytes(100_000)), FMT, chunk(b"iXML", bytes(90_000)), chunk(b"data", SECOND * 9))
    reader = CountingReader(data)
    assert replace(probe(len(data), reader), layout=None) == wav_facts(data, 9000)
    assert reader.reads == [(0, 65536), (100_020, 4096), (190_052, 4096)]


def test_one_read_for_a_large_recording() -> None:
    head = riff(FMT, chunk(b"data", b"", size=57_600_000), size=57_600_036)
    reader = SparseReader(head)
    facts = probe(57_600_044, reader)
    assert (facts.duration_milliseconds, reader.reads) == (3_600_000, [(0, 65536)])


def test_endless_chunks_end_with_the_budget() -> None:
    step = chunk(b"JUNK", bytes(70_000))
    data = riff(*[step] * 100, FMT, chunk(b"data", SECOND))
    reader = CountingReader(data)
    with pytest.raises(AudioRejectedError) as refused:
        probe(len(data), reader)
    assert refused.value == UNREADABLE
    assert len(reader.reads) == 40
