"""Telnyx: `call.hangup` ends a call; `call.recording.saved` and `call.conversation.ended` bring aliases.

Docs: Telnyx, Voice API webhooks, and the types of its SDK. The call is the session, which groups its legs.
Every leg hangs up by itself, and each ends the call: until it is submitted the latest one's facts hold.
Telnyx's webhooks carry no transcript with turns. They come twice, at once and out of order.
"""

from collections.abc import Mapping

from coval_relay.boundary import BoundaryModel, validate
from coval_relay.domain.aliases import Alias
from coval_relay.domain.call import RecordingHints
from coval_relay.domain.key_rules import KeyRule
from coval_relay.platforms.shared import canonical_events as canonical
from coval_relay.platforms.shared import fields, parts
from coval_relay.platforms.shared.contract import Event, Platform, PlatformOptions

NAME = "telnyx"
UNANSWERED: Mapping[str, canonical.CallStatus] = {
    "user_busy": "busy",
    "no_answer": "no_answer",
    "timeout": "no_answer",
    "originator_cancel": "cancelled",
    "call_rejected": "failed",
    "not_found": "failed",
}
DIRECTIONS = {"incoming": "inbound", "outgoing": "outbound"}
AGENT_CHANNELS = {"incoming": 1}
"""The first channel is the first leg: the caller, where the call came in. Of other calls nothing is said."""


class _Urls(BoundaryModel):
    wav: fields.Url = None
    mp3: fields.Url = None


class _Payload(BoundaryModel):
    call_session_id: fields.ConversationId
    call_leg_id: fields.Text = None
    conversation_id: fields.Text = None
    connection_id: fields.Text = None
    direction: fields.Text = None
    hangup_cause: fields.Text = None
    hangup_source: fields.Text = None
    start_time: fields.Time = None
    end_time: fields.Time = None
    recording_started_at: fields.Time = None
    recording_urls: fields.Lenient[_Urls] = _Urls()

    @property
    def recording_url(self) -> fields.Url:
        return self.recording_urls.wav or self.recording_urls.mp3

    @property
    def aliases(self) -> tuple[Alias, ...]:
        return parts.aliases(telnyx_call_leg=self.call_leg_id, telnyx_conversation=self.conversation_id)


class _Data(BoundaryModel):
    event_type: fields.Text = None
    occurred_at: fields.Time = None
    payload: _Payload


class _Body(BoundaryModel):
    data: _Data


def _translate(event: Event, options: PlatformOptions) -> list[canonical.Event]:
    data = validate(_Body, event.get("detail"), "detail").data
    if data.event_type == "call.hangup":
        return [_call_ended(data, event, options)]
    if data.event_type == "call.recording.saved":
        return [*_aliases_known(data.payload), *_recording_ready(data.payload, options)]
    return _aliases_known(data.payload) if data.event_type == "call.conversation.ended" else []


def _call_ended(data: _Data, event: Event, options: PlatformOptions) -> canonical.Event:
    payload = data.payload
    ended = payload.end_time or data.occurred_at or fields.sent_at(event)
    status = UNANSWERED.get(payload.hangup_cause or "", "completed")
    talked = status == "completed"
    agent_channel = options.agent_channels.get(NAME, AGENT_CHANNELS.get(payload.direction or ""))
    return canonical.CallEndedEvent(
        provider=NAME,
        external_conversation_id=payload.call_session_id,
        aliases=payload.aliases,
        direction=DIRECTIONS.get(payload.direction or ""),
        status=status,
        end_reason=payload.hangup_cause,
        started_at=payload.start_time or ended,
        ended_at=ended,
        agent=canonical.Agent(id=payload.connection_id),
        transcript=parts.transcript(separate=talked and NAME in options.separate_transcripts),
        recording=canonical.ExpectedRecording(expected=talked, agent_channel=agent_channel),
        metadata=parts.metadata(hangup_source=payload.hangup_source),
    )


def _aliases_known(payload: _Payload) -> list[canonical.Event]:
    """The legs' ids, which recordings are named by; and the recording's place, where that is an S3 URL."""
    place = fields.s3_place(payload.recording_url)
    known = (*payload.aliases, *parts.aliases(s3_object="/".join(place) if place else None))
    if not known:
        return []
    call_id = payload.call_session_id
    return [canonical.AliasesKnownEvent(provider=NAME, external_conversation_id=call_id, aliases=known)]


def _recording_ready(payload: _Payload, options: PlatformOptions) -> list[canonical.Event]:
    """URLs expire after ten minutes, so they are worth fetching only at once."""
    url = parts.fetchable(payload.recording_url, options)
    if url is None:
        return []
    recording = canonical.ReadyRecording(
        uri=url,
        agent_channel=options.agent_channels.get(NAME),
        started_at=payload.recording_started_at,
        several=True,
        longest=True,
    )
    call_id = payload.call_session_id
    return [canonical.RecordingReadyEvent(provider=NAME, external_conversation_id=call_id, recording=recording)]


def _key_rules(options: PlatformOptions) -> tuple[KeyRule, ...]:
    """`<owner>/YYYY-MM-DD/<call_leg_id>-<epoch>.wav`, as in Telnyx's own storage."""
    leg = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    return (
        KeyRule(
            name=NAME,
            platform=NAME,
            pattern=rf"(?:^|/)\d{{4}}-\d{{2}}-\d{{2}}/(?P<alias>{leg})-\d{{10}}\.(?:wav|mp3)$",
            alias_type="telnyx_call_leg",
            hints=RecordingHints(agent_channel=options.agent_channels.get(NAME), several=True, longest=True),
        ),
    )


PLATFORM = Platform(translate=_translate, key_rules=_key_rules)
