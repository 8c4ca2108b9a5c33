"""Genesys Cloud: a table of its notification topics' fields (developer centre; the enums as its platform SDK's topic
models have them)."""

from typing import Any, Final

from tests.vendors.draws import Draws, Payload, event
from tests.vendors.table_values import Table, made

SOURCE: Final = "aws.partner/genesys.com/cloud/0f1e2d3c-0000-4000-8000-000000000001/acme-prod"
DISCONNECTS: Final = (
    "UNKNOWN", "ENDPOINT", "CLIENT", "SYSTEM", "TIMEOUT", "TRANSFER", "TRANSFER_CONFERENCE", "TRANSFER_CONSULT",
    "TRANSFER_FORWARD", "TRANSFER_NOANSWER", "TRANSFER_NOTAVAILABLE", "TRANSPORT_FAILURE", "ERROR", "PEER", "OTHER",
    "SPAM", "UNCALLABLE", "transfer.noanswer", "SOMETHING_NEW",
)  # fmt: skip
END: Final[Table] = {
    "eventTime": lambda draws: int(draws.moment() * 1000),
    "conversationId!": Draws.uuid,
    "participantId": Draws.uuid,
    "sessionId": Draws.uuid,
    "disconnectType": lambda draws: draws.one_of(DISCONNECTS),
    "mediaType!": lambda draws: draws.one_of(
        ("VOICE", "VOICE", "VOICE", "CHAT", "EMAIL", "MESSAGE", "CALLBACK", "NEW")
    ),
    "provider": lambda _: "Edge",
    "direction": lambda draws: draws.one_of(("INBOUND", "OUTBOUND", "UNKNOWN")),
    "ani": lambda _: "tel:+15550100002",
    "dnis": lambda _: "tel:+15550100001",
    "interactingDurationMs": lambda draws: draws.whole() * 1000,
    "divisionId": Draws.uuid,
    "address": Draws.json,
}
ALTERNATIVE: Final[Table] = {
    "confidence": Draws.fraction,
    "offsetMs": Draws.whole,
    "durationMs": Draws.whole,
    "transcript": Draws.text,
    "decoratedTranscript": Draws.text,
    "words": Draws.json,
}
UTTERANCE: Final[Table] = {
    "utteranceId": Draws.uuid,
    "isFinal": lambda draws: draws.chance(0.8),
    "channel": lambda draws: draws.one_of(("EXTERNAL", "INTERNAL", "NEW")),
    "alternatives": lambda draws: [made(draws, ALTERNATIVE) for _ in range(draws.random.randint(0, 2))],
    "engineProvider": lambda _: "GENESYS",
    "dialect": lambda _: "en-US",
}
TRANSCRIPTION: Final[Table] = {
    "eventTime": Draws.time,
    "organizationId": Draws.uuid,
    "conversationId!": Draws.uuid,
    "communicationId": Draws.uuid,
    "sessionStartTimeMs": lambda draws: int(draws.moment() * 1000),
    "transcriptionStartTimeMs": lambda draws: int(draws.moment() * 1000),
    "transcripts": lambda draws: [made(draws, UTTERANCE) for _ in range(draws.random.randint(0, 3))],
    "status": lambda draws: {"offsetMs": draws.whole(), "status": draws.one_of(("SESSION_ONGOING", "SESSION_ENDED"))},
}


def payload(draws: Draws) -> Payload:
    """A customer's end, or utterances."""
    if draws.chance(0.3):
        return Payload(
            event=_event("v2.conversations.{id}.transcription", made(draws, TRANSCRIPTION), draws), call=None
        )
    ended = made(draws, END)
    call = ended["conversationId"] if ended["mediaType"] == "VOICE" else None
    return Payload(event=_event("v2.detail.events.conversation.{id}.customer.end", ended, draws), call=call)


def _event(topic: str, body: dict[str, Any], draws: Draws) -> dict[str, Any]:
    detail = {
        "topicName": topic.replace("{id}", body["conversationId"]),
        "version": "2",
        "eventBody": body,
        "metadata": {"CorrelationId": draws.uuid()},
        "timestamp": draws.time(),
    }
    return event(topic, detail, SOURCE)
