"""Retell: the webhooks `call_ended` and `call_analyzed`, either of which ends the call.

Docs: Retell, webhook overview, and the types of its SDK. The two hold the same but for the analysis; with the
policy "redacted" a `call_ended` without its scrubbed transcript is passed over: `call_analyzed` has it.
"""

from collections.abc import Sequence
from typing import Any

from coval_relay.boundary import BoundaryModel, validate
from coval_relay.platforms.canonical import ConversationId
from coval_relay.platforms.shared.building import (
    aliases,
    allowed,
    answering,
    asking,
    canonical,
    known,
    message,
    speech,
    tool_call,
    transcript,
)
from coval_relay.platforms.shared.contract import (
    CanonicalEvent,
    CanonicalMessage,
    Event,
    Platform,
    PlatformOptions,
    TranscriptContext,
    TranscriptFormat,
)
from coval_relay.platforms.shared.field_types import (
    EpochMilliseconds,
    Json,
    Lenient,
    Number,
    Several,
    Text,
    Url,
    rfc_3339,
    sent_at,
)

NAME = "retell"
ENDED, ANALYZED = "call_ended", "call_analyzed"
SPEAKERS = {"agent": "assistant", "user": "user", "transfer_target": "user"}
UNANSWERED = {
    "dial_busy": "busy",
    "dial_no_answer": "no_answer",
    "registered_call_timeout": "no_answer",
    "user_declined": "no_answer",
    "dial_failed": "failed",
    "voicemail_reached": "voicemail",
}


class _Word(BoundaryModel):
    start: Number = None
    end: Number = None


class _Turn(BoundaryModel):
    role: Text = None
    content: Json = None
    words: Several[_Word] = ()
    time_sec: Number = None
    tool_call_id: Text = None
    name: Text = None
    arguments: Json = None


class _Telephony(BoundaryModel):
    twilio_call_sid: Text = None


class _OwnData(BoundaryModel):
    external_conversation_id: Text = None


class _Call(BoundaryModel):
    call_id: ConversationId
    call_type: Text = None
    call_status: Text = None
    agent_id: Text = None
    agent_name: Text = None
    agent_version: Text = None
    direction: Text = None
    start_timestamp: EpochMilliseconds = None
    end_timestamp: EpochMilliseconds = None
    disconnection_reason: Text = None
    telephony_identifier: Lenient[_Telephony] = _Telephony()
    metadata: Lenient[_OwnData] = _OwnData()
    transcript_object: Several[_Turn] = ()
    transcript_with_tool_calls: Several[_Turn] = ()
    scrubbed_transcript_with_tool_calls: Several[_Turn] = ()
    recording_url: Url = None
    recording_multi_channel_url: Url = None
    scrubbed_recording_url: Url = None
    scrubbed_recording_multi_channel_url: Url = None

    def turns(self, *, redacted: bool) -> Sequence[_Turn]:
        if redacted:
            return self.scrubbed_transcript_with_tool_calls
        return self.transcript_with_tool_calls or self.transcript_object

    def audio(self, *, redacted: bool) -> tuple[Url, Url]:
        """The mix, and the recording with a channel for each party."""
        if redacted:
            return self.scrubbed_recording_url, self.scrubbed_recording_multi_channel_url
        return self.recording_url, self.recording_multi_channel_url


class _Body(BoundaryModel):
    event: Text = None
    call: _Call


def _translate(event: Event, options: PlatformOptions) -> Sequence[CanonicalEvent]:
    body = validate(_Body, event.get("detail"), "detail")
    if body.event not in (ENDED, ANALYZED) or _scrubbed_later(body, options):
        return []
    return [_call_ended(body, event, options)]


def _scrubbed_later(body: _Body, options: PlatformOptions) -> bool:
    spoken = bool(body.call.turns(redacted=False))
    scrubbed = bool(body.call.turns(redacted=True))
    return options.redacted and body.event == ENDED and spoken and not scrubbed


def _call_ended(body: _Body, event: Event, options: PlatformOptions) -> CanonicalEvent:
    call = body.call
    own_id = call.metadata.external_conversation_id
    messages = _messages(call.turns(redacted=options.redacted))
    return canonical(
        "Call Ended",
        NAME,
        external_conversation_id=own_id or call.call_id,
        aliases=aliases(
            retell_call_id=call.call_id if own_id else None,
            twilio_call_sid=call.telephony_identifier.twilio_call_sid,
        )
        or None,
        direction=call.direction or ("web" if call.call_type == "web_call" else None),
        status=_status(call),
        end_reason=call.disconnection_reason,
        started_at=rfc_3339(call.start_timestamp or call.end_timestamp or sent_at(event)),
        ended_at=rfc_3339(call.end_timestamp),
        agent=known(id=call.agent_id, name=call.agent_name) or None,
        transcript=transcript(messages, separate=NAME in options.separate_transcripts),
        recording=_recording(body, options),
        metadata=known(agent_name=call.agent_name, agent_version=call.agent_version) or None,
    )


def _status(call: _Call) -> str:
    reason = call.disconnection_reason or ""
    if call.turns(redacted=False) or call.turns(redacted=True):
        return "voicemail" if reason == "voicemail_reached" else "completed"
    unsaid = "failed" if call.call_status in ("not_connected", "error") else "completed"
    return UNANSWERED.get(reason, unsaid)


# --- transcript --------------------------------------------------------------------------------------


def _messages(turns: Sequence[_Turn]) -> list[CanonicalMessage]:
    return speech(told for turn in turns if (told := _message(turn)))


def _message(turn: _Turn) -> CanonicalMessage | None:
    if turn.role in SPEAKERS:
        start, end = (turn.words[0].start, turn.words[-1].end) if turn.words else (None, None)
        return message(SPEAKERS[turn.role], turn.content, start, end)
    if turn.role == "tool_call_invocation":
        return asking(None, [tool_call(turn.tool_call_id, turn.name, turn.arguments)], turn.time_sec)
    if turn.role == "tool_call_result":
        return answering(turn.tool_call_id, turn.content, turn.time_sec)
    return None


def _read(content: Any, context: TranscriptContext) -> Sequence[CanonicalMessage]:
    """A webhook's body that was put into a file."""
    call = validate(_Body, content, "transcript").call
    return _messages(call.turns(redacted=context.options.redacted))


# --- recording ---------------------------------------------------------------------------------------


def _recording(body: _Body, options: PlatformOptions) -> dict[str, Any]:
    """The parties' own channels where the agent's is known, else the mix: their order is not documented."""
    side = options.agent_channels.get(NAME)
    mixed, parted = body.call.audio(redacted=options.redacted)
    uri = allowed(parted, options) if side is not None else None
    stereo = [known(uri=uri, agent_channel=side)] if uri else []
    mono = [{"uri": mixed}] if allowed(mixed, options) else []
    items = stereo or mono
    return {"expected": bool(items) or _audio_later(body, options), "items": items}


def _audio_later(body: _Body, options: PlatformOptions) -> bool:
    """The URL of `call_ended` may lag behind; `call_analyzed` brings it."""
    absent = not any(body.call.audio(redacted=options.redacted))
    talked = _status(body.call) in ("completed", "voicemail")
    return body.event == ENDED and absent and talked and bool(options.recording_hosts)


PLATFORM = Platform(translate=_translate, formats={NAME: TranscriptFormat(_read)})
