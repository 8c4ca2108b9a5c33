"""Vapi: `ServerMessageEndOfCallReport` of its server SDK (vapi_server_sdk 3.0.0)."""

import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Final

from vapi.core.unchecked_base_model import UncheckedBaseModel, construct_type

from tests.vendors.draws import Draws, Payload, event
from tests.vendors.typed_values import TypedValues

REPORT: Final = "server_message_end_of_call_report"
REAL: Final = frozenset(
    {
        REPORT, f"{REPORT}_ended_reason", f"{REPORT}_type", "analysis", "artifact", "artifact_messages_item",
        "bot_message", "call", "call_ended_reason", "call_messages_item", "call_phone_call_provider",
        "call_phone_call_transport", "call_status", "call_type", "chat", "mono", "recording", "system_message",
        "tool_call_message", "tool_call_result_message", "tool_call_result_message_warning", "user_message",
    }
)  # fmt: skip
"""The types that say how a call went. How an assistant is set up takes a thousand more, and a minute to import."""


class _OpenTypes:
    """Imports every other type of the SDK as one that takes anything."""

    def find_spec(self, name: str, *_: object) -> ModuleSpec | None:
        is_open = name.startswith("vapi.types.") and name.rpartition(".")[2] not in REAL
        return ModuleSpec(name, self) if is_open else None  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _OpenModule(spec.name)

    def exec_module(self, _: ModuleType) -> None:
        """There is nothing to run."""


class _OpenModule(ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        setattr(self, name, type(name, (UncheckedBaseModel,), {"__module__": self.__name__}))
        return getattr(self, name)


sys.meta_path.insert(0, _OpenTypes())
from vapi.types.server_message_end_of_call_report import ServerMessageEndOfCallReport  # noqa: E402

ENDED: Final = (
    "customer-ended-call", "assistant-ended-call", "voicemail", "customer-busy", "customer-did-not-answer",
    "silence-timed-out", "twilio-failed-to-connect-call", "call.start.error-get-phone-number",
    "call.in-progress.error-sip-outbound-call-failed-to-connect", "manually-canceled", "something.new",
)  # fmt: skip
CALL_TYPES: Final = ("inboundPhoneCall", "outboundPhoneCall", "webCall", "vapi.websocketCall")
ROLES: Final = ("user", "bot", "assistant", "system", "tool_calls", "tool_call_result")
KNOWN: Final = {
    "id": Draws.uuid,
    "endedReason": lambda draws: draws.one_of(ENDED),
    "startedAt": Draws.time,
    "endedAt": Draws.time,
    "time": lambda draws: draws.moment() * 1000,
    "endTime": lambda draws: draws.moment() * 1000,
    "timestamp": lambda draws: draws.one_of((draws.moment() * 1000, draws.time())),
    "type": lambda draws: draws.one_of(CALL_TYPES),
    "role": lambda draws: draws.one_of(ROLES),
    "toolCalls": lambda draws: [_tool_call(draws) for _ in range(draws.random.randint(0, 2))],
    "toolCallId": lambda draws: draws.one_of(("tc_1", "tc_2")),
}


def payload(draws: Draws) -> Payload:
    """A report as a relay passes it on; one of a text chat has no call."""
    report = TypedValues(draws, KNOWN).model(ServerMessageEndOfCallReport)
    report["type"] = "end-of-call-report"
    if isinstance(report.get("call"), dict):
        report["call"]["id"] = draws.uuid()
    parsed: Any = construct_type(type_=ServerMessageEndOfCallReport, object_=report)
    call = parsed.call.id if parsed.call else None
    body = event("end-of-call-report", {"message": report}, "vapi")
    return Payload(event=body, call=call, nameless=not call and not parsed.chat)


def _tool_call(draws: Draws) -> dict[str, Any]:
    arguments = draws.one_of((draws.text(), {"day": "mon"}))
    function = {"name": draws.one_of(("find_slot", "", "x")), "arguments": arguments}
    return {"id": draws.one_of(("tc_1", "tc_2", "")), "type": "function", "function": function}
