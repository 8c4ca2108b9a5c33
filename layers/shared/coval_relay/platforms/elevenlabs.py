"""ElevenLabs Agents: the post-call webhook, and the one for calls that could not be begun.

Docs: ElevenLabs, post-call webhooks, and the types of its SDK. Turns have a start in whole
seconds and no end. The audio webhook is passed over: the audio is fetched, where its host is allowed.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

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
    EpochSeconds,
    Json,
    Lenient,
    Number,
    Several,
    Text,
    later,
    rfc_3339,
    sent_at,
)

NAME = "elevenlabs"
TRANSCRIPTION, NOT_BEGUN = "post_call_transcription", "call_initiation_failure"
SPEAKERS = {"agent": "assistant", "user": "user"}
FAILURES = {"busy": "busy", "no-answer": "no_answer"}
AUDIO = "https://api.elevenlabs.io/v1/convai/conversations/{}/audio"


class _Asked(BoundaryModel):
    request_id: Text = None
    tool_name: Text = None
    params_as_json: Json = None


class _Answered(BoundaryModel):
    request_id: Text = None
    result_value: Json = None


class _Turn(BoundaryModel):
    role: Text = None
    message: str | None = None
    time_in_call_secs: Number = None
    tool_calls: Several[_Asked] = ()
    tool_results: Several[_Answered] = ()


class _PhoneCall(BoundaryModel):
    type: Text = None
    direction: Text = None
    call_sid: Text = None


class _FailedCall(BoundaryModel):
    """Twilio's own status callback, as the failure's webhook carries it."""

    CallSid: Text = None


class _Metadata(BoundaryModel):
    start_time_unix_secs: EpochSeconds = None
    accepted_time_unix_secs: EpochSeconds = None
    call_duration_secs: Number = None
    termination_reason: Text = None
    phone_call: Lenient[_PhoneCall] = _PhoneCall()
    type: Text = None
    body: Lenient[_FailedCall] = _FailedCall()

    @property
    def answered_at(self) -> datetime | None:
        return self.accepted_time_unix_secs or self.start_time_unix_secs

    @property
    def ended_at(self) -> datetime | None:
        return later(self.answered_at, self.call_duration_secs)

    @property
    def twilio_call(self) -> str | None:
        if self.phone_call.type == "twilio":
            return self.phone_call.call_sid
        return self.body.CallSid if self.type == "twilio" else None


class _Data(BoundaryModel):
    conversation_id: ConversationId
    agent_id: Text = None
    agent_name: Text = None
    status: Text = None
    failure_reason: Text = None
    has_audio: bool | None = None
    transcript: Several[_Turn] = ()
    metadata: Lenient[_Metadata] = _Metadata()


class _Body(BoundaryModel):
    type: Text = None
    event_timestamp: EpochSeconds = None
    data: _Data


def _translate(event: Event, options: PlatformOptions) -> Sequence[CanonicalEvent]:
    body = validate(_Body, event.get("detail"), "detail")
    if body.type == TRANSCRIPTION:
        return [_call_ended(body, event, options)]
    return [_not_begun(body, event)] if body.type == NOT_BEGUN else []


def _call_ended(body: _Body, event: Event, options: PlatformOptions) -> CanonicalEvent:
    data, facts = body.data, body.data.metadata
    messages = _messages(data.transcript)
    return canonical(
        "Call Ended",
        NAME,
        external_conversation_id=data.conversation_id,
        aliases=aliases(twilio_call_sid=facts.twilio_call) or None,
        direction=facts.phone_call.direction,
        status="failed" if data.status == "failed" and not messages else "completed",
        end_reason=facts.termination_reason,
        started_at=rfc_3339(facts.start_time_unix_secs or body.event_timestamp or sent_at(event)),
        answered_at=rfc_3339(facts.answered_at),
        ended_at=rfc_3339(facts.ended_at),
        agent=known(id=data.agent_id, name=data.agent_name) or None,
        transcript=transcript(messages, "answered", separate=NAME in options.separate_transcripts),
        recording=_recording(data, options),
        metadata=known(agent_name=data.agent_name) or None,
    )


def _not_begun(body: _Body, event: Event) -> CanonicalEvent:
    data = body.data
    return canonical(
        "Call Ended",
        NAME,
        external_conversation_id=data.conversation_id,
        aliases=aliases(twilio_call_sid=data.metadata.twilio_call) or None,
        direction="outbound",
        status=FAILURES.get(data.failure_reason or "", "failed"),
        end_reason=data.failure_reason,
        started_at=rfc_3339(body.event_timestamp or sent_at(event)),
        agent=known(id=data.agent_id, name=data.agent_name) or None,
        transcript={"status": "none"},
        recording={"expected": False, "items": []},
        metadata=known(agent_name=data.agent_name) or None,
    )


# --- transcript --------------------------------------------------------------------------------------


def _messages(turns: Sequence[_Turn]) -> list[CanonicalMessage]:
    return speech(told for turn in turns for told in _of_turn(turn))


def _of_turn(turn: _Turn) -> Iterator[CanonicalMessage]:
    """One turn holds the words, the tools' calls and their answers."""
    start, role = turn.time_in_call_secs, SPEAKERS.get(turn.role or "")
    if role == "assistant" and turn.tool_calls:
        yield asking(turn.message, map(_asked, turn.tool_calls), start)
    elif role:
        yield message(role, turn.message, start)
    for answer in turn.tool_results:
        yield answering(answer.request_id, answer.result_value, start)


def _asked(call: _Asked) -> dict[str, Any] | None:
    return tool_call(call.request_id, call.tool_name, call.params_as_json)


def _read(content: Any, _: TranscriptContext) -> Sequence[CanonicalMessage]:
    """A webhook's body that was put into a file."""
    return _messages(validate(_Body, content, "transcript").data.transcript)


# --- recording ---------------------------------------------------------------------------------------


def _recording(data: _Data, options: PlatformOptions) -> dict[str, Any]:
    """The mix of both, by the API (ElevenLabs API, get conversation audio); it asks for `xi-api-key`."""
    url = AUDIO.format(quote(data.conversation_id, safe=""))
    items = [{"uri": url}] if data.has_audio is not False and allowed(url, options) else []
    return {"expected": bool(items), "items": items}


PLATFORM = Platform(translate=_translate, formats={NAME: TranscriptFormat(_read)})
