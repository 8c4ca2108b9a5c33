"""ElevenLabs Agents: the post-call webhook, and the one for calls that could not be begun.

Docs: ElevenLabs, post-call webhooks, and the types of its SDK. Turns have a start in whole
seconds and no end. The audio webhook is skipped: the audio is fetched, where its host is allowed. So
are sessions in writing: they are no calls.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from coval_relay.boundary_models import BoundaryModel, validate
from coval_relay.platforms.shared import canonical_events as canonical
from coval_relay.platforms.shared import event_parts, fields
from coval_relay.platforms.shared.contract import Event, Platform, PlatformOptions, TranscriptFormat

NAME = "elevenlabs"
TRANSCRIPTION, INITIATION_FAILURE = "post_call_transcription", "call_initiation_failure"
SPEAKERS: Mapping[str, canonical.Role] = {"agent": "assistant", "user": "user"}
RESULTS: Mapping[str, canonical.CallStatus] = {
    "voicemail": "voicemail",
    "busy": "busy",
    "no_answer": "no_answer",
    "failed": "failed",
}
"""`call_result` of the phone call, or of the call on WhatsApp."""
FAILURES: Mapping[str, canonical.CallStatus] = {
    "busy": "busy",
    "no-answer": "no_answer",
    "canceled": "cancelled",
    "408": "no_answer",
    "480": "no_answer",
    "486": "busy",
    "487": "cancelled",
    "600": "busy",
}
"""ElevenLabs's own reason; Twilio's status; SIP's status code."""
IN_WRITING = frozenset(
    {
        "twilio_sms",
        "zendesk_integration",
        "slack_integration",
        "telegram_integration",
        "intercom_integration",
        "freshdesk_integration",
        "salesforce_integration",
    }
)
"""Where conversations come from that are never spoken."""
AUDIO_URL = "https://api.elevenlabs.io/v1/convai/conversations/{}/audio"


class _ToolCall(BoundaryModel):
    request_id: fields.Text = None
    tool_name: fields.Text = None
    params_as_json: fields.Json = None


class _ToolResult(BoundaryModel):
    request_id: fields.Text = None
    result_value: fields.Json = None


class _Voices(BoundaryModel):
    parts: fields.Words = None


class _Turn(BoundaryModel):
    role: fields.Text = None
    message: fields.Words = None
    multivoice_message: fields.Lenient[_Voices] = _Voices()
    source_medium: fields.Text = None
    time_in_call_secs: fields.Number = None
    tool_calls: fields.Several[_ToolCall] = ()
    tool_results: fields.Several[_ToolResult] = ()

    @property
    def content(self) -> str | None:
        """What was said; key presses and texts say so."""
        content = self.message or self.multivoice_message.parts
        if self.role == "user" and self.source_medium == "dtmf":
            return event_parts.pressed(content)
        return event_parts.texted(content) if self.role == "user" and self.source_medium == "text" else content


class _PhoneCall(BoundaryModel):
    type: fields.Text = None
    direction: fields.Text = None
    call_sid: fields.Text = None
    call_result: fields.Text = None


class _FailedCall(BoundaryModel):
    """Twilio's own status callback, or what SIP said, as the failure's webhook carries it."""

    CallSid: fields.Text = None
    CallStatus: fields.Text = None
    sip_status_code: fields.Text = None


class _WhatsApp(BoundaryModel):
    call_result: fields.Text = None


class _Detection(BoundaryModel):
    used: fields.Flag = None


class _Features(BoundaryModel):
    voicemail_detection: fields.Lenient[_Detection] = _Detection()


class _CallMetadata(BoundaryModel):
    start_time_unix_secs: fields.Time = None
    accepted_time_unix_secs: fields.Time = None
    call_duration_secs: fields.Number = None
    termination_reason: fields.Text = None
    phone_call: fields.Lenient[_PhoneCall] = _PhoneCall()
    type: fields.Text = None
    body: fields.Lenient[_FailedCall] = _FailedCall()
    text_only: fields.Flag = None
    conversation_initiation_source: fields.Text = None
    sms: Any = None
    whatsapp: fields.Lenient[_WhatsApp] = _WhatsApp()
    features_usage: fields.Lenient[_Features] = _Features()

    @property
    def is_in_writing(self) -> bool:
        return bool(self.text_only or self.sms) or self.conversation_initiation_source in IN_WRITING

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
    has_audio: fields.Flag = None
    transcript: fields.Several[_Turn] = ()
    metadata: fields.Lenient[_CallMetadata] = _CallMetadata()


class _Body(BoundaryModel):
    type: fields.Text = None
    event_timestamp: fields.Time = None
    data: _Data


def _translate(event: Event, options: PlatformOptions) -> Sequence[canonical.Event]:
    body = validate(_Body, event.get("detail"), "detail")
    if body.type == TRANSCRIPTION:
        return [] if body.data.metadata.is_in_writing else [_call_ended(body, event, options)]
    return [_not_initiated(body, event)] if body.type == INITIATION_FAILURE else []


def _call_ended(body: _Body, event: Event, options: PlatformOptions) -> canonical.Event:
    data, call = body.data, body.data.metadata
    messages = _messages(data.transcript)
    started, ended = call.start_time_unix_secs, call.ended_at or body.event_timestamp
    times = event_parts.call_times(event, started, ended, call.accepted_time_unix_secs, started)
    return canonical.CallEndedEvent(
        provider=NAME,
        external_conversation_id=data.conversation_id,
        aliases=event_parts.aliases(twilio_call_sid=call.twilio_call),
        direction=call.phone_call.direction,
        status=_status(data),
        end_reason=call.termination_reason,
        **times,
        agent=canonical.Agent(id=data.agent_id, name=data.agent_name),
        transcript=event_parts.transcript(
            messages, "answered", times=times, separate=NAME in options.separate_transcripts
        ),
        recording=_recording(data, options),
        metadata=event_parts.metadata(agent_name=data.agent_name),
    )


def _status(data: _Data) -> canonical.CallStatus:
    call = data.metadata
    result = call.phone_call.call_result or call.whatsapp.call_result or ""
    detected = call.features_usage.voicemail_detection.used or "voicemail" in (call.termination_reason or "")
    if detected or RESULTS.get(result) == "voicemail":
        return "voicemail"
    if any(turn.role == "user" and turn.message for turn in data.transcript):
        return "completed"
    return RESULTS.get(result, "failed" if data.status == "failed" and not data.transcript else "completed")


def _failure(data: _Data) -> canonical.CallStatus:
    """The most exact of the reasons there are."""
    call = data.metadata.body
    reasons = (data.failure_reason, call.CallStatus, call.sip_status_code)
    return next((FAILURES[reason] for reason in reasons if reason and reason in FAILURES), "failed")


def _not_initiated(body: _Body, event: Event) -> canonical.Event:
    data = body.data
    return canonical.CallEndedEvent(
        provider=NAME,
        external_conversation_id=data.conversation_id,
        aliases=event_parts.aliases(twilio_call_sid=data.metadata.twilio_call),
        direction="outbound",
        status=_failure(data),
        end_reason=data.failure_reason,
        **event_parts.call_times(event, body.event_timestamp, None),
        agent=canonical.Agent(id=data.agent_id, name=data.agent_name),
        recording=canonical.ExpectedRecording(expected=False),
        metadata=event_parts.metadata(agent_name=data.agent_name),
    )


# --- transcript --------------------------------------------------------------------------------------


def _messages(turns: Sequence[_Turn]) -> list[canonical.Message]:
    return event_parts.usable_messages(part for turn in turns for part in _messages_of_turn(turn))


def _messages_of_turn(turn: _Turn) -> Iterator[canonical.Message]:
    """One turn holds what is said, the tools' calls and their results."""
    start, role = turn.time_in_call_secs, SPEAKERS.get(turn.role or "")
    if role == "assistant" and turn.tool_calls:
        calls = (
            event_parts.tool_call(call.request_id, call.tool_name, call.params_as_json) for call in turn.tool_calls
        )
        yield event_parts.tool_call_message(turn.content, calls, start)
    elif role:
        yield event_parts.message(role, turn.content, start)
    for result in turn.tool_results:
        yield event_parts.tool_result(result.request_id, result.result_value, start)


def _messages_of_file(content: Any, _: object) -> list[canonical.Message]:
    """A webhook's body that was put into a file."""
    return _messages(validate(_Body, content, "transcript").data.transcript)


# --- recording ---------------------------------------------------------------------------------------


def _recording(data: _Data, options: PlatformOptions) -> canonical.ExpectedRecording:
    """The mix of both, by the API (ElevenLabs API, get conversation audio); it asks for `xi-api-key`."""
    url = event_parts.fetchable(AUDIO_URL.format(quote(data.conversation_id, safe="")), options)
    items = event_parts.first_recording((url, None)) if data.has_audio is not False else ()
    return canonical.ExpectedRecording(expected=bool(items), items=items)


PLATFORM = Platform(translate=_translate, formats={NAME: TranscriptFormat(_messages_of_file)})
