"""What a platform's module tells the relay: a `PLATFORM` made of pure functions and rules."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from coval_relay.domain.call import RecordingHints
from coval_relay.domain.key_rules import KeyRule

Event = Mapping[str, Any]
CanonicalEvent = Mapping[str, Any]
"""`detail-type` and `detail` of a canonical event; see platforms/canonical.py for their fields."""
CanonicalMessage = Mapping[str, Any]
"""One message of a canonical transcript."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformOptions:
    """The operator's choices that events are translated with."""

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
    """Platform → the channel its stereo recordings have the agent on, where the operator knows better."""
    separate_transcripts: tuple[str, ...] = ()
    """Platforms whose transcripts come as a file or an event of their own, where their events do not tell."""
    redacted: bool = False
    """Whether redacted twins of recordings and transcripts are taken instead of the originals."""
    estimated_times: Literal["send", "omit"] = "send"


@dataclass(frozen=True, slots=True)
class TranscriptContext:
    """What a reader of a transcript file may need besides the file."""

    options: PlatformOptions
    agent_channel: int | None = None
    """Channel of the agent, as the call's facts tell it."""
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
    """A JSON object beside the recordings that tells whose they are: its key's pattern and its reader.

    `read` gets the content, the bucket and the key, and gives canonical events.
    """

    pattern: str
    read: Callable[[Any, str, str], Sequence[CanonicalEvent]]


def no_rules(_: PlatformOptions) -> tuple[KeyRule, ...]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """All that the relay knows of a platform."""

    translate: Callable[[Event, PlatformOptions], Sequence[CanonicalEvent]]
    """Canonical events of one event; none for an event that does not matter. Raises InvalidInputError."""
    key_rules: Callable[[PlatformOptions], tuple[KeyRule, ...]] = no_rules
    ignored_keys: tuple[str, ...] = ()
    """Patterns of keys that are neither recordings nor transcripts."""
    formats: Mapping[str, TranscriptFormat] = field(default_factory=dict)
    sidecars: tuple[Sidecar, ...] = ()
    sidecar_hints: Callable[[object, RecordingHints], RecordingHints | None] | None = None
    """The traits of a recording by the sidecar that its key rule names; None where it is none of voices."""
