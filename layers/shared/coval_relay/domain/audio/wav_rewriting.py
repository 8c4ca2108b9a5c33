"""A WAV under a header of its true length, its two speakers changed over where they must be; an MP3 cut out."""

import struct
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from coval_relay.domain.audio.facts import AudioFacts, WaveLayout

RIFF_HEADER = 12
CHUNK_HEADER = 8
MOST = 0xFFFFFFFF
"""What a length of 32 bits can say; an object that needs more is far too large for Coval."""


def rearranged(chunks: Iterable[bytes], facts: AudioFacts, *, swap: bool) -> Iterator[bytes]:
    """The linear WAV, or the MP3, whose whole bytes are `chunks`, cut anywhere, sample by sample as it was.

    An MP3 loses what stands before and behind its audio. A WAV gets a new header with its `fmt ` chunk and the
    true length; chunks around the samples, and a last frame that is cut, are left out, big-endian samples are
    turned. With `swap`, the channels of a stereo recording change places. Takes memory for a few chunks.
    """
    if facts.format == "mp3" and not swap:
        return _between(chunks, facts.begin, facts.end - facts.begin)
    return _in_new_wav(chunks, _layout(facts), swap=swap)


def rearranged_size(facts: AudioFacts) -> int:
    """Bytes that `rearranged` yields."""
    if facts.format == "mp3":
        return facts.end - facts.begin
    layout = _layout(facts)
    size = layout.whole_frames
    return len(wave_header(layout.format_chunk, size)) + size + size % 2


def _in_new_wav(chunks: Iterable[bytes], layout: WaveLayout, *, swap: bool) -> Iterator[bytes]:
    size = layout.whole_frames
    samples: Iterable[bytes] = _between(chunks, layout.data_offset, size)
    yield wave_header(layout.format_chunk, size)
    if layout.reversed_bytes:
        samples = _in_frames(samples, layout.frame_bytes, partial(_reversed, width=layout.reversed_bytes))
    if swap:
        samples = _in_frames(samples, layout.frame_bytes, partial(_swap, width=layout.frame_bytes // 2))
    yield from samples
    if size % 2:
        yield b"\0"


def wave_header(format_chunk: bytes, data_size: int) -> bytes:
    """The shortest header: RIFF, `fmt `, and the name and length of `data`."""
    padded = format_chunk + bytes(len(format_chunk) % 2)
    form_size = RIFF_HEADER - 8 + CHUNK_HEADER + len(padded) + CHUNK_HEADER + data_size + data_size % 2
    return b"".join(
        (
            struct.pack("<4sI4s", b"RIFF", min(form_size, MOST), b"WAVE"),
            struct.pack("<4sI", b"fmt ", len(format_chunk)) + padded,
            struct.pack("<4sI", b"data", min(data_size, MOST)),
        )
    )


def _layout(facts: AudioFacts) -> WaveLayout:
    if facts.layout is None:
        raise ValueError("Only a linear WAV can be rearranged.")
    return facts.layout


def _between(chunks: Iterable[bytes], start: int, length: int) -> Iterator[bytes]:
    """The part of a stream from `start`; what follows it is not read."""
    position, end = 0, start + length
    for chunk in chunks:
        if part := chunk[max(0, start - position) : max(0, end - position)]:
            yield part
        position += len(chunk)
        if position >= end:
            return


def _in_frames(pieces: Iterable[bytes], frame_bytes: int, change: Callable[[bytes], bytes]) -> Iterator[bytes]:
    """Whole frames of each piece, the rest with the next one."""
    rest = b""
    for piece in pieces:
        frames = rest + piece
        cut = len(frames) - len(frames) % frame_bytes
        rest = frames[cut:]
        if cut:
            yield change(frames[:cut])


def _swap(frames: bytes, width: int) -> bytes:
    """Byte by byte of the sample, over all frames at once: strides run at memory's speed."""
    swapped = bytearray(len(frames))
    for byte in range(width):
        left, right = slice(byte, None, 2 * width), slice(byte + width, None, 2 * width)
        swapped[left], swapped[right] = frames[right], frames[left]
    return bytes(swapped)


def _reversed(samples: bytes, width: int) -> bytes:
    turned = bytearray(len(samples))
    for byte in range(width):
        turned[byte::width] = samples[width - 1 - byte :: width]
    return bytes(turned)
