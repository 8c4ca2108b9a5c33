"""The messages that the functions work on: what came to the relay, and what they send each other."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from coval_relay.domain.call import NO_HINTS, CallEnd, CallFacts, Description, RecordingHints, TranscriptPointer
from coval_relay.domain.call_aliases import Alias, PendingMessage
from coval_relay.domain.s3_objects import ObjectVersion
from coval_relay.domain.transcript import Transcript, Utterance

SOURCE = "coval.relay"
"""Source of the messages that the relay's functions send each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEnded:
    """A call has ended."""

    external_conversation_id: str
    kind: CallEnd
    facts: CallFacts
    transcript: Transcript | None = None
    pointer: TranscriptPointer | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptArrived:
    """A transcript lies somewhere by itself."""

    external_conversation_id: str
    pointer: TranscriptPointer


@dataclass(frozen=True, slots=True)
class TranscriptUnavailable:
    """The transcript that a call end announced will not come."""

    external_conversation_id: str


@dataclass(frozen=True, slots=True)
class CallDescribed:
    """An event besides the call's end has said something of the call."""

    external_conversation_id: str
    description: Description


@dataclass(frozen=True, slots=True)
class UtterancesReceived:
    """Parts of a transcript that comes while the call lasts."""

    external_conversation_id: str
    utterances: tuple[Utterance, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AliasesKnown:
    """All these names lead to `target`: a call's id, or the key of another alias."""

    target: str
    aliases: tuple[Alias, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectCreated:
    """S3 has an object; whose call it is, is still to be found out."""

    version: ObjectVersion
    size: int
    sort_key: str
    created_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingReady:
    """A recording that the platform names by its URI: an S3 object, or an https URL."""

    target: str
    """A call's id, or the key of an alias."""
    uri: str = field(repr=False)
    created_at: int
    hints: RecordingHints = NO_HINTS


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectNamed:
    """An event has said whose this object is, which may have been taken for another call's by its key."""

    bucket: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingFound:
    """A recording that is known to be this call's: an S3 object, or an https URL."""

    external_conversation_id: str
    created: ObjectCreated | None = None
    url: str = field(default="", repr=False)
    created_at: int = 0
    hints: RecordingHints = NO_HINTS


@dataclass(frozen=True, slots=True)
class PendingExpired:
    """What waits under this alias has waited too long."""

    alias: Alias
    pending: PendingMessage


@dataclass(frozen=True, slots=True)
class Resume:
    """Go on with a call: do what its item asks for next. It never waits in a queue: the sweep brings the call back."""

    external_conversation_id: str
    sweep: int | None = None
    """The number of the sweep that sent it; None where another function did."""
    hops: int = 0
    """How many functions have handed it on."""


@dataclass(frozen=True, slots=True)
class Reopen:
    """The operator sends a rejected call again: the rejection is forgotten, then its event is taken in anew."""

    external_conversation_id: str
    revision: int
    """The item's, as the operator saw it: of several events of a call one brings it back, and a repetition none."""
    event: Mapping[str, Any] | None = None
    """The event that was rejected; None where the item has all that is needed."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """Send on what is unfinished and due."""


Message = (
    CallEnded
    | TranscriptArrived
    | TranscriptUnavailable
    | CallDescribed
    | UtterancesReceived
    | AliasesKnown
    | ObjectCreated
    | RecordingReady
    | ObjectNamed
    | RecordingFound
    | PendingExpired
    | Resume
    | Reopen
    | Sweep
)
