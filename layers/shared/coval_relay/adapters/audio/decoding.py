"""Audio out of any container that telephony platforms write."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final, NoReturn, cast

import av
from av import AudioCodecContext, AudioFrame, AudioStream, Packet
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Discard

from coval_relay.adapters.audio.ranged_file import Section
from coval_relay.domain.audio.facts import unreadable, unsupported
from coval_relay.domain.raw_audio import LEAST_RATE, MOST_RATE

FORMATS: Final = (
    "aac", "ac3", "aiff", "amr", "asf", "au", "avi", "caf", "eac3", "flac", "flv", "loas", "matroska", "mov", "mp3",
    "mpeg", "mpegts", "nistsphere", "ogg", "tta", "voc", "w64", "wav", "wv",
)  # fmt: skip
"""FFmpeg's names; playlists, and whatever else leads to another file, are none of them."""
RAW_FORMATS: Final = ("g722", "gsm")
"""Without a header: opened as such only where a name or a rule says so."""
FAITHFUL: Final = ("adpcm", "alac", "amr", "flac", "g72", "gsm", "pcm", "speex", "tta", "wavpack", "wmalossless")
"""How the names of decoders begin that lose nothing, or whose narrow band makes a WAV small."""
LOSSY: Final = ("aac", "ac3", "eac3", "libopus", "libvorbis", "mp2", "mp3", "opus", "vorbis", "wma")
MICROSECONDS = 1_000_000
MOST_UNREAD = 64 * 1024
"""Bytes that may lie behind an error that is the end: a tag, a cut packet, what FFmpeg had read ahead."""
MOST_UNDECODED = 0.5
"""The share of packets that may be damaged."""


@contextmanager
def opened(file: Section, track: int = 0, raw: str | None = None) -> Iterator["Recording"]:
    """An audio track by its number; raises AudioRejectedError where there is none, else FFmpegError."""
    decoders = sorted(name for name in av.codecs_available if name.startswith(FAITHFUL + LOSSY))
    limits = {"format_whitelist": ",".join((*FORMATS, *RAW_FORMATS)), "codec_whitelist": ",".join(decoders)}
    with av.open(
        file, "r", format=raw, container_options=limits, metadata_errors="replace", io_open=_open_nothing
    ) as container:
        name = container.format.name
        chosen = next(iter(container.streams.audio[track:]), None)
        if chosen is None:
            raise unsupported(f"{name} without sound")
        decoder = cast("AudioCodecContext | None", chosen.codec_context)
        if decoder is None or decoder.name not in decoders:
            raise unsupported(f"{decoder.name if decoder else 'unknown codec'} in {name}")
        for stream in container.streams:
            stream.discard = Discard.default if stream is chosen else Discard.all
        yield Recording(file, container, chosen)


class Recording:
    """An audio track that is being decoded."""

    def __init__(self, file: Section, container: InputContainer, track: AudioStream) -> None:
        self._file = file
        self._container = container
        self._track = track
        self._origin = None if len(container.streams) == 1 else (container.start_time or 0) / MICROSECONDS
        self._packets = self._undecoded = 0

    @property
    def tracks(self) -> tuple[int, ...]:
        """The channels of each audio track; 0 where nothing here knows its codec."""
        return tuple(getattr(track, "channels", 0) for track in self._container.streams.audio)

    @property
    def container_name(self) -> str:
        return self._container.format.name

    @property
    def rate(self) -> int:
        return self._track.sample_rate

    @property
    def faithful(self) -> bool:
        """Whether a WAV, and nothing less, keeps what is there."""
        return self._track.codec_context.name.startswith(FAITHFUL)

    @property
    def seconds(self) -> float | None:
        """As the container says, which may be wrong."""
        if self._track.duration is not None and self._track.time_base is not None:
            return float(self._track.duration * self._track.time_base)
        duration = self._container.duration
        return None if duration is None else duration / MICROSECONDS

    def time_of(self, frame: AudioFrame) -> float | None:
        """Seconds from the beginning of the recording: of its sound, where it has nothing else."""
        if frame.time is None:
            return None
        if self._origin is None:
            self._origin = frame.time
        return frame.time - self._origin

    def clock_was_set(self, seconds: float) -> None:
        """Times from here on are by so much too late."""
        self._origin = (self._origin or 0.0) + seconds

    def frames(self) -> Iterator[AudioFrame]:
        """What can be decoded; a packet that cannot is left out.

        Raises AudioRejectedError where those are many, or where the container breaks with much behind it: what
        FFmpeg cannot read is not taken for the end.
        """
        for packet in self._demuxed():
            self._packets += 1
            try:
                frames = packet.decode()
            except FFmpegError:
                self._undecoded += 1
                continue
            for frame in frames:
                # from 24 to 24,000 one packet would become gigabytes
                if not LEAST_RATE <= frame.sample_rate <= MOST_RATE:
                    raise unsupported(f"{frame.sample_rate} samples a second")
                yield frame
        if self._undecoded > MOST_UNDECODED * self._packets:
            raise unreadable()

    def _demuxed(self) -> "Iterator[Packet[AudioStream]]":
        try:
            yield from self._container.demux(self._track)
        except FFmpegError:
            if self._file.rest > MOST_UNREAD:
                raise
        except IndexError:
            return  # by PyAV, for a stream that began on the way; that is behind the last packet of this track


def _open_nothing(_url: str, _flags: int, _options: Mapping[str, str]) -> NoReturn:
    """Nothing but the recording itself is opened."""
    raise unreadable()
