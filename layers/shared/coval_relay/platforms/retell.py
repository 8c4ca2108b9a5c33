"""Retell: the webhooks `call_ended` and `call_analyzed`, either of which ends the call.

Docs: Retell, webhook overview, and the types of its SDK. The two hold the same but for the analysis; with the
policy "redacted" a `call_ended` without its scrubbed transcript is skipped: `call_analyzed` has it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from coval_relay.boundary_models import BoundaryModel, validate
from coval_relay.domain.call_id import call_id_of
from coval_relay.platforms.shared import canonical_events as canonical
from coval_relay.platforms.shared import event_parts, fields
from coval_relay.platforms.shared.contract import (
    Event,
    Platform,
    PlatformOptions,
    TranscriptContext,
    TranscriptFormat,
)

NAME = "retell"
ENDED, ANALYZED = "call_ended", "call_analyzed"
SPEAKERS: Mapping[str, canonical.Role] = {"agent": "assistant", "user": "user", "transfer_target": "user"}
MACHINES = ("voicemail_reached", "ivr_reached")
UNANSWERED: Mapping[str, canonical.CallStatus] = {
    "dial_busy": "busy",
    "dial_no_answer": "no_answer",
    "error_user_not_joined": "no_answer",
    "registered_call_timeout": "no_answer",
    "user_declined": "no_answer",
    "manual_stopped": "cancelled",
    **dict.fromkeys(
        (
            "budget_reached",
            "concurrency_limit_reached",
            "credit_exhausted",
            "dial_failed",
            "invalid_destination",
            "marked_as_spam",
            "network_blocked",
            "no_concurrency_fallback",
            "no_valid_payment",
            "scam_detected",
            "sip_routing_error",
            "telephony_provider_permission_denied",
            "telephony_provider_unavailable",
        ),
        "failed",
    ),
}
"""Why a call ended in which nothing was said."""


class _Word(BoundaryModel):
    start: fields.Number = None
    end: fields.Number = None


class _Turn(BoundaryModel):
    role: fields.Text = None
    content: fields.Words = None
    digit: fields.Text = None
    words: fields.Several[_Word] = ()
    time_sec: fields.Number = None
    tool_call_id: fields.Text = None
    name: fields.Text = None
    arguments: fields.Json = None


class _Telephony(BoundaryModel):
    twilio_call_sid: fields.Text = None


class _Analysis(BoundaryModel):
    in_voicemail: fields.Flag = None


class _CallMetadata(BoundaryModel):
    external_conversation_id: fields.Text = None


class _Call(BoundaryModel):
    call_id: fields.ConversationId
    call_type: fields.Text = None
    call_status: fields.Text = None
    agent_id: fields.Text = None
    agent_name: fields.Text = None
    agent_version: fields.Text = None
    direction: fields.Text = None
    start_timestamp: fields.Time = None
    end_timestamp: fields.Time = None
    disconnection_reason: fields.Text = None
    telephony_identifier: fields.Lenient[_Telephony] = _Telephony()
    call_analysis: fields.Lenient[_Analysis] = _Analysis()
    metadata: fields.Lenient[_CallMetadata] = _CallMetadata()
    transcript_object: fields.Several[_Turn] = ()
    transcript_with_tool_calls: fields.Several[_Turn] = ()
    scrubbed_transcript_with_tool_calls: fields.Several[_Turn] = ()
    recording_url: fields.Url = None
    recording_multi_channel_url: fields.Url = None
    scrubbed_recording_url: fields.Url = None
    scrubbed_recording_multi_channel_url: fields.Url = None

    def turns(self, *, redacted: bool) -> Sequence[_Turn]:
        if redacted:
            return self.scrubbed_transcript_with_tool_calls
        return self.transcript_with_tool_calls or self.transcript_object

    def audio(self, *, redacted: bool) -> tuple[fields.Url, fields.Url]:
        """The mix, and the recording with a channel for each party."""
        if redacted:
            return self.scrubbed_recording_url, self.scrubbed_recording_multi_channel_url
        return self.recording_url, self.recording_multi_channel_url


class _Body(BoundaryModel):
    event: fields.Text = None
    call: _Call


def _translate(event: Event, options: PlatformOptions) -> Sequence[canonical.Event]:
    body = validate(_Body, event.get("detail"), "detail")
    if body.event not in (ENDED, ANALYZED) or _scrubbed_later(body, options):
        return []
    return [_call_ended(body, event, options)]


def _scrubbed_later(body: _Body, options: PlatformOptions) -> bool:
    spoken = bool(body.call.turns(redacted=False))
    scrubbed = bool(body.call.turns(redacted=True))
    return options.redacted and body.event == ENDED and spoken and not scrubbed


def _call_ended(body: _Body, event: Event, options: PlatformOptions) -> canonical.Event:
    call = body.call
    own_id = call_id_of(call.metadata.external_conversation_id)
    times = event_parts.call_times(event, call.start_timestamp, call.end_timestamp)
    messages = _messages(call.turns(redacted=options.redacted))
    return canonical.CallEndedEvent(
        provider=NAME,
        external_conversation_id=own_id or call.call_id,
        aliases=event_parts.aliases(
            retell_call_id=call.call_id if own_id else None,
            twilio_call_sid=call.telephony_identifier.twilio_call_sid,
        ),
        direction=call.direction or ("web" if call.call_type == "web_call" else None),
        status=_status(call),
        end_reason=call.disconnection_reason,
        **times,
        agent=canonical.Agent(id=call.agent_id, name=call.agent_name),
        transcript=event_parts.transcript(messages, times=times, separate=NAME in options.separate_transcripts),
        recording=_recording(body, options),
        metadata=event_parts.metadata(agent_name=call.agent_name, agent_version=call.agent_version),
    )


def _status(call: _Call) -> canonical.CallStatus:
    reason = call.disconnection_reason or ""
    if reason in MACHINES or call.call_analysis.in_voicemail:
        return "voicemail"
    if call.turns(redacted=False) or call.turns(redacted=True):
        return "completed"
    failed = call.call_status in ("not_connected", "error") or reason.startswith("error_")
    return UNANSWERED.get(reason, "failed" if failed else "completed")


# --- transcript --------------------------------------------------------------------------------------


def _messages(turns: Sequence[_Turn]) -> list[canonical.Message]:
    return event_parts.usable_messages(map(_message, turns))


def _message(turn: _Turn) -> canonical.Message | None:
    if speaker := SPEAKERS.get(turn.role or ""):
        start, end = (turn.words[0].start, turn.words[-1].end) if turn.words else (None, None)
        return event_parts.message(speaker, turn.content, start, end)
    if turn.role in ("dtmf", "sms"):
        return event_parts.message("user", _by_keypad_or_text(turn), turn.time_sec, turn.time_sec)
    if turn.role == "tool_call_invocation":
        call = event_parts.tool_call(turn.tool_call_id, turn.name, turn.arguments)
        return event_parts.tool_call_message(None, [call], turn.time_sec)
    if turn.role == "tool_call_result":
        return event_parts.tool_result(turn.tool_call_id, turn.content, turn.time_sec)
    return None


def _by_keypad_or_text(turn: _Turn) -> str | None:
    """What was not spoken says so."""
    if turn.role == "dtmf":
        return event_parts.pressed(turn.digit)
    return event_parts.texted(turn.content)


def _messages_of_file(content: Any, context: TranscriptContext) -> list[canonical.Message]:
    """A webhook's body that was put into a file."""
    call = validate(_Body, content, "transcript").call
    return _messages(call.turns(redacted=context.options.redacted))


# --- recording ---------------------------------------------------------------------------------------


def _recording(body: _Body, options: PlatformOptions) -> canonical.ExpectedRecording:
    """The parties' own channels where the agent's is known, else the mix: their order is not documented."""
    agent_channel = options.agent_channels.get(NAME)
    mono, stereo = (event_parts.fetchable(url, options) for url in body.call.audio(redacted=options.redacted))
    known_stereo = stereo if agent_channel is not None else None
    items = event_parts.first_recording((known_stereo, agent_channel), (mono, None))
    return canonical.ExpectedRecording(expected=bool(items) or _audio_later(body, options), items=items)


def _audio_later(body: _Body, options: PlatformOptions) -> bool:
    """The URL of `call_ended` may lag behind; `call_analyzed` brings it."""
    absent = not any(body.call.audio(redacted=options.redacted))
    talked = _status(body.call) in ("completed", "voicemail")
    return body.event == ENDED and absent and talked and bool(options.recording_hosts)


PLATFORM = Platform(translate=_translate, formats={NAME: TranscriptFormat(_messages_of_file)})
