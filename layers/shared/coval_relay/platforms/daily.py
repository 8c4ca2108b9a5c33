"""Daily, by a relay of the operator's that puts its webhooks on EventBridge. A room is a call.

Pipecat bots on Daily emit the canonical `Call Ended` themselves, with the alias `daily_room`; then
`meeting.ended` must not be sent too, for it would end a second call under the room's name. That is why a
recording leads to the room as an alias, never to a call's id.
"""

from pydantic import AliasChoices, Field

from coval_relay.boundary import BoundaryModel, validate
from coval_relay.domain.aliases import Alias
from coval_relay.domain.call import RecordingHints
from coval_relay.domain.key_rules import KeyRule
from coval_relay.platforms.shared import canonical_events as canonical
from coval_relay.platforms.shared import fields, parts
from coval_relay.platforms.shared.contract import AUDIO, Event, Platform, PlatformOptions

NAME = "daily"
ROOM = "daily_room"
RECORDING_EVENT = "recording.ready-to-download"


class Meeting(BoundaryModel):
    """Daily, webhook meeting.ended: the payload; times are epoch seconds."""

    room: str = Field(validation_alias=AliasChoices("room", "room_name"))
    meeting_id: fields.Text = None
    start_ts: fields.EpochSeconds = None
    end_ts: fields.EpochSeconds = None


class MeetingEnded(BoundaryModel):
    payload: Meeting


class Recording(BoundaryModel):
    """Daily, webhook recording.ready-to-download: the payload. It names the key but no bucket."""

    type: str
    room: str = Field(validation_alias=AliasChoices("room_name", "room"))
    recording_id: str | None = None
    status: str = "finished"


class RecordingReady(BoundaryModel):
    payload: Recording


def _translate(event: Event, options: PlatformOptions) -> list[canonical.Event]:
    if event.get("detail-type") == RECORDING_EVENT:
        return _aliases_known(validate(RecordingReady, event.get("detail"), "detail").payload)
    return [_call_ended(validate(MeetingEnded, event.get("detail"), "detail").payload, options)]


def _call_ended(meeting: Meeting, options: PlatformOptions) -> canonical.Event:
    return canonical.CallEndedEvent(
        provider=NAME,
        external_conversation_id=meeting.room,
        aliases=(Alias(ROOM, meeting.room),),
        started_at=meeting.start_ts,
        ended_at=meeting.end_ts,
        transcript=parts.transcript(separate=NAME in options.separate_transcripts),
        recording=canonical.ExpectedRecording(expected=True, agent_channel=options.agent_channels.get(NAME)),
        metadata=parts.metadata(daily_meeting_id=meeting.meeting_id),
    )


def _aliases_known(recording: Recording) -> list[canonical.Event]:
    """For keys made of {recording_id}; those of the default template name the room themselves."""
    if recording.type == "raw-tracks" or recording.status != "finished" or not recording.recording_id:
        return []
    aliases = (Alias("daily_recording", recording.recording_id),)
    return [canonical.AliasesKnownEvent(provider=NAME, alias=Alias(ROOM, recording.room), aliases=aliases)]


def _key_rules(options: PlatformOptions) -> tuple[KeyRule, ...]:
    """Daily's default keys have no extension: `<domain>/<room>/<epoch ms>`."""
    pattern = rf"(?:^|/)(?P<domain>[^/]+)/(?P<alias>[^/]+)/(?P<began>\d{{13}})(?:\.(?i:{AUDIO}))?$"
    hints = RecordingHints(agent_channel=options.agent_channels.get(NAME))
    return (KeyRule(name=NAME, platform=NAME, pattern=pattern, alias_type=ROOM, hints=hints),)


PLATFORM = Platform(
    translate=_translate,
    key_rules=_key_rules,
    # Raw tracks of single participants.
    ignored_keys=(r"/\d{13}-[^/]+-(?:cam|screen)-(?:audio|video)-\d{13}(?:\.[a-z0-9]+)?$",),
)
