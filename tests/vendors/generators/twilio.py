"""Twilio: a table of its documents' parameters (twilio.com/docs/voice: status, recording, conference, stream and
transcription callbacks; Event Streams); its SDK has no types of them. All are strings."""

from typing import Any, Final

from tests.vendors.draws import Draws, Payload, event
from tests.vendors.table_values import Table, made

FINAL: Final = ("completed", "busy", "failed", "no-answer", "canceled")
STATUSES: Final = (*FINAL, *FINAL, "queued", "initiated", "ringing", "in-progress", "something-new")
ANSWERED_BY: Final = (
    "machine_start", "machine_end_beep", "machine_end_silence", "machine_end_other", "human", "fax", "unknown",
    "something_new",
)  # fmt: skip
DATES: Final = ("Fri, 02 Oct 2026 14:36:37 +0000", "2026-10-02T14:31:08.123Z", "Fri, 02 Oct 2026 14:36:37 GMT")


def sid(prefix: str) -> Any:
    return lambda draws: f"{prefix}{draws.random.getrandbits(128):032x}"


COMMON: Final[Table] = {
    "AccountSid": sid("AC"),
    "ApiVersion": lambda _: "2010-04-01",
    "Timestamp": lambda draws: draws.one_of(DATES),
    "SequenceNumber": lambda draws: str(draws.random.randint(0, 4)),
}
CALL: Final[Table] = {
    **COMMON,
    "CallSid!": sid("CA"),
    "CallStatus!": lambda draws: draws.one_of(STATUSES),
    "CallDuration": lambda draws: str(draws.whole()),
    "Duration": lambda draws: str(draws.whole()),
    "Direction": lambda draws: draws.one_of(("inbound", "outbound-api", "outbound-dial", "trunking-terminating")),
    "From": lambda _: "+15550100002",
    "To": lambda _: "+15550100001",
    "AnsweredBy": lambda draws: draws.one_of(ANSWERED_BY),
    "MachineDetectionDuration": lambda draws: str(draws.whole()),
    "SipResponseCode": lambda draws: draws.one_of(("200", "486", "603", "487")),
    "CallbackSource": lambda _: "call-progress-events",
    "RecordingUrl": lambda draws: f"https://media.example.com/{draws.name('RE')}",
    "StirVerstat": Draws.text,
}
RECORDING: Final[Table] = {
    **COMMON,
    "CallSid": sid("CA"),
    "ConferenceSid": sid("CF"),
    "RecordingSid": sid("RE"),
    "RecordingUrl": lambda draws: f"https://media.example.com/{draws.name('RE')}",
    "RecordingStatus!": lambda draws: draws.one_of(("in-progress", "completed", "absent", "failed", "new")),
    "RecordingDuration": lambda draws: str(draws.whole()),
    "RecordingChannels": lambda draws: draws.one_of(("1", "2")),
    "RecordingStartTime": lambda draws: draws.one_of(DATES),
    "RecordingTrack": lambda draws: draws.one_of(("both", "inbound", "outbound")),
    "RecordingSource": lambda draws: draws.one_of(("DialVerb", "Conference", "OutboundAPI", "StartCallRecordingAPI")),
    "ErrorCode": lambda draws: str(draws.whole()),
}
CONFERENCE: Final[Table] = {
    **COMMON,
    "CallSid": sid("CA"),
    "ConferenceSid": sid("CF"),
    "FriendlyName": lambda draws: draws.name("room "),
    "StatusCallbackEvent": lambda draws: draws.one_of(("conference-start", "participant-join", "participant-leave")),
    "Muted": lambda draws: draws.one_of(("true", "false")),
}
WHILE_IT_LASTS: Final[Table] = {
    **COMMON,
    "CallSid": sid("CA"),
    "StreamSid": sid("MZ"),
    "StreamEvent": lambda draws: draws.one_of(("stream-started", "stream-stopped", "stream-error")),
    "TranscriptionSid": sid("GT"),
    "TranscriptionEvent": lambda draws: draws.one_of(("transcription-started", "transcription-content")),
    "TranscriptionData": lambda _: '{"transcript":"hello","confidence":0.9}',
    "SequenceId": lambda draws: str(draws.whole()),
    "Track": lambda draws: draws.one_of(("inbound_track", "outbound_track")),
}
OTHERS: Final = (RECORDING, RECORDING, CONFERENCE, WHILE_IT_LASTS)


def payload(draws: Draws) -> Payload:
    """A call's status, or one of the other callbacks under the same detail-type; some in a CloudEvent."""
    if draws.chance(0.3):
        return Payload(event=_event(draws, made(draws, draws.one_of(OTHERS))), call=None)
    parameters = made(draws, CALL)
    if draws.chance(0.1):
        return Payload(event=_event(draws, {**parameters, "ParentCallSid": sid("CA")(draws)}), call=None)
    ended = parameters["CallStatus"] in FINAL
    return Payload(event=_event(draws, parameters), call=parameters["CallSid"] if ended else None)


def _event(draws: Draws, parameters: dict[str, Any]) -> dict[str, Any]:
    if draws.chance(0.8):
        return event("twilio-webhook-lambda", parameters, "twilio.com")
    request = {"method": "POST", "parameters": parameters}
    cloud_event = {"specversion": "1.0", "data": {"sid": parameters.get("CallSid"), "request": request}}
    return event("twilio-event-stream", cloud_event, "twilio.com")
