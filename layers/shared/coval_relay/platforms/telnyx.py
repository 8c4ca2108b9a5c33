"""Telnyx: `call.hangup` ends a call; `call.recording.saved` and `call.conversation.ended` tell other names.

Docs: Telnyx, Voice API webhooks, and the types of its SDK. The call is the session, which groups its legs.
Every leg hangs up by itself, and each ends the call: until it is submitted the latest one's facts hold.
Telnyx's webhooks carry no transcript with turns. They come twice, at once and out of order.
"""

from collections.abc import Sequence

from coval_relay.boundary import BoundaryModel, validate
from coval_relay.domain.call import RecordingHints
from coval_relay.domain.key_rules import KeyRule
from coval_relay.platforms.canonical import ConversationId, Time
from coval_relay.platforms.shared.building import aliases, allowed, canonical, known, transcript
from coval_relay.platforms.shared.contract import CanonicalEvent, Event, Platform, PlatformOptions
from coval_relay.platforms.shared.field_types import Lenient, Text, Url, rfc_3339, s3_place, sent_at

NAME = "telnyx"
UNANSWERED = {
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
    wav: Url = None
    mp3: Url = None


class _Payload(BoundaryModel):
    call_session_id: ConversationId
    call_leg_id: Text = None
    conversation_id: Text = None
    connection_id: Text = None
    direction: Text = None
    hangup_cause: Text = None
    hangup_source: Text = None
    start_time: Time = None
    end_time: Time = None
    recording_id: Text = None
    recording_started_at: Time = None
    recording_ended_at: Time = None
    recording_urls: Lenient[_Urls] = _Urls()

    @property
    def recording_url(self) -> Url:
        return self.recording_urls.wav or self.recording_urls.mp3

    @property
    def names(self) -> dict[str, str | None]:
        return {"telnyx_call_leg": self.call_leg_id, "telnyx_conversation": self.conversation_id}


class _Data(BoundaryModel):
    event_type: Text = None
    occurred_at: Time = None
    payload: _Payload


class _Body(BoundaryModel):
    data: _Data


def _translate(event: Event, options: PlatformOptions) -> Sequence[CanonicalEvent]:
    data = validate(_Body, event.get("detail"), "detail").data
    if data.event_type == "call.hangup":
        return [_call_ended(data, event, options)]
    if data.event_type == "call.recording.saved":
        return [*_names(data.payload), *_recording_ready(data.payload, options)]
    return _names(data.payload) if data.event_type == "call.conversation.ended" else []


def _call_ended(data: _Data, event: Event, options: PlatformOptions) -> CanonicalEvent:
    payload = data.payload
    ended = payload.end_time or data.occurred_at or sent_at(event)
    status = UNANSWERED.get(payload.hangup_cause or "", "completed")
    side = options.agent_channels.get(NAME, AGENT_CHANNELS.get(payload.direction or ""))
    return canonical(
        "Call Ended",
        NAME,
        external_conversation_id=payload.call_session_id,
        aliases=aliases(**payload.names) or None,
        direction=DIRECTIONS.get(payload.direction or ""),
        status=status,
        end_reason=payload.hangup_cause,
        started_at=rfc_3339(payload.start_time or ended),
        ended_at=rfc_3339(ended),
        agent=known(id=payload.connection_id) or None,
        transcript=transcript([], separate=status == "completed" and NAME in options.separate_transcripts),
        recording=known(expected=status == "completed", agent_channel=side, items=[]),
        metadata=known(hangup_source=payload.hangup_source) or None,
    )


def _names(payload: _Payload) -> list[CanonicalEvent]:
    """The legs' ids, which recordings are named by; and the recording's place, where that is an S3 URL."""
    place = s3_place(payload.recording_url)
    known_names = aliases(**payload.names, s3_object="/".join(place) if place else None)
    call_id = payload.call_session_id
    ended = canonical("Aliases Known", NAME, external_conversation_id=call_id, aliases=known_names)
    return [ended] if known_names else []


def _recording_ready(payload: _Payload, options: PlatformOptions) -> list[CanonicalEvent]:
    """Links end after ten minutes, so they are worth fetching only at once."""
    url = allowed(payload.recording_url, options)
    if url is None:
        return []
    recording = known(
        id=payload.recording_id,
        uri=url,
        agent_channel=options.agent_channels.get(NAME),
        started_at=rfc_3339(payload.recording_started_at),
        duration_seconds=_seconds(payload),
        several=True,
        longest=True,
    )
    call_id = payload.call_session_id
    return [canonical("Recording Ready", NAME, external_conversation_id=call_id, recording=recording)]


def _seconds(payload: _Payload) -> float | None:
    started, ended = payload.recording_started_at, payload.recording_ended_at
    return round((ended - started).total_seconds(), 3) if started and ended and ended > started else None


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
