"""Daily, by a relay of the operator's that puts its webhooks on EventBridge. A meeting is a call.

Rooms' names are used again, so the call's id is the meeting's. A recording names its room and the moment it began,
and no meeting: it is found by these (shared/room_names). Pipecat bots on Daily emit the canonical `Call Ended`
themselves, with the alias `daily_room`; then `meeting.ended` must not be sent too, for it would end a second call.
"""

from collections.abc import Mapping

from pydantic import AliasChoices, Field

from coval_relay.boundary_models import BoundaryModel, validate
from coval_relay.domain.call import RecordingHints
from coval_relay.domain.call_aliases import Alias
from coval_relay.domain.call_id import ID_RULE, call_id_of
from coval_relay.domain.errors import InvalidInputError
from coval_relay.domain.object_key_rules import KeyRule
from coval_relay.platforms.shared import canonical_events as canonical
from coval_relay.platforms.shared import event_parts, fields, room_names
from coval_relay.platforms.shared.contract import AUDIO, Event, Platform, PlatformOptions

NAME = "daily"
ROOM = room_names.DAILY_ROOM
RECORDING_EVENT = "recording.ready-to-download"


class Meeting(BoundaryModel):
    """Daily, webhook meeting.ended: the payload; times are epoch seconds."""

    room: fields.Text = Field(None, validation_alias=AliasChoices("room", "room_name"))
    meeting_id: fields.Text = None
    start_ts: fields.Time = None
    end_ts: fields.Time = None


class MeetingEnded(BoundaryModel):
    payload: fields.Lenient[Meeting] = Meeting()


class Recording(BoundaryModel):
    """Daily, webhook recording.ready-to-download: the payload. It names the key but no bucket, and no meeting."""

    type: fields.Text = None
    room: fields.Text = Field(None, validation_alias=AliasChoices("room_name", "room"))
    recording_id: fields.Text = None
    start_ts: fields.Time = None
    status: fields.Text = None


class RecordingReady(BoundaryModel):
    payload: fields.Lenient[Recording] = Recording()


def _translate(event: Event, options: PlatformOptions) -> list[canonical.Event]:
    if event.get("detail-type") == RECORDING_EVENT:
        return _aliases_known(validate(RecordingReady, event.get("detail"), "detail").payload)
    return _call_ended(validate(MeetingEnded, event.get("detail"), "detail").payload, event, options)


def _call_ended(meeting: Meeting, event: Event, options: PlatformOptions) -> list[canonical.Event]:
    call_id = call_id_of(meeting.meeting_id) or call_id_of(meeting.room)
    if call_id is None:
        raise InvalidInputError("detail.payload.meeting_id", ID_RULE)
    times = event_parts.call_times(event, meeting.start_ts, meeting.end_ts)
    room = Alias(ROOM, meeting.room) if meeting.room else None
    call_ended = canonical.CallEndedEvent(
        provider=NAME,
        external_conversation_id=call_id,
        **times,
        transcript=event_parts.transcript(separate=NAME in options.separate_transcripts),
        recording=canonical.ExpectedRecording(expected=True, agent_channel=options.agent_channels.get(NAME)),
        metadata=event_parts.metadata(daily_meeting_id=meeting.meeting_id),
    )
    return [*event_parts.room_known(call_ended, room, meeting.start_ts), call_ended]


def _aliases_known(recording: Recording) -> list[canonical.Event]:
    """For keys made of {recording_id}; those of the default template name the room themselves."""
    room = event_parts.room_alias(ROOM, recording.room, recording.start_ts)
    aliases = event_parts.aliases(daily_recording=recording.recording_id)
    if room is None or not aliases or recording.type == "raw-tracks" or recording.status not in (None, "finished"):
        return []
    return [canonical.AliasesKnownEvent(provider=NAME, alias=room, aliases=aliases)]


def _key_rules(options: PlatformOptions) -> tuple[KeyRule, ...]:
    """Daily's default keys have no extension: `<domain>/<room>/<epoch ms>`; some have folders of the date."""
    room = r"(?P<domain>[^/]+)/(?P<room>(?!\d{2}/|\d{4}/)[^/]+)"
    pattern = rf"(?:^|/){room}/(?:\d{{4}}[/-]\d{{2}}[/-]\d{{2}}/)?(?P<began>\d{{13}})(?:\.(?i:{AUDIO}))?$"
    hints = RecordingHints(agent_channel=options.agent_channels.get(NAME))
    in_time = room_names.type_in_time(ROOM)
    return (
        KeyRule(
            name=NAME,
            platform=NAME,
            pattern=pattern,
            alias_type=in_time,
            aliases=_room_of_key,
            hints=hints,
            named_by=room_names.NAMED_BY,
        ),
    )


class _Began(BoundaryModel):
    began: fields.Time


def _room_of_key(groups: Mapping[str, str]) -> tuple[str, ...]:
    """The room in the second in which the recording began."""
    began = validate(_Began, groups, "detail.object.key").began
    return (room_names.value_at(groups["room"], began),) if began else ()


PLATFORM = Platform(
    translate=_translate,
    key_rules=_key_rules,
    # Raw tracks of single participants.
    ignored_keys=(r"/\d{13}-[^/]+-(?:cam|screen)-(?:audio|video)-\d{13}(?:\.[a-z0-9]+)?$",),
)
