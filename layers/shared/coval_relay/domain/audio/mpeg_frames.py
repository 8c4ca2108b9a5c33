"""MPEG audio layer III frames: headers, synchronisation, and what a stream of frames adds up to.

ISO 11172-3 §2.4.2.3 (MPEG 1), ISO 13818-3 §2.4.2.3 (MPEG 2), and the 2.5 extension for 8 to 12 kHz.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

HEADER = 4
SURE = 3
"""So many frames in a row are no coincidence: one header alone stands in about 16 kB of noise."""
SURE_IN_JUNK = 8
"""Where anything may stand: in mu-law's silence every byte looks like a header's first."""
MOST_SURE = SURE_IN_JUNK * 1441 + HEADER
"""Bytes that so many frames take at most."""
MOST_JUNK = 16 * 1024 * 1024
"""Pictures and tags between frames; what is larger is the end of the stream."""
MPEG_1 = 3
_MPEG_RESERVED = 1
_RATE_RESERVED = 3
_FORBIDDEN = 15
_MONO = 3
_KILOBITS_1: Final = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_KILOBITS_2: Final = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_RATES: Final = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_SYNC_AND_LAYER = 0xFFE6
_LAYER_3 = 0xFFE2
_CANDIDATE = re.compile(rb"\xff[\xe2\xe3\xf2\xf3\xfa\xfb][\x00-\xef]")
"""Sync, a version that is not reserved, layer III, and a bit rate that is not forbidden."""
_FREE_FORMAT_FRAMES = re.compile(
    rb"(?s)(\xff[\xe2\xe3\xf2\xf3\xfa\xfb])[\x00-\x0f].{20,4000}?(?:\1[\x00-\x0f].{20,4000}?){3}"
)


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame as its header describes it; `length` in bytes, `samples` of each channel."""

    version: int
    sample_rate: int
    channels: int
    length: int
    samples: int

    def same_stream(self, other: "Frame") -> bool:
        """Version and rate never change inside a stream; bit rate and channel mode may."""
        return (self.version, self.sample_rate) == (other.version, other.sample_rate)


def is_layer_3(head: bytes | bytearray) -> bool:
    """Whether a frame of layer III may begin so: its first two bytes hold sync, version and layer."""
    word = int.from_bytes(head[:2], "big")
    return word & _SYNC_AND_LAYER == _LAYER_3 and word >> 3 & 3 != _MPEG_RESERVED


def frame_at(data: bytes, position: int) -> Frame | None:
    """The frame whose header stands at `position`; none of free format, which nothing here reads."""
    return _frame(data[position : position + HEADER])


@lru_cache(maxsize=1024)
def _frame(header: bytes) -> Frame | None:
    if len(header) < HEADER or not is_layer_3(header):
        return None
    version, rate_index, bit_rate_index = header[1] >> 3 & 3, header[2] >> 2 & 3, header[2] >> 4
    if rate_index == _RATE_RESERVED or bit_rate_index in (0, _FORBIDDEN):
        return None
    kilobits = (_KILOBITS_1 if version == MPEG_1 else _KILOBITS_2)[bit_rate_index]
    sample_rate = _RATES[version][rate_index]
    samples = 1152 if version == MPEG_1 else 576
    return Frame(
        version=version,
        sample_rate=sample_rate,
        channels=1 if header[3] >> 6 == _MONO else 2,
        length=samples // 8 * kilobits * 1000 // sample_rate + (header[2] >> 1 & 1),
        samples=samples,
    )


def synchronise(data: bytes, start: int = 0, sure: int = SURE) -> tuple[int, Frame] | None:
    """The first position from which `sure` frames of one stream follow each other, and the frame there."""
    for candidate in _CANDIDATE.finditer(data, start):
        frame = frame_at(data, candidate.start())
        if frame and _is_sure(data, candidate.start(), frame, sure):
            return candidate.start(), frame
    return None


def is_free_format(data: bytes) -> bool:
    """Whether frames without a bit rate begin here: ffmpeg does not read them either."""
    return bool(_FREE_FORMAT_FRAMES.match(data))


def _is_sure(data: bytes, position: int, first: Frame, sure: int) -> bool:
    for _ in range(sure - 1):
        following = frame_at(data, position := position + first.length)
        if following is None or not following.same_stream(first):
            return False
        first = following
    return True


@dataclass(slots=True)
class FrameCount:
    """All frames of a stream, block by block, and a last one that is cut, which ffmpeg decodes as well.

    What lies between them is stepped over.

    `samples` by sample rate, `forms` the rates and channels that were seen, `end` behind the last frame.
    """

    end: int
    samples: Counter[int] = field(default_factory=Counter)
    forms: set[tuple[int, int]] = field(default_factory=set)
    frames: int = 0
    _rest: bytes = b""
    _in_step: bool = True
    _at: int = 0
    """Where in the rest the next frame is expected."""

    def add_all(self, blocks: Iterable[bytes]) -> None:
        """The stream from its first frame on; ends early where it has ended."""
        position = self.end
        for block in blocks:
            position += self._at
            self._rest, self._at = self._rest[self._at :] + block, 0
            self._add(position)
            if position + self._at - self.end > MOST_JUNK:
                return
        cut = frame_at(self._rest, self._at) if self._in_step else None
        if cut:
            self._count(cut)
            self.end += len(self._rest) - self._at

    def _add(self, position: int) -> None:
        data, at = self._rest, self._at
        while at + HEADER <= len(data):
            frame = frame_at(data, at) if self._in_step else None
            if frame is None:
                found = synchronise(data, at)
                self._in_step = found is not None
                if found is None:
                    at = max(at, len(data) - MOST_SURE)
                    break
                at, frame = found
            if at + frame.length > len(data):
                break
            self._count(frame)
            at += frame.length
            self.end = position + at
        self._at = at

    def _count(self, frame: Frame) -> None:
        self.frames += 1
        self.samples[frame.sample_rate] += frame.samples
        self.forms.add((frame.sample_rate, frame.channels))
