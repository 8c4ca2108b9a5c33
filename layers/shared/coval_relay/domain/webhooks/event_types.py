"""Which of a platform's webhooks are wanted, and what each is on the way to the platforms' readers.

The detail-types are those of `platforms/registry.py`, which the door does not load: it starts quickly.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from coval_relay.domain.webhooks.request import WebhookRequest, value_at

TWILIO_FORM, TWILIO_STREAM = "twilio-webhook-lambda", "twilio-event-stream"
FINAL = frozenset({"completed", "busy", "failed", "no-answer", "canceled"})


@dataclass(frozen=True, slots=True, kw_only=True)
class EventTypes:
    """Where a body names its type and its account; an empty `wanted` takes every type."""

    type_field: str
    wanted: frozenset[str] = frozenset()
    account_fields: tuple[str, ...] = ()
    detail: str = ""
    """What of the body is the event's detail; empty: the whole."""

    def accounts(self, request: WebhookRequest) -> tuple[str, ...]:
        """All accounts that a body names, each once."""
        content = request.content
        parts = content if isinstance(content, list) else [content]
        named = (value_at(part, path) for part in parts for path in self.account_fields)
        return tuple(sorted({name for name in named if isinstance(name, str) and name}))

    def type_of(self, content: Any) -> str | None:
        """The event's type; None where the body names none."""
        if self.type_field == TWILIO_FORM:
            return _twilio_type(content)
        found = value_at(content, self.type_field)
        return found if isinstance(found, str) and found else None

    def is_wanted(self, event_type: str) -> bool:
        return not self.wanted or event_type in self.wanted


def _twilio_type(content: Any) -> str | None:
    """All of Twilio's callbacks share a detail-type; of a call's status only the last one matters."""
    if isinstance(content, list):
        return TWILIO_STREAM
    if not isinstance(content, Mapping):
        return None
    if "specversion" in content:
        return TWILIO_STREAM
    status = content.get("CallStatus")
    final = "RecordingSid" in content or "transcript_sid" in content or status in FINAL
    return TWILIO_FORM if final or status is None else f"call-{status}"


OWN_EVENTS = EventTypes(type_field="type")
"""Of a platform that this table does not list: the route's own options say more."""
EVENT_TYPES: Mapping[str, EventTypes] = {
    "canonical": EventTypes(type_field="type", detail="data"),
    "twilio": EventTypes(
        type_field=TWILIO_FORM,
        wanted=frozenset({TWILIO_FORM, TWILIO_STREAM}),
        account_fields=("AccountSid", "account_sid", "data.request.parameters.AccountSid"),
    ),
    "vapi": EventTypes(type_field="message.type", wanted=frozenset({"end-of-call-report"})),
    "retell": EventTypes(type_field="event", wanted=frozenset({"call_ended", "call_analyzed"})),
    "elevenlabs": EventTypes(
        type_field="type",
        wanted=frozenset({"post_call_transcription", "post_call_audio", "call_initiation_failure"}),
    ),
    "livekit": EventTypes(type_field="event", wanted=frozenset({"egress_ended", "room_finished", "session_report"})),
    "telnyx": EventTypes(
        type_field="data.event_type",
        wanted=frozenset(
            {
                "call.hangup",
                "call.conversation.ended",
                "call.recording.saved",
                "call.recording.transcription.saved",
                "conference.recording.saved",
                "call.initiated",
                "call.machine.detection.ended",
                "call.machine.premium.detection.ended",
            }
        ),
    ),
    "daily": EventTypes(type_field="type", wanted=frozenset({"meeting.ended", "recording.ready-to-download"})),
}
