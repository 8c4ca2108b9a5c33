"""The canonical events: what every platform's own events become, and what a relay of one's own may send.

Strict where a mistake would change the evaluation (roles, times, ids), tolerant to fields it does not know.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from coval_relay.boundary import BoundaryModel, validate
from coval_relay.domain.aliases import Alias, checked_alias, object_alias
from coval_relay.domain.call import CallEnd, CallFacts, RecordingHints, TranscriptPointer
from coval_relay.domain.call_id import ID_RULE, is_call_id
from coval_relay.domain.errors import InvalidInputError
from coval_relay.domain.key_rules import KeyRule
from coval_relay.domain.messages import (
    AliasesKnown,
    CallEnded,
    Message,
    RecordingReady,
    TranscriptArrived,
    TranscriptUnavailable,
    UtterancesReceived,
)
from coval_relay.domain.transcript import (
    Transcript,
    Utterance,
    check_times,
    check_tool_calls,
    completed,
    shifted,
)
from coval_relay.platforms.shared.contract import (
    CanonicalEvent,
    CanonicalMessage,
    Event,
    Platform,
    PlatformOptions,
    Sidecar,
    TranscriptContext,
    TranscriptFormat,
)

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


UTTERANCES = "utterances"
"""Format of a transcript that is collected from `Transcript Utterances`; its URI is `utterances:`."""
AUDIO = "wav|mp3|ogg|oga|opus|flac|m4a|mp4|webm"


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
    if len(json.dumps(value)) > MAX_METADATA_BYTES:
        raise ValueError(f"must have at most {MAX_METADATA_BYTES} bytes")
    return value


Time = Annotated[datetime | None, BeforeValidator(_a_time), AfterValidator(_with_zone)]
Seconds = Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)]
ConversationId = Annotated[str, BeforeValidator(_an_id)]
Tag = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"\S")]
Word = Annotated[str, StringConstraints(max_length=1000)]
Metric = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{22,26}$")]
URI = r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/.+|https://[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?/.*"
REFERENCE_URI = rf"^({URI}|utterances:)$"
Uri = Annotated[str, StringConstraints(pattern=rf"^({URI})$", max_length=4096)]
Channel = Annotated[int, Field(ge=0, le=31)]
Scalar = str | bool | int | Annotated[float, Field(allow_inf_nan=False)]
MAX_METADATA_BYTES = 100_000


class Function(BoundaryModel):
    name: str
    arguments: str


class ToolCall(BoundaryModel):
    id: Annotated[str, StringConstraints(min_length=1)]
    type: Literal["function"] = "function"
    function: Function


class CanonicalSpeech(BoundaryModel):
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


class Reference(BoundaryModel):
    uri: Annotated[str, StringConstraints(pattern=REFERENCE_URI, max_length=4096)]
    format: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,64}$")]


class CanonicalTranscript(BoundaryModel):
    status: Literal["inline", "reference", "pending", "none"]
    time_base: Literal["recording_start", "call_start", "answered"] = "recording_start"
    messages: tuple[CanonicalSpeech, ...] = ()
    reference: Reference | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.status == "inline" and not self.messages:
            raise ValueError("an inline transcript must have messages")
        if self.status == "reference" and self.reference is None:
            raise ValueError("a transcript by reference must have a reference")
        return self


class AgentOfPlatform(BoundaryModel):
    id: str | None = None
    name: str | None = None


class AliasOfPlatform(BoundaryModel):
    type: Annotated[str, StringConstraints(max_length=64)]
    value: Annotated[str, StringConstraints(max_length=1500)]

    @model_validator(mode="after")
    def _usable(self) -> Self:
        try:
            checked_alias(self.type, self.value, "alias")
        except InvalidInputError as error:
            raise ValueError(error.rule) from None
        return self

    @property
    def alias(self) -> Alias:
        return Alias(self.type, self.value)


class RecordingItem(BoundaryModel):
    uri: Uri | None = None
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


class ExpectedRecording(BoundaryModel):
    expected: bool | None = None
    agent_channel: Channel | None = None
    items: tuple[RecordingItem, ...] = ()


class _Detail(BoundaryModel):
    schema_version: Annotated[str, StringConstraints(strict=True, pattern=r"^1(\.\d+)*$")]
    provider: Word | None = None


class _CallDetail(_Detail):
    external_conversation_id: ConversationId


class _NamedDetail(_Detail):
    """A detail that names its call by the call's id, or by an alias of it."""

    external_conversation_id: ConversationId | None = None
    alias: AliasOfPlatform | None = None

    @model_validator(mode="after")
    def _names_a_call(self) -> Self:
        if (self.external_conversation_id is None) == (self.alias is None):
            raise ValueError("must have either external_conversation_id or alias")
        return self

    @property
    def target(self) -> str:
        return self.external_conversation_id or (self.alias.alias.key if self.alias else "")


class CallEndedDetail(_CallDetail):
    """`detail` of a `Call Ended` event."""

    aliases: Annotated[tuple[AliasOfPlatform, ...], Field(max_length=20)] = ()
    group_id: Word | None = None
    direction: Word | None = None
    status: Literal["completed", "failed", "no_answer", "busy", "cancelled", "voicemail"] = "completed"
    end_reason: Word | None = None
    started_at: Time = None
    answered_at: Time = None
    ended_at: Time = None
    agent: AgentOfPlatform | None = None
    queue: Word | None = None
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
    def zero(self) -> datetime:
        """The instant that the transcript's times count from, as far as the call itself tells it."""
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


class ReadyRecording(RecordingItem):
    uri: Uri


class RecordingReadyDetail(_NamedDetail):
    """`detail` of a `Recording Ready` event."""

    recording: ReadyRecording


class AliasesKnownDetail(_NamedDetail):
    """`detail` of an `Aliases Known` event."""

    aliases: Annotated[tuple[AliasOfPlatform, ...], Field(min_length=1, max_length=20)]


class TranscriptReadyDetail(_CallDetail):
    """`detail` of a `Transcript Ready` event."""

    reference: Reference


class TranscriptUnavailableDetail(_CallDetail):
    """`detail` of a `Transcript Unavailable` event."""

    reason: Word = ""


class UtteranceOfPlatform(BoundaryModel):
    id: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    role: Literal["assistant", "user"]
    content: Annotated[str, StringConstraints(min_length=1)]
    spoken_at: Seconds
    ended_at: Seconds


class TranscriptUtterancesDetail(_CallDetail):
    """`detail` of a `Transcript Utterances` event."""

    utterances: Annotated[tuple[UtteranceOfPlatform, ...], Field(min_length=1, max_length=500)]


# --- translation -------------------------------------------------------------------------------------


def messages(event: CanonicalEvent, options: PlatformOptions, now: int) -> tuple[Message, ...]:
    """The messages of one canonical event; raises InvalidInputError."""
    return _READERS[str(event["detail-type"])](event.get("detail"), options, now)


def _call_ended(detail: object, options: PlatformOptions, now: int) -> tuple[Message, ...]:
    """First what helps others to find the call, then the recordings, whose links may end soon."""
    told = validate(CallEndedDetail, detail, "detail")
    call_id = told.external_conversation_id
    aliases = (*(known.alias for known in told.aliases), *_locations(told))
    kinds = {"inline": CallEnd.WITH_TRANSCRIPT, "none": CallEnd.WITHOUT_TRANSCRIPT}
    ended = CallEnded(
        external_conversation_id=call_id,
        kind=kinds.get(told.transcript.status, CallEnd.TRANSCRIPT_PENDING),
        facts=_facts(told, options),
        transcript=_inline(told, options) if told.transcript.status == "inline" else None,
        pointer=_pointer(told.transcript, options, now),
    )
    known = (AliasesKnown(target=call_id, aliases=aliases),) if aliases else ()
    links = tuple(_ready(call_id, item, options, now) for item in told.recording.items if _is_link(item.uri))
    return (*known, *links, ended)


def _locations(told: CallEndedDetail) -> tuple[Alias, ...]:
    """Objects come with S3's own event, the call's end only says whose they are."""
    objects = (item.uri for item in told.recording.items if item.uri and not _is_link(item.uri))
    return tuple(object_alias(*_bucket_and_key(uri)) for uri in objects)


def _is_link(uri: str | None) -> bool:
    return uri is not None and uri.startswith("https://")


def _host(uri: str) -> str:
    """With its port, where that is not the usual one: so the operator lists it."""
    return urlsplit(uri).netloc.lower()


def _bucket_and_key(uri: str) -> tuple[str, str]:
    _, _, bucket, key = uri.split("/", 3)
    return bucket, key


def _recording_ready(detail: object, options: PlatformOptions, now: int) -> tuple[Message, ...]:
    told = validate(RecordingReadyDetail, detail, "detail")
    return (_ready(told.target, told.recording, options, now),)


def _ready(target: str, item: RecordingItem, options: PlatformOptions, now: int) -> RecordingReady:
    assert item.uri is not None
    if _is_link(item.uri) and _host(item.uri) not in options.recording_hosts:
        raise InvalidInputError("detail.recording.uri", "its host is not among the allowed ones")
    started = item.started_at
    return RecordingReady(
        target=target,
        uri=item.uri,
        created_at=int(started.timestamp()) if started else now,
        hints=item.hints,
    )


def _aliases_known(detail: object, _: PlatformOptions, __: int) -> tuple[Message, ...]:
    told = validate(AliasesKnownDetail, detail, "detail")
    return (AliasesKnown(target=told.target, aliases=tuple(known.alias for known in told.aliases)),)


def _transcript_ready(detail: object, options: PlatformOptions, now: int) -> tuple[Message, ...]:
    told = validate(TranscriptReadyDetail, detail, "detail")
    pointer = _referred(told.reference, options, now, "detail.reference")
    return (TranscriptArrived(external_conversation_id=told.external_conversation_id, pointer=pointer),)


def _transcript_unavailable(detail: object, _: PlatformOptions, __: int) -> tuple[Message, ...]:
    told = validate(TranscriptUnavailableDetail, detail, "detail")
    return (TranscriptUnavailable(told.external_conversation_id),)


def _transcript_utterances(detail: object, _: PlatformOptions, __: int) -> tuple[Message, ...]:
    told = validate(TranscriptUtterancesDetail, detail, "detail")
    utterances = tuple(Utterance(**spoken.model_dump()) for spoken in told.utterances)
    return (UtterancesReceived(told.external_conversation_id, utterances),)


_READERS = {
    "Call Ended": _call_ended,
    "Recording Ready": _recording_ready,
    "Aliases Known": _aliases_known,
    "Transcript Ready": _transcript_ready,
    "Transcript Unavailable": _transcript_unavailable,
    "Transcript Utterances": _transcript_utterances,
}
DETAIL_TYPES = tuple(_READERS)


# --- transcripts -------------------------------------------------------------------------------------


def _inline(told: CallEndedDetail, options: PlatformOptions) -> Transcript:
    path = "detail.transcript.messages"
    lengths = Lengths(told.seconds, told.spoken_seconds)
    transcript = _transcript(told.transcript.messages, lengths, options, path)
    started = told.recording_started_at
    if started is None or told.transcript.time_base == "recording_start":
        return transcript
    return shifted(transcript, (started - told.zero).total_seconds())


def transcript(
    told: Sequence[CanonicalMessage], facts: CallFacts | None, options: PlatformOptions
) -> Transcript:
    """The transcript of a file's canonical messages; raises InvalidInputError."""
    parsed = validate(CanonicalTranscript, {"status": "inline", "messages": list(told)}, "transcript")
    lengths = Lengths()
    if facts and facts.seconds is not None:
        zero = datetime.fromisoformat(facts.occurred_at).timestamp()
        lengths = Lengths(facts.seconds, max(0.0, facts.ended_at - zero))
    return _transcript(parsed.messages, lengths, options, "transcript.messages")


@dataclass(frozen=True, slots=True)
class Lengths:
    """Of the call, by which units are judged, and of its audio, with which the last words end; in seconds."""

    call: float | None = None
    audio: float | None = None


def _transcript(
    told: tuple[CanonicalSpeech, ...], lengths: Lengths, options: PlatformOptions, path: str
) -> Transcript:
    rendered = tuple(message.model_dump(exclude_none=True) for message in told)
    for message, source in zip(rendered, told, strict=True):
        message.setdefault("content", source.content)
    check_times(rendered, lengths.call, path)
    check_tool_calls(rendered, path)
    return completed(rendered, lengths.audio, keep_estimates=options.estimated_times == "send")


def _pointer(told: CanonicalTranscript, options: PlatformOptions, now: int) -> TranscriptPointer | None:
    if told.status != "reference" or told.reference is None:
        return None
    return _referred(told.reference, options, now, "detail.transcript.reference")


def _referred(reference: Reference, options: PlatformOptions, now: int, path: str) -> TranscriptPointer:
    if reference.uri == f"{UTTERANCES}:":
        return TranscriptPointer(format=UTTERANCES, stored_at=now)
    if _is_link(reference.uri):
        if _host(reference.uri) not in options.transcript_hosts:
            raise InvalidInputError(f"{path}.uri", "its host is not among the allowed ones")
        return TranscriptPointer(url=reference.uri, format=reference.format, stored_at=now)
    bucket, key = _bucket_and_key(reference.uri)
    if bucket not in options.transcript_buckets:
        raise InvalidInputError(f"{path}.uri", "must lie in a configured transcript bucket")
    if not key.startswith(options.transcript_prefixes):
        raise InvalidInputError(f"{path}.uri", "must have one of the configured transcript prefixes")
    return TranscriptPointer(bucket=bucket, key=key, format=reference.format, stored_at=now)


# --- facts -------------------------------------------------------------------------------------------


def _facts(told: CallEndedDetail, options: PlatformOptions) -> CallFacts:
    expected = told.recording.expected
    return CallFacts(
        occurred_at=_rfc3339(told.recording_started_at or told.zero),
        ended_at=int((told.ended_at or told.began_at).timestamp()),
        seconds=told.seconds,
        agent_id=_agent_id(told.agent, options),
        metadata=_metadata(told),
        tags=tuple(dict.fromkeys((*told.tags, *options.tags)))[:20],
        metrics=told.metrics or options.metrics,
        recording_expected=told.status not in NO_CONVERSATION if expected is None else expected,
        agent_channel=_agent_channel(told, options),
    )


def _agent_channel(told: CallEndedDetail, options: PlatformOptions) -> int | None:
    known = options.agent_channels.get(told.provider or "canonical")
    if known is not None:
        return known
    if told.recording.agent_channel is not None:
        return told.recording.agent_channel
    sides = {item.agent_channel for item in told.recording.items if item.agent_channel is not None}
    return sides.pop() if len(sides) == 1 else None


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _agent_id(agent: AgentOfPlatform | None, options: PlatformOptions) -> str | None:
    """The operator's map first, then an id that is Coval's own already, then the default."""
    if agent and agent.id:
        if agent.id in options.agent_ids:
            return options.agent_ids[agent.id]
        if re.fullmatch(r"[A-Za-z0-9-]{22}", agent.id):
            return agent.id
    return options.default_agent_id or None


def _metadata(told: CallEndedDetail) -> dict[str, Scalar]:
    known = {
        "provider": told.provider,
        "direction": told.direction,
        "call_status": told.status,
        "end_reason": told.end_reason,
        "group_id": told.group_id,
        "queue": told.queue,
    }
    return {**{name: value for name, value in known.items() if value}, **told.metadata}


# --- the canonical platform itself -------------------------------------------------------------------


def _as_it_is(event: Event, _: PlatformOptions) -> tuple[CanonicalEvent, ...]:
    return (event,)


def _key_rules(options: PlatformOptions) -> tuple[KeyRule, ...]:
    hints = RecordingHints(agent_channel=options.agent_channels.get("canonical"))
    pattern = rf"^(?:.*/)?(?P<external_conversation_id>[^/]+)\.(?i:{AUDIO})$"
    return (KeyRule(name="canonical", platform="canonical", pattern=pattern, hints=hints),)


def _canonical_v1(content: Any, _: TranscriptContext) -> Sequence[CanonicalMessage]:
    """A list of messages, or an object with `messages`."""
    told = content.get("messages") if isinstance(content, Mapping) else content
    if not isinstance(told, list):
        raise InvalidInputError("transcript.messages", "must be a list")
    return told


def _collected(content: Any, context: TranscriptContext) -> Sequence[CanonicalMessage]:
    """Fragments, whose times are those of the clock, as messages from the start of the call's audio."""
    zero = content[0].spoken_at if context.zero is None else context.zero
    return [
        {
            "role": spoken.role,
            "content": spoken.content,
            "start_time": max(0.0, round(spoken.spoken_at - zero, 3)),
            "end_time": max(0.0, round(max(spoken.spoken_at, spoken.ended_at) - zero, 3)),
        }
        for spoken in content
    ]


def _sidecar(content: Any, bucket: str, key: str) -> Sequence[CanonicalEvent]:
    """`<key of the recording>.json` with an external_conversation_id."""
    owner = content.get("external_conversation_id") if isinstance(content, Mapping) else None
    place = {"type": "s3_object", "value": f"{bucket}/{key.removesuffix('.json')}"}
    detail = {"schema_version": "1", "external_conversation_id": owner, "aliases": [place]}
    return ({"detail-type": "Aliases Known", "detail": detail},)


PLATFORM = Platform(
    translate=_as_it_is,
    key_rules=_key_rules,
    formats={"canonical_v1": TranscriptFormat(_canonical_v1), UTTERANCES: TranscriptFormat(_collected)},
    sidecars=(Sidecar(rf"\.(?i:{AUDIO})\.json$", _sidecar),),
)
