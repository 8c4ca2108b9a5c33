"""LiveKit: `WebhookEvent` of its protocol (livekit-protocol 1.1.29), and the session report of LiveKit Agents.

The report is a table of fields (livekit-agents 1.8.9, voice/report.py: SessionReport.to_dict, llm/chat_context.py:
ChatItem): the package is heavy, for it brings models of speech along.
"""

import json
from typing import Any, Final

from livekit.protocol.webhook import WebhookEvent

from tests.vendors.draws import Draws, Payload, event, name_in
from tests.vendors.protobuf_values import ProtobufValues
from tests.vendors.table_values import Table, made

METADATA: Final = ("", "{}", "not JSON", "[]", json.dumps({"external_conversation_id": "acme-8842"}), "null")
LARGEST: Final = 2**63 - 1


def _nanoseconds(draws: Draws) -> int:
    return min(int(draws.moment() * 10**6) * 1000, LARGEST)


KNOWN: Final = {
    "sid": lambda draws: draws.name("RM_"),
    "roomId": lambda draws: draws.name("RM_"),
    "roomName": lambda draws: draws.name("room-"),
    "egressId": lambda draws: draws.name("EG_"),
    "metadata": lambda draws: draws.one_of(METADATA),
    "createdAt": lambda draws: int(draws.moment()),
    "creationTime": lambda draws: int(draws.moment()),
    "creationTimeMs": lambda draws: int(draws.moment() * 1000),
    "startedAt": _nanoseconds,
    "endedAt": _nanoseconds,
    "status": lambda _: 3,
    "filename": lambda draws: f"recordings/{draws.name('room-')}.ogg",
    "location": lambda draws: f"https://acme-recordings.s3.amazonaws.com/recordings/{draws.name('a')}.ogg",
}
EVERY: Final = frozenset({"participant", "ingressInfo", "track", "job", "event", "room", "egressInfo"})
"""Of all that an event may hold, one is there, by its kind."""


def payload(draws: Draws) -> Payload:
    """One of the three events."""
    return draws.one_of((_room_finished, _egress_ended, _session_report))(draws)


def _webhook(draws: Draws, about: str) -> dict[str, Any]:
    return ProtobufValues(draws, KNOWN, EVERY - {about}).json(WebhookEvent())


def _room_finished(draws: Draws) -> Payload:
    body = {**_webhook(draws, "room"), "event": "room_finished"}
    room = body.get("room") or {}
    own = "acme-8842" if "acme-8842" in str(room.get("metadata")) else None
    call = name_in(own, room.get("sid"), room.get("name"))
    return Payload(event=event("room_finished", body, "livekit"), call=call, nameless=call is None)


def _egress_ended(draws: Draws) -> Payload:
    body = {**_webhook(draws, "egressInfo"), "event": "egress_ended"}
    return Payload(event=event("egress_ended", body, "livekit"), call=None)


REPORT: Final[Table] = {
    "job_id": lambda draws: draws.name("AJ_"),
    "room_id!": lambda draws: draws.name("RM_"),
    "room!": lambda draws: draws.name("room-"),
    "events": lambda _: [],
    "audio_recording_path": lambda _: None,
    "audio_recording_started_at": Draws.moment,
    "started_at": Draws.moment,
    "timestamp": Draws.moment,
    "chat_history": lambda draws: {"items": [_item(draws) for _ in range(draws.random.randint(0, 6))]},
    "usage": lambda _: None,
    "sdk_version": lambda _: "1.8.9",
    "close_reason": lambda draws: draws.one_of(("CR_COMPLETED", "CR_ERROR", "CR_UNKNOWN", None)),
}
MESSAGE: Final[Table] = {
    "type!": lambda _: "message",
    "role": lambda draws: draws.one_of(("assistant", "user", "system", "developer")),
    "content": lambda draws: draws.one_of(
        ([draws.text()], [{"type": "audio_content", "transcript": draws.text()}], [{"type": "image_content"}], [])
    ),
    "metrics": lambda draws: {"started_speaking_at": draws.moment(), "stopped_speaking_at": draws.moment()},
}
CALL: Final[Table] = {
    "type!": lambda _: "function_call",
    "call_id": lambda draws: draws.one_of(("tc_1", "tc_2")),
    "name": Draws.text,
    "arguments": Draws.text,
}
OUTPUT: Final[Table] = {
    "type!": lambda _: "function_call_output",
    "call_id": lambda draws: draws.one_of(("tc_1", "tc_2")),
    "output": Draws.text,
    "is_error": lambda draws: draws.chance(0.5),
}
OTHER: Final[Table] = {"type!": lambda draws: draws.one_of(("agent_handoff", "agent_config_update", "something_new"))}


def _item(draws: Draws) -> dict[str, Any]:
    return {**made(draws, draws.one_of((MESSAGE, MESSAGE, CALL, OUTPUT, OTHER))), "created_at": draws.moment()}


def _session_report(draws: Draws) -> Payload:
    report = made(draws, REPORT)
    call = name_in(report["room_id"], report["room"])
    return Payload(event=event("session_report", report, "livekit"), call=call)
