"""Audio out of any container that telephony platforms write."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final, NoReturn, cast

import av
from av import AudioCodecContext, AudioFrame, AudioStream, Packet
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Discard

from coval_relay.adapters.audio.ranged_file import RangedFile
from coval_relay.domain.audio.facts import unreadable, unsupported

FORMATS: Final = (
    "aac", "ac3", "aiff", "amr", "asf", "au", "avi", "caf", "eac3", "flac", "flv", "loas", "matroska", "mov", "mp3",
    "mpeg", "mpegts", "nistsphere", "ogg", "tta", "voc", "w64", "wav", "wv",
)  # fmt: skip
"""FFmpeg's names; playlists, and whatever else leads to another file, are none of them."""
FAITHFUL: Final = ("adpcm", "alac", "amr", "flac", "g72", "gsm", "pcm", "speex", "tta", "wavpack", "wmalossless")
"""How the names of decoders begin that lose nothing, or whose narrow band makes a WAV small."""
LOSSY: Final = ("aac", "ac3", "eac3", "libopus", "libvorbis", "mp2", "mp3", "opus", "vorbis", "wma")
MICROSECONDS = 1_000_000
MOST_RATE = 192_000
"""Samples a second; no recorder of calls comes near it."""


@contextmanager
def opened(file: RangedFile) -> Iterator["Recording"]:
    """The first audio track; raises AudioRejectedError where there is none, else FFmpegError."""
    decoders = sorted(name for name in av.codecs_available if name.startswith(FAITHFUL + LOSSY))
    limits = {"format_whitelist": ",".join(FORMATS), "codec_whitelist": ",".join(decoders)}
    with av.open(file, "r", container_options=limits, metadata_errors="replace", io_open=_refuse) as container:
        track = next(iter(container.streams.audio), None)
        decoder = cast("AudioCodecContext | None", track.codec_context) if track else None
        if track is None:
            raise unsupported(f"{container.format.name} without sound")
        if decoder is None or decoder.name not in decoders:
            raise unsupported(f"{decoder.name if decoder else 'unknown codec'} in {container.format.name}")
        for stream in container.streams:
            stream.discard = Discard.default if stream is track else Discard.all
        yield Recording(container, track)


class Recording:
    """An audio track that is being decoded."""

    def __init__(self, container: InputContainer, track: AudioStream) -> None:
        self._container = container
        self._track = track
        self._origin = (container.start_time or 0) / MICROSECONDS

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
        """Seconds from the beginning of the recording."""
        return None if frame.time is None else frame.time - self._origin

    def clock_was_set(self, seconds: float) -> None:
        """Times from here on are by so much too late."""
        self._origin += seconds

    def frames(self) -> Iterator[AudioFrame]:
        """What can be decoded; a packet that cannot is left out, and where the container breaks it ends."""
        for packet in self._packets():
            try:
                frames = packet.decode()
            except FFmpegError:
                continue
            for frame in frames:
                if frame.sample_rate > MOST_RATE:
                    raise unreadable()
                yield frame

    def _packets(self) -> "Iterator[Packet[AudioStream]]":
        try:
            yield from self._container.demux(self._track)
        except FFmpegError:
            return


def _refuse(_url: str, _flags: int, _options: Mapping[str, str]) -> NoReturn:
    """Nothing but the recording itself is opened."""
    raise unreadable()
