"""RIFF and its relatives: every way in which headers in the field are odd, wrong or cut."""

import struct
from dataclasses import replace

import pytest

from coval_relay.domain.audio import AudioFacts, AudioRejectedError, Preparation, preparation, probe, rearranged
from tests.unit.audio.made_audio import (
    UNKNOWN,
    CountingReader,
    SparseReader,
    chunk,
    extensible,
    id3,
    riff,
    wave_format,
)

SECOND = bytes(16_000)
"""One second of 16-bit mono at 8 kHz."""
FMT = chunk(b"fmt ", wave_format())
UNREADABLE = AudioRejectedError("audio_unreadable", "Invalid or corrupt audio file. Unable to read audio metadata.")


def measured(data: bytes) -> AudioFacts:
    """Without the layout, which has tests of its own."""
    facts = probe(len(data), CountingReader(data))
    assert facts.padded == (facts.layout is None)
    return replace(facts, layout=None, padded=False)


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


def blocks(tag: int, bits: int, *, block: int, samples: int, channels: int = 1) -> bytes:
    """A compressed codec's `fmt `: bytes and samples of a block, and an average rate that is wrong."""
    return struct.pack("<HHIIHHHH", tag, channels, 8000, 16_000, block, bits, 2, samples)


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
        riff(chunk(b"data", SECOND), FMT),
        riff(chunk(b"data", SECOND), chunk(b"LIST", b"odd"), FMT, chunk(b"LIST", b"x" * 5000)),
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
        (extensible(7, 2, bits=8), 16_000, 1000, "pcm_mulaw", 2),
        (extensible(1, 6), 96_000, 1000, "pcm_s16le", 6),
        (blocks(2, 4, block=256, samples=500), 10_240, 2500, "adpcm_ms", 1),
        (blocks(0x11, 4, block=1024, samples=2041), 11_264, 2806, "adpcm_ima_wav", 1),
        (blocks(0x11, 4, block=1024, samples=1017, channels=2), 10_240, 1271, "adpcm_ima_wav", 2),
        (blocks(0x31, 0, block=65, samples=320), 16_250, 10_000, "gsm_ms", 1),
        (blocks(0x31, 0, block=0, samples=320), 16_250, 0, "gsm_ms", 1),
        (wave_format(0x45, bits=4, average=4000), 4_000, 0, "adpcm_g726", 1),
        (wave_format(0x55, bits=0, average=0), 10_000, 0, "mp3", 1),
    ],
)
def test_formats(body: bytes, data_size: int, milliseconds: int, codec: str, channels: int) -> None:
    """Compressed ones by their blocks: an average rate is often wrong, and nothing hangs on what it says."""
    data = riff(chunk(b"fmt ", body), chunk(b"data", bytes(data_size)))
    assert measured(data) == wav_facts(data, milliseconds, codec, channels)


def contradicting(tag: int, *, bits: int, block: int, average: int, channels: int = 1, rate: int = 8000) -> bytes:
    return struct.pack("<HHIIHH", tag, channels, rate, average, block, bits)


MULAW, ALAW = 7, 6


@pytest.mark.parametrize(
    ("body", "frame_bytes", "mended"),
    [
        (contradicting(MULAW, bits=16, block=2, average=16_000), 1, wave_format(MULAW, bits=8)),
        (contradicting(MULAW, bits=16, block=4, average=32_000, channels=2), 2, wave_format(MULAW, 2, bits=8)),
        (contradicting(ALAW, bits=16, block=2, average=16_000), 1, wave_format(ALAW, bits=8)),
        (contradicting(ALAW, bits=0, block=0, average=0), 1, wave_format(ALAW, bits=8)),
        (wave_format(MULAW, bits=8)[:14], 1, wave_format(MULAW, bits=8)),
        (contradicting(1, bits=16, block=2, average=8_000), 2, wave_format()),
        (contradicting(1, bits=16, block=0, average=16_000), 2, wave_format()),
        (contradicting(1, bits=8, block=2, average=16_000), 2, wave_format()),
        (contradicting(1, bits=0, block=2, average=0), 2, wave_format()),
        (contradicting(1, bits=16, block=1, average=16_000), 2, wave_format()),
        (contradicting(1, bits=16, block=1, average=8_000), 1, wave_format(bits=8)),
        (contradicting(1, bits=16, block=3, average=8_000), 3, wave_format(bits=24)),
        (contradicting(1, bits=12, block=2, average=0), 2, contradicting(1, bits=12, block=2, average=16_000)),
        (contradicting(3, bits=16, block=4, average=32_000), 4, wave_format(3, bits=32)),
        (contradicting(3, bits=64, block=0, average=0), 8, wave_format(3, bits=64)),
        (extensible(MULAW, 2, bits=16), 2, extensible(MULAW, 2, bits=8)),
    ],
)
def test_header_that_contradicts_itself_is_put_right(body: bytes, frame_bytes: int, mended: bytes) -> None:
    """By the codec's own width, else by what most of the fields say, the block's size before the others."""
    data = riff(chunk(b"fmt ", body), chunk(b"data", bytes(range(240)) * 100))
    facts = probe(len(data), CountingReader(data))
    assert facts.layout is not None
    assert (facts.layout.frame_bytes, facts.layout.format_chunk) == (frame_bytes, mended)
    assert facts.duration_milliseconds == 24_000 // frame_bytes // 8
    assert preparation(facts, None) is Preparation.REARRANGE
    made = b"".join(rearranged([data], facts, swap=False))
    assert made == riff(chunk(b"fmt ", mended), chunk(b"data", bytes(range(240)) * 100))


def test_sides_of_a_stereo_header_that_contradicts_itself_are_swapped_and_not_neighbours() -> None:
    body = contradicting(MULAW, bits=16, block=4, average=32_000, channels=2)
    data = riff(chunk(b"fmt ", body), chunk(b"data", b"1a2b3c4d"))
    made = b"".join(rearranged([data], probe(len(data), CountingReader(data)), swap=True))
    assert made == riff(chunk(b"fmt ", wave_format(MULAW, 2, bits=8)), chunk(b"data", b"a1b2c3d4"))


def test_samples_that_may_be_float_are_left_to_the_decoder() -> None:
    """Cool Edit's 24.0 and 16.8 float have PCM's tag (FFmpeg: pcm_f24le, pcm_f16le)."""
    for bits in (16, 24):
        body = contradicting(1, bits=bits, block=8, average=64_000, channels=2)
        data = riff(chunk(b"fmt ", body), chunk(b"data", bytes(64_000)))
        facts = probe(len(data), CountingReader(data))
        assert (facts.layout, preparation(facts, None)) == (None, Preparation.CONVERT)


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (wave_format(0x38, bits=4), "WAV with codec 0x0038 (NMS ADPCM)"),
        (wave_format(0x83, bits=0), "WAV with codec 0x0083 (G.729)"),
        (wave_format(0x1234, bits=8), "WAV with codec 0x1234"),
        (wave_format(0xFFFE), "WAV with codec 0xFFFE"),
        (extensible(1)[:-1] + b"\xff", "WAV with a codec that has no number"),
        (contradicting(1, bits=0, block=0, average=0), "WAV with samples of 0 bits"),
        (contradicting(1, bits=40, block=5, average=40_000), "WAV with samples of 40 bits"),
        (contradicting(3, bits=16, block=2, average=16_000), "WAV with samples of 16 bits"),
    ],
)
def test_codec_that_nobody_was_seen_to_decode_is_named(body: bytes, name: str) -> None:
    data = riff(chunk(b"fmt ", body), chunk(b"data", SECOND * 9))
    with pytest.raises(AudioRejectedError) as rejected:
        measured(data)
    assert rejected.value == AudioRejectedError("audio_unsupported_format", f"Unsupported audio format: {name}.")


@pytest.mark.parametrize("front", [id3(b"x" * 50), id3(bytes(70_000)), b"\r\n" * 64, b"APETAGEX" + bytes(24)])
def test_wav_behind_something_else_is_cut_out(front: bytes) -> None:
    samples = bytes(range(240)) * 100
    data = front + riff(chunk(b"LIST", b"odd"), FMT, chunk(b"data", samples), chunk(b"LIST", b"x" * 5000))
    facts = probe(len(data), CountingReader(data))
    assert (facts.begin, facts.duration_milliseconds) == (len(front), 1500)
    assert preparation(facts, None) is Preparation.REARRANGE
    assert b"".join(rearranged([data], facts, swap=False)) == riff(FMT, chunk(b"data", samples))


# --- RIFX


def turned(body: bytes) -> bytes:
    return struct.pack(">HHIIHH", *struct.unpack("<HHIIHH", body))


def rifx(body: bytes, samples: bytes) -> bytes:
    chunks = [(b"fmt ", turned(body)), (b"LIST", b"even"), (b"data", samples)]
    inside = b"WAVE" + b"".join(struct.pack(">4sI", name, len(part)) + part for name, part in chunks)
    return b"RIFX" + struct.pack(">I", len(inside)) + inside


@pytest.mark.parametrize(
    ("body", "big", "little", "swapped"),
    [
        (wave_format(1, 2, bits=16), b"1a2b3c4d", b"a1b2c3d4", b"b2a1d4c3"),
        (wave_format(1, 2, bits=24), b"123456abcdef", b"321654cbafed", b"654321fedcba"),
        (wave_format(3, 2, bits=32), b"1234abcd", b"4321dcba", b"dcba4321"),
        (wave_format(7, 2, bits=8), b"1a2b", b"1a2b", b"a1b2"),
    ],
)
@pytest.mark.parametrize("size", [1, 3, 100])
def test_big_endian_samples_are_turned(body: bytes, big: bytes, little: bytes, swapped: bytes, size: int) -> None:
    data = rifx(body, big * 1000)
    facts = probe(len(data), CountingReader(data))
    assert (facts.sample_rate, facts.channels) == (8000, 2)
    assert preparation(facts, None) is Preparation.REARRANGE
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    for swap, samples in ((False, little), (True, swapped)):
        made = b"".join(rearranged(pieces, facts, swap=swap))
        assert made == riff(chunk(b"fmt ", body), chunk(b"data", samples * 1000))


def test_compressed_rifx_is_named() -> None:
    with pytest.raises(AudioRejectedError) as rejected:
        measured(rifx(wave_format(0x11, bits=4), bytes(9000)))
    assert rejected.value.text == "Unsupported audio format: RIFX with codec 0x0011 (adpcm_ima_wav)."


@pytest.mark.parametrize(
    "data",
    [
        riff(),
        riff(FMT),
        riff(chunk(b"data", SECOND)),
        riff(chunk(b"data", SECOND, size=0), FMT),
        riff(chunk(b"data", SECOND, size=UNKNOWN), FMT),
        riff(FMT)[:20],
        riff(chunk(b"fmt ", wave_format()[:13]), chunk(b"data", SECOND)),
        riff(chunk(b"fmt ", wave_format(channels=0)), chunk(b"data", SECOND)),
        riff(chunk(b"fmt ", wave_format(rate=0)), chunk(b"data", SECOND)),
        riff(chunk(b"LIST", b"", size=UNKNOWN), FMT, chunk(b"data", SECOND)),
        riff(FMT, chunk(b"data", SECOND))[:40],
    ],
)
def test_header_that_cannot_be_read(data: bytes) -> None:
    with pytest.raises(AudioRejectedError) as rejected:
        measured(data)
    assert rejected.value == UNREADABLE


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
    with pytest.raises(AudioRejectedError) as rejected:
        probe(len(data), reader)
    assert rejected.value == UNREADABLE
    assert len(reader.reads) == 40
