"""Telnyx: the webhooks' types of its SDK (telnyx 4.189.0); each payload parses with its type again."""

from typing import Any, Final

from telnyx._models import construct_type
from telnyx.types.call_conversation_ended_webhook_event import CallConversationEndedWebhookEvent
from telnyx.types.call_hangup_webhook_event import CallHangupWebhookEvent
from telnyx.types.call_recording_saved_webhook_event import CallRecordingSavedWebhookEvent
from telnyx.types.call_recording_transcription_saved_webhook_event import CallRecordingTranscriptionSavedWebhookEvent
from telnyx.types.conference_recording_saved_webhook_event import ConferenceRecordingSavedWebhookEvent

from tests.vendors.draws import Draws, Payload, event
from tests.vendors.typed_values import TypedValues

TYPES: Final[dict[str, Any]] = {
    "call.hangup": CallHangupWebhookEvent,
    "call.conversation.ended": CallConversationEndedWebhookEvent,
    "call.recording.saved": CallRecordingSavedWebhookEvent,
    "call.recording.transcription.saved": CallRecordingTranscriptionSavedWebhookEvent,
    "conference.recording.saved": ConferenceRecordingSavedWebhookEvent,
}
KNOWN: Final = {
    "call_leg_id": Draws.uuid,
    "start_time": Draws.time,
    "timestamp": Draws.time,
    "occurred_at": Draws.time,
    "tool_call_id": lambda draws: draws.one_of(("tc_1", "tc_2", "")),
    "wav": lambda draws: f"https://media.example.com/{draws.name('a')}.wav?X-Amz-Expires=600",
}


def payload(draws: Draws) -> Payload:
    """A hangup mostly, which ends the call of its session."""
    name = "call.hangup" if draws.chance(0.6) else draws.one_of(tuple(TYPES))
    made = TypedValues(draws, KNOWN).model(TYPES[name])
    data = {**(made.get("data") or {}), "event_type": name}
    data["payload"] = {**(data.get("payload") or {}), "call_session_id": draws.uuid()}
    body = {"data": data, "meta": {"attempt": 1, "delivered_to": "https://relay.example.com/telnyx"}}
    parsed: Any = construct_type(value=body, type_=TYPES[name])
    ends = name == "call.hangup"
    return Payload(event=event(name, body, "telnyx"), call=parsed.data.payload.call_session_id if ends else None)
