"""ElevenLabs Agents: the post-call webhook, and the one for calls that could not be begun.

Docs: ElevenLabs, post-call webhooks, and the types of its SDK. Turns have a start in whole
seconds and no end. The audio webhook is skipped: the audio is fetched, where its host is allowed.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from coval_relay.boundary import BoundaryModel, validate
from coval_relay.platforms.shared import canonical_events as canonical
from coval_relay.platforms.shared import fields, parts
from coval_relay.platforms.shared.contract import Event, Platform, PlatformOptions, TranscriptFormat

NAME = "elevenlabs"
TRANSCRIPTION, INITIATION_FAILURE = "post_call_transcription", "call_initiation_failure"
SPEAKERS: Mapping[str, canonical.Role] = {"agent": "assistant", "user": "user"}
FAILURES: Mapping[str, canonical.CallStatus] = {"busy": "busy", "no-answer": "no_answer"}
AUDIO_URL = "https://api.elevenlabs.io/v1/convai/conversations/{}/audio"


class _ToolCall(BoundaryModel):
    request_id: fields.Text = None
    tool_name: fields.Text = None
    params_as_json: fields.Json = None


class _ToolResult(BoundaryModel):
    request_id: fields.Text = None
    result_value: fields.Json = None


class _Turn(BoundaryModel):
    role: fields.Text = None
    message: str | None = None
    time_in_call_secs: fields.Number = None
    tool_calls: fields.Several[_ToolCall] = ()
    tool_results: fields.Several[_ToolResult] = ()


class _PhoneCall(BoundaryModel):
    type: fields.Text = None
    direction: fields.Text = None
    call_sid: fields.Text = None


class _FailedCall(BoundaryModel):
    """Twilio's own status callback, as the failure's webhook carries it."""

    CallSid: fields.Text = None


class _CallMetadata(BoundaryModel):
    start_time_unix_secs: fields.EpochSeconds = None
    accepted_time_unix_secs: fields.EpochSeconds = None
    call_duration_secs: fields.Number = None
    termination_reason: fields.Text = None
    phone_call: fields.Lenient[_PhoneCall] = _PhoneCall()
    type: fields.Text = None
    body: fields.Lenient[_FailedCall] = _FailedCall()

    @property
    def answered_at(self) -> datetime | None:
        return self.accepted_time_unix_secs or self.start_time_unix_secs

    @property
    def ended_at(self) -> datetime | None:
        return fields.later(self.answered_at, self.call_duration_secs)

    @property
    def twilio_call(self) -> str | None:
        if self.phone_call.type == "twilio":
            return self.phone_call.call_sid
        return self.body.CallSid if self.type == "twilio" else None


class _Data(BoundaryModel):
    conversation_id: fields.ConversationId
    agent_id: fields.Text = None
    agent_name: fields.Text = None
    status: fields.Text = None
    failure_reason: fields.Text = None
    has_audio: bool | None = None
    transcript: fields.Several[_Turn] = ()
    metadata: fields.Lenient[_CallMetadata] = _CallMetadata()


class _Body(BoundaryModel):
    type: fields.Text = None
    event_timestamp: fields.EpochSeconds = None
    data: _Data


def _translate(event: Event, options: PlatformOptions) -> Sequence[canonical.Event]:
    body = validate(_Body, event.get("detail"), "detail")
    if body.type == TRANSCRIPTION:
        return [_call_ended(body, event, options)]
    return [_not_initiated(body, event)] if body.type == INITIATION_FAILURE else []


def _call_ended(body: _Body, event: Event, options: PlatformOptions) -> canonical.Event:
    data, call = body.data, body.data.metadata
    messages = _messages(data.transcript)
    return canonical.CallEndedEvent(
        provider=NAME,
        external_conversation_id=data.conversation_id,
        aliases=parts.aliases(twilio_call_sid=call.twilio_call),
        direction=call.phone_call.direction,
        status="failed" if data.status == "failed" and not messages else "completed",
        end_reason=call.termination_reason,
        started_at=call.start_time_unix_secs or body.event_timestamp or fields.sent_at(event),
        answered_at=call.answered_at,
        ended_at=call.ended_at,
        agent=canonical.Agent(id=data.agent_id, name=data.agent_name),
        transcript=parts.transcript(messages, "answered", separate=NAME in options.separate_transcripts),
        recording=_recording(data, options),
        metadata=parts.metadata(agent_name=data.agent_name),
    )


def _not_initiated(body: _Body, event: Event) -> canonical.Event:
    data = body.data
    return canonical.CallEndedEvent(
        provider=NAME,
        external_conversation_id=data.conversation_id,
        aliases=parts.aliases(twilio_call_sid=data.metadata.twilio_call),
        direction="outbound",
        status=FAILURES.get(data.failure_reason or "", "failed"),
        end_reason=data.failure_reason,
        started_at=body.event_timestamp or fields.sent_at(event),
        agent=canonical.Agent(id=data.agent_id, name=data.agent_name),
        recording=canonical.ExpectedRecording(expected=False),
        metadata=parts.metadata(agent_name=data.agent_name),
    )


# --- transcript --------------------------------------------------------------------------------------


def _messages(turns: Sequence[_Turn]) -> list[canonical.Message]:
    return parts.usable_messages(part for turn in turns for part in _messages_of_turn(turn))


def _messages_of_turn(turn: _Turn) -> Iterator[canonical.Message]:
    """One turn holds what is said, the tools' calls and their results."""
    start, role = turn.time_in_call_secs, SPEAKERS.get(turn.role or "")
    if role == "assistant" and turn.tool_calls:
        calls = (parts.tool_call(call.request_id, call.tool_name, call.params_as_json) for call in turn.tool_calls)
        yield parts.tool_call_message(turn.message, calls, start)
    elif role:
        yield parts.message(role, turn.message, start)
    for result in turn.tool_results:
        yield parts.tool_result(result.request_id, result.result_value, start)


def _messages_of_file(content: Any, _: object) -> list[canonical.Message]:
    """A webhook's body that was put into a file."""
    return _messages(validate(_Body, content, "transcript").data.transcript)


# --- recording ---------------------------------------------------------------------------------------


def _recording(data: _Data, options: PlatformOptions) -> canonical.ExpectedRecording:
    """The mix of both, by the API (ElevenLabs API, get conversation audio); it asks for `xi-api-key`."""
    url = parts.fetchable(AUDIO_URL.format(quote(data.conversation_id, safe="")), options)
    items = parts.first_recording((url, None)) if data.has_audio is not False else ()
    return canonical.ExpectedRecording(expected=bool(items), items=items)


PLATFORM = Platform(translate=_translate, formats={NAME: TranscriptFormat(_messages_of_file)})
