"""What comes to the relay, in the canonical form, and what its functions tell each other."""

from dataclasses import dataclass, field

from coval_relay.domain.call import CallEnd, Facts, Recording, TranscriptPointer
from coval_relay.domain.recordings import ObjectVersion
from coval_relay.domain.transcript import Transcript

SOURCE = "coval.relay"
"""Source of the messages that the relay's functions send each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEnded:
    """A call has ended."""

    external_conversation_id: str
    kind: CallEnd
    facts: Facts
    transcript: Transcript | None = None
    pointer: TranscriptPointer | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptArrived:
    """A transcript came as an object of its own."""

    external_conversation_id: str
    pointer: TranscriptPointer


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectCreated:
    """S3 has an object; whose call it is, is still to be found out."""

    version: ObjectVersion
    size: int
    order: str
    created_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingFound:
    """An S3 object that is known to be a recording of this call."""

    external_conversation_id: str
    created: ObjectCreated


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingReady:
    """A recording that the platform names by its URI: an S3 object, or an https URL."""

    external_conversation_id: str
    uri: str = field(repr=False)
    created_at: int


@dataclass(frozen=True, slots=True)
class AttachRecording:
    """A recording that has been looked at, for a call that was submitted already."""

    external_conversation_id: str
    recording: Recording


@dataclass(frozen=True, slots=True)
class Resume:
    """Go on with a call: attach its recording, or do what its deadlines ask for."""

    external_conversation_id: str


@dataclass(frozen=True, slots=True)
class Sweep:
    """Send on what is unfinished and due."""


Message = (
    CallEnded
    | TranscriptArrived
    | ObjectCreated
    | RecordingFound
    | RecordingReady
    | AttachRecording
    | Resume
    | Sweep
)
