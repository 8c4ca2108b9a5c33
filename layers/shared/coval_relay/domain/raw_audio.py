"""How a recording without a header is to be read."""

from dataclasses import dataclass
from typing import Literal

RawCodec = Literal["pcm_s16le", "pcm_mulaw", "pcm_alaw", "g722", "gsm", "vox"]
NARROW, WIDE = 8_000, 16_000
LEAST_RATE, MOST_RATE = 4_000, 192_000
"""Samples a second; no recorder of calls comes near them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RawAudio:
    """Channels are interleaved; codecs that pack samples into frames have one."""

    codec: RawCodec
    sample_rate: int = NARROW
    channels: int = 1
