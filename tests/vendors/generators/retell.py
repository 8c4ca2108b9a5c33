"""Retell: `PhoneCallResponse` and `WebCallResponse` of its SDK (retell-sdk 6.2.13), in the webhook's envelope."""

from typing import Any, Final

from retell._models import construct_type
from retell.types.phone_call_response import PhoneCallResponse
from retell.types.web_call_response import WebCallResponse

from tests.vendors.draws import Draws, Payload, event
from tests.vendors.typed_values import TypedValues

ROLES: Final = (
    "agent", "user", "transfer_target", "tool_call_invocation", "tool_call_result", "node_transition", "dtmf", "sms",
    "injected", "something_new",
)  # fmt: skip
NOT_SENT: Final = (
    "latency", "llm_token_usage", "call_cost", "post_session_transcript_with_tool_calls",
    "pre_session_transcript_with_tool_calls", "scrubbed_post_session_transcript_with_tool_calls",
    "scrubbed_pre_session_transcript_with_tool_calls",
)  # fmt: skip
"""Null, for they would be most of the payload and say nothing of the call itself."""
KNOWN: Final = {
    **dict.fromkeys(NOT_SENT, lambda _: None),
    "start_timestamp": lambda draws: int(draws.moment() * 1000),
    "end_timestamp": lambda draws: int(draws.moment() * 1000),
    "transfer_end_timestamp": lambda draws: int(draws.moment() * 1000),
    "role": lambda draws: draws.one_of(ROLES),
    "tool_call_id": lambda draws: draws.one_of(("tc_1", "tc_2", "")),
    "recording_url": lambda draws: f"https://media.example.com/{draws.name('a')}.wav",
}


def payload(draws: Draws) -> Payload:
    """Either event, which has the whole call."""
    types: tuple[tuple[Any, str], ...] = ((PhoneCallResponse, "phone_call"), (WebCallResponse, "web_call"))
    type_, kind = draws.one_of(types)
    call = {**TypedValues(draws, KNOWN).model(type_), "call_type": kind, "call_id": draws.name("call_")}
    parsed: Any = construct_type(value=call, type_=type_)
    name = draws.one_of(("call_ended", "call_analyzed"))
    return Payload(event=event(name, {"event": name, "call": call}, "retell"), call=parsed.call_id)
