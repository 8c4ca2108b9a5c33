"""Amazon Chime SDK: the streams of a Voice Connector's calls, recordings and files of call analytics.

A call has two streams, one a leg, whose ends come with the same `callId`: the first ends the call.
Whether the pipeline records or transcribes is not in the events: the operator says so of transcripts.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from coval_relay.boundary_models import validate
from coval_relay.domain.call import RecordingHints
from coval_relay.domain.call_id import call_id_of
from coval_relay.domain.object_key_rules import KeyRule
from coval_relay.platforms.shared import canonical_events as canonical
from coval_relay.platforms.shared import event_parts, fields
from coval_relay.platforms.shared.contract import AUDIO, Event, Platform, PlatformOptions, TranscriptFormat
from coval_relay.platforms.shared.transcribe_call_analytics import call_analytics

NAME = "amazon_chime"
PIPELINE_EVENT = "Media Insights State Change"
CALL_ID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
TRANSCRIBER = "AmazonTranscribeCallAnalyticsProcessor"
"""The one element that leaves a transcript in S3."""


class Stream(fields.Camel):
    """Amazon Chime SDK, Automating with EventBridge: Voice Connector streaming."""

    streaming_status: fields.Text = None
    call_id: fields.ConversationId
    transaction_id: fields.Text = None
    direction: fields.Text = None
    start_time: fields.Time = None
    end_time: fields.Time = None
    voice_connector_id: fields.Text = None
    invite_headers: fields.Lenient[Mapping[str, Any]] = Field(default_factory=dict)

    @property
    def sip_call_id(self) -> str | None:
        """The caller's PBX writes it."""
        found = (value for name, value in self.invite_headers.items() if name.lower() == "call-id")
        return next((value for value in found if isinstance(value, str)), None)


class Element(fields.Camel):
    type: fields.Text = None
    status: fields.Text = None


class Pipeline(fields.Camel):
    """Amazon Chime SDK, Using EventBridge notifications: status updates of media insights pipelines."""

    event_type: fields.Text = None
    call_id: fields.Text = None
    elements: fields.Several[Element] = Field((), alias="mediaInsightsPipelineElementStatuses")

    @property
    def transcribes_no_more(self) -> bool:
        if not self.elements:
            return self.event_type == "chime:MediaInsightsFailed"
        return any(part.type == TRANSCRIBER and part.status == "Failed" for part in self.elements)


def _translate(event: Event, options: PlatformOptions) -> list[canonical.Event]:
    if event.get("detail-type") == PIPELINE_EVENT:
        return _transcript_unavailable(validate(Pipeline, event.get("detail"), "detail"), options)
    stream = validate(Stream, event.get("detail"), "detail")
    return [_call_ended(stream, event, options)] if stream.streaming_status == "ENDED" else []


def _call_ended(stream: Stream, event: Event, options: PlatformOptions) -> canonical.Event:
    return canonical.CallEndedEvent(
        provider=NAME,
        external_conversation_id=stream.call_id,
        aliases=event_parts.aliases(sip_call_id=stream.sip_call_id, chime_transaction_id=stream.transaction_id),
        direction=stream.direction.lower() if stream.direction else None,
        **event_parts.call_times(event, stream.start_time, stream.end_time),
        transcript=event_parts.transcript(separate=NAME in options.separate_transcripts),
        recording=canonical.ExpectedRecording(expected=True, agent_channel=options.agent_channels.get(NAME)),
        metadata=event_parts.metadata(voice_connector_id=stream.voice_connector_id),
    )


def _transcript_unavailable(pipeline: Pipeline, options: PlatformOptions) -> list[canonical.Event]:
    expected = NAME in options.separate_transcripts
    call_id = call_id_of(pipeline.call_id)
    if not (expected and call_id and pipeline.transcribes_no_more):
        return []
    reason = "media_insights_failed"
    return [canonical.TranscriptUnavailableEvent(provider=NAME, external_conversation_id=call_id, reason=reason)]


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
