"""What a recording becomes: WAV, written by hand, or MP3, by LAME."""

import struct
from collections.abc import Iterator
from fractions import Fraction
from typing import Final, Protocol

import av
from av import AudioFrame

from coval_relay.adapters.audio.output_file import GuardedSink
from coval_relay.domain.audio.coval_limits import MAX_BYTES, too_large
from coval_relay.domain.audio.wav_rewriting import wave_header
from coval_relay.domain.coval import ContentType

SILENCE = 16 * 1024
"""Samples of silence that are written at once."""


class Writer(Protocol):
    """Takes sound of one rate and form; `position` counts the samples of each channel so far."""

    content_type: ContentType
    sample_format: str
    rate: int
    channels: int
    position: int

    def write(self, frame: AudioFrame) -> None: ...

    def silence(self, samples: int) -> None: ...

    def finish(self) -> None:
        """Write what is still held, and the lengths."""

    def close(self) -> None:
        """Let go of the sink, finished or not."""


class WaveWriter:
    """16-bit PCM; the header's lengths are filled in at the end."""

    content_type: ContentType = "audio/wav"
    sample_format = "s16"
    MOST_CHANNELS = 8

    def __init__(self, sink: GuardedSink, rate: int, channels: int) -> None:
        self.rate = rate
        self.channels = channels
        self.position = 0
        self._sink = sink
        self._frame_bytes = 2 * channels
        average = rate * self._frame_bytes
        self._format = struct.pack("<HHIIHH", 1, channels, rate, average, self._frame_bytes, 16)
        self._written = sink.write(wave_header(self._format, 0))

    @staticmethod
    def size(seconds: float, rate: int, channels: int) -> float:
        """Bytes that so much sound takes."""
        return seconds * rate * channels * 2

    def write(self, frame: AudioFrame) -> None:
        self._add(bytes(memoryview(frame.planes[0])[: frame.samples * self._frame_bytes]))

    def silence(self, samples: int) -> None:
        for part in _parts(samples):
            self._add(bytes(part * self._frame_bytes))

    def finish(self) -> None:
        end = self._sink.tell()
        self._sink.seek(0)
        self._sink.write(wave_header(self._format, self.position * self._frame_bytes))
        self._sink.seek(end)

    def close(self) -> None:
        pass

    def _add(self, samples: bytes) -> None:
        self._written += len(samples)
        if self._written > MAX_BYTES:
            raise too_large(self._written)
        self._sink.write(samples)
        self.position += len(samples) // self._frame_bytes


class Mp3Writer:
    """64 kbit/s a channel, each on its own: half an hour of stereo has 29 MB, correlation stays above 0.99.

    LAME's tag in the first frame tells decoders what to cut off, so that the sound keeps its length.
    """

    content_type: ContentType = "audio/mp3"
    sample_format = "s32p"
    """Whole numbers: of floats that are none, infinite or huge, as damage makes them, LAME aborts the process."""
    RATES: Final = (16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
    """Those of MPEG 1 and 2; MPEG 2.5, below, is no standard, and not every reader knows it."""
    MOST_CHANNELS = 2
    BIT_RATE = 64_000
    OPTIONS: Final = {"joint_stereo": "0", "compression_level": "7"}
    """7 takes a third of the time of LAME's default, and loses nothing that speech would show."""

    def __init__(self, sink: GuardedSink, rate: int, channels: int) -> None:
        self.rate = next((own for own in self.RATES if own % rate == 0), self.RATES[-1])
        self.channels = channels
        self.position = 0
        self._layout = "stereo" if channels == self.MOST_CHANNELS else "mono"
        self._container = av.open(sink, "w", format="mp3", options={"id3v2_version": "0"})
        self._stream = self._container.add_stream(
            "libmp3lame",
            rate=self.rate,
            options=dict(self.OPTIONS),
            layout=self._layout,
            format=self.sample_format,
            bit_rate=self.BIT_RATE * channels,
        )

    def write(self, frame: AudioFrame) -> None:
        frame.pts, frame.time_base = self.position, Fraction(1, self.rate)
        self._container.mux(self._stream.encode(frame))
        self.position += frame.samples

    def silence(self, samples: int) -> None:
        for part in _parts(samples):
            frame = AudioFrame(format=self.sample_format, layout=self._layout, samples=part)
            frame.sample_rate = self.rate
            for plane in frame.planes:
                plane.update(bytes(plane.buffer_size))
            self.write(frame)

    def finish(self) -> None:
        self._container.mux(self._stream.encode(None))

    def close(self) -> None:
        self._container.close()


def _parts(samples: int) -> Iterator[int]:
    while samples > 0:
        yield min(samples, SILENCE)
        samples -= SILENCE
