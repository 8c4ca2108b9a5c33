"""What encoders leave in a first frame without sound: Xing or Info with LAME's addition, VBRI (Fraunhofer)."""

from dataclasses import dataclass
from typing import Final

from coval_relay.domain.audio.mpeg_frames import HEADER, Frame

HAS_FRAMES, HAS_LENGTH, HAS_TABLE, HAS_QUALITY = 1, 2, 4, 8
TABLE_BYTES = 100
XING_BYTES = 8
"""Name and flags."""
VBRI_OFFSET = HEADER + 32
VBRI_BYTES = 18
"""Name, version, delay, quality, length, frames."""
ENCODERS: Final = (b"LAME", b"Lavf", b"Lavc")
"""They note what they put before and behind the sound (gabriel.mp3-tech.org, mp3infotag)."""
DELAYS = slice(21, 24)
DECODER_DELAY = 529
TOLERANCE = 200
"""A part of the length by which a count may be off without a look at all frames."""


@dataclass(frozen=True, slots=True)
class VbrTag:
    """Frames of the stream, and its length in bytes (0 where the tag does not say either).

    Of the samples `before` are the encoder's and the decoder's delay, `behind` fill the last frame;
    `exact` where an encoder has noted them.
    """

    frames: int
    length: int
    before: int = 0
    behind: int = 0
    exact: bool = False

    def fits(self, length: int) -> bool:
        """False for a stream that was cut, or lengthened, after it was tagged."""
        return bool(self.frames) and abs(self.length - length) <= length // TOLERANCE


_SIDE_INFORMATION: Final = {(3, 1): 17, (3, 2): 32, (2, 1): 9, (2, 2): 17, (0, 1): 9, (0, 2): 17}


def vbr_tag(frame: Frame, data: bytes) -> VbrTag | None:
    """The tag in the first frame, whose bytes are `data`; None where it has none or counts nothing."""
    tag = _xing(data[HEADER + _SIDE_INFORMATION[frame.version, frame.channels] :]) or _vbri(data)
    return tag if tag and (tag.frames or tag.length) else None


def _xing(data: bytes) -> VbrTag | None:
    if data[:4] not in (b"Xing", b"Info"):
        return None
    flags, position = _number(data, 4), XING_BYTES
    frames = length = 0
    if flags & HAS_FRAMES:
        frames, position = _number(data, position), position + 4
    if flags & HAS_LENGTH:
        length, position = _number(data, position), position + 4
    position += TABLE_BYTES * bool(flags & HAS_TABLE) + 4 * bool(flags & HAS_QUALITY)
    noted = data[position : position + DELAYS.stop]
    if noted[:4] not in ENCODERS or len(noted) < DELAYS.stop:
        return VbrTag(frames, length)
    delays = int.from_bytes(noted[DELAYS], "big")
    before, behind = (delays >> 12) + DECODER_DELAY, max(0, (delays & 0xFFF) - DECODER_DELAY)
    return VbrTag(frames, length, before, behind, exact=True)


def _vbri(data: bytes) -> VbrTag | None:
    tag = data[VBRI_OFFSET : VBRI_OFFSET + VBRI_BYTES]
    if tag[:4] != b"VBRI" or len(tag) < VBRI_BYTES:
        return None
    return VbrTag(frames=_number(tag, 14), length=_number(tag, 10))


def _number(data: bytes, offset: int) -> int:
    return int.from_bytes(data[offset : offset + 4], "big")
