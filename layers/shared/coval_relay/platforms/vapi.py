"""Vapi: the server message `end-of-call-report`, with the transcript and the recordings' URLs.

Docs: Vapi, server events: end-of-call-report, and the types of its server SDK. The system prompt, which the
report carries too, is left out: it can be long and secret. Three recordings of one side or both are all named
`…-mono`: the report says which is which, so those wait for it; none is taken that no report names, for it may be
of one side.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from coval_relay.boundary_models import validate
from coval_relay.domain.call import RecordingHints
from coval_relay.domain.call_aliases import Alias
from coval_relay.domain.call_id import ID_RULE
from coval_relay.domain.errors import InvalidInputError
from coval_relay.domain.object_key_rules import KeyRule
from coval_relay.platforms.shared import canonical_events as canonical
from coval_relay.platforms.shared import event_parts, fields
from coval_relay.platforms.shared.contract import Event, Platform, PlatformOptions, TranscriptFormat

NAME = "vapi"
DIRECTIONS = {"inboundPhoneCall": "inbound", "outboundPhoneCall": "outbound", "webCall": "web"}
SPEAKERS: Mapping[str, canonical.Role] = {"bot": "assistant", "assistant": "assistant", "user": "user"}
FILE = "vapi_file"
UNANSWERED: Mapping[str, canonical.CallStatus] = {
    "customer-busy": "busy",
    "did-not-answer": "no_answer",
    "cancel": "cancelled",
    "hungup-before-call-connect": "cancelled",
    "deleted": "cancelled",
    "error": "failed",
    "fail": "failed",
    "misdialed": "failed",
    "rejected": "failed",
    "unallocated": "failed",
    "carrier-released": "failed",
    "microphone-permission": "failed",
    "assistant-not": "failed",
    "assistant-request-returned": "failed",
}
"""Words in the reason of a call in which the customer said nothing, the first that fits; there are 600 reasons."""


class _Function(fields.Camel):
    name: fields.Text = None
    arguments: fields.Json = None


class _ToolCall(fields.Camel):
    id: fields.Text = None
    function: fields.Lenient[_Function] = _Function()


class _Turn(fields.Camel):
    role: fields.Text = None
    message: fields.Words = None
    time: fields.Time = None
    end_time: fields.Time = None
    seconds_from_start: fields.Number = None
    """Begins anew with each assistant of a squad."""
    tool_calls: fields.Several[_ToolCall] = ()
    tool_call_id: fields.Text = None
    result: fields.Json = None


class _Mono(fields.Camel):
    combined_url: fields.Url = None
    assistant_url: fields.Url = None
    customer_url: fields.Url = None


class _Recording(fields.Camel):
    stereo_url: fields.Url = None
    mono: fields.Lenient[_Mono] = _Mono()


class _Artifact(fields.Camel):
    messages: fields.Several[_Turn] = ()
    recording: fields.Lenient[_Recording] = _Recording()
    recording_url: fields.Url = None
    stereo_recording_url: fields.Url = None
    presigned_mono_url: fields.Url = None
    presigned_stereo_url: fields.Url = None

    @property
    def mono(self) -> fields.Url:
        """Of both sides."""
        return self.recording.mono.combined_url or self.recording_url or self.presigned_mono_url

    @property
    def stereo(self) -> fields.Url:
        return self.recording.stereo_url or self.stereo_recording_url or self.presigned_stereo_url

    @property
    def sides(self) -> tuple[fields.Url, ...]:
        """Of one side each."""
        return self.recording.mono.assistant_url, self.recording.mono.customer_url


class _Assistant(fields.Camel):
    id: fields.Text = None
    name: fields.Text = None


class _Call(fields.Camel):
    id: fields.ConversationId
    type: fields.Text = None
    created_at: fields.Time = None
    assistant_id: fields.Text = None
    squad_id: fields.Text = None
    workflow_id: fields.Text = None
    phone_call_provider: fields.Text = None
    phone_call_provider_id: fields.Text = None


class _Report(_Artifact):
    """Older reports have the artifact's fields at their top level."""

    type: fields.Text = None
    ended_reason: fields.Text = None
    started_at: fields.Time = None
    ended_at: fields.Time = None
    timestamp: fields.Time = None
    call: _Call | None = None
    chat: Any = None
    """Of a text chat, which has no call."""
    assistant: fields.Lenient[_Assistant] = _Assistant()
    artifact: fields.Lenient[_Artifact] = _Artifact()

    @property
    def turns(self) -> Sequence[_Turn]:
        return self.artifact.messages or self.messages

    @property
    def mono_audio(self) -> fields.Url:
        return self.artifact.mono or self.mono

    @property
    def stereo_audio(self) -> fields.Url:
        return self.artifact.stereo or self.stereo


class _Body(fields.Camel):
    message: _Report


def _translate(event: Event, options: PlatformOptions) -> Sequence[canonical.Event]:
    report = validate(_Body, event.get("detail"), "detail").message
    if report.type not in (None, "end-of-call-report") or (report.chat and not report.call):
        return []
    if report.call is None:
        raise InvalidInputError("detail.message.call.id", ID_RULE)
    return [*_one_sided(report), _call_ended(report, report.call, event, options)]


def _call_ended(report: _Report, call: _Call, event: Event, options: PlatformOptions) -> canonical.Event:
    times = event_parts.call_times(event, _not_connected_at(report, call), report.ended_at, report.started_at)
    messages = _messages(report)
    return canonical.CallEndedEvent(
        provider=NAME,
        external_conversation_id=call.id,
        aliases=(*event_parts.aliases(twilio_call_sid=_twilio_call(call)), *_files(report.mono_audio)),
        direction=DIRECTIONS.get(call.type or ""),
        status=_status(report),
        end_reason=report.ended_reason,
        **times,
        agent=canonical.Agent(id=_agent_id(report, call), name=report.assistant.name),
        transcript=event_parts.transcript(
            messages, "answered", times=times, separate=NAME in options.separate_transcripts
        ),
        recording=_recording(report, options),
        metadata=event_parts.metadata(
            agent_name=report.assistant.name, vapi_call_type=call.type, vapi_squad_id=call.squad_id
        ),
    )


def _not_connected_at(report: _Report, call: _Call) -> datetime | None:
    """When a call was tried that never connected: it has no `startedAt`."""
    if report.started_at:
        return None
    return call.created_at or report.ended_at or report.timestamp


def _status(report: _Report) -> canonical.CallStatus:
    """Reasons are an open set: only words in them are looked at, and only where the customer said nothing."""
    reason = report.ended_reason or ""
    if "voicemail" in reason:
        return "voicemail"
    if any(turn.role == "user" and turn.message for turn in report.turns):
        return "completed"
    unanswered = next((status for word, status in UNANSWERED.items() if word in reason), None)
    if report.started_at:
        return unanswered if unanswered in ("busy", "no_answer", "cancelled") else "completed"
    return unanswered or "no_answer"


def _agent_id(report: _Report, call: _Call) -> str | None:
    return report.assistant.id or call.assistant_id or call.squad_id or call.workflow_id


def _twilio_call(call: _Call) -> str | None:
    return call.phone_call_provider_id if call.phone_call_provider == "twilio" else None


# --- transcript --------------------------------------------------------------------------------------


def _messages(report: _Report) -> list[canonical.Message]:
    zero = _zero(report)
    return event_parts.usable_messages(_message(turn, zero) for turn in report.turns)


def _zero(report: _Report) -> datetime | None:
    """The moment that the first message's seconds count from, and so all; else the call's start."""
    for turn in report.turns:
        if turn.role != "system" and turn.time and turn.seconds_from_start is not None:
            return fields.later(turn.time, -turn.seconds_from_start)
    return report.started_at


def _message(turn: _Turn, zero: datetime | None) -> canonical.Message | None:
    start, speaker = _since(zero, turn.time), SPEAKERS.get(turn.role or "")
    start = turn.seconds_from_start if start is None else start
    if speaker:
        return event_parts.message(speaker, turn.message, start, _since(zero, turn.end_time))
    if turn.role == "tool_calls":
        return event_parts.tool_call_message(turn.message, map(_tool_call, turn.tool_calls), start)
    if turn.role in ("tool_call_result", "tool"):
        return event_parts.tool_result(turn.tool_call_id, turn.result or turn.message, start)
    return None


def _since(zero: datetime | None, moment: datetime | None) -> float | None:
    return (moment - zero).total_seconds() if zero and moment else None


def _tool_call(call: _ToolCall) -> canonical.ToolCall | None:
    return event_parts.tool_call(call.id, call.function.name, call.function.arguments)


def _messages_of_file(content: Any, _: object) -> list[canonical.Message]:
    """A report that was put into a file."""
    return _messages(validate(_Body, content, "transcript").message)


# --- recordings --------------------------------------------------------------------------------------


def _recording(report: _Report, options: PlatformOptions) -> canonical.ExpectedRecording:
    """Stereo where the agent's channel is known, else the mix: Vapi does not document the channel layout."""
    agent_channel = options.agent_channels.get(NAME)
    stereo = event_parts.recording_uri(report.stereo_audio, options), agent_channel
    mono = event_parts.recording_uri(report.mono_audio, options), None
    items = event_parts.first_recording(*((mono, stereo) if agent_channel is None else (stereo, mono)))
    return canonical.ExpectedRecording(expected=bool(report.mono_audio or report.stereo_audio), items=items)


def _one_sided(report: _Report) -> list[canonical.Event]:
    """Files of one side are not the call's recording, though their names say no more than that of both."""
    files = tuple(file for url in (*report.artifact.sides, *report.sides) for file in _files(url))
    if not files:
        return []
    return [canonical.AliasesKnownEvent(provider=NAME, alias=event_parts.no_recording("one_side"), aliases=files)]


def _files(url: str | None) -> tuple[Alias, ...]:
    """The alias that a file's name is, wherever it is stored: each has an id of its own in it."""
    try:
        path = urlsplit(url or "").path
    except ValueError:
        return ()
    return event_parts.aliases(vapi_file=path.rpartition("/")[2])


_CALL = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_FILE = rf"{_CALL}-\d{{13}}-[0-9a-f-]{{36}}"
_AUDIO = r"\.(?:wav|mp3|flac)"


def _key_rules(options: PlatformOptions) -> tuple[KeyRule, ...]:
    agent_channel = options.agent_channels.get(NAME)
    rank = 0 if agent_channel is None else 2
    stereo = rf"(?:^|/)(?={_FILE}-stereo)(?P<external_conversation_id>{_CALL})-[^/]*{_AUDIO}$"
    return (
        KeyRule(
            name="vapi_stereo",
            platform=NAME,
            pattern=stereo,
            hints=RecordingHints(agent_channel=agent_channel, rank=rank, several=True),
        ),
        KeyRule(
            name="vapi_mono",
            platform=NAME,
            pattern=rf"(?:^|/)(?P<alias>{_FILE}-mono{_AUDIO})$",
            alias_type=FILE,
            named_by="a report that names this file as the mix of both sides",
            hints=RecordingHints(rank=1, several=True),
        ),
    )


PLATFORM = Platform(
    translate=_translate,
    key_rules=_key_rules,
    ignored_keys=(
        rf"(?:^|/){_CALL}[^/]*\.(?:pcap|log|txt|jsonl|gz)$",
        rf"(?:^|/){_CALL}[^/]*-(?:assistant|customer|video)\.[a-z0-9]+$",
    ),
    formats={NAME: TranscriptFormat(_messages_of_file)},
)
