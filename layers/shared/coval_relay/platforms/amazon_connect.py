"""Amazon Connect: contact events, Contact Lens files and recordings.

One conversation a contact: a transfer makes a new contact with its own recording, transcript and end, linked
to the first by `group_id`. DISCONNECTED and COMPLETED are the same end, either may be missing (Amazon
Connect, Contact events). The customer's number is in neither.

Nothing in a contact event says whether there is a recording. One is expected of contacts with an agent, and
of those without where automated interactions are analysed, or where the operator says that transcripts come:
who hangs up in the queue leaves nothing.
"""

from collections.abc import Mapping

from pydantic import AliasPath, ConfigDict, Field

from coval_relay.boundary_models import BoundaryModel, validate
from coval_relay.domain.call import RecordingHints
from coval_relay.domain.call_id import call_id_of
from coval_relay.domain.object_key_rules import KeyRule, ObjectKind
from coval_relay.platforms.shared import canonical_events as canonical
from coval_relay.platforms.shared import event_parts, fields
from coval_relay.platforms.shared.contract import Event, Platform, PlatformOptions, TranscriptFormat
from coval_relay.platforms.shared.transcribe_call_analytics import call_analytics

NAME = "amazon_connect"
ANALYSIS_EVENT = "Contact Lens Analysis State Change"
AGENT_CHANNEL = 1
"""Agent right, everybody else left (Amazon Connect, Set up recording behavior)."""
ENDS = frozenset({"DISCONNECTED", "COMPLETED"})
NOT_A_CALL = frozenset({"MONITOR", "DISCONNECT"})
"""A supervisor who listens; the flow after the agent has left (Amazon Connect, InitiationMethod)."""
DIRECTIONS = {
    "INBOUND": "inbound",
    "WEBRTC_API": "inbound",
    "OUTBOUND": "outbound",
    "EXTERNAL_OUTBOUND": "outbound",
    "CALLBACK": "outbound",
    "API": "outbound",
}
WITH_AGENT, WITHOUT_AGENT = frozenset({"postcontact", "realtime"}), frozenset({"automatedinteraction"})
"""Analytics modes that leave a file after the contact: real-time analytics includes the later one."""
ANALYTICS = ("contactlens", "conversationalanalytics", "configuration")
MAX_DEPTH = 6
BY_DETECTION: Mapping[str, canonical.CallStatus] = {
    "VOICEMAIL_BEEP": "voicemail",
    "VOICEMAIL_NO_BEEP": "voicemail",
    "FAX_MACHINE_DETECTED": "voicemail",
    "AMD_UNANSWERED": "no_answer",
    "AMD_NOT_APPLICABLE": "failed",
    "SIT_TONE_BUSY": "busy",
    "SIT_TONE_INVALID_NUMBER": "failed",
    "SIT_TONE_DETECTED": "failed",
}
"""`answeringMachineDetectionStatus`, of outbound campaigns; others were answered by somebody."""
BY_REASON: Mapping[str, canonical.CallStatus] = {
    "OUTBOUND_DESTINATION_ENDPOINT_ERROR": "failed",
    "OUTBOUND_RESOURCE_ERROR": "failed",
    "OUTBOUND_ATTEMPT_FAILED": "failed",
    "OUTBOUND_PREVIEW_DISCARDED": "cancelled",
    "OUTBUND_PREVIEW_DISCARDED": "cancelled",
    "TELECOM_PROBLEM": "failed",
}
"""`disconnectReason`, where nobody was connected; the documents spell one of them in two ways."""
CALLED = frozenset({"OUTBOUND", "CALLBACK", "API"})
"""Of these the customer's answer is what connects the contact to the system (Amazon Connect, contact timestamps)."""


class Contact(BoundaryModel):
    """A contact event's detail, its keys in lower case: Connect spells them in more than one way."""

    model_config = ConfigDict(alias_generator=lambda name: name.replace("_", ""), loc_by_alias=False)

    event_type: fields.Text = None
    channel: fields.Text = None
    contact_id: fields.ConversationId
    initial_contact_id: fields.Text = None
    previous_contact_id: fields.Text = None
    initiation_method: fields.Text = None
    initiation_timestamp: fields.Time = None
    connected_to_system_timestamp: fields.Time = None
    disconnect_timestamp: fields.Time = None
    disconnect_reason: fields.Text = None
    answering_machine_detection_status: fields.Text = None
    connected_to_agent_timestamp: fields.Time = Field(
        None, validation_alias=AliasPath("agentinfo", "connectedtoagenttimestamp")
    )
    agent_arn: fields.Text = Field(None, validation_alias=AliasPath("agentinfo", "agentarn"))
    queue_arn: fields.Text = Field(None, validation_alias=AliasPath("queueinfo", "queuearn"))
    is_analysed: fields.Flag = Field(None, validation_alias=AliasPath(*ANALYTICS, "enabled"))
    analytics_modes: fields.Several[str] = Field(
        (), validation_alias=AliasPath(*ANALYTICS, "channelconfiguration", "analyticsmodes")
    )

    @property
    def method(self) -> str:
        return (self.initiation_method or "").upper()

    @property
    def is_end_of_a_call(self) -> bool:
        ended = (self.event_type or "").upper() in ENDS and (self.channel or "").upper() == "VOICE"
        return ended and self.method not in NOT_A_CALL

    @property
    def has_agent(self) -> bool:
        return self.connected_to_agent_timestamp is not None

    @property
    def status(self) -> canonical.CallStatus:
        detected = BY_DETECTION.get((self.answering_machine_detection_status or "").upper())
        if detected or self.has_agent or self.connected_to_system_timestamp:
            return detected or "completed"
        unanswered = self.method in CALLED and self.initiation_timestamp is not None
        by_reason = BY_REASON.get((self.disconnect_reason or "").upper())
        return by_reason or ("no_answer" if unanswered else "completed")

    @property
    def leaves_an_analysis(self) -> bool:
        modes = {mode.lower() for mode in self.analytics_modes}
        return bool(self.is_analysed and modes & (WITH_AGENT if self.has_agent else WITHOUT_AGENT))


class AnalysisState(fields.Camel):
    """Contact Lens could not analyse a contact (Amazon Connect, Contact Lens error notifications)."""

    contact: str
    channel: fields.Text = None
    state: fields.Text = None
    reason_code: fields.Text = None


def _translate(event: Event, options: PlatformOptions) -> list[canonical.Event]:
    if event.get("detail-type") == ANALYSIS_EVENT:
        return _analysis_failed(validate(AnalysisState, event.get("detail"), "detail"))
    contact = validate(Contact, _lower_keys(event.get("detail"), MAX_DEPTH), "detail")
    return [_call_ended(contact, event, options)] if contact.is_end_of_a_call else []


def _lower_keys(value: object, depth: int) -> object:
    if not isinstance(value, Mapping) or not depth:
        return value
    return {str(key).lower(): _lower_keys(inner, depth - 1) for key, inner in value.items()}


def _call_ended(contact: Contact, event: Event, options: PlatformOptions) -> canonical.Event:
    talked = contact.status in ("completed", "voicemail")
    pending = talked and (contact.leaves_an_analysis or NAME in options.separate_transcripts)
    first = contact.initial_contact_id
    answers = (contact.connected_to_agent_timestamp, contact.connected_to_system_timestamp)
    return canonical.CallEndedEvent(
        provider=NAME,
        external_conversation_id=contact.contact_id,
        group_id=first if first != contact.contact_id else None,
        direction=DIRECTIONS.get(contact.method),
        status=contact.status,
        end_reason=contact.disconnect_reason,
        **event_parts.call_times(event, contact.initiation_timestamp, contact.disconnect_timestamp, *answers),
        agent=canonical.Agent(id=_last_part(contact.agent_arn)),
        queue=_last_part(contact.queue_arn),
        transcript=event_parts.transcript(separate=pending),
        recording=canonical.ExpectedRecording(
            expected=pending or (talked and contact.has_agent), agent_channel=_agent_channel(options)
        ),
        metadata=event_parts.metadata(
            initiation_method=contact.initiation_method,
            previous_contact_id=contact.previous_contact_id,
            answered_by=contact.answering_machine_detection_status,
        ),
    )


def _last_part(arn: str | None) -> str | None:
    return arn.rsplit("/", 1)[-1] if arn else None


def _agent_channel(options: PlatformOptions) -> int:
    return options.agent_channels.get(NAME, AGENT_CHANNEL)


def _analysis_failed(analysis: AnalysisState) -> list[canonical.Event]:
    failed = (analysis.state or "").upper() == "FAILED" and (analysis.channel or "").upper() == "VOICE"
    call_id = call_id_of(analysis.contact.rsplit("/", 1)[-1])
    if not failed or call_id is None:
        return []
    return [
        canonical.TranscriptUnavailableEvent(
            provider=NAME,
            external_conversation_id=call_id,
            reason=analysis.reason_code or "",
        )
    ]


# --- keys --------------------------------------------------------------------------------------------

OBJECT = r"\d{4}/\d{2}/\d{2}/(?P<external_conversation_id>[0-9a-f-]{36})"
RECORDED = rf"{OBJECT}_\d{{8}}T\d{{2}}:\d{{2}}_UTC\.wav$"
REDACTED_RECORDING = rf"{OBJECT}_call_recording_redacted_[^/]+\.wav$"
ANALYSIS, REDACTED_ANALYSIS = (rf"{OBJECT}_analysis_{twin}[^/]+\.json$" for twin in ("(?!redacted_)", "redacted_"))
VOICE, IVR_REDACTED = "(?:^|/)Analysis/Voice/", "(?:ivr/Redacted|Redacted/ivr)/"
AGENT_RANK, IVR_RANK = 1, 0
RULES: tuple[tuple[str, ObjectKind, str, bool, int], ...] = (
    # The recordings' prefix is the operator's: `connect/<alias>/CallRecordings` is only its default.
    ("ivr", "recording", rf"(?:^|/)ivr/{RECORDED}", False, IVR_RANK),
    ("agent", "recording", rf"(?:^|/){RECORDED}", False, AGENT_RANK),
    ("voicemail_express", "recording", rf"(?:^|/){OBJECT}\.wav$", False, IVR_RANK),
    ("ivr_redacted", "recording", VOICE + IVR_REDACTED + REDACTED_RECORDING, True, IVR_RANK),
    ("agent_redacted", "recording", rf"{VOICE}Redacted/{REDACTED_RECORDING}", True, AGENT_RANK),
    ("ivr_analysis", "transcript", rf"{VOICE}ivr/{ANALYSIS}", False, IVR_RANK),
    ("agent_analysis", "transcript", VOICE + ANALYSIS, False, AGENT_RANK),
    ("ivr_analysis_redacted", "transcript", VOICE + IVR_REDACTED + REDACTED_ANALYSIS, True, IVR_RANK),
    ("agent_analysis_redacted", "transcript", rf"{VOICE}Redacted/{REDACTED_ANALYSIS}", True, AGENT_RANK),
)


def _key_rules(options: PlatformOptions) -> tuple[KeyRule, ...]:
    """A contact has up to two recordings, of the IVR and of the agent, and each a redacted twin."""
    return tuple(
        KeyRule(
            name=f"{NAME}_{name}",
            platform=NAME,
            pattern=pattern,
            kind=kind,
            format="contact_lens_v1",
            redacted=redacted,
            hints=RecordingHints(agent_channel=_agent_channel(options), rank=rank, several=True),
        )
        for name, kind, pattern, redacted, rank in RULES
    )


PLATFORM = Platform(
    translate=_translate,
    key_rules=_key_rules,
    ignored_keys=(
        r"(?:^|/)Analysis/(?:Chat|Email)/",
        r"(?:^|/)ScreenRecordings/",
        r"(?:^|/)connect/[^/]+/(?:ChatTranscripts|EmailMessages|Attachments|Reports)/",
        r"(?:^|/)ContactEvaluations/",
    ),
    formats={"contact_lens_v1": TranscriptFormat(call_analytics)},
)
