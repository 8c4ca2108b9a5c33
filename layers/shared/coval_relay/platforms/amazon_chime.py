"""Amazon Chime SDK: the streams of a Voice Connector's calls, recordings and files of call analytics.

A call has two streams, one a leg, whose ends come with the same `callId`: the first ends the call.
Whether the pipeline records or transcribes is not in the events: the operator says so of transcripts.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from coval_relay.boundary import validate
from coval_relay.domain.call import RecordingHints
from coval_relay.domain.key_rules import KeyRule
from coval_relay.platforms.shared import canonical_events as canonical
from coval_relay.platforms.shared import fields, parts
from coval_relay.platforms.shared.call_analytics import call_analytics
from coval_relay.platforms.shared.contract import AUDIO, Event, Platform, PlatformOptions, TranscriptFormat

NAME = "amazon_chime"
PIPELINE_EVENT = "Media Insights State Change"
CALL_ID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
TRANSCRIBER = "AmazonTranscribeCallAnalyticsProcessor"
"""The one element that leaves a transcript in S3."""
MAX_ALIAS_LENGTH = 256


class Stream(fields.Camel):
    """Amazon Chime SDK, Automating with EventBridge: Voice Connector streaming."""

    streaming_status: str
    call_id: str
    transaction_id: fields.Text = None
    direction: fields.Text = None
    start_time: fields.Time = None
    end_time: fields.Time = None
    voice_connector_id: fields.Text = None
    invite_headers: fields.Lenient[Mapping[str, Any]] = Field(default_factory=dict)

    @property
    def sip_call_id(self) -> Any:
        headers = self.invite_headers.items()
        return next((value for name, value in headers if name.lower() == "call-id"), None)


class Element(fields.Camel):
    type: str
    status: str


class Pipeline(fields.Camel):
    """Amazon Chime SDK, Using EventBridge notifications: status updates of media insights pipelines."""

    event_type: str
    call_id: str | None = None
    elements: tuple[Element, ...] | None = Field(None, alias="mediaInsightsPipelineElementStatuses")

    @property
    def transcribes_no_more(self) -> bool:
        if not self.elements:
            return self.event_type == "chime:MediaInsightsFailed"
        return any(part.type == TRANSCRIBER and part.status == "Failed" for part in self.elements)


def _translate(event: Event, options: PlatformOptions) -> list[canonical.Event]:
    if event.get("detail-type") == PIPELINE_EVENT:
        return _transcript_unavailable(validate(Pipeline, event.get("detail"), "detail"), options)
    stream = validate(Stream, event.get("detail"), "detail")
    return [_call_ended(stream, options)] if stream.streaming_status == "ENDED" else []


def _call_ended(stream: Stream, options: PlatformOptions) -> canonical.Event:
    return canonical.CallEndedEvent(
        provider=NAME,
        external_conversation_id=stream.call_id,
        aliases=parts.aliases(
            sip_call_id=_alias_value(stream.sip_call_id),
            chime_transaction_id=_alias_value(stream.transaction_id),
        ),
        direction=stream.direction.lower() if stream.direction else None,
        started_at=stream.start_time,
        ended_at=stream.end_time,
        transcript=parts.transcript(separate=NAME in options.separate_transcripts),
        recording=canonical.ExpectedRecording(expected=True, agent_channel=options.agent_channels.get(NAME)),
        metadata=parts.metadata(voice_connector_id=stream.voice_connector_id),
    )


def _alias_value(value: object) -> str | None:
    """The caller's PBX writes the SIP Call-ID: one that cannot be an alias must not cost the call."""
    fits = isinstance(value, str) and value.isprintable() and len(value) <= MAX_ALIAS_LENGTH
    return str(value) if fits else None


def _transcript_unavailable(pipeline: Pipeline, options: PlatformOptions) -> list[canonical.Event]:
    expected = NAME in options.separate_transcripts
    if not (expected and pipeline.call_id and pipeline.transcribes_no_more):
        return []
    return [
        canonical.TranscriptUnavailableEvent(
            provider=NAME, external_conversation_id=pipeline.call_id, reason="media_insights_failed"
        )
    ]


def _key_rules(options: PlatformOptions) -> tuple[KeyRule, ...]:
    """Files of Transcribe Call Analytics are named by its own session, so there is no rule for them."""
    # Genesys Cloud names its recordings likewise, below a folder that names the conversation.
    named = rf"(?P<external_conversation_id>{CALL_ID})\.(?i:{AUDIO})"
    pattern = rf"(?:^|^(?!.*conversation_id=).*/){named}$"
    hints = RecordingHints(agent_channel=options.agent_channels.get(NAME))
    return (KeyRule(name=NAME, platform=NAME, pattern=pattern, hints=hints),)


PLATFORM = Platform(
    translate=_translate,
    key_rules=_key_rules,
    formats={"transcribe_call_analytics": TranscriptFormat(call_analytics)},
)
