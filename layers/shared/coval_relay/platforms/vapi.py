"""Vapi: the server message `end-of-call-report`, with the transcript and the recordings' URLs.

Docs: Vapi, server events: end-of-call-report, and the types of its server SDK. The system prompt, which the
report carries too, is left out: it can be long and secret.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from coval_relay.boundary import validate
from coval_relay.domain.call import RecordingHints
from coval_relay.domain.key_rules import KeyRule
from coval_relay.platforms.shared import canonical_events as canonical
from coval_relay.platforms.shared import fields, parts
from coval_relay.platforms.shared.contract import Event, Platform, PlatformOptions, TranscriptFormat

NAME = "vapi"
DIRECTIONS = {"inboundPhoneCall": "inbound", "outboundPhoneCall": "outbound", "webCall": "web"}
SPEAKERS: Mapping[str, canonical.Role] = {"bot": "assistant", "assistant": "assistant", "user": "user"}
UNANSWERED: Mapping[str, canonical.CallStatus] = {
    "busy": "busy",
    "cancel": "cancelled",
    "error": "failed",
    "fail": "failed",
}


class _Function(fields.Camel):
    name: fields.Text = None
    arguments: fields.Json = None


class _ToolCall(fields.Camel):
    id: fields.Text = None
    function: fields.Lenient[_Function] = _Function()


class _Turn(fields.Camel):
    role: fields.Text = None
    message: str | None = None
    time: fields.Number = None
    end_time: fields.Number = None
    """Epoch milliseconds, both."""
    seconds_from_start: fields.Number = None
    tool_calls: fields.Several[_ToolCall] = ()
    tool_call_id: fields.Text = None
    result: fields.Json = None


class _Mono(fields.Camel):
    combined_url: fields.Url = None


class _Recording(fields.Camel):
    stereo_url: fields.Url = None
    mono: fields.Lenient[_Mono] = _Mono()


class _Artifact(fields.Camel):
    messages: fields.Several[_Turn] = ()
    recording: fields.Lenient[_Recording] = _Recording()
    recording_url: fields.Url = None
    stereo_recording_url: fields.Url = None

    @property
    def mono(self) -> fields.Url:
        return self.recording.mono.combined_url or self.recording_url

    @property
    def stereo(self) -> fields.Url:
        return self.recording.stereo_url or self.stereo_recording_url


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
    timestamp: fields.EpochMilliseconds = None
    call: _Call
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
    if report.type not in (None, "end-of-call-report"):
        return []
    return [_call_ended(report, event, options)]


def _call_ended(report: _Report, event: Event, options: PlatformOptions) -> canonical.Event:
    call, messages = report.call, _messages(report.turns)
    return canonical.CallEndedEvent(
        provider=NAME,
        external_conversation_id=call.id,
        aliases=parts.aliases(twilio_call_sid=_twilio_call(call)),
        direction=DIRECTIONS.get(call.type or ""),
        status=_status(report),
        end_reason=report.ended_reason,
        started_at=_not_connected_at(report, event),
        answered_at=report.started_at,
        ended_at=report.ended_at,
        agent=canonical.Agent(id=_agent_id(report), name=report.assistant.name),
        transcript=parts.transcript(messages, "answered", separate=NAME in options.separate_transcripts),
        recording=_recording(report, options),
        metadata=parts.metadata(
            agent_name=report.assistant.name, vapi_call_type=call.type, vapi_squad_id=call.squad_id
        ),
    )


def _not_connected_at(report: _Report, event: Event) -> datetime | None:
    """When a call was tried that never connected: it has no `startedAt`."""
    if report.started_at:
        return None
    return report.call.created_at or report.ended_at or report.timestamp or fields.sent_at(event)


def _status(report: _Report) -> canonical.CallStatus:
    """The reasons are an open set of hundreds: only the words in them are looked at."""
    reason = report.ended_reason or ""
    if report.started_at:
        return "voicemail" if reason == "voicemail" else "completed"
    return next((status for word, status in UNANSWERED.items() if word in reason), "no_answer")


def _agent_id(report: _Report) -> str | None:
    call = report.call
    return report.assistant.id or call.assistant_id or call.squad_id or call.workflow_id


def _twilio_call(call: _Call) -> str | None:
    return call.phone_call_provider_id if call.phone_call_provider == "twilio" else None


# --- transcript --------------------------------------------------------------------------------------


def _messages(turns: Sequence[_Turn]) -> list[canonical.Message]:
    return parts.usable_messages(map(_message, turns))


def _message(turn: _Turn) -> canonical.Message | None:
    start, speaker = turn.seconds_from_start, SPEAKERS.get(turn.role or "")
    if speaker:
        return parts.message(speaker, turn.message, start, _end(turn))
    if turn.role == "tool_calls":
        return parts.tool_call_message(turn.message, map(_tool_call, turn.tool_calls), start)
    if turn.role in ("tool_call_result", "tool"):
        return parts.tool_result(turn.tool_call_id, turn.result or turn.message, start)
    return None


def _tool_call(call: _ToolCall) -> canonical.ToolCall | None:
    return parts.tool_call(call.id, call.function.name, call.function.arguments)


def _end(turn: _Turn) -> float | None:
    """From the two absolute times: `duration` is milliseconds or seconds, depending on whom one asks."""
    if turn.seconds_from_start is None or turn.time is None or turn.end_time is None:
        return None
    return turn.seconds_from_start + (turn.end_time - turn.time) / 1000


def _messages_of_file(content: Any, _: object) -> list[canonical.Message]:
    """A report that was put into a file."""
    return _messages(validate(_Body, content, "transcript").message.turns)


# --- recordings --------------------------------------------------------------------------------------


def _recording(report: _Report, options: PlatformOptions) -> canonical.ExpectedRecording:
    """Stereo where the agent's channel is known, else the mix: Vapi does not document the channel layout."""
    agent_channel = options.agent_channels.get(NAME)
    stereo = parts.recording_uri(report.stereo_audio, options), agent_channel
    mono = parts.recording_uri(report.mono_audio, options), None
    items = parts.first_recording(*((mono, stereo) if agent_channel is None else (stereo, mono)))
    return canonical.ExpectedRecording(expected=bool(report.mono_audio or report.stereo_audio), items=items)


_CALL = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_FILE = rf"(?:^|/)(?P<external_conversation_id>{_CALL})-\d{{13}}-[0-9a-f-]{{36}}"


def _key_rules(options: PlatformOptions) -> tuple[KeyRule, ...]:
    agent_channel = options.agent_channels.get(NAME)
    rank = 0 if agent_channel is None else 2
    stereo = RecordingHints(agent_channel=agent_channel, rank=rank, several=True)
    mono = RecordingHints(rank=1, several=True)
    return tuple(
        KeyRule(name=f"vapi_{kind}", platform=NAME, pattern=rf"{_FILE}-{kind}\.(?:wav|mp3|flac)$", hints=hints)
        for kind, hints in (("stereo", stereo), ("mono", mono))
    )


PLATFORM = Platform(
    translate=_translate,
    key_rules=_key_rules,
    ignored_keys=(
        rf"(?:^|/){_CALL}[^/]*\.(?:pcap|log|txt|jsonl|gz)$",
        rf"(?:^|/){_CALL}[^/]*-(?:assistant|customer)\.(?:wav|mp3|flac)$",
    ),
    formats={NAME: TranscriptFormat(_messages_of_file)},
)
