"""Two tracks of one voice each become one recording of two channels."""

from collections.abc import Iterator

from av import AudioFrame

SAMPLE_FORMAT, SAMPLE_BYTES = "s16", 2


def together(left: Iterator[AudioFrame | int], right: Iterator[AudioFrame | int], rate: int) -> Iterator[AudioFrame]:
    """Stereo of two mono sounds of 16 bits; the shorter one is silent at the end."""
    sides = [_bytes(left), _bytes(right)]
    rests = [b"", b""]
    while True:
        for number, side in enumerate(sides):
            if not rests[number]:
                rests[number] = next(side, b"")
        if not any(rests):
            return
        length = min(len(rest) for rest in rests if rest)
        first, second = (rest[:length] or bytes(length) for rest in rests)
        rests = [rest[length:] for rest in rests]
        yield _stereo(first, second, rate)


def _bytes(sound: Iterator[AudioFrame | int]) -> Iterator[bytes]:
    for piece in sound:
        if isinstance(piece, int):
            yield from _silence(piece)
        else:
            yield bytes(memoryview(piece.planes[0])[: piece.samples * SAMPLE_BYTES])


def _silence(samples: int) -> Iterator[bytes]:
    while samples > 0:
        part = min(samples, 16 * 1024)
        yield bytes(part * SAMPLE_BYTES)
        samples -= part


def _stereo(left: bytes, right: bytes, rate: int) -> AudioFrame:
    mixed = bytearray(2 * len(left))
    for byte in range(SAMPLE_BYTES):
        mixed[byte :: 2 * SAMPLE_BYTES] = left[byte::SAMPLE_BYTES]
        mixed[SAMPLE_BYTES + byte :: 2 * SAMPLE_BYTES] = right[byte::SAMPLE_BYTES]
    frame = AudioFrame(format=SAMPLE_FORMAT, layout="stereo", samples=len(left) // SAMPLE_BYTES)
    frame.sample_rate = rate
    frame.planes[0].update(bytes(mixed).ljust(frame.planes[0].buffer_size, b"\0"))
    return frame
