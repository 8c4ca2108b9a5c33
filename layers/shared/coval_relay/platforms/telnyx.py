"""Telnyx: `call.hangup` ends a call, and so does `call.conversation.ended` where an assistant's words are in it.

Docs: Telnyx, Voice API webhooks, and the types of its SDK. The call is the session, which groups its legs.
Every leg hangs up by itself, and each ends the call: until it is submitted the first leg's facts hold.
The webhooks come twice, at once and out of order. A hangup tells neither the call's direction nor that a machine
answered: `call.initiated` and the detection's end do, where the relay gets them.
"""

from collections.abc import Mapping
from datetime import datetime

from coval_relay.boundary_models import BoundaryModel, validate
from coval_relay.domain.call import RecordingHints
from coval_relay.domain.call_aliases import Alias
from coval_relay.domain.object_key_rules import KeyRule
from coval_relay.platforms.shared import canonical_events as canonical
from coval_relay.platforms.shared import event_parts, fields
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
"""`hangup_cause`; others end a conversation: normal_clearing, time_limit."""
BY_SIP: Mapping[str, canonical.CallStatus] = {
    "486": "busy",
    "600": "busy",
    "408": "no_answer",
    "480": "no_answer",
    "487": "cancelled",
    "404": "failed",
    "484": "failed",
    "488": "failed",
    "503": "failed",
    "603": "failed",
}
"""`sip_hangup_cause`, where the cause itself is unspecified."""
MACHINES = frozenset({"machine", "fax_detected"})
"""`result` of answering machine detection, where no person answered."""
DETECTED = frozenset({"call.machine.detection.ended", "call.machine.premium.detection.ended"})
DIRECTIONS = {"incoming": "inbound", "outgoing": "outbound"}
AGENT_CHANNELS = {"incoming": 1}
"""The first channel is the first leg: the caller, where the call came in. Of other calls nothing is said."""


class _Urls(BoundaryModel):
    wav: fields.Url = None
    mp3: fields.Url = None


class _Function(BoundaryModel):
    name: fields.Text = None
    arguments: fields.Json = None


class _ToolCall(BoundaryModel):
    id: fields.Text = None
    function: fields.Lenient[_Function] = _Function()


class _Turn(BoundaryModel):
    role: fields.Text = None
    content: fields.Words = None
    timestamp: fields.Time = None
    tool_calls: fields.Several[_ToolCall] = ()
    tool_call_id: fields.Text = None


class _Payload(BoundaryModel):
    call_session_id: fields.ConversationId
    call_leg_id: fields.Text = None
    conversation_id: fields.Text = None
    connection_id: fields.Text = None
    direction: fields.Text = None
    hangup_cause: fields.Text = None
    hangup_source: fields.Text = None
    sip_hangup_cause: fields.Text = None
    start_time: fields.Time = None
    end_time: fields.Time = None
    recording_started_at: fields.Time = None
    recording_urls: fields.Lenient[_Urls] = _Urls()
    result: fields.Text = None
    assistant_id: fields.Text = None
    duration_sec: fields.Length = None
    messages: fields.Several[_Turn] = ()

    @property
    def status(self) -> canonical.CallStatus:
        if self.hangup_cause in (None, "unspecified"):
            return BY_SIP.get(self.sip_hangup_cause or "", "completed")
        return UNANSWERED.get(self.hangup_cause, "completed")

    @property
    def recording_url(self) -> fields.Url:
        return self.recording_urls.wav or self.recording_urls.mp3

    @property
    def aliases(self) -> tuple[Alias, ...]:
        return event_parts.aliases(telnyx_call_leg=self.call_leg_id, telnyx_conversation=self.conversation_id)


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
    if data.event_type == "call.initiated" or data.event_type in DETECTED:
        return _described(data)
    if data.event_type in ("call.recording.saved", "conference.recording.saved"):
        return [*_aliases_known(data.payload), *_recording_ready(data.payload, options)]
    return _conversation_ended(data, event, options) if data.event_type == "call.conversation.ended" else []


def _described(data: _Data) -> list[canonical.Event]:
    """What a hangup does not tell: that the call came in, by its first leg; that a machine answered."""
    payload = data.payload
    call_id, came_in = payload.call_session_id, payload.direction == "incoming"
    if data.event_type in DETECTED and payload.result in MACHINES:
        return [canonical.CallDescribedEvent(provider=NAME, external_conversation_id=call_id, status="voicemail")]
    if data.event_type in DETECTED or not came_in:
        return []
    channel = AGENT_CHANNELS["incoming"]
    return [
        canonical.CallDescribedEvent(
            provider=NAME, external_conversation_id=call_id, direction="inbound", agent_channel=channel
        )
    ]


def _call_ended(data: _Data, event: Event, options: PlatformOptions) -> canonical.Event:
    payload = data.payload
    talked = payload.status == "completed"
    agent_channel = options.agent_channels.get(NAME, AGENT_CHANNELS.get(payload.direction or ""))
    return canonical.CallEndedEvent(
        provider=NAME,
        external_conversation_id=payload.call_session_id,
        aliases=payload.aliases,
        direction=DIRECTIONS.get(payload.direction or ""),
        status=payload.status,
        end_reason=payload.hangup_cause,
        **event_parts.call_times(event, payload.start_time, payload.end_time or data.occurred_at),
        agent=canonical.Agent(id=payload.connection_id),
        transcript=event_parts.transcript(separate=talked and NAME in options.separate_transcripts),
        recording=canonical.ExpectedRecording(expected=talked, agent_channel=agent_channel),
        metadata=event_parts.metadata(hangup_source=payload.hangup_source),
    )


# --- conversations with an assistant -----------------------------------------------------------------


def _conversation_ended(data: _Data, event: Event, options: PlatformOptions) -> list[canonical.Event]:
    """The call's end where there are words; else its names."""
    payload, ended = data.payload, data.occurred_at
    first = next((turn.timestamp for turn in payload.messages if turn.timestamp), None)
    started = fields.later(ended, None if payload.duration_sec is None else -payload.duration_sec) or first
    messages = event_parts.usable_messages(_message(turn, started) for turn in payload.messages)
    if not messages:
        return _aliases_known(payload)
    times = event_parts.call_times(event, started, ended)
    call_ended = canonical.CallEndedEvent(
        provider=NAME,
        external_conversation_id=payload.call_session_id,
        aliases=payload.aliases,
        **times,
        agent=canonical.Agent(id=payload.assistant_id or payload.connection_id),
        transcript=event_parts.transcript(messages, "call_start", times=times),
        recording=canonical.ExpectedRecording(expected=True, agent_channel=options.agent_channels.get(NAME)),
    )
    return [call_ended]


def _message(turn: _Turn, zero: datetime | None) -> canonical.Message | None:
    """`system` and `developer` are the platform's own words, no part of the conversation."""
    start = (turn.timestamp - zero).total_seconds() if turn.timestamp and zero else None
    match turn.role:
        case "tool":
            return event_parts.tool_result(turn.tool_call_id, turn.content, start)
        case "assistant" if turn.tool_calls:
            calls = (
                event_parts.tool_call(call.id, call.function.name, call.function.arguments) for call in turn.tool_calls
            )
            return event_parts.tool_call_message(turn.content, calls, start)
        case "user" | "assistant":
            return event_parts.message(turn.role, turn.content, start)
        case _:
            return None


# --- recordings --------------------------------------------------------------------------------------


def _aliases_known(payload: _Payload) -> list[canonical.Event]:
    """The legs' ids, which recordings are named by; and the recording's place, where that is an S3 URL."""
    place = fields.s3_place(payload.recording_url)
    known = (*payload.aliases, *event_parts.aliases(s3_object="/".join(place) if place else None))
    if not known:
        return []
    call_id = payload.call_session_id
    return [canonical.AliasesKnownEvent(provider=NAME, external_conversation_id=call_id, aliases=known)]


def _recording_ready(payload: _Payload, options: PlatformOptions) -> list[canonical.Event]:
    """URLs expire after ten minutes, so they are worth fetching only at once."""
    url = event_parts.fetchable(payload.recording_url, options)
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
