"""From a recording to what Coval takes: decode, put the channels right, keep the time, write."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import chain

from av import AudioFrame
from av.error import FFmpegError

from coval_relay.adapters.audio.channel_mixing import Mixer, channels_out
from coval_relay.adapters.audio.decoding import Recording, opened
from coval_relay.adapters.audio.encoders import Mp3Writer, WaveWriter, Writer
from coval_relay.adapters.audio.output_file import GuardedSink
from coval_relay.adapters.audio.ranged_file import RangedFile
from coval_relay.domain.audio.coval_limits import too_long
from coval_relay.domain.audio.facts import AudioRejectedError, unreadable
from coval_relay.domain.coval import MAX_UPLOAD_BYTES, ContentType

MOST_SECONDS = 61 * 60
"""A minute more than Coval takes: what is written is measured anew, so nobody is rejected for a margin."""
SLOPPY_SECONDS = 0.1
"""Time stamps of live recordings jitter; what is missing beyond is silence, unsent (Opus) or lost."""
BROKEN_SECONDS = 600.0
"""No pause takes so long: the clock was set."""


def transcode(file: RangedFile, sink: GuardedSink, agent_channel: int | None) -> ContentType:
    """Raises AudioRejectedError where no sound can be decoded, or too much."""
    with _errors_of(file, sink), opened(file) as recording:
        frames = recording.frames()
        first = next(frames, None)
        if first is None:
            raise unreadable()
        writer = _writer(recording, first, sink, agent_channel)
        with closing(writer):
            _write(recording, chain([first], frames), writer, agent_channel)
        return writer.content_type


@contextmanager
def _errors_of(file: RangedFile, sink: GuardedSink) -> Iterator[None]:
    """Where reading or writing failed, that counts: FFmpeg makes an end, or an error of its own, of it."""
    try:
        yield
    except (FFmpegError, AudioRejectedError) as error:
        rejected = error if isinstance(error, AudioRejectedError) else unreadable()
        raise file.failure.error or sink.failure.error or rejected from error
    if failure := file.failure.error or sink.failure.error:
        raise failure


def _writer(recording: Recording, first: AudioFrame, sink: GuardedSink, agent_channel: int | None) -> Writer:
    """A WAV where that keeps more and can be uploaded."""
    channels, rate = first.layout.nb_channels, first.sample_rate
    in_wave = channels_out(channels, agent_channel, WaveWriter.MOST_CHANNELS)
    seconds = recording.seconds
    if recording.faithful and seconds and WaveWriter.size(seconds, rate, in_wave) <= MAX_UPLOAD_BYTES:
        return WaveWriter(sink, rate, in_wave)
    return Mp3Writer(sink, rate, channels_out(channels, agent_channel, Mp3Writer.MOST_CHANNELS))


def _write(recording: Recording, frames: Iterator[AudioFrame], writer: Writer, agent_channel: int | None) -> None:
    mixer = Mixer(
        rate=writer.rate,
        sample_format=writer.sample_format,
        channels=writer.channels,
        agent_channel=agent_channel,
    )
    for frame in frames:
        if samples := _missing(recording, frame, writer):
            _write_all(mixer.rest(), writer)
            writer.silence(samples)
        _write_all(mixer.through(frame), writer)
    _write_all(mixer.rest(), writer)
    writer.finish()


def _missing(recording: Recording, frame: AudioFrame, writer: Writer) -> int:
    """Samples by which the frame comes later than what was written would have it."""
    time = recording.time_of(frame)
    gap = 0.0 if time is None else time - writer.position / writer.rate
    if gap > BROKEN_SECONDS:
        recording.clock_was_set(gap)
        return 0
    return round(gap * writer.rate) if gap > SLOPPY_SECONDS else 0


def _write_all(frames: Iterator[AudioFrame], writer: Writer) -> None:
    for frame in frames:
        writer.write(frame)
        if writer.position > MOST_SECONDS * writer.rate:
            raise too_long(writer.position * 1000 // writer.rate)
