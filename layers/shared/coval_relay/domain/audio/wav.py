"""WAV: a walk over the chunks of RIFF, RIFX, RF64 and BW64 (EBU Tech 3306) as far as `fmt ` and `data`."""

import struct
from dataclasses import dataclass, replace
from typing import Final, Literal

from coval_relay.domain.audio.facts import AudioFacts, WaveLayout, unreadable, unsupported
from coval_relay.domain.audio.ranged_reads import WINDOW, Ranges

ByteOrder = Literal["little", "big"]
RIFF_SIZE = slice(4, 8)
FIRST_CHUNK = 12
CHUNK_HEADER = 8
AHEAD = 4096
"""A read beyond the first window fetches this much: small chunks tend to stand together."""
IN_DS64 = 0xFFFFFFFF
UNKNOWN_SIZES: Final = (0, 0xFFFFFFFF)
"""What a writer leaves behind that did not know the length, or could not go back to fill it in."""
STREAMED = 0x7FFFF000
"""A form of so many bytes is a writer's that did not know the length either."""
MOST, MOST_FRAME = 0xFFFFFFFF, 0xFFFF
FORMAT_BYTES = 14
"""The least that a `fmt ` chunk holds: WAVEFORMAT, without bits."""
IN_BLOCKS: Final = (2, 0x11, 0x31)
BLOCK_SAMPLES = slice(18, 20)
"""Where ADPCM and GSM say how many samples a block holds; average rates are often wrong."""
EXTENSIBLE_BYTES = 40
"""The most: WAVEFORMATEXTENSIBLE."""
EXTENSIBLE = 0xFFFE
SUB_FORMAT = slice(24, 26)
SUB_FORMAT_REST = slice(26, 40)
MEDIA_TYPE = bytes.fromhex("000000001000800000aa00389b71")
"""What follows the tag in a sub-format that stands for a tag."""
BYTE = 8
PCM = 1
FLOAT = 3
WIDTHS: Final = {PCM: (1, 2, 3, 4, 8), FLOAT: (4, 8), 6: (1,), 7: (1,)}
"""Format tags whose every sample takes the same room: PCM, float, A-law, mu-law; bytes that one may take."""
COOL_EDIT_BITS: Final = (16, 24)
COOL_EDIT_BYTES = 4
"""PCM of so few bits in so many bytes may be float: the decoder knows how to tell."""
CODECS: Final = {
    2: "adpcm_ms",
    6: "pcm_alaw",
    7: "pcm_mulaw",
    0x10: "adpcm_ima_oki",
    0x11: "adpcm_ima_wav",
    0x17: "adpcm_ima_oki",
    0x20: "adpcm_yamaha",
    0x31: "gsm_ms",
    0x42: "g723_1",
    0x45: "adpcm_g726",
    0x50: "mp2",
    0x55: "mp3",
    0x160: "wmav1",
    0x161: "wmav2",
    0x28F: "adpcm_g722",
    0x2000: "ac3",
    0xF1AC: "flac",
}
"""Tags (RFC 2361) under which FFmpeg was seen to decode right; others it may take for what they are not."""
NAMES: Final = {0x38: "NMS ADPCM", 0x40: "G.721", 0x64: "G.726", 0x65: "G.722", 0x83: "G.729", 0xFF: "AAC"}


@dataclass(frozen=True, slots=True)
class WaveFormat:
    """The `fmt ` chunk (RFC 2361) put right; the tag is the sub-format's where the chunk is an extensible one.

    `sample_bytes` is 0 where samples have no room of their own, `reversed_bytes` where they are in RIFF's order.
    """

    chunk: bytes
    tag: int
    channels: int
    sample_rate: int
    block_bytes: int
    sample_bytes: int
    reversed_bytes: int
    as_found: bool

    @property
    def codec(self) -> str:
        if self.tag == PCM and self.sample_bytes:
            return "pcm_u8" if self.sample_bytes == 1 else f"pcm_s{self.sample_bytes * BYTE}le"
        if self.tag == FLOAT:
            return f"pcm_f{self.sample_bytes * BYTE}le"
        return CODECS.get(self.tag, "pcm")

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample of all channels."""
        return self.channels * self.sample_bytes

    def milliseconds(self, data_size: int) -> int:
        """Of `data_size` bytes; 0 where the header does not tell."""
        if self.sample_bytes:
            return data_size // self.frame_bytes * 1000 // self.sample_rate
        if self.tag not in IN_BLOCKS or not self.block_bytes:
            return 0
        samples = int.from_bytes(self.chunk[BLOCK_SAMPLES], "little")
        return data_size * samples // self.block_bytes * 1000 // self.sample_rate


@dataclass(frozen=True, slots=True)
class _Data:
    """The `data` chunk's body; `declared` tells whether the header has its true length.

    `end` is where all that a decoder needs ends.
    """

    offset: int
    size: int
    end: int
    declared: bool


def measure(source: Ranges, begin: int = 0) -> AudioFacts:
    """Facts of a WAV that begins there; raises AudioRejectedError without a usable `fmt ` and a `data` chunk."""
    wave_format, data = _walk(source, begin)
    return AudioFacts(
        format="wav",
        content_type="audio/wav",
        duration_milliseconds=wave_format.milliseconds(data.size),
        channels=wave_format.channels,
        sample_rate=wave_format.sample_rate,
        codec=wave_format.codec,
        size=source.size,
        layout=_layout(wave_format, data, begin) if wave_format.sample_bytes else None,
        padded=not wave_format.sample_bytes,
        begin=begin,
        end=min(data.end, source.size),
    )


def claims_more(head: bytes, size: int) -> bool:
    """Whether the header that begins there tells of a longer form than the `size` bytes from there on."""
    form_size = int.from_bytes(head[RIFF_SIZE], "big" if head[:4] == b"RIFX" else "little")
    return size + 1 < form_size + CHUNK_HEADER < STREAMED


def _layout(wave_format: WaveFormat, data: _Data, begin: int) -> WaveLayout:
    return WaveLayout(
        format_chunk=wave_format.chunk,
        data_offset=data.offset,
        data_size=data.size,
        frame_bytes=wave_format.frame_bytes,
        reversed_bytes=wave_format.reversed_bytes,
        declared=data.declared and wave_format.as_found and not begin,
    )


def _walk(source: Ranges, begin: int) -> tuple[WaveFormat, _Data]:
    """Both chunks, in either order."""
    wave_format: WaveFormat | None = None
    data: _Data | None = None
    long_size: int | None = None
    form = source.at(begin, FIRST_CHUNK, WINDOW)
    order: ByteOrder = "big" if form[:4] == b"RIFX" else "little"
    position = begin + FIRST_CHUNK
    while len(header := source.at(position, CHUNK_HEADER, AHEAD)) == CHUNK_HEADER:
        name, size = header[:4], int.from_bytes(header[4:], order)
        position += CHUNK_HEADER
        if name == b"data":
            data = data or _data(form, size, long_size, position, source.size)
        elif name == b"fmt ":
            wave_format = wave_format or _wave_format(source.at(position, min(size, EXTENSIBLE_BYTES), AHEAD), order)
        elif name == b"ds64":
            long_size = int.from_bytes(source.at(position + 8, 8, AHEAD), "little")
        if wave_format and data:
            return wave_format, data if name == b"data" else replace(data, declared=False, end=position + size)
        if name == b"data" and size in UNKNOWN_SIZES:
            break
        position += size + size % 2
    raise unreadable()


def _data(form: bytes, in_header: int, long_size: int | None, offset: int, end: int) -> _Data:
    """Never more than the object holds; everything to its end where the writer did not know.

    The form's own length may count a last padding byte that was not written.
    """
    rest = max(0, end - offset)
    size = long_size if in_header == IN_DS64 and long_size else in_header
    size = rest if size in UNKNOWN_SIZES else min(size, rest)
    form_end = int.from_bytes(form[RIFF_SIZE], "little") + CHUNK_HEADER
    form_fits = form[:4] == b"RIFF" and offset + size <= form_end <= end + 1
    return _Data(offset, size, end=offset + size, declared=size == in_header and form_fits)


def _wave_format(chunk: bytes, order: ByteOrder) -> WaveFormat:
    if len(chunk) < FORMAT_BYTES:
        raise unreadable()
    fields = _Fields(*struct.unpack((">" if order == "big" else "<") + "HHIIHH", chunk[:16].ljust(16, b"\0")))
    tag = _tag(fields.tag, chunk, order)
    if not fields.channels or not fields.sample_rate:
        raise unreadable()
    if tag not in WIDTHS and (order == "big" or tag not in CODECS):
        raise unsupported(_name(tag, order))
    width = fields.sample_bytes(tag) if tag in WIDTHS else 0
    mended = _mended(fields, tag, chunk, width, order) if width else chunk
    return WaveFormat(
        chunk=mended,
        tag=tag,
        channels=fields.channels,
        sample_rate=fields.sample_rate,
        block_bytes=fields.block_bytes,
        sample_bytes=width,
        reversed_bytes=width if order == "big" and width > 1 else 0,
        as_found=mended == chunk,
    )


@dataclass(frozen=True, slots=True)
class _Fields:
    """WAVEFORMAT as it stands in the file."""

    tag: int
    channels: int
    sample_rate: int
    average_bytes: int
    block_bytes: int
    bits: int

    def sample_bytes(self, tag: int) -> int:
        """What most of the three fields that imply it say, the block's before others; 0: the decoder knows."""
        widths = WIDTHS[tag]
        if len(widths) == 1:
            return widths[0]
        if tag == PCM and self.bits in COOL_EDIT_BITS and self.block_bytes == COOL_EDIT_BYTES * self.channels:
            return 0
        said = (
            self.block_bytes / self.channels,
            -(-self.bits // BYTE),
            self.average_bytes / self.channels / self.sample_rate,
        )
        possible = [int(width) for width in said if width in widths]
        if not possible:
            raise unsupported(f"WAV with samples of {self.bits} bits")
        return max(possible, key=possible.count)


def _tag(tag: int, chunk: bytes, order: ByteOrder) -> int:
    if tag != EXTENSIBLE or len(chunk) < EXTENSIBLE_BYTES:
        return tag
    if order == "big" or chunk[SUB_FORMAT_REST] != MEDIA_TYPE:
        raise unsupported("WAV with a codec that has no number")
    return int.from_bytes(chunk[SUB_FORMAT], "little")


def _name(tag: int, order: ByteOrder) -> str:
    codec = NAMES.get(tag) or CODECS.get(tag)
    return f"{'RIFX' if order == 'big' else 'WAV'} with codec 0x{tag:04X}" + (f" ({codec})" if codec else "")


def _mended(fields: _Fields, tag: int, chunk: bytes, width: int, order: ByteOrder) -> bytes:
    """The chunk in RIFF's order, with one size of a sample in all its fields."""
    frame = fields.channels * width
    bits = fields.bits if -(-fields.bits // BYTE) == width else width * BYTE
    head = (fields.channels, fields.sample_rate, min(fields.sample_rate * frame, MOST), min(frame, MOST_FRAME), bits)
    if order == "big":
        return struct.pack("<HHIIHH", tag, *head)
    rest = chunk[16:]
    if fields.tag == EXTENSIBLE and bits != fields.bits:
        rest = rest[:2] + struct.pack("<H", bits) + rest[4:]
    return struct.pack("<HHIIHH", fields.tag, *head) + rest
