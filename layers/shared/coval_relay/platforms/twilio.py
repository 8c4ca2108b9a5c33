"""Twilio: status and recording callbacks, and transcripts of Conversational Intelligence.

The callbacks' parameters come as one flat object of strings under the detail-type of AWS's quick-start for
EventBridge webhooks, or inside a CloudEvent of Event Streams. All kinds share a detail-type: their fields
differ. Docs: Twilio, Voice status callback, recording status callback, Event Streams,
Conversational Intelligence.

A dialled leg (`ParentCallSid`) is no call of its own: its id leads to its parent's. Recordings in external S3
storage are named by RE…, which only the recording's callback ties to the call's CA…, or to the conference's CF….
A conference is the call of its first participant; its friendly name is used again and ties nothing.

What comes while a call lasts (media streams, real-time transcription, the answers to TwiML) ends none.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import ConfigDict, StringConstraints
from pydantic.alias_generators import to_pascal

from coval_relay.boundary_models import BoundaryModel, validate
from coval_relay.domain.call import RecordingHints
from coval_relay.domain.call_aliases import Alias
from coval_relay.domain.call_id import call_id_of
from coval_relay.domain.object_key_rules import KeyRule
from coval_relay.platforms.shared import canonical_events as canonical
from coval_relay.platforms.shared import event_parts, fields
from coval_relay.platforms.shared.contract import (
    Event,
    Platform,
    PlatformOptions,
    TranscriptContext,
    TranscriptFormat,
)

NAME = "twilio"
FORMAT = "twilio_sentences"
CALL, RECORDING, CONFERENCE = "twilio_call_sid", "twilio_recording_sid", "twilio_conference_sid"
FINAL: Mapping[str, canonical.CallStatus] = {
    "completed": "completed",
    "busy": "busy",
    "failed": "failed",
    "no-answer": "no_answer",
    "canceled": "cancelled",
}
MACHINES = ("machine", "fax")
"""How `AnsweredBy` begins where no person answered: machine_start, machine_end_beep, machine_end_silence,
machine_end_other, fax (Twilio, answering machine detection)."""
ONE_SIDE = frozenset({"inbound", "outbound"})
"""`RecordingTrack` of what one party alone said; else both."""
AGENT_CHANNELS = {"inbound": 1, "outbound-api": 1}
"""The first channel is what the other end of the call's own leg says, the second what Twilio plays to it: the agent.

Twilio, recording one side of a call: inbound and outbound track. Who lets Twilio call its own agents, and then dials
the customer, has them the other way about and must say so.
"""
INTELLIGENCE = "intelligence.twilio.com"
SENTENCES = f"https://{INTELLIGENCE}/v2/Transcripts/{{}}/Sentences?PageSize=1000"


class _Callback(BoundaryModel):
    model_config = ConfigDict(alias_generator=to_pascal)

    call_sid: fields.Text = None
    parent_call_sid: fields.Text = None
    call_status: fields.Text = None
    answered_by: fields.Text = None
    call_duration: fields.Length = None
    sip_response_code: fields.Text = None
    conference_sid: fields.Text = None
    status_callback_event: fields.Text = None
    sequence_number: fields.Text = None
    direction: fields.Text = None
    timestamp: fields.Rfc2822 = None
    recording_sid: fields.Text = None
    recording_url: fields.Url = None
    recording_status: fields.Text = None
    recording_track: fields.Text = None
    recording_start_time: fields.Rfc2822 = None

    @property
    def owner(self) -> Alias | None:
        """Whose a recording is: the call's, or where none is named the conference's."""
        found = event_parts.aliases(**{CALL: self.call_sid, CONFERENCE: self.conference_sid})
        return found[0] if found else None

    @property
    def is_first_in_conference(self) -> bool:
        joined = self.status_callback_event == "participant-join"
        return joined and self.sequence_number in (None, "1") and bool(self.call_sid and self.conference_sid)


class _CallCallback(_Callback):
    call_sid: fields.ConversationId

    @property
    def status(self) -> canonical.CallStatus:
        status = FINAL[(self.call_status or "").lower()]
        return "voicemail" if status == "completed" and _is_machine(self.answered_by) else status


class _TranscriptAvailable(BoundaryModel):
    transcript_sid: Annotated[str, StringConstraints(pattern=r"^GT[0-9a-fA-F]{32}$")]
    customer_key: fields.Text = None
    """The call's id, where whoever asked for the transcript put it there; nothing else here names a call."""


def _translate(event: Event, options: PlatformOptions) -> list[canonical.Event]:
    detail = _parameters(event.get("detail"))
    if isinstance(detail, Mapping) and "transcript_sid" in detail:
        return _transcript_available(detail, options)
    return _of_callback(validate(_Callback, detail, "detail"), detail, event, options)


def _machine_detected(callback: _Callback) -> list[canonical.Event]:
    """Who answered, in a callback of its own where Twilio detects while the call goes on."""
    call_id = call_id_of(callback.call_sid)
    if call_id is None or callback.call_status or not _is_machine(callback.answered_by):
        return []
    return [canonical.CallDescribedEvent(provider=NAME, external_conversation_id=call_id, status="voicemail")]


def _is_machine(answered_by: str | None) -> bool:
    return (answered_by or "").lower().startswith(MACHINES)


def _of_callback(callback: _Callback, detail: object, event: Event, options: PlatformOptions) -> list[canonical.Event]:
    known = [*_recording(callback, options), *_conference(callback), *_machine_detected(callback)]
    if not callback.call_sid:
        return known
    if callback.parent_call_sid:
        return [*known, *_leads(Alias(CALL, callback.parent_call_sid), **{CALL: callback.call_sid})]
    if callback.recording_status is not None or (callback.call_status or "").lower() not in FINAL:
        return known
    return [*known, _call_ended(validate(_CallCallback, detail, "detail"), event, options)]


def _leads(target: Alias, **names: str | None) -> list[canonical.Event]:
    """That these names lead to the target, where they can be names."""
    aliases = event_parts.aliases(**names)
    usable = event_parts.aliases(**{target.type: target.value})
    known = canonical.AliasesKnownEvent(provider=NAME, alias=target, aliases=aliases) if aliases and usable else None
    return [known] if known else []


def _conference(callback: _Callback) -> list[canonical.Event]:
    if not callback.is_first_in_conference:
        return []
    return _leads(Alias(CALL, callback.call_sid or ""), **{CONFERENCE: callback.conference_sid})


def _parameters(detail: object) -> object:
    """A callback's parameters; a CloudEvent holds them at `data.request.parameters`."""
    for name in ("data", "request", "parameters"):
        if not isinstance(detail, Mapping) or name not in detail:
            break
        detail = detail[name]
    return detail


def _call_ended(callback: _CallCallback, event: Event, options: PlatformOptions) -> canonical.Event:
    """Without a duration no length is claimed."""
    ended, status = callback.timestamp or fields.sent_at(event), callback.status
    talked = status in ("completed", "voicemail")
    started = fields.later(ended, None if callback.call_duration is None else -callback.call_duration)
    agent_channel = options.agent_channels.get(NAME, AGENT_CHANNELS.get(callback.direction or ""))
    return canonical.CallEndedEvent(
        provider=NAME,
        external_conversation_id=callback.call_sid,
        aliases=event_parts.aliases(**{CALL: callback.call_sid}),
        direction=(callback.direction or "").partition("-")[0] or None,
        status=status,
        **event_parts.call_times(event, started, ended),
        transcript=event_parts.transcript(separate=talked and NAME in options.separate_transcripts),
        recording=canonical.ExpectedRecording(expected=talked, agent_channel=agent_channel),
        metadata=event_parts.metadata(answered_by=callback.answered_by, sip_response_code=callback.sip_response_code),
    )


# --- recordings --------------------------------------------------------------------------------------


def _recording(callback: _Callback, options: PlatformOptions) -> list[canonical.Event]:
    """Whose the recording is; and the recording itself, where it is to be fetched from Twilio."""
    owner = callback.owner
    if owner is None or not callback.recording_sid or callback.recording_status in ("absent", "failed"):
        return []
    if callback.recording_track in ONE_SIDE:
        return _leads(event_parts.no_recording("one_side"), **{RECORDING: callback.recording_sid})
    known = _leads(owner, **{RECORDING: callback.recording_sid})
    url = _audio_url(callback.recording_url) if callback.recording_status in (None, "completed") else None
    fetched = event_parts.fetchable(url, options)
    if fetched is None:
        return known
    recording = canonical.ReadyRecording(
        uri=fetched,
        agent_channel=options.agent_channels.get(NAME),
        started_at=callback.recording_start_time,
        several=True,
        longest=True,
    )
    return [*known, canonical.RecordingReadyEvent(provider=NAME, alias=owner, recording=recording)]


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
    """Without a key of its customer nothing says whose it is: the webhook names neither call nor recording."""
    available = validate(_TranscriptAvailable, detail, "detail")
    call_id = call_id_of(available.customer_key)
    if call_id is None:
        return []
    if INTELLIGENCE not in options.transcript_hosts:
        reason = f"{INTELLIGENCE} is not among the hosts allowed for transcripts"
        return [canonical.TranscriptUnavailableEvent(provider=NAME, external_conversation_id=call_id, reason=reason)]
    reference = canonical.TranscriptReference(uri=SENTENCES.format(available.transcript_sid), format=FORMAT)
    return [canonical.TranscriptReadyEvent(provider=NAME, external_conversation_id=call_id, reference=reference)]


class _Sentence(BoundaryModel):
    media_channel: fields.Number = None
    transcript: fields.Words = None
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
    return event_parts.usable_messages(
        event_parts.message(
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
