"""What a recording needs before Coval takes it, for every format, layout and side."""

import pytest

from coval_relay.domain.audio import Preparation, must_swap, preparation, probe
from tests.support import audio_files
from tests.unit.audio.made_audio import CountingReader, chunk, extensible, riff, wave_format

NONE, REARRANGE, CONVERT = Preparation.NONE, Preparation.REARRANGE, Preparation.CONVERT
SIDES = (None, 0, 1)


def linear(channels: int, tag: int = 1, bits: int = 16) -> bytes:
    return riff(chunk(b"fmt ", wave_format(tag, channels, bits=bits)), chunk(b"data", bytes(48_000)))


def packed(channels: int, tag: int) -> bytes:
    body = wave_format(tag, channels, bits=4, average=4000)
    return riff(chunk(b"fmt ", body), chunk(b"data", bytes(48_000)))


@pytest.mark.parametrize(
    ("data", "needs"),
    [
        (linear(1), (NONE, NONE, NONE)),
        (linear(2), (NONE, NONE, REARRANGE)),
        (linear(2, bits=8), (NONE, NONE, REARRANGE)),
        (linear(2, bits=24), (NONE, NONE, REARRANGE)),
        (linear(2, 3, 32), (NONE, NONE, REARRANGE)),
        (linear(2, 6, 8), (NONE, NONE, REARRANGE)),
        (linear(2, 7, 8), (NONE, NONE, REARRANGE)),
        (linear(3), (NONE, CONVERT, CONVERT)),
        (riff(chunk(b"fmt ", extensible(1, 6)), chunk(b"data", bytes(48_000))), (NONE, CONVERT, CONVERT)),
        (audio_files.streamed(linear(1), 0, 0), (REARRANGE, REARRANGE, REARRANGE)),
        (audio_files.streamed(linear(2), 2**32 - 1, 2**32 - 1), (REARRANGE, REARRANGE, REARRANGE)),
        (audio_files.streamed(linear(4), 0, 0), (REARRANGE, CONVERT, CONVERT)),
        (audio_files.wav(channels=2, container="RF64"), (REARRANGE, REARRANGE, REARRANGE)),
        (packed(1, 0x31), (CONVERT, CONVERT, CONVERT)),
        (packed(2, 0x11), (CONVERT, CONVERT, CONVERT)),
        (packed(2, 2), (CONVERT, CONVERT, CONVERT)),
        (packed(2, 0x55), (CONVERT, CONVERT, CONVERT)),
        (audio_files.mp3(channels=1), (NONE, NONE, NONE)),
        (audio_files.mp3(channels=2), (NONE, NONE, CONVERT)),
        (b"OggS" + bytes(100), (CONVERT, CONVERT, CONVERT)),
    ],
)
def test_least_that_must_be_done(data: bytes, needs: tuple[Preparation, ...]) -> None:
    facts = probe(len(data), CountingReader(data))
    assert tuple(preparation(facts, side) for side in SIDES) == needs


@pytest.mark.parametrize(
    ("channels", "swaps"), [(1, (False, False, False)), (2, (False, False, True)), (3, (False, False, False))]
)
def test_only_stereo_with_the_agent_on_the_right_is_swapped(channels: int, swaps: tuple[bool, ...]) -> None:
    data = linear(channels)
    facts = probe(len(data), CountingReader(data))
    assert tuple(must_swap(facts, side) for side in SIDES) == swaps
