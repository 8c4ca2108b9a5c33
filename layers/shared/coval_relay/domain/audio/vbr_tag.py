"""The frame count that encoders leave in the first frame: Xing or Info (LAME), VBRI (Fraunhofer)."""

from dataclasses import dataclass
from typing import Final

from coval_relay.domain.audio.mpeg_frames import HEADER, Frame

HAS_FRAMES = 1
HAS_LENGTH = 2
XING_BYTES = 16
"""Name, flags, frames, length."""
VBRI_OFFSET = HEADER + 32
VBRI_BYTES = 18
"""Name, version, delay, quality, length, frames."""


@dataclass(frozen=True, slots=True)
class VbrTag:
    """Frames of the stream, and its length in bytes (0 where the tag does not say)."""

    frames: int
    length: int

    def fits(self, length: int) -> bool:
        """False for a stream that was cut, or lengthened, by more than a sixteenth after it was tagged."""
        return not self.length or abs(self.length - length) <= min(self.length, length) // 16


_SIDE_INFORMATION: Final = {(3, 1): 17, (3, 2): 32, (2, 1): 9, (2, 2): 17, (0, 1): 9, (0, 2): 17}


def vbr_tag(frame: Frame, data: bytes) -> VbrTag | None:
    """The tag in the first frame, whose bytes are `data`; None where it has none or counts nothing."""
    tag = _xing(data[HEADER + _SIDE_INFORMATION[frame.version, frame.channels] :]) or _vbri(data)
    return tag if tag and tag.frames else None


def _xing(data: bytes) -> VbrTag | None:
    if data[:4] not in (b"Xing", b"Info") or len(data) < XING_BYTES:
        return None
    flags = _number(data, 4)
    if not flags & HAS_FRAMES:
        return None
    return VbrTag(frames=_number(data, 8), length=_number(data, 12) if flags & HAS_LENGTH else 0)


def _vbri(data: bytes) -> VbrTag | None:
    tag = data[VBRI_OFFSET : VBRI_OFFSET + VBRI_BYTES]
    if tag[:4] != b"VBRI" or len(tag) < VBRI_BYTES:
        return None
    return VbrTag(frames=_number(tag, 14), length=_number(tag, 10))


def _number(data: bytes, offset: int) -> int:
    return int.from_bytes(data[offset : offset + 4], "big")
