"""Amazon Connect: a table of its documents' fields (admin guide, contact events: data model; Contact Lens error
notifications); AWS publishes no types of them."""

from typing import Any, Final

from tests.vendors.draws import Draws, Payload, event
from tests.vendors.table_values import Table, made

ENDS: Final = ("DISCONNECTED", "COMPLETED")
TYPES: Final = (
    *ENDS, *ENDS, *ENDS, "INITIATED", "CONNECTED_TO_SYSTEM", "CONTACT_DATA_UPDATED", "QUEUED", "CONNECTED_TO_AGENT",
    "PAUSED", "RESUMED", "AMD_DISABLED", "SOMETHING_NEW",
)  # fmt: skip
METHODS: Final = (
    "INBOUND", "OUTBOUND", "TRANSFER", "CALLBACK", "API", "QUEUE_TRANSFER", "EXTERNAL_OUTBOUND", "WEBRTC_API",
    "AGENT_REPLY", "FLOW", "SOMETHING_NEW",
)  # fmt: skip
DETECTED: Final = (
    "HUMAN_ANSWERED", "VOICEMAIL_BEEP", "VOICEMAIL_NO_BEEP", "AMD_UNANSWERED", "AMD_UNRESOLVED", "AMD_ERROR",
    "AMD_UNRESOLVED_SILENCE", "AMD_NOT_APPLICABLE", "SIT_TONE_BUSY", "SIT_TONE_INVALID_NUMBER", "SIT_TONE_DETECTED",
    "FAX_MACHINE_DETECTED", "SOMETHING_NEW",
)  # fmt: skip
REASONS: Final = (
    "CUSTOMER_DISCONNECT", "AGENT_DISCONNECT", "THIRD_PARTY_DISCONNECT", "TELECOM_PROBLEM", "BARGED", "OTHER", "API",
    "CONTACT_FLOW_DISCONNECT", "OUTBOUND_DESTINATION_ENDPOINT_ERROR", "OUTBOUND_RESOURCE_ERROR", "EXPIRED",
    "OUTBOUND_ATTEMPT_FAILED", "OUTBOUND_PREVIEW_DISCARDED", "SOMETHING_NEW",
)  # fmt: skip
INSTANCE: Final = "arn:aws:connect:us-east-1:111122223333:instance/12345678-1234-1234-1234-123456789012"
AGENT: Final[Table] = {
    "agentArn": lambda draws: f"{INSTANCE}/agent/{draws.uuid()}",
    "connectedToAgentTimestamp": Draws.time,
    "afterContactWorkDuration": Draws.whole,
    "hierarchyGroups": Draws.json,
}
ANALYTICS: Final[Table] = {
    "enabled": lambda draws: draws.chance(0.7),
    "channelConfiguration": lambda draws: {
        "analyticsModes": draws.one_of((["PostContact"], ["RealTime"], ["AutomatedInteraction"], [], None, "x", [7]))
    },
    "languageLocale": lambda _: "en-US",
}
CONTACT: Final[Table] = {
    "eventType!": lambda draws: draws.one_of(TYPES),
    "contactId!": Draws.uuid,
    "channel!": lambda draws: draws.one_of(("VOICE", "VOICE", "VOICE", "Voice", "CHAT", "TASK", "EMAIL")),
    "initialContactId": Draws.uuid,
    "previousContactId": Draws.uuid,
    "relatedContactId": Draws.uuid,
    "instanceArn": lambda _: INSTANCE,
    "initiationMethod": lambda draws: draws.one_of(METHODS),
    "initiationTimestamp": Draws.time,
    "connectedToSystemTimestamp": lambda draws: draws.one_of((draws.time(), "1970-01-01T00:00:00.001Z")),
    "disconnectTimestamp": Draws.time,
    "disconnectReason": lambda draws: draws.one_of(REASONS),
    "answeringMachineDetectionStatus": lambda draws: draws.one_of(DETECTED),
    "agentInfo": lambda draws: made(draws, AGENT),
    "queueInfo": lambda draws: {"queueArn": f"{INSTANCE}/queue/{draws.uuid()}", "queueType": "STANDARD"},
    "contactLens": lambda draws: {"conversationalAnalytics": {"configuration": made(draws, ANALYTICS)}},
    "tags": lambda _: {"aws:connect:instanceId": "12345678-1234-1234-1234-123456789012"},
    "recordings": Draws.json,
    "segmentAttributes": Draws.json,
    "updatedProperties": Draws.json,
}
ANALYSIS: Final[Table] = {
    "instance": lambda _: INSTANCE,
    "contact!": lambda draws: f"{INSTANCE}/contact/{draws.uuid()}",
    "channel": lambda draws: draws.one_of(("VOICE", "CHAT")),
    "state": lambda draws: draws.one_of(("FAILED", "SUCCEEDED", "SOMETHING_NEW")),
    "reasonCode": lambda draws: draws.one_of(("RECORDING_FILE_CANNOT_BE_READ", "QUOTA_EXCEEDED", "INVALID_USER")),
}


def payload(draws: Draws) -> Payload:
    """A contact event, or Contact Lens's failure; the fields of some contacts are in PascalCase."""
    if draws.chance(0.1):
        return Payload(
            event=event("Contact Lens Analysis State Change", made(draws, ANALYSIS), "aws.connect"), call=None
        )
    contact = made(draws, CONTACT)
    name = draws.one_of(("Amazon Connect Contact Event", "Connect Customer Contact Event"))
    ends = contact["eventType"] in ENDS and contact["channel"].upper() == "VOICE"
    call = contact["contactId"] if ends else None
    return Payload(event=event(name, _spelled(draws, contact), "aws.connect"), call=call)


def _spelled(draws: Draws, contact: dict[str, Any]) -> dict[str, Any]:
    if draws.chance(0.9):
        return contact
    return {name[0].upper() + name[1:]: value for name, value in contact.items()}
