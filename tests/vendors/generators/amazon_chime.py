"""Amazon Chime SDK: a table of its documents' fields (developer guide, Voice Connector streaming events and status
updates of media insights pipelines); AWS publishes no types of them."""

from typing import Final

from tests.vendors.draws import Draws, Payload, event
from tests.vendors.table_values import Table, made

STREAM: Final[Table] = {
    "callId!": Draws.uuid,
    "streamingStatus!": lambda draws: draws.one_of(("ENDED", "ENDED", "ENDED", "STARTED", "UPDATED", "FAILED", "NEW")),
    "transactionId": Draws.uuid,
    "direction": lambda draws: draws.one_of(("Inbound", "Outbound", "Sideways")),
    "fromNumber": lambda _: "+15550100002",
    "toNumber": lambda _: "+15550100001",
    "isCaller": lambda draws: draws.chance(0.5),
    "startTime": Draws.time,
    "endTime": Draws.time,
    "startFragmentNumber": lambda draws: str(draws.whole()),
    "streamArn": lambda draws: (
        f"arn:aws:kinesisvideo:us-east-1:111122223333:stream/{draws.name('ChimeVoiceConnector-')}"
    ),
    "voiceConnectorId": lambda draws: draws.name("vc"),
    "inviteHeaders": lambda draws: draws.one_of(({"call-id": draws.text()}, {"Call-ID": ["a"]}, {"to": 7}, {})),
    "siprecMetadata": Draws.text,
}
ELEMENT: Final[Table] = {
    "type": lambda draws: draws.one_of(("AmazonTranscribeCallAnalyticsProcessor", "S3RecordingSink", "NewSink")),
    "status": lambda draws: draws.one_of(("InProgress", "Failed", "Stopped", "NotStarted")),
    "updatedOn": Draws.moment,
}
PIPELINE: Final[Table] = {
    "version": lambda _: "0",
    "mediaInsightsPipelineArn": Draws.text,
    "eventType": lambda draws: f"chime:MediaInsights{draws.one_of(('Stopped', 'Failed', 'InProgress', 'New'))}",
    "callId": Draws.uuid,
    "mediaInsightsPipelineElementStatuses": lambda draws: [
        made(draws, ELEMENT) for _ in range(draws.random.randint(0, 3))
    ],
}


def payload(draws: Draws) -> Payload:
    """A stream's status, whose end ends the call, or a pipeline's."""
    if draws.chance(0.2):
        return Payload(event=event("Media Insights State Change", made(draws, PIPELINE), "aws.chime"), call=None)
    stream = made(draws, STREAM)
    call = stream["callId"] if stream["streamingStatus"] == "ENDED" else None
    return Payload(event=event("Chime VoiceConnector Streaming Status", stream, "aws.chime"), call=call)
