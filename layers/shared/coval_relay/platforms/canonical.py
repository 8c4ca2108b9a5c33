"""The canonical events `Call Ended` and `Recording Ready`: what every platform's own events become.

Strict where a mistake would change the evaluation (roles, times, ids), tolerant to fields it does not know.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self, TypeVar
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from coval_relay.domain.call import CallEnd, Facts, TranscriptPointer
from coval_relay.domain.errors import InvalidInput
from coval_relay.domain.identifiers import ID_RULE, is_call_id
from coval_relay.domain.messages import CallEnded, RecordingReady
from coval_relay.domain.transcript import Transcript, check_times, check_tool_calls

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
"""Identity keys that Coval refuses in metadata (Coval API, PATCH: metadata)."""
NO_CONVERSATION = frozenset({"failed", "no_answer", "busy", "cancelled"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Translation:
    """The operator's choices that an event is translated with."""

    agent_ids: Mapping[str, str] = field(default_factory=dict)
    default_agent_id: str = ""
    tags: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    transcript_buckets: tuple[str, ...] = ()


# --- field types -------------------------------------------------------------------------------------


def _a_time(value: object) -> object:
    if isinstance(value, str) and re.match(r"\d{4}-\d{2}-\d{2}[T ]", value):
        return value
    if value in (None, ""):
        return None
    raise ValueError("must be an RFC 3339 time with a zone")


def _with_zone(value: datetime | None) -> datetime | None:
    if value is not None and value.tzinfo is None:
        raise ValueError("must have a zone")
    try:
        return value.astimezone(UTC) if value else None
    except OverflowError:
        raise ValueError("cannot be told in UTC") from None


def _an_id(value: object) -> object:
    if not is_call_id(value):
        raise ValueError(ID_RULE)
    return value


def _not_reserved(value: dict[str, Any]) -> dict[str, Any]:
    for key in sorted(RESERVED_METADATA & value.keys()):
        raise ValueError(f"must not have the key {key}: Coval reserves it")
    if len(json.dumps(value)) > MOST_METADATA_BYTES:
        raise ValueError(f"must have at most {MOST_METADATA_BYTES} bytes")
    return value


Time = Annotated[datetime | None, BeforeValidator(_a_time), AfterValidator(_with_zone)]
Seconds = Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)]
ConversationId = Annotated[str, BeforeValidator(_an_id)]
Tag = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"\S")]
Word = Annotated[str, StringConstraints(max_length=1000)]
Metric = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{22,26}$")]
URI = r"^(s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/.+|https://[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?/.*)$"
S3Uri = Annotated[str, StringConstraints(pattern=r"^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/.+")]
Scalar = str | bool | int | Annotated[float, Field(allow_inf_nan=False)]
MOST_METADATA_BYTES = 100_000
LONGEST_FAULT = 200


class _Model(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Function(_Model):
    name: str
    arguments: str


class ToolCall(_Model):
    id: Annotated[str, StringConstraints(min_length=1)]
    type: Literal["function"] = "function"
    function: Function


class CanonicalMessage(_Model):
    """One message of a transcript (Coval API, submit: transcript[])."""

    role: Literal["assistant", "user", "system", "tool"]
    content: str | None = None
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


class Reference(_Model):
    uri: S3Uri
    format: Literal["canonical_v1"]


class CanonicalTranscript(_Model):
    status: Literal["inline", "reference", "pending", "none"]
    messages: tuple[CanonicalMessage, ...] = ()
    reference: Reference | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.status == "inline" and not self.messages:
            raise ValueError("an inline transcript must have messages")
        if self.status == "reference" and self.reference is None:
            raise ValueError("a transcript by reference must have a reference")
        return self


class AgentOfPlatform(_Model):
    id: str | None = None
    name: str | None = None


class RecordingItem(_Model):
    started_at: Time = None


class ExpectedRecording(_Model):
    expected: bool | None = None
    items: tuple[RecordingItem, ...] = ()


class _Detail(_Model):
    schema_version: Annotated[str, StringConstraints(strict=True, pattern=r"^1(\.\d+)*$")]
    external_conversation_id: ConversationId


class CallEndedDetail(_Detail):
    """`detail` of a `Call Ended` event."""

    provider: Word | None = None
    direction: Word | None = None
    status: Literal["completed", "failed", "no_answer", "busy", "cancelled", "voicemail"] = "completed"
    end_reason: Word | None = None
    started_at: Time = None
    answered_at: Time = None
    ended_at: Time = None
    agent: AgentOfPlatform | None = None
    transcript: CanonicalTranscript = CanonicalTranscript(status="none")
    recording: ExpectedRecording = ExpectedRecording()
    metadata: Annotated[dict[str, Scalar], AfterValidator(_not_reserved)] = Field(default_factory=dict)
    tags: Annotated[tuple[Tag, ...], Field(max_length=20)] = ()
    metrics: Annotated[tuple[Metric, ...], Field(max_length=100)] = ()

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        began = self.answered_at or self.started_at
        if began is None:
            raise ValueError("must have started_at or answered_at")
        if self.ended_at is not None and self.ended_at < began:
            raise ValueError("ended_at must not be before the call's start")
        return self

    @property
    def began_at(self) -> datetime:
        began = self.answered_at or self.started_at
        assert began is not None
        return began

    @property
    def seconds(self) -> float | None:
        first = self.started_at or self.began_at
        return (self.ended_at - first).total_seconds() if self.ended_at else None


class ReadyRecording(_Model):
    uri: Annotated[str, StringConstraints(pattern=URI, max_length=4096)]
    started_at: Time = None


class RecordingReadyDetail(_Detail):
    """`detail` of a `Recording Ready` event."""

    recording: ReadyRecording


# --- translation -------------------------------------------------------------------------------------

M = TypeVar("M", bound=BaseModel)


def validate(model: type[M], value: object, path: str) -> M:
    """Parse a border's data; raises InvalidInput: the first wrong field and the rule, never the value."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        rule = first["msg"].removeprefix("Value error, ")
        raise InvalidInput(_path(path, first["loc"]), rule[:LONGEST_FAULT]) from None


def _path(root: str, location: tuple[str | int, ...]) -> str:
    """The field's path; the keys of free-form metadata are the sender's words and stay out of it."""
    path = root
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}"
        if part == "metadata":
            break
    return path


def call_ended(event: Mapping[str, Any], translation: Translation, now: int) -> CallEnded:
    """Translate a `Call Ended` event; raises InvalidInput."""
    detail = validate(CallEndedDetail, event.get("detail"), "detail")
    transcript = _transcript(detail.transcript.messages, detail.seconds, "detail.transcript.messages")
    kinds = {"inline": CallEnd.WITH_TEXT, "none": CallEnd.WITHOUT_TEXT}
    return CallEnded(
        external_conversation_id=detail.external_conversation_id,
        kind=kinds.get(detail.transcript.status, CallEnd.TEXT_PENDING),
        facts=_facts(detail, translation),
        transcript=transcript if detail.transcript.status == "inline" else None,
        pointer=_pointer(detail.transcript, translation, now),
    )


def recording_ready(event: Mapping[str, Any], _: Translation, now: int) -> RecordingReady:
    """Translate a `Recording Ready` event; raises InvalidInput."""
    detail = validate(RecordingReadyDetail, event.get("detail"), "detail")
    started = detail.recording.started_at
    return RecordingReady(
        external_conversation_id=detail.external_conversation_id,
        uri=detail.recording.uri,
        created_at=int(started.timestamp()) if started else now,
    )


def transcript_document(content: object, call_seconds: float | None = None) -> Transcript:
    """Translate a transcript file: a list of messages, or an object with `messages`; raises InvalidInput."""
    messages = content.get("messages") if isinstance(content, Mapping) else content
    parsed = validate(CanonicalTranscript, {"status": "inline", "messages": messages}, "transcript")
    return _transcript(parsed.messages, call_seconds, "transcript.messages")


def _transcript(messages: tuple[CanonicalMessage, ...], seconds: float | None, path: str) -> Transcript:
    rendered = tuple(message.model_dump(exclude_none=True) for message in messages)
    for message, source in zip(rendered, messages, strict=True):
        message.setdefault("content", source.content)
    check_times(rendered, seconds, path)
    check_tool_calls(rendered, path)
    return Transcript(rendered)


def _pointer(transcript: CanonicalTranscript, translation: Translation, now: int) -> TranscriptPointer | None:
    if transcript.status != "reference" or transcript.reference is None:
        return None
    parts = urlsplit(transcript.reference.uri, allow_fragments=False)
    bucket, key = parts.netloc, transcript.reference.uri.split("/", 3)[3]
    if bucket not in translation.transcript_buckets:
        raise InvalidInput("detail.transcript.reference.uri", "must lie in a configured transcript bucket")
    return TranscriptPointer(bucket=bucket, key=key, format=transcript.reference.format, stored_at=now)


def _facts(detail: CallEndedDetail, translation: Translation) -> Facts:
    starts = [item.started_at for item in detail.recording.items if item.started_at]
    expected = detail.recording.expected
    return Facts(
        occurred_at=_rfc3339(starts[0] if starts else detail.began_at),
        ended_at=int((detail.ended_at or detail.began_at).timestamp()),
        seconds=detail.seconds,
        agent_id=_agent_id(detail.agent, translation),
        metadata=_metadata(detail),
        tags=tuple(dict.fromkeys((*detail.tags, *translation.tags)))[:20],
        metrics=detail.metrics or translation.metrics,
        recording_expected=detail.status not in NO_CONVERSATION if expected is None else expected,
    )


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _agent_id(agent: AgentOfPlatform | None, translation: Translation) -> str | None:
    """The operator's map first, then an id that is Coval's own already, then the default."""
    if agent and agent.id:
        if agent.id in translation.agent_ids:
            return translation.agent_ids[agent.id]
        if re.fullmatch(r"[A-Za-z0-9-]{22}", agent.id):
            return agent.id
    return translation.default_agent_id or None


def _metadata(detail: CallEndedDetail) -> dict[str, Scalar]:
    told = {
        "provider": detail.provider,
        "direction": detail.direction,
        "call_status": detail.status,
        "end_reason": detail.end_reason,
    }
    return {**{name: value for name, value in told.items() if value}, **detail.metadata}
