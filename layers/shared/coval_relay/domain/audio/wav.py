"""WAV: a walk over the chunks of RIFF, RF64 and BW64 (EBU Tech 3306) as far as the `data` chunk."""

import struct
from dataclasses import dataclass
from typing import Final

from coval_relay.domain.audio.facts import AudioFacts, WaveLayout, unreadable
from coval_relay.domain.audio.ranged_reads import WINDOW, Ranges

RIFF_SIZE = slice(4, 8)
FIRST_CHUNK = 12
CHUNK_HEADER = 8
AHEAD = 4096
"""A read beyond the first window fetches this much: small chunks tend to stand together."""
IN_DS64 = 0xFFFFFFFF
UNKNOWN_SIZES: Final = (0, 0xFFFFFFFF)
"""What a writer leaves behind that did not know the length, or could not go back to fill it in."""
FORMAT_BYTES = 14
"""The least that a `fmt ` chunk holds: WAVEFORMAT, without bits."""
EXTENSIBLE_BYTES = 40
"""The most: WAVEFORMATEXTENSIBLE."""
EXTENSIBLE = 0xFFFE
SUB_FORMAT = slice(24, 26)
BYTE = 8
PCM = 1
FLOAT = 3
LINEAR: Final = (PCM, FLOAT, 6, 7)
"""Format tags whose every sample takes the same room: PCM, float, A-law, mu-law."""
CODECS: Final = {
    2: "adpcm_ms",
    6: "pcm_alaw",
    7: "pcm_mulaw",
    0x11: "adpcm_ima_wav",
    0x31: "gsm_ms",
    0x45: "adpcm_g726",
    0x55: "mp3",
}


@dataclass(frozen=True, slots=True)
class WaveFormat:
    """The `fmt ` chunk (RFC 2361); the tag is the sub-format's where the chunk is an extensible one."""

    chunk: bytes
    tag: int
    channels: int
    sample_rate: int
    average_bytes: int
    bits: int

    @property
    def codec(self) -> str:
        if self.tag == PCM:
            return "pcm_u8" if self.bits <= BYTE else f"pcm_s{-(-self.bits // BYTE) * BYTE}le"
        if self.tag == FLOAT:
            return f"pcm_f{self.bits}le"
        return CODECS.get(self.tag, f"wav_0x{self.tag:04x}")

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample of all channels."""
        return self.channels * max(1, -(-self.bits // BYTE))

    def milliseconds(self, data_size: int) -> int:
        """Of `data_size` bytes; compressed codecs by their average rate, so to within their last block."""
        if self.tag in LINEAR:
            return data_size // self.frame_bytes * 1000 // self.sample_rate
        return data_size * 1000 // self.average_bytes


@dataclass(frozen=True, slots=True)
class _Data:
    """The `data` chunk's body; `declared` tells whether the header has its true length."""

    offset: int
    size: int
    declared: bool


def measure(source: Ranges) -> AudioFacts:
    """Facts of a WAV; raises AudioRejectedError where no usable `fmt ` stands before a `data` chunk."""
    wave_format, data = _walk(source)
    return AudioFacts(
        format="wav",
        content_type="audio/wav",
        duration_milliseconds=wave_format.milliseconds(data.size),
        channels=wave_format.channels,
        sample_rate=wave_format.sample_rate,
        codec=wave_format.codec,
        size=source.size,
        layout=_layout(wave_format, data) if wave_format.tag in LINEAR else None,
        end=data.offset + data.size,
    )


def _layout(wave_format: WaveFormat, data: _Data) -> WaveLayout:
    return WaveLayout(
        format_chunk=wave_format.chunk,
        data_offset=data.offset,
        data_size=data.size,
        frame_bytes=wave_format.frame_bytes,
        declared=data.declared,
    )


def _walk(source: Ranges) -> tuple[WaveFormat, _Data]:
    wave_format: WaveFormat | None = None
    long_size: int | None = None
    form = source.at(0, FIRST_CHUNK, WINDOW)
    position = FIRST_CHUNK
    while len(header := source.at(position, CHUNK_HEADER, AHEAD)) == CHUNK_HEADER:
        name, size = struct.unpack("<4sI", header)
        position += CHUNK_HEADER
        if name == b"data" and wave_format:
            return wave_format, _data(form, size, long_size, position, source.size)
        if name == b"fmt ":
            wave_format = _wave_format(source.at(position, min(size, EXTENSIBLE_BYTES), AHEAD))
        elif name == b"ds64":
            long_size = int.from_bytes(source.at(position + 8, 8, AHEAD), "little")
        position += size + size % 2
    raise unreadable()


def _data(form: bytes, in_header: int, long_size: int | None, offset: int, end: int) -> _Data:
    """Never more than the object holds; everything to its end where the writer did not know.

    The form's own length may count a last padding byte that was not written.
    """
    rest = end - offset
    size = long_size if in_header == IN_DS64 and long_size else in_header
    size = rest if size in UNKNOWN_SIZES else min(size, rest)
    form_end = int.from_bytes(form[RIFF_SIZE], "little") + CHUNK_HEADER
    form_fits = form[:4] == b"RIFF" and offset + size <= form_end <= end + 1
    return _Data(offset, size, declared=size == in_header and form_fits)


def _wave_format(chunk: bytes) -> WaveFormat:
    if len(chunk) < FORMAT_BYTES:
        raise unreadable()
    tag, channels, sample_rate, average_bytes = struct.unpack_from("<HHII", chunk)
    bits = int.from_bytes(chunk[14:16], "little")
    if tag == EXTENSIBLE and len(chunk) >= SUB_FORMAT.stop:
        tag = int.from_bytes(chunk[SUB_FORMAT], "little")
    if not channels or not sample_rate or (tag not in LINEAR and not average_bytes):
        raise unreadable()
    return WaveFormat(chunk, tag, channels, sample_rate, average_bytes, bits)
