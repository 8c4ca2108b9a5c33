"""FLAC whose metadata is longer than its blocks say."""

import io

import numpy as np
import pytest

from coval_relay.adapters.audio import PyAvConverter
from coval_relay.domain.audio.flac import BLOCK_HEADER, LAST, MOST_JUNK, STREAM_INFO_END, with_true_metadata
from tests.support import voices
from tests.support.voices import by_libsndfile, decoded
from tests.unit.audio.made_audio import CountingReader, frames_of_flac

SOUND = voices.call(4.0, 8_000, 1)
FLAC = by_libsndfile("FLAC", "PCM_16")(SOUND, 8_000)
FRAMES = frames_of_flac(FLAC)
STREAM_INFO = FLAC[4:STREAM_INFO_END]
ONLY_STREAM_INFO = b"fLaC" + bytes([LAST]) + STREAM_INFO[1:]


def padding(size: int) -> bytes:
    return bytes([LAST | 1]) + size.to_bytes(3, "big")


@pytest.mark.parametrize(
    "junk",
    [
        b"x" * 5,
        b"TITLE=a call" * 50,
        b"\xff\xf8\x44\x08\x00\x01" * 20,
        b"\xff\xf9" + bytes(1000),
        b"x" * (MOST_JUNK - 10),
    ],
)
def test_what_no_block_counts_becomes_padding(junk: bytes) -> None:
    assert with_true_metadata(ONLY_STREAM_INFO + junk + FRAMES) == (
        b"fLaC\0" + STREAM_INFO[1:] + padding(len(junk) - BLOCK_HEADER) + junk[BLOCK_HEADER:] + FRAMES
    )


@pytest.mark.parametrize("rate", [8_000, 11_000, 11_025, 65_540])
@pytest.mark.parametrize("samples", [5_000, 300, 100, 17])
def test_first_frame_is_known_at_any_rate_and_size(rate: int, samples: int) -> None:
    flac = by_libsndfile("FLAC", "PCM_16")(SOUND[:samples], rate)
    frames = frames_of_flac(flac)
    head = b"fLaC" + bytes([LAST]) + flac[5:STREAM_INFO_END]
    assert with_true_metadata(head + b"x" * 60 + frames) == (b"fLaC\0" + head[5:] + padding(56) + b"x" * 56 + frames)


@pytest.mark.parametrize(
    "head",
    [
        FLAC,
        ONLY_STREAM_INFO + FRAMES,
        ONLY_STREAM_INFO + b"x" * BLOCK_HEADER + FRAMES,
        ONLY_STREAM_INFO + b"x" * 60 + FRAMES[1000:],
        ONLY_STREAM_INFO + b"x" * 60 + FRAMES[:5],
        ONLY_STREAM_INFO + b"x" * (MOST_JUNK + 1) + FRAMES,
        b"fLaC\0" + STREAM_INFO[1:] + bytes([LAST | 6]) + b"\xff\xff\xff" + FRAMES,
        b"fLaC\0\0",
        b"OggS" + FLAC,
        b"",
    ],
)
def test_anything_else_stays_as_it_is(head: bytes) -> None:
    assert with_true_metadata(head) == head


def test_of_few_frames_none_is_lost() -> None:
    data = ONLY_STREAM_INFO + b"TITLE=a call" + FRAMES
    sink = io.BytesIO()
    PyAvConverter()(len(data), CountingReader(data), sink, agent_channel=None)
    assert np.array_equal(decoded(sink.getvalue())[0], decoded(FLAC)[0])
