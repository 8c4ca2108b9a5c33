"""What is known of a recording after a look at it, and how it is refused."""

from dataclasses import dataclass
from typing import Literal

from coval_relay.domain.coval import ContentType


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioFacts:
    """A recording that Coval may take; `size` in bytes, `codec` by ffmpeg's name where it has one.

    `estimated` marks a duration that is extrapolated from samples of a stream of variable rate.
    """

    format: Literal["wav", "mp3"]
    content_type: ContentType
    duration_milliseconds: int
    channels: int
    sample_rate: int
    codec: str
    size: int
    estimated: bool = False


@dataclass(unsafe_hash=True)
class AudioRefused(Exception):
    """Coval would refuse this recording; `reason` is Coval's own wording (Coval API, submit: 400)."""

    code: str
    reason: str


def empty() -> AudioRefused:
    return AudioRefused("audio_empty", "Audio file is empty.")


def unsupported(name: str) -> AudioRefused:
    reason = f"Unsupported audio format: {name}. Only WAV and MP3 files are supported."
    return AudioRefused("audio_unsupported_format", reason)


def undetectable() -> AudioRefused:
    reason = "Invalid or corrupt audio file. Unable to detect audio format. Supported formats: WAV and MP3."
    return AudioRefused("audio_unreadable", reason)


def unreadable() -> AudioRefused:
    return AudioRefused("audio_unreadable", "Invalid or corrupt audio file. Unable to read audio metadata.")
