"""New header, swapped channels: sample by sample as it was, wherever the stream is cut."""

import io
import struct
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from coval_relay.domain.audio import AudioFacts, probe, rearranged, rearranged_size
from tests.support import audio_files
from tests.unit.audio.made_audio import UNKNOWN, CountingReader, chunk, extensible, riff, wave_format

MEBIBYTE = 1024 * 1024
FORMATS = {
    "8 bit": wave_format(1, 2, bits=8),
    "16 bit": wave_format(1, 2, bits=16),
    "20 bit in 24": wave_format(1, 2, bits=20),
    "24 bit": wave_format(1, 2, bits=24),
    "32 bit": wave_format(1, 2, bits=32),
    "float": wave_format(3, 2, bits=32),
    "double": wave_format(3, 2, bits=64),
    "A-law": wave_format(6, 2, bits=8) + b"\0\0",
    "mu-law": wave_format(7, 2, bits=8) + b"\0\0",
    "mu-law, extensible": extensible(7, 2, bits=8),
}
bodies = st.sampled_from(list(FORMATS.values()))


def facts_of(data: bytes) -> AudioFacts:
    return probe(len(data), CountingReader(data))


def cut(data: bytes, sizes: list[int]) -> Iterator[bytes]:
    """The bytes in chunks of these sizes, over and over."""
    position, turn = 0, 0
    while position < len(data):
        yield data[position : position + sizes[turn % len(sizes)]]
        position += sizes[turn % len(sizes)]
        turn += 1


def canonical(body: bytes, samples: bytes) -> bytes:
    return riff(chunk(b"fmt ", body), chunk(b"data", samples))


def frame_by_frame(samples: bytes, frame_bytes: int) -> bytes:
    """The oracle: one frame after the other, halves exchanged."""
    half = frame_bytes // 2
    starts = range(0, len(samples) - frame_bytes + 1, frame_bytes)
    return b"".join(samples[at + half : at + frame_bytes] + samples[at : at + half] for at in starts)


@given(bodies, st.binary(max_size=400), st.lists(st.integers(1, 50), min_size=1), st.binary(max_size=9))
def test_swap_is_exact_wherever_the_stream_is_cut(body: bytes, samples: bytes, sizes: list[int], behind: bytes) -> None:
    data = riff(chunk(b"LIST", b"odd"), chunk(b"fmt ", body), chunk(b"data", samples)) + behind
    facts = facts_of(data)
    assert facts.layout is not None
    width = facts.layout.frame_bytes
    kept = data[facts.layout.data_offset :][: facts.layout.data_size]
    made = b"".join(rearranged(cut(data, sizes), facts, swap=True))
    assert made == canonical(body, frame_by_frame(kept, width))
    assert len(made) == rearranged_size(facts)


@given(bodies, st.binary(max_size=400), st.lists(st.integers(1, 50), min_size=1))
def test_twice_swapped_is_as_it_was(body: bytes, samples: bytes, sizes: list[int]) -> None:
    data = canonical(body, samples)
    once = b"".join(rearranged(cut(data, sizes), facts_of(data), swap=True))
    twice = b"".join(rearranged(cut(once, sizes), facts_of(once), swap=True))
    assert twice == b"".join(rearranged([data], facts_of(data), swap=False))


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ALAW", "ULAW"])
@pytest.mark.parametrize("container", ["WAV", "WAVEX", "RF64"])
def test_libsndfile_reads_the_channels_the_other_way_round(subtype: str, container: str) -> None:
    noise = np.random.default_rng(3).uniform(-0.9, 0.9, (8_000, 2))
    file = io.BytesIO()
    soundfile.write(file, noise, 8_000, subtype=subtype, format=container)
    before, _ = soundfile.read(io.BytesIO(file.getvalue()))
    facts = facts_of(file.getvalue())
    made = b"".join(rearranged(cut(file.getvalue(), [777]), facts, swap=True))
    after, rate = soundfile.read(io.BytesIO(made))
    assert rate == 8_000
    assert soundfile.info(io.BytesIO(made)).subtype == subtype
    np.testing.assert_array_equal(after, before[:, ::-1])


@pytest.mark.parametrize(
    ("riff_size", "data_size"),
    [(UNKNOWN, UNKNOWN), (0, 0), (36, 0), (0x7FFFFFFF, 0x7FFFFFFF), (36, 192_000), (UNKNOWN, 192_000)],
)
def test_lengths_are_filled_in(riff_size: int, data_size: int) -> None:
    whole = audio_files.wav(channels=2)
    data = audio_files.streamed(whole, riff_size, data_size)
    facts = facts_of(data)
    made = b"".join(rearranged(cut(data, [1000]), facts, swap=False))
    after = facts_of(made)
    assert after.layout is not None
    assert after.layout.declared
    assert after == replace(facts, size=rearranged_size(facts), layout=after.layout)
    np.testing.assert_array_equal(soundfile.read(io.BytesIO(made))[0], soundfile.read(io.BytesIO(whole))[0])


def test_frame_that_is_cut_is_left_out() -> None:
    whole = canonical(wave_format(1, 2), bytes(range(160)))
    data = whole[:-3]
    assert b"".join(rearranged([data], facts_of(data), swap=False)) == canonical(wave_format(1, 2), bytes(range(156)))


def test_odd_number_of_bytes_is_padded() -> None:
    body = wave_format(7, 1, bits=8)
    data = riff(chunk(b"fmt ", body), chunk(b"data", b"abc", size=UNKNOWN))[:-1]
    made = b"".join(rearranged([data], facts_of(data), swap=False))
    assert made == canonical(body, b"abc")
    assert made[-4:] == b"abc\0"
    assert len(made) == rearranged_size(facts_of(data))


def test_more_than_32_bits_can_say() -> None:
    size = 5 * 2**30
    ds64 = chunk(b"ds64", struct.pack("<QQQI", 0, size, 0, 0))
    head = riff(ds64, chunk(b"fmt ", wave_format(1, 2)), chunk(b"data", b"", size=UNKNOWN), form=b"RF64")
    facts = probe(len(head) + size, CountingReader(head))
    assert next(rearranged([], facts, swap=False))[-4:] == b"\xff\xff\xff\xff"


def test_what_stands_behind_the_samples_is_not_read() -> None:
    data = canonical(wave_format(1, 2), bytes(4000))
    facts = replace(facts_of(data), size=len(data) + 10)

    def chunks() -> Iterator[bytes]:
        yield data
        pytest.fail("read on")

    assert b"".join(rearranged(chunks(), facts, swap=True)) == data


def test_only_linear_wav_can_be_rearranged() -> None:
    data = audio_files.wav(subtype="MS_ADPCM")
    with pytest.raises(ValueError, match="linear WAV"):
        rearranged_size(facts_of(data))
    with pytest.raises(ValueError, match="linear WAV"):
        rearranged([], facts_of(audio_files.mp3(channels=2)), swap=True)


@pytest.mark.parametrize("swap", [False, True])
def test_memory_does_not_grow_with_the_recording(swap: bool) -> None:
    head = riff(chunk(b"fmt ", wave_format(1, 2)), chunk(b"data", b"", size=100 * MEBIBYTE), size=100 * MEBIBYTE)
    facts = probe(len(head) + 100 * MEBIBYTE, CountingReader(head))
    megabyte = bytes(range(256)) * 4096
    tracemalloc.start()
    sizes = [len(part) for part in rearranged((head, *[megabyte] * 100), facts, swap=swap)]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sum(sizes) == rearranged_size(facts) == 100 * MEBIBYTE + 44
    assert peak < 8 * MEBIBYTE
