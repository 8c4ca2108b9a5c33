"""One telephone call as the relay knows it: the item of the conversation table."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from coval_relay.domain.errors import Reason
from coval_relay.domain.raw_audio import RawAudio
from coval_relay.domain.s3_objects import ObjectVersion


class ConversationState(StrEnum):
    """How far the call's conversation in Coval has come."""

    NEW = "NEW"
    """Nothing that could be submitted is known."""
    QUEUED = "QUEUED"
    """The call's facts are known; its transcript is in a queue message that will come again."""
    WAITING = "WAITING"
    """The call has ended; its transcript is still to come, or only its recording will."""
    SUBMITTING = "SUBMITTING"
    """A worker holds the lease and may be sending."""
    SUBMITTED = "SUBMITTED"
    FILTERED = "FILTERED"
    """Coval knows the call as one of its own simulations."""
    REJECTED = "REJECTED"


class RecordingState(StrEnum):
    """How far the call's recording has come."""

    READY = "READY"
    """An object that is to be uploaded."""
    BY_URL = "BY_URL"
    """Coval will fetch it by URL: too large for an upload, or known by its URL only."""
    UPLOADED = "UPLOADED"
    """Coval holds the bytes under an upload id."""
    ATTACHING = "ATTACHING"
    """A worker is attaching exactly this one."""
    ATTACHED = "ATTACHED"
    REJECTED = "REJECTED"


class CallEnd(StrEnum):
    """What the call-end event said of the transcript."""

    NOT_SEEN = "NOT_SEEN"
    WITH_TRANSCRIPT = "WITH_TRANSCRIPT"
    WITHOUT_TRANSCRIPT = "WITHOUT_TRANSCRIPT"
    TRANSCRIPT_PENDING = "TRANSCRIPT_PENDING"


class ConversationAudio(StrEnum):
    """What audio a conversation that was made or found has."""

    NONE = "none"
    OURS = "ours"
    """The recording that the item has chosen."""
    OTHER = "other"
    """Another recording of the call, which an earlier submit carried."""
    UNKNOWN = "unknown"
    """Audio of which our own stamp says nothing."""


SIMULATION = "coval_simulation_id"
"""Metadata key by which Coval knows a call as its own simulation (Coval API, submit: metadata)."""
CALL_STATUS, COMPLETED = "call_status", "completed"
"""Metadata key of how the call went, and its usual value."""
UTTERANCES = "utterances"
"""Format of a transcript that is collected while the call lasts."""
SORT_KEY_SEPARATOR = "|"
"""Stands in a recording's sort key between what its inspection and what its event contributed."""
TERMINAL = frozenset({ConversationState.SUBMITTED, ConversationState.FILTERED, ConversationState.REJECTED})
UNFINISHED = frozenset({RecordingState.READY, RecordingState.BY_URL, RecordingState.UPLOADED, RecordingState.ATTACHING})


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFacts:
    """What the call-end event said besides the transcript; times are epoch seconds but for `occurred_at`."""

    occurred_at: str
    ended_at: int
    seconds: float | None = None
    """The call's length, where its end is known."""
    agent_id: str | None = None
    metadata: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    recording_expected: bool = True
    agent_channel: int | None = None
    """Channel of the agent in the call's stereo recordings, where the event named it."""
    provenance: str = ""
    """The verified webhook that brought them; empty for what came by a bus, a bucket or a queue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What an event of its own said of a call besides its end: who answered, which way it went."""

    status: str | None = None
    direction: str | None = None
    agent_channel: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptPointer:
    """Where a transcript lies that is not in the event itself: an object, a URL, or collected utterances."""

    bucket: str = ""
    key: str = ""
    url: str = ""
    format: str
    stored_at: int
    rank: int = 0
    """Of several transcripts of a call the one of the highest rank is taken."""
    settling_until: int = 0
    """Until then a better one may come."""
    missing: bool = False
    """The last look has not found it."""
    provenance: str = ""
    """As that of the facts."""

    @property
    def is_unnamed(self) -> bool:
        """Whether these are utterances that no end of their call has named."""
        return self.format == UTTERANCES and self.rank < 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DroppedTranscript:
    """A transcript that cannot be sent, and why."""

    reason: Reason
    pointer: TranscriptPointer | None = None
    """Where it lies; None where it came in the event itself."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Which parts of a call a submit carries."""

    transcript: bool
    facts: bool
    recording: bool
    utterances: str = ""
    """Digest of the utterances that the transcript was made of."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to submit, until `until` (epoch seconds), and what goes along."""

    token: str
    until: int
    parts: Parts


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownConversation:
    """The conversation that Coval has of a call.

    `others` is the recording that it has where that is not the chosen one any more.
    """

    conversation_id: str
    sent: Parts
    audio: ConversationAudio
    others: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingHints:
    """What the rule or the event that brought a recording says of it.

    Of several recordings of a call the one of the highest rank is taken, then the longest where `longest`
    says so, then the latest. `several` waits a settling time, because others may come with it.
    """

    agent_channel: int | None = None
    rank: int = 0
    longest: bool = False
    several: bool = False
    raw: RawAudio | None = None
    """How to read a recording without a header."""
    provenance: str = ""
    """As that of the facts."""


NO_HINTS = RecordingHints()


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A recording of the call, chosen among all objects that came for it."""

    identity: str
    """Bucket, key and version, or URL: the same object is the same recording."""
    sort_key: str
    """Sorts the recordings of a call: a later one replaces an earlier one."""
    created_at: int
    state: RecordingState
    version: ObjectVersion | None = None
    """Where the bytes lie; None where a URL's bytes could not be had."""
    url: str = field(default="", repr=False)
    """Where the platform keeps it, if not in a bucket of ours."""
    prepared: ObjectVersion | None = None
    """A copy that Coval can take, where it could not take the recording as it is."""
    needs_preparation: bool = False
    """Whether Coval cannot take it as it is, and no such copy has been made yet."""
    hints: RecordingHints = NO_HINTS
    agent_channel: int | None = None
    """The agent's channel before preparing, None where nobody knows it."""
    settling_until: int = 0
    """Until then a better recording of the call may come."""
    content_type: str | None = None
    size: int = 0
    duration_milliseconds: int = 0
    channels: int = 0
    usable: bool = True
    """False where our own look at the audio rejected it: it never displaces another recording."""
    upload_id: str | None = None
    maybe_attached: bool = False
    """Another worker was attaching it before: what that one has sent may still arrive."""
    conversions: int = 0
    """How often its conversion was begun, and not seen to end: what kills the worker every time is given up."""
    fetch_failing_since: int = 0
    """Since when Coval could not fetch it."""
    reason: Reason | None = None
    changed_at: int = 0

    @property
    def needs_copy(self) -> bool:
        """Whether Coval may fetch it from a copy only: it does not fit, or could be replaced under its key.

        A presigned GET pins a version, but no ETag; what lies in the staging bucket is never replaced.
        """
        staged = self.prepared is not None or bool(self.url)
        replaceable = self.version is not None and self.version.version_id is None
        return self.needs_preparation or (replaceable and not staged)

    @property
    def abandoned(self) -> bool:
        """Whether it is not sent any more, while what was sent may still arrive."""
        return self.state is RecordingState.ATTACHING and self.reason is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """The state item; `revision` 0 means that there is none yet, times are epoch seconds."""

    external_conversation_id: str
    revision: int = 0
    state: ConversationState = ConversationState.NEW
    call_end: CallEnd = CallEnd.NOT_SEEN
    facts: CallFacts | None = None
    described: Description | None = None
    """Part of the facts, from whichever event came first."""
    transcript: TranscriptPointer | None = None
    dropped: DroppedTranscript | None = None
    """The last transcript that cannot be sent, until another one is tried."""
    lease: Lease | None = None
    maybe_sent_at: int = 0
    """When a submit was last taken over: Coval may have it unseen, so read before a POST. Never cleared."""
    conversation_id: str | None = None
    sent: Parts | None = None
    late: tuple[str, ...] = ()
    reason: Reason | None = None
    notes: tuple[Reason, ...] = ()
    """Inputs that were rejected or left out, newest last."""
    transcript_unavailable: bool = False
    """The platform has said that the transcript will not come."""
    recording: Recording | None = None
    other_recordings: Mapping[str, str] = field(default_factory=dict)
    """Every other recording object of the call: identity → how it ended."""
    created_at: int = 0
    waiting_since: int = 0
    submitted_at: int = 0
    audited_at: int = 0
    """When a read has shown what came of the submit that was last taken over."""
    recording_missed_at: int = 0
    held_until: int = 0
    """Until then nothing is to be tried but an upload: it waits for something of its own."""
    sweeps: int = 0
    """How often the sweep has brought it back since it last got anywhere."""
    due_at: int | None = None

    @property
    def has_text(self) -> bool:
        """Whether a transcript can be tried; utterances that no end has named give way to one that is announced."""
        if self.transcript is None:
            return False
        return not (self.transcript.is_unnamed and self.call_end is CallEnd.TRANSCRIPT_PENDING)

    @property
    def recording_state(self) -> RecordingState | None:
        return self.recording.state if self.recording else None
