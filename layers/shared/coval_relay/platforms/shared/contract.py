"""What each platform's module gives the relay: a `PLATFORM` made of pure functions and rules."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from coval_relay.domain.call import RecordingHints
from coval_relay.domain.object_key_rules import KeyRule
from coval_relay.platforms.shared import canonical_events as canonical

AUDIO = "wav|mp3|ogg|oga|opus|flac|m4a|mp4|webm"
"""Extensions of recordings, for patterns of keys."""
Event = Mapping[str, Any]
"""A platform's event as EventBridge brings it."""
CanonicalEvent = canonical.Event
CanonicalMessage = canonical.Message


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformOptions:
    """The operator's options that events are translated with."""

    agent_ids: Mapping[str, str] = field(default_factory=dict)
    default_agent_id: str = ""
    tags: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    transcript_buckets: tuple[str, ...] = ()
    transcript_prefixes: tuple[str, ...] = ("",)
    """Of the transcripts in each of these buckets."""
    transcript_hosts: tuple[str, ...] = ()
    """Hosts from which transcripts may be fetched by https."""
    recording_hosts: tuple[str, ...] = ()
    """Hosts from which recordings may be fetched by https."""
    agent_channels: Mapping[str, int] = field(default_factory=dict)
    """Platform → the agent's channel in its stereo recordings, where the operator knows better."""
    separate_transcripts: tuple[str, ...] = ()
    """Platforms whose transcripts come as a file or an event of their own, without their events saying so."""
    redacted: bool = False
    """Whether redacted twins of recordings and transcripts are taken instead of the originals."""
    estimated_times: Literal["send", "omit"] = "send"


@dataclass(frozen=True, slots=True)
class TranscriptContext:
    """What a reader of a transcript file may need besides the file."""

    options: PlatformOptions
    agent_channel: int | None = None
    """Channel of the agent, where the call's facts have it."""
    zero: float | None = None
    """When the call's audio began, in epoch seconds."""


@dataclass(frozen=True, slots=True)
class TranscriptFormat:
    """Reads one page of a transcript file into canonical messages; raises InvalidInputError.

    `next_page` gives the URL of the page after this one, where the format has pages.
    """

    messages: Callable[[Any, TranscriptContext], Sequence[CanonicalMessage]]
    next_page: Callable[[Any], str | None] | None = None


@dataclass(frozen=True, slots=True)
class Sidecar:
    """A JSON object beside the recordings that says whose they are: its key's pattern and its reader.

    `read` gets the content, the bucket and the key, and gives canonical events.
    """

    pattern: str
    read: Callable[[Any, str, str], Sequence[CanonicalEvent]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """All that the relay knows of a platform."""

    translate: Callable[[Event, PlatformOptions], Sequence[CanonicalEvent]]
    """Canonical events of one event; none for an event that does not matter. Raises InvalidInputError."""
    key_rules: Callable[[PlatformOptions], tuple[KeyRule, ...]] = lambda _: ()
    ignored_keys: tuple[str, ...] = ()
    """Patterns of keys that are neither recordings nor transcripts."""
    formats: Mapping[str, TranscriptFormat] = field(default_factory=dict)
    sidecars: tuple[Sidecar, ...] = ()
    sidecar_hints: Callable[[object, RecordingHints], RecordingHints | None] | None = None
    """Hints on a recording from the sidecar that its key rule names; None where no voice is recorded."""
