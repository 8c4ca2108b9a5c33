"""From a recording to what Coval takes: decode, put the channels right, keep the time, write."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from itertools import chain

from av import AudioFrame
from av.error import FFmpegError

from coval_relay.adapters.audio.channel_mixing import MONO, STEREO, Mixer, channels_out
from coval_relay.adapters.audio.decoding import Recording, opened
from coval_relay.adapters.audio.encoders import Mp3Writer, WaveWriter, Writer
from coval_relay.adapters.audio.ogg_links import links
from coval_relay.adapters.audio.output_file import GuardedSink
from coval_relay.adapters.audio.ranged_file import RangedFile, Section
from coval_relay.adapters.audio.voices import SAMPLE_FORMAT, together
from coval_relay.domain.audio.coval_limits import too_long
from coval_relay.domain.audio.facts import AudioRejectedError, unreadable, unsupported
from coval_relay.domain.coval import MAX_UPLOAD_BYTES, ContentType

MOST_SECONDS = 61 * 60
"""A minute more than Coval takes: what is written is measured anew, so nobody is rejected for a margin."""
SLOPPY_SECONDS = 0.1
"""Time stamps of live recordings jitter; what is missing beyond is silence, unsent (Opus) or lost."""
BROKEN_SECONDS = 600.0
"""No pause takes so long: the clock was set."""


Part = Callable[[], Section]
"""One of the recordings of a chain, to be read from its beginning."""
Sound = Iterator[AudioFrame | int]
"""Frames, and samples of silence between them."""


def transcode(file: RangedFile, sink: GuardedSink, agent_channel: int | None, raw: str | None = None) -> ContentType:
    """Raises AudioRejectedError where no sound can be decoded, or too much; `raw` names a form without a header."""
    with _errors_of(file, sink), ExitStack() as stack:
        spans = links(file, file.size)
        first = stack.enter_context(opened(Section(file, *spans[0]), raw=raw))
        if len(first.tracks) > 1:
            second = stack.enter_context(opened(Section(file, *spans[0]), track=1))
            return _two_tracks(first, second, sink, agent_channel)
        return _one_track(first, [partial(Section, file, *span) for span in spans[1:]], sink, agent_channel)


def _one_track(first: Recording, others: list[Part], sink: GuardedSink, agent_channel: int | None) -> ContentType:
    frames = first.frames()
    head = next(frames, None)
    if head is None:
        raise unreadable()
    channels = max(head.layout.nb_channels, *map(_channels, others), 1)
    writer = _writer(first, head.sample_rate, channels, sink, agent_channel, chained=bool(others))
    with closing(writer):
        _write(_sound(first, chain([head], frames), _mixer(writer, agent_channel)), writer)
        for part in others:
            with opened(part()) as recording:
                _write(_sound(recording, recording.frames(), _mixer(writer, agent_channel)), writer)
        writer.finish()
    return writer.content_type


def _channels(part: Part) -> int:
    with opened(part()) as recording:
        return recording.tracks[0]


def _two_tracks(left: Recording, right: Recording, sink: GuardedSink, agent_channel: int | None) -> ContentType:
    """Of a side each; of anything else nobody knows which is the call, or whether all are."""
    if left.tracks != (MONO, MONO):
        channels = ", ".join(map(str, left.tracks))
        raise unsupported(f"{left.container_name} with {len(left.tracks)} audio tracks (channels: {channels})")
    rate = max(left.rate, right.rate)
    writer = _writer(left, rate, STEREO, sink, agent_channel)
    with closing(writer):
        mixer = _mixer(writer, agent_channel)
        _write(
            (
                made
                for frame in together(_voice(left, rate), _voice(right, rate), rate)
                for made in mixer.through(frame)
            ),
            writer,
        )
        _write(mixer.rest(), writer)
        if not writer.position:
            raise unreadable()
        writer.finish()
    return writer.content_type


def _voice(side: Recording, rate: int) -> Sound:
    return _sound(side, side.frames(), Mixer(rate=rate, sample_format=SAMPLE_FORMAT, channels=MONO, agent_channel=None))


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


def _writer(
    recording: Recording,
    rate: int,
    channels: int,
    sink: GuardedSink,
    agent_channel: int | None,
    *,
    chained: bool = False,
) -> Writer:
    """A WAV where that keeps more and can be uploaded."""
    in_wave = channels_out(channels, agent_channel, WaveWriter.MOST_CHANNELS)
    seconds = None if chained else recording.seconds
    if recording.faithful and seconds and WaveWriter.size(seconds, rate, in_wave) <= MAX_UPLOAD_BYTES:
        return WaveWriter(sink, rate, in_wave)
    return Mp3Writer(sink, rate, channels_out(channels, agent_channel, Mp3Writer.MOST_CHANNELS))


def _mixer(writer: Writer, agent_channel: int | None) -> Mixer:
    return Mixer(
        rate=writer.rate,
        sample_format=writer.sample_format,
        channels=writer.channels,
        agent_channel=agent_channel,
    )


def _sound(recording: Recording, frames: Iterator[AudioFrame], mixer: Mixer) -> Sound:
    """In the mixer's form, with silence where time stamps leave room."""
    position = 0
    for frame in frames:
        if silence := _missing(recording, frame, position / mixer.rate, mixer.rate):
            for made in mixer.rest():
                position += made.samples
                yield made
            position += silence
            yield silence
        for made in mixer.through(frame):
            position += made.samples
            yield made
    yield from mixer.rest()


def _missing(recording: Recording, frame: AudioFrame, seconds: float, rate: int) -> int:
    """Samples by which the frame comes later than what was made so far would have it."""
    time = recording.time_of(frame)
    gap = 0.0 if time is None else time - seconds
    if gap > BROKEN_SECONDS:
        recording.clock_was_set(gap)
        return 0
    return round(gap * rate) if gap > SLOPPY_SECONDS else 0


def _write(sound: Iterator[AudioFrame | int], writer: Writer) -> None:
    for piece in sound:
        if isinstance(piece, int):
            writer.silence(piece)
        else:
            writer.write(piece)
        if writer.position > MOST_SECONDS * writer.rate:
            raise too_long(writer.position * 1000 // writer.rate)
