"""Twilio: status and recording callbacks, and transcripts of Conversational Intelligence.

The callbacks' parameters come as one flat object of strings under the detail-type of AWS's quick-start for
EventBridge webhooks, or inside a CloudEvent of Event Streams. All kinds share a detail-type: fields tell them
apart. Docs: Twilio, Voice status callback, recording status callback, Event Streams,
Conversational Intelligence.

A dialled leg (`ParentCallSid`) is no call of its own: its id leads to its parent's. Recordings in external S3
storage are named by RE…, which only the recording's callback ties to the call's CA….
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import ConfigDict, StringConstraints
from pydantic.alias_generators import to_pascal

from coval_relay.boundary import BoundaryModel, validate
from coval_relay.domain.call import RecordingHints
from coval_relay.domain.key_rules import KeyRule
from coval_relay.platforms.canonical import ConversationId
from coval_relay.platforms.shared.building import (
    alias,
    aliases,
    allowed,
    canonical,
    known,
    message,
    speech,
    transcript,
)
from coval_relay.platforms.shared.contract import (
    CanonicalEvent,
    CanonicalMessage,
    Event,
    Platform,
    PlatformOptions,
    TranscriptContext,
    TranscriptFormat,
)
from coval_relay.platforms.shared.field_types import (
    Number,
    Rfc2822,
    Several,
    Text,
    Url,
    later,
    rfc_3339,
    sent_at,
)

NAME = "twilio"
FORMAT = "twilio_sentences"
CALL, RECORDING = "twilio_call_sid", "twilio_recording_sid"
FINAL = {
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

    call_sid: Text = None
    parent_call_sid: Text = None
    call_status: Text = None
    call_duration: Number = None
    direction: Text = None
    timestamp: Rfc2822 = None
    recording_sid: Text = None
    recording_url: Url = None
    recording_status: Text = None
    recording_duration: Number = None
    recording_start_time: Rfc2822 = None


class _Called(_Callback):
    call_sid: ConversationId


class _TranscriptAvailable(BoundaryModel):
    transcript_sid: Annotated[str, StringConstraints(pattern=r"^GT[0-9a-fA-F]{32}$")]
    customer_key: ConversationId
    """The call's id, where whoever asked for the transcript put it there."""


def _translate(event: Event, options: PlatformOptions) -> Sequence[CanonicalEvent]:
    detail = _parameters(event.get("detail"))
    if isinstance(detail, Mapping) and "transcript_sid" in detail:
        return _transcript_available(detail, options)
    told = validate(_Callback, detail, "detail")
    if not told.call_sid:
        return []
    called = validate(_Called, detail, "detail")
    recordings = _recording(called, options)
    if called.parent_call_sid:
        parent = alias(CALL, called.parent_call_sid)
        return [*recordings, _names(parent, CALL, called.call_sid)]
    ended = called.recording_status is None and called.call_status in FINAL
    return [*recordings, _call_ended(called, event, options)] if ended else recordings


def _parameters(detail: object) -> object:
    """A callback's parameters; a CloudEvent holds them at `data.request.parameters`."""
    for name in ("data", "request", "parameters"):
        if not isinstance(detail, Mapping) or name not in detail:
            break
        detail = detail[name]
    return detail


def _names(target: dict[str, str], type_: str, value: str) -> CanonicalEvent:
    return canonical("Aliases Known", NAME, alias=target, aliases=[alias(type_, value)])


def _call_ended(called: _Called, event: Event, options: PlatformOptions) -> CanonicalEvent:
    ended = called.timestamp or sent_at(event)
    status = FINAL[called.call_status or ""]
    side = options.agent_channels.get(NAME, AGENT_CHANNELS.get(called.direction or ""))
    return canonical(
        "Call Ended",
        NAME,
        external_conversation_id=called.call_sid,
        aliases=aliases(twilio_call_sid=called.call_sid),
        direction=(called.direction or "").partition("-")[0] or None,
        status=status,
        started_at=rfc_3339(later(ended, -(called.call_duration or 0))),
        ended_at=rfc_3339(ended),
        transcript=transcript([], separate=status == "completed" and NAME in options.separate_transcripts),
        recording=known(expected=status == "completed", agent_channel=side, items=[]),
    )


# --- recordings --------------------------------------------------------------------------------------


def _recording(called: _Called, options: PlatformOptions) -> list[CanonicalEvent]:
    """Whose the recording is; and the recording itself, where it is to be fetched from Twilio."""
    if not called.recording_sid or called.recording_status in ("absent", "failed"):
        return []
    owner = alias(CALL, called.call_sid)
    known_now = _names(owner, RECORDING, called.recording_sid)
    url = _audio(called.recording_url) if called.recording_status in (None, "completed") else None
    if not allowed(url, options):
        return [known_now]
    recording = known(
        id=called.recording_sid,
        uri=url,
        agent_channel=options.agent_channels.get(NAME),
        started_at=rfc_3339(called.recording_start_time),
        duration_seconds=called.recording_duration,
        several=True,
        longest=True,
    )
    return [known_now, canonical("Recording Ready", NAME, alias=owner, recording=recording)]


def _audio(url: str | None) -> str | None:
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


def _transcript_available(detail: object, options: PlatformOptions) -> list[CanonicalEvent]:
    told = validate(_TranscriptAvailable, detail, "detail")
    if INTELLIGENCE not in options.transcript_hosts:
        reason = f"{INTELLIGENCE} is not among the hosts allowed for transcripts"
        detail_type, more = "Transcript Unavailable", {"reason": reason}
        return [canonical(detail_type, NAME, external_conversation_id=told.customer_key, **more)]
    reference = {"uri": SENTENCES.format(told.transcript_sid), "format": FORMAT}
    return [
        canonical("Transcript Ready", NAME, external_conversation_id=told.customer_key, reference=reference)
    ]


class _Sentence(BoundaryModel):
    media_channel: Number = None
    transcript: str | None = None
    start_time: Number = None
    end_time: Number = None


class _Pages(BoundaryModel):
    next_page_url: Url = None


class _Sentences(BoundaryModel):
    sentences: Several[_Sentence] = ()
    meta: _Pages | None = None


def _sentences(content: Any, context: TranscriptContext) -> Sequence[CanonicalMessage]:
    """A page of sentences; the agent is on the second channel unless the call or the operator says else."""
    told = validate(_Sentences, content, "transcript").sentences
    of_call = 1 if context.agent_channel is None else context.agent_channel
    agent = 1 + context.options.agent_channels.get(NAME, of_call)
    return speech(
        message(
            "assistant" if sentence.media_channel == agent else "user",
            sentence.transcript,
            sentence.start_time,
            sentence.end_time,
        )
        for sentence in told
    )


def _next_page(content: Any) -> str | None:
    pages = validate(_Sentences, content, "transcript").meta
    return pages.next_page_url if pages else None


PLATFORM = Platform(
    translate=_translate,
    key_rules=_key_rules,
    formats={FORMAT: TranscriptFormat(_sentences, _next_page)},
)
