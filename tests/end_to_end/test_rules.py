"""Whose queue an event reaches: EventBridge's own matcher on the rules as they are deployed."""

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from local.stack.events import NotDelivered, put
from local.stack.parameters import PARAMETERS, PARTNER_BUS

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient

pytestmark = pytest.mark.usefixtures("stack")

CONNECT, CONTACT_LENS = "Amazon Connect Contact Event", "Contact Lens Analysis State Change"
STREAM, PIPELINE = "Chime VoiceConnector Streaming Status", "Media Insights State Change"
GENESYS_END = "v2.detail.events.conversation.{id}.customer.end"


def event(source: str, detail_type: str, **detail: Any) -> dict[str, Any]:
    envelope = {"version": "0", "id": "1", "account": "000000000000", "region": "us-east-1", "resources": []}
    sent = {"source": source, "detail-type": detail_type, "detail": detail}
    return {**envelope, "time": "2026-10-02T14:36:38Z", **sent}


def created(bucket: str, key: str) -> dict[str, Any]:
    return event("aws.s3", "Object Created", bucket={"name": bucket}, object={"key": key})


def rules_for(sent: dict[str, Any], bus: str) -> set[str]:
    """Logical ids of the stack's rules that match."""
    client: EventBridgeClient = boto3.client("events")
    return {
        rule["Name"].split("-")[-2]
        for rule in client.list_rules(EventBusName=bus)["Rules"]
        if client.test_event_pattern(EventPattern=rule["EventPattern"], Event=json.dumps(sent))["Result"]
    }


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (event("acme.calls", "Call Ended"), {"CallEventRule"}),
        (event("acme.calls", "Recording Ready"), {"RecordingReadyRule"}),
        (event("vapi", "end-of-call-report"), {"CallEventRule"}),
        (event("acme.calls", "Order Placed"), set()),
        (event("acme.connect", CONNECT, eventType="QUEUED"), {"CallEventRule"}),
        (event("aws.connect", CONNECT, eventType="DISCONNECTED"), {"ConnectRule"}),
        (event("aws.connect", "Connect Customer Contact Event", EventType="COMPLETED"), {"ConnectRule"}),
        (event("aws.connect", CONNECT, eventType="QUEUED"), set()),
        (event("aws.connect", CONTACT_LENS, state="FAILED"), {"ConnectRule"}),
        (event("aws.chime", STREAM, streamingStatus="ENDED"), {"ChimeRule"}),
        (event("aws.chime", STREAM, streamingStatus="STARTED"), set()),
        (event("aws.chime", PIPELINE, eventType="chime:MediaInsightsFailed"), {"ChimeRule"}),
        (event(PARTNER_BUS, GENESYS_END), set()),
        (created("coval-relay-recordings", "recordings/a b+c"), {"RecordingRule"}),
        (created("coval-relay-recordings-unversioned", "recordings/a.json"), {"RecordingRule"}),
        (created("coval-relay-recordings", "transcripts/a.json"), set()),
        (created("coval-relay-transcripts", "transcripts/a.json"), {"TranscriptRule"}),
        (created("coval-relay-media", "recordings/a.wav"), set()),
    ],
)
def test_rules_of_the_default_bus(sent: dict[str, Any], expected: set[str]) -> None:
    assert rules_for(sent, "default") == expected


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (event(PARTNER_BUS, GENESYS_END), {"GenesysRule"}),
        (event(PARTNER_BUS, "v2.conversations.{id}.transcription"), {"GenesysRule"}),
        (event(PARTNER_BUS, "v2.users.{id}.presence"), set()),
        (event("aws.partner/example.com/acme", GENESYS_END), set()),
    ],
)
def test_rules_of_the_partner_bus(sent: dict[str, Any], expected: set[str]) -> None:
    assert rules_for(sent, PARAMETERS["PartnerEventBusName"]) == expected


def test_an_event_that_nobody_listens_to_is_reported() -> None:
    with pytest.raises(NotDelivered):
        put(event("aws.connect", CONNECT, eventType="QUEUED"))
