"""The canonical events: what the events of every platform become.

Strict where a mistake would change the evaluation (roles, times, ids), tolerant to fields it does not know.
An event checks itself and its parts when it is made, so that an error names the field and the call.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from coval_relay.boundary_models import BoundaryModel, fault
from coval_relay.domain.call import RecordingHints
from coval_relay.domain.call_aliases import Alias, checked_alias
from coval_relay.domain.call_id import ID_RULE, call_id_of
from coval_relay.domain.errors import InvalidInputError
from coval_relay.platforms.shared.odd_text import joined_parts

RESERVED_METADATA = frozenset(
    {
        "call_id",
        "conversation_id",
        "environment",
        "external_conversation_id",
        "langfuse_observation_id",
        "langfuse_trace_id",
        "observation_id",
        "occurred_at",
        "project_id",
        "trace_id",
    }
)
"""Identity keys that Coval rejects in metadata (Coval API, PATCH: metadata)."""
MAX_METADATA_BYTES = 100_000
MAX_ALIASES = 20
UTTERANCES = "utterances"
"""Format of a transcript that is collected from `Transcript Utterances`."""
UTTERANCES_URI = f"{UTTERANCES}:"


# --- field types -------------------------------------------------------------------------------------


def _time(value: object) -> object:
    is_rfc_3339 = isinstance(value, str) and re.match(r"\d{4}-\d{2}-\d{2}[T ]", value)
    if is_rfc_3339 or isinstance(value, datetime):
        return value
    if value in (None, ""):
        return None
    raise ValueError("must be an RFC 3339 time with a zone")


def _in_utc(value: datetime | None) -> datetime | None:
    """To the millisecond, as Coval's own times."""
    if value is None:
        return None
    if value.tzinfo is None:
        raise ValueError("must have a zone")
    try:
        return value.astimezone(UTC).replace(microsecond=value.microsecond // 1000 * 1000)
    except OverflowError:
        raise ValueError("must be within the years 1 to 9999 in UTC") from None


def _call_id(value: object) -> object:
    call_id = call_id_of(value)
    if call_id is None:
        raise ValueError(ID_RULE)
    return call_id


def _usable_alias(alias: Alias) -> Alias:
    try:
        return checked_alias(alias.type, alias.value, "alias")
    except InvalidInputError as error:
        raise ValueError(error.rule) from None


def _allowed_metadata(value: dict[str, Any]) -> dict[str, Any]:
    for key in sorted(RESERVED_METADATA & value.keys()):
        raise ValueError(f"must not have the key {key}: Coval reserves it")
    if len(json.dumps(value)) > MAX_METADATA_BYTES:
        raise ValueError(f"must have at most {MAX_METADATA_BYTES} bytes")
    return value


Time = Annotated[datetime | None, BeforeValidator(_time), AfterValidator(_in_utc)]
ConversationId = Annotated[str, BeforeValidator(_call_id)]
PlatformAlias = Annotated[Alias, AfterValidator(_usable_alias)]
Seconds = Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)]
ShortText = Annotated[str, Field(max_length=1000)]
Tag = Annotated[str, Field(min_length=1, max_length=200, pattern=r"\S")]
Metric = Annotated[str, Field(pattern=r"^[A-Za-z0-9]{22,26}$")]
LOCATION = r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/.+|https://[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?/.*"
RecordingUri = Annotated[str, Field(pattern=rf"^({LOCATION})$", max_length=4096)]
TranscriptUri = Annotated[str, Field(pattern=rf"^({LOCATION}|{UTTERANCES_URI})$", max_length=4096)]
Channel = Annotated[int, Field(ge=0, le=31)]
Scalar = str | bool | int | Annotated[float, Field(allow_inf_nan=False)]
Metadata = Annotated[dict[str, Scalar], AfterValidator(_allowed_metadata)]
Content = Annotated[str | None, BeforeValidator(joined_parts)]
Role = Literal["assistant", "user", "system", "tool"]
CallStatus = Literal["completed", "failed", "no_answer", "busy", "cancelled", "voicemail"]
TimeBase = Literal["recording_start", "call_start", "answered"]


# --- parts -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolFunction:
    name: str
    arguments: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    id: Annotated[str, Field(min_length=1)]
    type: Literal["function"] = "function"
    function: ToolFunction


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message of a transcript (Coval API, submit: transcript[])."""

    role: Role
    content: Content = None
    tool_calls: tuple[ToolCall, ...] | None = None
    tool_call_id: str | None = None
    start_time: Seconds | None = None
    end_time: Seconds | None = None

    @model_validator(mode="after")
    def _has_content(self) -> Self:
        if self.tool_calls and self.role != "assistant":
            raise ValueError("tool_calls belong to an assistant's message")
        if not self.content and not self.tool_calls:
            raise ValueError("must have content")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptReference:
    """Where a transcript lies, and the name of its format."""

    uri: TranscriptUri
    format: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,64}$")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """A call's transcript as its end knows it."""

    status: Literal["inline", "reference", "pending", "none"]
    time_base: TimeBase = "recording_start"
    messages: tuple[Message, ...] = ()
    reference: TranscriptReference | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.status == "inline" and not self.messages:
            raise ValueError("an inline transcript must have messages")
        if self.status == "reference" and self.reference is None:
            raise ValueError("a transcript by reference must have a reference")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """The agent by its platform's id."""

    id: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRecording:
    """One of a call's recordings; `rank`, `several` and `longest` say which of them is taken."""

    uri: RecordingUri | None = None
    agent_channel: Channel | None = None
    started_at: Time = None
    rank: Annotated[int, Field(ge=0, le=9)] = 0
    several: bool = False
    longest: bool = False

    @property
    def hints(self) -> RecordingHints:
        return RecordingHints(
            agent_channel=self.agent_channel, rank=self.rank, several=self.several, longest=self.longest
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyRecording(CallRecording):
    uri: RecordingUri


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedRecording:
    """Whether a call has recordings, as far as its end knows it; None: its status decides."""

    expected: bool | None = None
    agent_channel: Channel | None = None
    items: tuple[CallRecording, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """An utterance of a transcript that comes while the call lasts; times are epoch seconds."""

    id: Annotated[str, Field(min_length=1, max_length=200)]
    role: Literal["assistant", "user"]
    content: Annotated[str, Field(min_length=1)]
    spoken_at: Seconds
    ended_at: Seconds


# --- events ------------------------------------------------------------------------------------------


class _Event(BoundaryModel):
    model_config = ConfigDict(revalidate_instances="always")

    provider: ShortText | None = None

    @model_validator(mode="wrap")
    @classmethod
    def _with_path_and_call(cls, fields: object, check: Callable[[object], Self]) -> Self:
        """Raises InvalidInputError, with the call whose item keeps the reason."""
        try:
            return check(fields)
        except ValidationError as error:
            call_id = fields.get("external_conversation_id") if isinstance(fields, Mapping) else None
            raise replace(fault(error, "detail"), call_id=call_id_of(call_id) or "") from None


class _CallEvent(_Event):
    external_conversation_id: ConversationId


class _AliasEvent(_Event):
    """An event that names its call by the call's id, or by an alias of it."""

    external_conversation_id: ConversationId | None = None
    alias: PlatformAlias | None = None

    @model_validator(mode="after")
    def _names_a_call(self) -> Self:
        if (self.external_conversation_id is None) == (self.alias is None):
            rule = "must have either external_conversation_id or alias"
            raise InvalidInputError("detail", rule, self.external_conversation_id or "")
        return self

    @property
    def target(self) -> str:
        return self.external_conversation_id or (self.alias.key if self.alias else "")


class CallEndedEvent(_CallEvent):
    """A call has ended."""

    aliases: Annotated[tuple[PlatformAlias, ...], Field(max_length=MAX_ALIASES)] = ()
    group_id: ShortText | None = None
    direction: ShortText | None = None
    status: CallStatus = "completed"
    end_reason: ShortText | None = None
    started_at: Time = None
    answered_at: Time = None
    ended_at: Time = None
    agent: Agent | None = None
    queue: ShortText | None = None
    transcript: Transcript = Transcript(status="none")
    recording: ExpectedRecording = ExpectedRecording()
    metadata: Metadata = Field(default_factory=dict)
    tags: Annotated[tuple[Tag, ...], Field(max_length=20)] = ()
    metrics: Annotated[tuple[Metric, ...], Field(max_length=100)] = ()

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        began = self.answered_at or self.started_at
        call_id = self.external_conversation_id
        if began is None:
            raise InvalidInputError("detail", "must have started_at or answered_at", call_id)
        if self.ended_at is not None and self.ended_at < began:
            raise InvalidInputError("detail", "ended_at must not be before the call's start", call_id)
        return self

    @property
    def began_at(self) -> datetime:
        began = self.answered_at or self.started_at
        assert began is not None
        return began

    @property
    def zero(self) -> datetime:
        """The moment that the transcript's times count from, as far as the call itself knows it."""
        if self.transcript.time_base == "call_start":
            return self.started_at or self.began_at
        return self.began_at

    @property
    def recording_started_at(self) -> datetime | None:
        return next((item.started_at for item in self.recording.items if item.started_at), None)

    @property
    def spoken_seconds(self) -> float | None:
        """From the transcript's zero to the call's end."""
        return (self.ended_at - self.zero).total_seconds() if self.ended_at else None

    @property
    def seconds(self) -> float | None:
        """The call's whole length, what came before the answer included."""
        first = self.started_at or self.began_at
        return (self.ended_at - first).total_seconds() if self.ended_at else None


class RecordingReadyEvent(_AliasEvent):
    """A recording lies at a URI."""

    recording: ReadyRecording


class AliasesKnownEvent(_AliasEvent):
    """All these aliases lead to the call."""

    aliases: Annotated[tuple[PlatformAlias, ...], Field(min_length=1, max_length=MAX_ALIASES)]


class TranscriptReadyEvent(_CallEvent):
    """A transcript lies somewhere by itself."""

    reference: TranscriptReference


class TranscriptUnavailableEvent(_CallEvent):
    """The transcript that a call's end announced will not come."""

    reason: ShortText = ""


class CallDescribedEvent(_CallEvent):
    """What the call's end does not say of it: who answered, which way it went."""

    status: CallStatus | None = None
    direction: ShortText | None = None
    agent_channel: Channel | None = None


class TranscriptUtterancesEvent(_CallEvent):
    """Utterances of a transcript that comes while the call lasts."""

    utterances: Annotated[tuple[Utterance, ...], Field(min_length=1, max_length=500)]


Event = (
    CallEndedEvent
    | RecordingReadyEvent
    | AliasesKnownEvent
    | TranscriptReadyEvent
    | TranscriptUnavailableEvent
    | CallDescribedEvent
    | TranscriptUtterancesEvent
)
