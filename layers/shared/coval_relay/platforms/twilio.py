"""Twilio: status and recording callbacks, and transcripts of Conversational Intelligence.

The callbacks' parameters come as one flat object of strings under the detail-type of AWS's quick-start for
EventBridge webhooks, or inside a CloudEvent of Event Streams. All kinds share a detail-type: their fields
differ. Docs: Twilio, Voice status callback, recording status callback, Event Streams,
Conversational Intelligence.

A dialled leg (`ParentCallSid`) is no call of its own: its id leads to its parent's. Recordings in external S3
storage are named by RE…, which only the recording's callback ties to the call's CA….
"""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import ConfigDict, StringConstraints
from pydantic.alias_generators import to_pascal

from coval_relay.boundary import BoundaryModel, validate
from coval_relay.domain.aliases import Alias
from coval_relay.domain.call import RecordingHints
from coval_relay.domain.key_rules import KeyRule
from coval_relay.platforms.shared import canonical_events as canonical
from coval_relay.platforms.shared import fields, parts
from coval_relay.platforms.shared.contract import (
    Event,
    Platform,
    PlatformOptions,
    TranscriptContext,
    TranscriptFormat,
)

NAME = "twilio"
FORMAT = "twilio_sentences"
CALL, RECORDING = "twilio_call_sid", "twilio_recording_sid"
FINAL: Mapping[str, canonical.CallStatus] = {
    "completed": "completed",
    "busy": "busy",
    "failed": "failed",
    "no-answer": "no_answer",
    "canceled": "cancelled",
}
AGENT_CHANNELS = {"inbound": 1, "outbound-api": 0}
"""The first channel is the parent leg: the caller of an inbound call (Twilio, dual-channel recordings)."""
INTELLIGENCE = "intelligence.twilio.com"
SENTENCES = f"https://{INTELLIGENCE}/v2/Transcripts/{{}}/Sentences?PageSize=1000"


class _Callback(BoundaryModel):
    model_config = ConfigDict(alias_generator=to_pascal)

    call_sid: fields.Text = None
    parent_call_sid: fields.Text = None
    call_status: fields.Text = None
    call_duration: fields.Number = None
    direction: fields.Text = None
    timestamp: fields.Rfc2822 = None
    recording_sid: fields.Text = None
    recording_url: fields.Url = None
    recording_status: fields.Text = None
    recording_start_time: fields.Rfc2822 = None


class _CallCallback(_Callback):
    call_sid: fields.ConversationId


class _TranscriptAvailable(BoundaryModel):
    transcript_sid: Annotated[str, StringConstraints(pattern=r"^GT[0-9a-fA-F]{32}$")]
    customer_key: fields.ConversationId
    """The call's id, where whoever asked for the transcript put it there."""


def _translate(event: Event, options: PlatformOptions) -> list[canonical.Event]:
    detail = _parameters(event.get("detail"))
    if isinstance(detail, Mapping) and "transcript_sid" in detail:
        return _transcript_available(detail, options)
    if not validate(_Callback, detail, "detail").call_sid:
        return []
    callback = validate(_CallCallback, detail, "detail")
    recordings = _recording(callback, options)
    if callback.parent_call_sid:
        parent, leg = Alias(CALL, callback.parent_call_sid), Alias(CALL, callback.call_sid)
        return [*recordings, canonical.AliasesKnownEvent(provider=NAME, alias=parent, aliases=(leg,))]
    ended = callback.recording_status is None and callback.call_status in FINAL
    return [*recordings, _call_ended(callback, event, options)] if ended else recordings


def _parameters(detail: object) -> object:
    """A callback's parameters; a CloudEvent holds them at `data.request.parameters`."""
    for name in ("data", "request", "parameters"):
        if not isinstance(detail, Mapping) or name not in detail:
            break
        detail = detail[name]
    return detail


def _call_ended(callback: _CallCallback, event: Event, options: PlatformOptions) -> canonical.Event:
    ended = callback.timestamp or fields.sent_at(event)
    status = FINAL[callback.call_status or ""]
    talked = status == "completed"
    agent_channel = options.agent_channels.get(NAME, AGENT_CHANNELS.get(callback.direction or ""))
    return canonical.CallEndedEvent(
        provider=NAME,
        external_conversation_id=callback.call_sid,
        aliases=(Alias(CALL, callback.call_sid),),
        direction=(callback.direction or "").partition("-")[0] or None,
        status=status,
        started_at=fields.later(ended, -(callback.call_duration or 0)),
        ended_at=ended,
        transcript=parts.transcript(separate=talked and NAME in options.separate_transcripts),
        recording=canonical.ExpectedRecording(expected=talked, agent_channel=agent_channel),
    )


# --- recordings --------------------------------------------------------------------------------------


def _recording(callback: _CallCallback, options: PlatformOptions) -> list[canonical.Event]:
    """Whose the recording is; and the recording itself, where it is to be fetched from Twilio."""
    if not callback.recording_sid or callback.recording_status in ("absent", "failed"):
        return []
    owner, name = Alias(CALL, callback.call_sid), Alias(RECORDING, callback.recording_sid)
    aliases_known = canonical.AliasesKnownEvent(provider=NAME, alias=owner, aliases=(name,))
    url = _audio_url(callback.recording_url) if callback.recording_status in (None, "completed") else None
    fetched = parts.fetchable(url, options)
    if fetched is None:
        return [aliases_known]
    recording = canonical.ReadyRecording(
        uri=fetched,
        agent_channel=options.agent_channels.get(NAME),
        started_at=callback.recording_start_time,
        several=True,
        longest=True,
    )
    return [aliases_known, canonical.RecordingReadyEvent(provider=NAME, alias=owner, recording=recording)]


def _audio_url(url: str | None) -> str | None:
    """Without an extension Twilio answers with a description of the recording."""
    return f"{url}.wav" if url and not url.endswith((".wav", ".mp3")) else url


def _key_rules(options: PlatformOptions) -> tuple[KeyRule, ...]:
    """External S3 storage: `<path>/<AccountSid>/<RecordingSid>`, with or without an extension."""
    return (
        KeyRule(
            name=NAME,
            platform=NAME,
            pattern=r"(?:^|/)AC[0-9a-f]{32}/(?P<alias>RE[0-9a-f]{32})(?:\.(?:wav|mp3))?$",
            alias_type=RECORDING,
            hints=RecordingHints(agent_channel=options.agent_channels.get(NAME), several=True, longest=True),
        ),
    )


# --- transcripts -------------------------------------------------------------------------------------


def _transcript_available(detail: object, options: PlatformOptions) -> list[canonical.Event]:
    available = validate(_TranscriptAvailable, detail, "detail")
    call_id = available.customer_key
    if INTELLIGENCE not in options.transcript_hosts:
        reason = f"{INTELLIGENCE} is not among the hosts allowed for transcripts"
        return [canonical.TranscriptUnavailableEvent(provider=NAME, external_conversation_id=call_id, reason=reason)]
    reference = canonical.TranscriptReference(uri=SENTENCES.format(available.transcript_sid), format=FORMAT)
    return [canonical.TranscriptReadyEvent(provider=NAME, external_conversation_id=call_id, reference=reference)]


class _Sentence(BoundaryModel):
    media_channel: fields.Number = None
    transcript: str | None = None
    start_time: fields.Number = None
    end_time: fields.Number = None


class _PageUrls(BoundaryModel):
    next_page_url: fields.Url = None


class _Page(BoundaryModel):
    sentences: fields.Several[_Sentence] = ()
    meta: _PageUrls | None = None


def _messages_of_page(content: Any, context: TranscriptContext) -> list[canonical.Message]:
    """The agent is on the second channel unless the call or the operator says else."""
    page = validate(_Page, content, "transcript")
    channel_of_call = 1 if context.agent_channel is None else context.agent_channel
    agent = 1 + context.options.agent_channels.get(NAME, channel_of_call)
    return parts.usable_messages(
        parts.message(
            "assistant" if sentence.media_channel == agent else "user",
            sentence.transcript,
            sentence.start_time,
            sentence.end_time,
        )
        for sentence in page.sentences
    )


def _next_page(content: Any) -> str | None:
    meta = validate(_Page, content, "transcript").meta
    return meta.next_page_url if meta else None


PLATFORM = Platform(
    translate=_translate,
    key_rules=_key_rules,
    formats={FORMAT: TranscriptFormat(_messages_of_page, _next_page)},
)
