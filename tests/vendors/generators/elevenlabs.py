"""ElevenLabs: `GetConversationResponseModel` of its SDK (elevenlabs 2.78.0), which the post-call webhook carries."""

from typing import Any, Final

from elevenlabs.core.unchecked_base_model import construct_type
from elevenlabs.types.get_conversation_response_model import GetConversationResponseModel

from tests.vendors.draws import Draws, Payload, event
from tests.vendors.typed_values import TypedValues

NOT_SENT: Final = (
    "otlp_traces", "charging", "analysis", "llm_usage", "rag_retrieval_info", "conversation_turn_metrics",
    "tool_details", "conversation_initiation_client_data", "agent_metadata", "batch_call",
)  # fmt: skip
"""Null: how a call was configured, charged and judged."""
REASONS: Final = (
    "client disconnected", "end_call tool was called.", "voicemail_detection tool was called.",
    "Call ended by remote party", "Silence timeout", "",
)  # fmt: skip
KNOWN: Final = {
    **dict.fromkeys(NOT_SENT, lambda _: None),
    "start_time_unix_secs": lambda draws: int(draws.moment()),
    "accepted_time_unix_secs": lambda draws: int(draws.moment()),
    "termination_reason": lambda draws: draws.one_of(REASONS),
    "text_only": lambda draws: draws.chance(0.1),
    "sms": lambda _: None,
    "conversation_initiation_source": lambda draws: draws.one_of(
        ("twilio", "sip_trunk", "widget", "whatsapp", "unknown")
    ),
    "request_id": lambda draws: draws.one_of(("rq_1", "rq_2", "")),
    "params_as_json": lambda draws: draws.one_of(('{"day": "mon"}', '{"day": "m', "", "null")),
    "role": lambda draws: draws.one_of(("user", "agent")),
}
WRITTEN: Final = ("twilio_sms", "zendesk", "slack", "telegram", "intercom", "freshdesk", "salesforce")
"""Beginnings of the sources that are never spoken."""
FAILURES: Final = ("busy", "no-answer", "unknown", "something-new")


def payload(draws: Draws) -> Payload:
    """The post-call webhook; one time in eight the one of a call that could not be begun."""
    return _not_begun(draws) if draws.chance(0.125) else _ended(draws)


def _ended(draws: Draws) -> Payload:
    data = TypedValues(draws, KNOWN).model(GetConversationResponseModel)
    data["conversation_id"] = draws.name("conv_")
    parsed: Any = construct_type(type_=GetConversationResponseModel, object_=data)
    about = parsed.metadata
    is_text = about.text_only is True or about.sms or str(about.conversation_initiation_source).startswith(WRITTEN)
    return _payload(draws, "post_call_transcription", data, None if is_text else parsed.conversation_id)


def _not_begun(draws: Draws) -> Payload:
    """Docs: post-call webhooks, call_initiation_failure; the SDK has no type of it."""
    call = draws.name("conv_")
    data = {
        "agent_id": draws.text(),
        "conversation_id": call,
        "failure_reason": draws.one_of(FAILURES),
        "metadata": draws.one_of(({"type": "twilio", "body": {"CallSid": "CA1"}}, {"type": "sip"}, {}, None)),
    }
    return _payload(draws, "call_initiation_failure", data, call)


def _payload(draws: Draws, type_: str, data: dict[str, Any], call: str | None) -> Payload:
    body = {"type": type_, "event_timestamp": int(draws.moment()), "data": data}
    return Payload(event=event(type_, body, "elevenlabs"), call=call)
