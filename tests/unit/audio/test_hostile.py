"""Whatever the bytes are: facts or AudioRejectedError, at most 40 reads of 2 MiB in all, but for counted frames."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coval_relay.domain.audio import (
    AudioFacts,
    AudioRejectedError,
    check_limits,
    probe,
    rearranged,
    rearranged_size,
)
from tests.unit.audio.made_audio import FIXTURES, CountingReader, chunk, id3, riff, wave_format

HEADS = [path.read_bytes()[:4096] for path in sorted(FIXTURES.glob("*.wav")) + sorted(FIXTURES.glob("*.mp3"))]
PIECES = [
    b"RIFF", b"RF64", b"WAVE", b"fmt ", b"data", b"ds64", b"ID3\x04\0\0", b"TAG", b"Xing\0\0\0\x0f", b"VBRI",
    b"\xff\xff\xff\xff", b"\xff\xfb\x90\x00", b"\xff\xf3\x40\x00", b"\xff\xe3\x10\xc0", b"\0\0\0\0",
    b"\x7f\x7f\x7f\x7f", chunk(b"fmt ", wave_format()), id3(b"x" * 20), riff(),
]  # fmt: skip


def outcome(size: int, reader: CountingReader) -> AudioFacts | AudioRejectedError:
    try:
        facts = probe(size, reader)
        if facts.format != "foreign":
            check_limits(facts)
    except AudioRejectedError as rejected:
        return rejected
    return facts


def judged(size: int, data: bytes) -> None:
    reader = CountingReader(data)
    judgement = outcome(size, reader)
    if isinstance(judgement, AudioRejectedError):
        assert judgement.code.startswith("audio_")
        assert judgement.text.endswith(".")
    else:
        assert judgement.format == "foreign" or judgement.duration_milliseconds >= 5_000
        assert judgement.size == size
        judged_layout(judgement)
    counting = [length for _, length in reader.reads if length > 64 * 1024]
    assert len(reader.reads) - len(counting) <= 40
    assert sum(length for _, length in reader.reads) - sum(counting) <= 2 * 1024 * 1024
    assert sum(counting) <= 2 * min(size, 200 * 1024 * 1024)
    assert all(start >= 0 and length > 0 and start + length <= size for start, length in reader.reads)


def judged_layout(facts: AudioFacts) -> None:
    """Whatever the head says, the samples lie inside the object, and a new header can be written."""
    if facts.layout:
        assert facts.layout.data_offset + facts.layout.data_size <= facts.size
        assert rearranged_size(facts) <= facts.size + 1
        assert next(rearranged([], facts, swap=False))[:4] == b"RIFF"


@given(st.binary(max_size=2000), st.integers(0, 2**40))
@settings(max_examples=3 * settings().max_examples)
def test_noise_that_may_be_shorter_than_its_size(data: bytes, beyond: int) -> None:
    judged(len(data), data)
    judged(len(data) + beyond, data)


@given(st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=40)), max_size=30), st.integers(0, 2**40))
@settings(max_examples=5 * settings().max_examples)
def test_pieces_of_formats_in_any_order(pieces: list[bytes], beyond: int) -> None:
    data = b"".join(pieces)
    judged(len(data), data)
    judged(len(data) + beyond, data)


@given(
    st.sampled_from(HEADS),
    st.lists(st.tuples(st.integers(0, 200), st.binary(min_size=1, max_size=8)), max_size=6),
    st.integers(0, 4096),
    st.integers(0, 2**32),
)
@settings(max_examples=5 * settings().max_examples)
def test_fixtures_with_bytes_overwritten_and_cut(
    head: bytes, changes: list[tuple[int, bytes]], end: int, beyond: int
) -> None:
    for position, replacement in changes:
        head = head[:position] + replacement + head[position + len(replacement) :]
    data = head[:end]
    judged(len(data), data)
    judged(len(data) + beyond, data)


@given(st.binary(min_size=1, max_size=64))
@settings(max_examples=settings().max_examples // 2)
def test_a_pattern_repeated_over_a_large_object(pattern: bytes) -> None:
    data = pattern * (3_000_000 // len(pattern))
    judged(len(data), data)


@pytest.mark.parametrize("data", [id3(b"") * 300_000, riff(*[chunk(b"JUNK", b"")] * 300_000)])
def test_millions_of_bytes_of_empty_structures(data: bytes) -> None:
    judged(len(data), data)


def test_what_the_reader_raises_passes_through() -> None:
    def broken(_start: int, _length: int) -> bytes:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        probe(100, broken)
