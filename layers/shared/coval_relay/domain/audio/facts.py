"""What is known of a recording that was inspected, and the error for what is no audio."""

from dataclasses import dataclass, field
from typing import Literal

from coval_relay.domain.coval import ContentType
from coval_relay.domain.errors import UnusableRecordingError
from coval_relay.domain.raw_audio import RawAudio


@dataclass(frozen=True, slots=True, kw_only=True)
class WaveLayout:
    """Where the samples of a WAV lie whose every sample takes the same room; sizes and offsets in bytes.

    `format_chunk` is the body of its `fmt ` chunk, put right, `frame_bytes` one sample of all channels.
    `declared` is False where the header contradicts itself or the object, was never filled in, or is of another
    form than RIFF. Of big-endian samples `reversed_bytes` is the size of one.
    """

    format_chunk: bytes
    data_offset: int
    data_size: int
    frame_bytes: int
    declared: bool
    reversed_bytes: int = 0

    @property
    def whole_frames(self) -> int:
        """The samples' bytes without a last frame that is cut."""
        return self.data_size - self.data_size % self.frame_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioFacts:
    """A recording as its head describes it; `size` in bytes, `codec` by ffmpeg's name where it has one.

    `padded` marks a duration that may count an encoder's delay and padding. Of a foreign format, one that must
    be converted first, only `codec`, the container's name, `size` and `begin` are known.
    """

    format: Literal["wav", "mp3", "foreign"]
    content_type: ContentType
    duration_milliseconds: int
    channels: int
    sample_rate: int
    codec: str
    size: int
    padded: bool = False
    layout: WaveLayout | None = None
    raw: RawAudio | None = None
    """How to decode what has no header."""
    begin: int = 0
    """Where the audio, or tags that Coval knows, begin."""
    end: int = field(default=0, compare=False)
    """Where what a decoder needs ends; 0: at the object's end."""

    @property
    def is_cut(self) -> bool:
        """Whether something stands before or behind that is no audio."""
        return bool(self.begin) or self.end not in (0, self.size)


class AudioRejectedError(UnusableRecordingError):
    """Not audio that Coval takes; the text is in Coval's own words."""


def empty() -> AudioRejectedError:
    return AudioRejectedError("audio_empty", "Audio file is empty.")


def foreign(name: str, size: int, begin: int = 0, end: int = 0, raw: RawAudio | None = None) -> AudioFacts:
    """What is known of audio that must be converted before anything can be measured."""
    return AudioFacts(
        format="foreign",
        content_type="audio/wav",
        duration_milliseconds=0,
        channels=0,
        sample_rate=0,
        codec=name,
        size=size,
        padded=True,
        raw=raw,
        begin=begin,
        end=end,
    )


def undetectable() -> AudioRejectedError:
    reason = "Invalid or corrupt audio file. Unable to detect audio format. Supported formats: WAV and MP3."
    return AudioRejectedError("audio_unreadable", reason)


def unreadable() -> AudioRejectedError:
    return AudioRejectedError("audio_unreadable", "Invalid or corrupt audio file. Unable to read audio metadata.")


def unsupported(name: str) -> AudioRejectedError:
    """Coval's words for a format that is known, and that nothing here can read."""
    return AudioRejectedError("audio_unsupported_format", f"Unsupported audio format: {name}.")


def undecodable(name: str) -> AudioRejectedError:
    """Unreadable, by what it seems to be."""
    return AudioRejectedError("audio_unreadable", f"Invalid or corrupt audio file. Unable to decode it as {name}.")
