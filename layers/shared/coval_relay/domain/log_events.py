"""The closed list of what the relay reports: each a log line, some of them a metric too."""

from enum import Enum
from typing import Protocol


class LogEvent(Enum):
    """(level, message, metric); the name is the event's code."""

    CALL_END_RECEIVED = ("INFO", "A call-end event was taken in.", "Received")
    TRANSCRIPT_RECEIVED = ("INFO", "A transcript object was taken in.", None)
    RECORDING_RECEIVED = ("INFO", "A recording was taken in.", "Received")
    CALL_SUBMITTED = ("INFO", "Coval has made the conversation.", "Submitted")
    CALL_ADOPTED = ("WARNING", "An earlier attempt had made the conversation.", "Adopted")
    CALL_FILTERED = ("INFO", "Coval filtered the call as its own simulation.", "Filtered")
    CALL_REJECTED = ("ERROR", "The call was rejected for good.", "CallRejected")
    CALL_SKIPPED = ("INFO", "The call has nothing that could be evaluated.", "Skipped")
    TRANSCRIPT_TRUNCATED = (
        "WARNING",
        "The oldest messages were left out of an oversize transcript.",
        "Truncated",
    )
    TRANSCRIPT_DROPPED = (
        "ERROR",
        "The transcript cannot be sent; the recording may speak for the call.",
        "RejectedInput",
    )
    TRANSCRIPT_MISSING = (
        "WARNING",
        "The transcript never came; the recording may speak for the call.",
        "TranscriptMissing",
    )
    SUBMIT_OUTCOME_UNKNOWN = (
        "WARNING",
        "A submit had no clear outcome; it is read before it is sent again.",
        "Unknown",
    )
    SUBMIT_POSTPONED = ("WARNING", "Coval could not take the call now; it comes again.", "Postponed")
    CIRCUIT_OPENED = ("WARNING", "Coval is left alone for a while.", "CircuitOpened")
    RECORDING_UPLOADED = ("INFO", "Coval holds the recording's bytes.", "Uploaded")
    RECORDING_ATTACHED = ("INFO", "The conversation has its recording.", "Attached")
    RECORDING_NOT_FETCHED = ("WARNING", "Coval could not fetch the recording; it is offered again.", "NotFetched")
    RECORDING_REJECTED = ("WARNING", "The recording cannot be used.", "RecordingRejected")
    RECORDING_SKIPPED = ("INFO", "The object is not a recording of a call.", "Skipped")
    OBJECT_SKIPPED = ("INFO", "The object is not a transcript of a call.", "Skipped")
    EVENT_SKIPPED = ("INFO", "The event does not end a call, and says nothing of one.", "EventSkipped")
    TRANSCRIPT_UNAVAILABLE = ("WARNING", "The announced transcript will not come.", "TranscriptUnavailable")
    RECORDING_SUPERSEDED = ("INFO", "Another recording of the call was chosen.", "Superseded")
    AGENT_CHANNEL_UNKNOWN = (
        "WARNING",
        "Nobody knows which channel is the agent's; it is sent as it is.",
        "AgentChannelUnknown",
    )
    MESSAGE_PENDING = ("INFO", "The message waits until its call is known.", "MessagePending")
    ALIAS_TAKEN = ("WARNING", "A name of the call belongs to another call already.", "AliasTakenError")
    CONFIGURATION_UNREADABLE = (
        "ERROR",
        "The configuration in the SSM parameter cannot be read or breaks a rule; the last good one holds.",
        "ConfigurationUnreadable",
    )
    RECORDING_MISSING = ("WARNING", "The recording never came; the call is text-only.", "RecordingMissing")
    EXTRA_CONVERSATION_DELETED = ("ERROR", "A second conversation was deleted.", "ExtraConversationDeleted")
    INPUT_REJECTED = ("ERROR", "The input breaks a rule.", "RejectedInput")
    MESSAGE_WAITING = ("INFO", "What cannot be done now will come again.", "Waiting")
    OPERATOR_NEEDED = (
        "ERROR",
        "An operator has to mend something; what depends on it waits.",
        "OperatorNeeded",
    )
    HIDE_FAILED = ("WARNING", "A pause could not be written down; a longer one holds.", "HideFailed")
    WAITED_TOO_LONG = ("ERROR", "The message has waited for 12 days.", "WaitedTooLong")
    CALL_GIVEN_UP = ("ERROR", "The call has waited for 13 days.", "WaitedTooLong")
    RECORDING_GIVEN_UP = ("ERROR", "The recording of a submitted call has waited for 13 days.", "WaitedTooLong")
    AUDIT_GIVEN_UP = (
        "ERROR",
        "For 13 days nothing could show whether Coval has the call twice.",
        "WaitedTooLong",
    )
    WEBHOOK_ACCEPTED = ("INFO", "A webhook was verified and stored.", "WebhookAccepted")
    WEBHOOK_DROPPED = ("INFO", "A webhook says nothing that is wanted.", "WebhookDropped")
    WEBHOOK_REJECTED = ("WARNING", "A webhook was not let in.", "WebhookRejected")
    WEBHOOK_UNROUTED = ("INFO", "A request has no way in here.", "WebhookUnrouted")
    WEBHOOK_FAILED = (
        "ERROR",
        "A webhook could not be verified or stored; its sender may send it again.",
        "WebhookFailed",
    )
    SWEEP_DONE = ("INFO", "A sweep has gone on with what is due.", "Swept")
    DELIVERY_FAILED = ("ERROR", "Something unforeseen failed; it will come again.", "Failed")


class Telemetry(Protocol):
    """Where the services report; `fields` must not carry private data."""

    def __call__(self, event: LogEvent, external_conversation_id: str = "", **fields: str | int) -> None: ...
