"""MPEG audio layer III frames: headers, synchronisation, and what a run of frames adds up to.

ISO 11172-3 §2.4.2.3 (MPEG 1), ISO 13818-3 §2.4.2.3 (MPEG 2), and the 2.5 extension for 8 to 12 kHz.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

HEADER = 4
SURE = 3
"""So many frames in a row are no coincidence: one header alone stands in about 16 kB of noise."""
MPEG_1 = 3
_MPEG_RESERVED = 1
_RATE_RESERVED = 3
_BIT_RATES_UNREAD: Final = (0, 15)
"""Free format, and forbidden."""
_MONO = 3
_KILOBITS_1: Final = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_KILOBITS_2: Final = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_RATES: Final = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_SYNC_AND_LAYER = 0xFFE6
_LAYER_3 = 0xFFE2


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame as its header describes it; `length` in bytes, `samples` of each channel."""

    version: int
    sample_rate: int
    bit_rate: int
    channels: int
    length: int
    samples: int

    def same_stream(self, other: "Frame") -> bool:
        """Version and rate never change inside a stream; bit rate and channel mode may."""
        return (self.version, self.sample_rate) == (other.version, other.sample_rate)


@dataclass(frozen=True, slots=True)
class Run:
    """What complete frames add up to; a mean of `bit_rates` needs none of them to be equal."""

    length: int = 0
    samples: int = 0
    bit_rates: frozenset[int] = frozenset()

    def __add__(self, other: "Run") -> "Run":
        return Run(self.length + other.length, self.samples + other.samples, self.bit_rates | other.bit_rates)


def is_layer_3(head: bytes | bytearray) -> bool:
    """Whether a frame of layer III may begin so: its first two bytes hold sync, version and layer."""
    word = int.from_bytes(head[:2], "big")
    return word & _SYNC_AND_LAYER == _LAYER_3 and word >> 3 & 3 != _MPEG_RESERVED


def frame_at(data: bytes, position: int) -> Frame | None:
    """The frame whose header stands at `position`; free-format streams are not read (nor does ffmpeg)."""
    header = data[position : position + HEADER]
    if len(header) < HEADER or not is_layer_3(header):
        return None
    version, rate_index, bit_rate_index = header[1] >> 3 & 3, header[2] >> 2 & 3, header[2] >> 4
    if rate_index == _RATE_RESERVED or bit_rate_index in _BIT_RATES_UNREAD:
        return None
    kilobits = (_KILOBITS_1 if version == MPEG_1 else _KILOBITS_2)[bit_rate_index]
    sample_rate = _RATES[version][rate_index]
    samples = 1152 if version == MPEG_1 else 576
    return Frame(
        version=version,
        sample_rate=sample_rate,
        bit_rate=kilobits * 1000,
        channels=1 if header[3] >> 6 == _MONO else 2,
        length=samples // 8 * kilobits * 1000 // sample_rate + (header[2] >> 1 & 1),
        samples=samples,
    )


def synchronise(data: bytes, start: int = 0, like: Frame | None = None) -> tuple[int, Frame] | None:
    """The first position from which SURE frames of one stream follow each other, and the frame there."""
    position = data.find(b"\xff", start)
    while position >= 0:
        frame = frame_at(data, position)
        if frame and (like is None or frame.same_stream(like)) and _is_sure(data, position, frame):
            return position, frame
        position = data.find(b"\xff", position + 1)
    return None


def run(data: bytes, like: Frame) -> Run:
    """Adds up the frames that lie whole in a window, from the first that is sure; breaks are skipped."""
    frames: list[Frame] = []
    end = 0
    # moves on every time: SURE headers inside the window enclose at least one whole frame
    while found := synchronise(data, end, like):
        unbroken = list(_frames(data, *found))
        frames += unbroken
        end = found[0] + sum(frame.length for frame in unbroken)
    return Run(
        sum(frame.length for frame in frames),
        sum(frame.samples for frame in frames),
        frozenset(frame.bit_rate for frame in frames),
    )


def _is_sure(data: bytes, position: int, first: Frame) -> bool:
    for _ in range(SURE - 1):
        following = frame_at(data, position := position + first.length)
        if following is None or not following.same_stream(first):
            return False
        first = following
    return True


def _frames(data: bytes, position: int, frame: Frame) -> Iterator[Frame]:
    following: Frame | None = frame
    while following and following.same_stream(frame) and position + following.length <= len(data):
        yield following
        position += following.length
        following = frame_at(data, position)
