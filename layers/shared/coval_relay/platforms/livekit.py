"""LiveKit: the webhooks `room_finished` and `egress_ended`, and the session report of LiveKit Agents.

Docs: LiveKit, webhooks and events, egress outputs; `protocol` and `agents` sources for the JSON's shape.
A call is a room: its id is `external_conversation_id` of the room's metadata, else the room's name. Names may
be used again, so recordings are tied to the room's own id (RM_…) where it is known. Where agents send session
reports, "livekit" belongs to the separate transcripts, so that `room_finished` waits for them.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import AliasChoices, Field

from coval_relay.boundary import BoundaryModel, validate
from coval_relay.domain.aliases import Alias, object_alias
from coval_relay.domain.call import RecordingHints
from coval_relay.domain.key_rules import KeyRule
from coval_relay.platforms.shared import canonical_events as canonical
from coval_relay.platforms.shared import fields, parts
from coval_relay.platforms.shared.contract import (
    AUDIO,
    Event,
    Platform,
    PlatformOptions,
    Sidecar,
    TranscriptFormat,
)

NAME = "livekit"
FORMAT = "livekit_session_report"
ROOM, ROOM_ID = "livekit_room", "livekit_room_sid"
USABLE = ("EGRESS_COMPLETE", "EGRESS_LIMIT_REACHED")
AGENT_LEFT = "DUAL_CHANNEL_AGENT"
SPEAKERS: Mapping[str, canonical.Role] = {"assistant": "assistant", "user": "user"}
MARKUP = re.compile(r"</?expr\b[^<>]*>")


# --- rooms -------------------------------------------------------------------------------------------


class _RoomMetadata(BoundaryModel):
    external_conversation_id: fields.Text = None
    coval_simulation_id: fields.Text = Field(
        None, validation_alias=AliasChoices("coval_simulation_id", "X-Coval-Simulation-Id")
    )


class _Room(fields.Camel):
    sid: fields.Text = None
    name: fields.ConversationId
    creation_time: fields.EpochSeconds = None
    creation_time_ms: fields.EpochMilliseconds = None
    metadata: fields.Json = None

    @property
    def parsed_metadata(self) -> _RoomMetadata:
        """What the room's metadata holds, where it is a JSON object."""
        try:
            parsed = json.loads(self.metadata or "{}")
        except (ValueError, RecursionError):
            return _RoomMetadata()
        return validate(_RoomMetadata, parsed if isinstance(parsed, dict) else {}, "detail.room.metadata")


class _RoomFinished(fields.Camel):
    created_at: fields.EpochSeconds = None
    room: _Room


def _room_finished(event: Event, options: PlatformOptions) -> list[canonical.Event]:
    finished = validate(_RoomFinished, event.get("detail"), "detail")
    room, room_metadata = finished.room, finished.room.parsed_metadata
    ended = finished.created_at or fields.sent_at(event)
    call_ended = canonical.CallEndedEvent(
        provider=NAME,
        external_conversation_id=room_metadata.external_conversation_id or room.name,
        aliases=parts.aliases(livekit_room=room.name, livekit_room_sid=room.sid),
        started_at=room.creation_time_ms or room.creation_time or ended,
        ended_at=ended,
        transcript=parts.transcript(separate=NAME in options.separate_transcripts),
        recording=_expected_recording(options),
        metadata=parts.metadata(coval_simulation_id=room_metadata.coval_simulation_id),
    )
    return [call_ended]


def _expected_recording(options: PlatformOptions) -> canonical.ExpectedRecording:
    """No event of the room says whether it is recorded."""
    return canonical.ExpectedRecording(expected=True, agent_channel=options.agent_channels.get(NAME))


def _room_alias(name: str | None, sid: str | None) -> Alias | None:
    if sid:
        return Alias(ROOM_ID, sid)
    return Alias(ROOM, name) if name else None


# --- recordings --------------------------------------------------------------------------------------


class _File(fields.Camel):
    filename: fields.Url = None
    location: fields.Url = None
    started_at: fields.EpochNanoseconds = None

    def place(self, bucket: str = "") -> tuple[str, str] | None:
        """Bucket and key; `filename` is the key, `location` an URL that may hold it unescaped."""
        found = fields.s3_place(self.location)
        bucket, key = found or (bucket, "")
        key = self.filename or key
        return (bucket, key) if bucket and key else None


class _Composite(fields.Camel):
    audio_mixing: fields.Text = None


class _Egress(fields.Camel):
    room_id: fields.Text = None
    room_name: fields.Text = None
    status: fields.Text = None
    room_composite: fields.Lenient[_Composite] = _Composite()
    track: Mapping[str, Any] | None = None
    """Of one participant's track: no recording of the call."""
    file_results: fields.Several[_File] = ()
    file: _File | None = None
    """Older servers have one file here."""

    @property
    def files(self) -> Sequence[_File]:
        return self.file_results or ((self.file,) if self.file else ())


class _EgressEnded(fields.Camel):
    egress_info: _Egress


def _egress_ended(event: Event, options: PlatformOptions) -> list[canonical.Event]:
    egress = validate(_EgressEnded, event.get("detail"), "detail").egress_info
    owner = _room_alias(egress.room_name, egress.room_id)
    if owner is None or egress.status not in USABLE or egress.track is not None:
        return []
    return [recorded for file in egress.files for recorded in _recorded(egress, file, owner, options)]


def _recorded(egress: _Egress, file: _File, owner: Alias, options: PlatformOptions) -> Iterator[canonical.Event]:
    """Whose a file is, where it is an object of S3; and the recording itself."""
    place = file.place()
    if place:
        yield _object_known(place, owner)
    uri = f"s3://{place[0]}/{place[1]}" if place else parts.fetchable(file.location, options)
    if uri:
        by_mixing = 0 if egress.room_composite.audio_mixing == AGENT_LEFT else None
        agent_channel = options.agent_channels.get(NAME, by_mixing)
        recording = canonical.ReadyRecording(uri=uri, agent_channel=agent_channel, started_at=file.started_at)
        yield canonical.RecordingReadyEvent(provider=NAME, alias=owner, recording=recording)


def _object_known(place: tuple[str, str], owner: Alias) -> canonical.Event:
    return canonical.AliasesKnownEvent(provider=NAME, alias=owner, aliases=(object_alias(*place),))


class _Manifest(BoundaryModel):
    room_id: fields.Text = None
    room_name: fields.Text = None
    track_id: fields.Text = None
    files: fields.Several[_File] = ()


def _objects_of_manifest(content: Any, bucket: str, _: str) -> list[canonical.Event]:
    """`EG_….json`, which an egress puts beside its files: whose they are, whatever their names."""
    manifest = validate(_Manifest, content, "manifest")
    owner = _room_alias(manifest.room_name, manifest.room_id)
    if owner is None or manifest.track_id:
        return []
    places = (file.place(bucket) for file in manifest.files)
    return [_object_known(place, owner) for place in places if place]


def _key_rules(options: PlatformOptions) -> tuple[KeyRule, ...]:
    """The room's id anywhere in the path, else the default name `{room_name}-{time}`."""
    hints = RecordingHints(agent_channel=options.agent_channels.get(NAME))
    by_id = rf"(?:^|/)(?P<alias>RM_[A-Za-z0-9]+)(?:[/_.-].*)?\.(?:{AUDIO})$"
    by_name = rf"(?:^|/)(?P<alias>[^/]+?)-\d{{4}}-\d{{2}}-\d{{2}}T\d{{6}}(?:-\d+)?\.(?:{AUDIO})$"
    return (
        KeyRule(name=ROOM_ID, platform=NAME, pattern=by_id, alias_type=ROOM_ID, hints=hints),
        KeyRule(name=ROOM, platform=NAME, pattern=by_name, alias_type=ROOM, hints=hints),
    )


# --- session reports ---------------------------------------------------------------------------------


class _SpeakingTimes(BoundaryModel):
    started_speaking_at: fields.Number = None
    stopped_speaking_at: fields.Number = None


class _Item(BoundaryModel):
    type: fields.Text = None
    role: fields.Text = None
    content: Any = None
    created_at: fields.Number = None
    metrics: fields.Lenient[_SpeakingTimes] = _SpeakingTimes()
    call_id: fields.Text = None
    name: fields.Text = None
    arguments: fields.Json = None
    output: fields.Json = None


class _History(BoundaryModel):
    items: fields.Several[_Item] = ()


class _Report(BoundaryModel):
    """`external_conversation_id` is the sender's own addition, where the room's metadata has one."""

    external_conversation_id: fields.Text = None
    room: fields.Text = None
    room_id: fields.Text = None
    audio_recording_started_at: fields.Number = None
    started_at: fields.Number = None
    timestamp: fields.EpochSeconds = None
    chat_history: fields.Lenient[_History] = _History()

    @property
    def zero(self) -> float | None:
        """Epoch seconds that the messages' times count from."""
        created = (item.created_at for item in self.chat_history.items if item.created_at)
        return self.audio_recording_started_at or self.started_at or next(created, None)


class _Moment(BoundaryModel):
    at: fields.EpochSeconds = None


def _session_report(event: Event, options: PlatformOptions) -> list[canonical.Event]:
    report = validate(_Report, event.get("detail"), "detail")
    ended = report.timestamp or fields.sent_at(event)
    call_ended = canonical.CallEndedEvent(
        provider=NAME,
        external_conversation_id=report.external_conversation_id or report.room or "",
        aliases=parts.aliases(livekit_room=report.room, livekit_room_sid=report.room_id),
        started_at=_moment(report.zero) or ended,
        ended_at=ended,
        transcript=parts.transcript(_messages(report), "call_start"),
        recording=_expected_recording(options),
    )
    return [call_ended]


def _moment(seconds: float | None) -> datetime | None:
    return validate(_Moment, {"at": seconds}, "detail.audio_recording_started_at").at


def _messages(report: _Report) -> list[canonical.Message]:
    zero = report.zero or 0
    return parts.usable_messages(_message(item, zero) for item in report.chat_history.items)


def _message(item: _Item, zero: float) -> canonical.Message | None:
    created = _since(zero, item.created_at)
    if item.type == "function_call":
        return parts.tool_call_message(None, [parts.tool_call(item.call_id, item.name, item.arguments)], created)
    if item.type == "function_call_output":
        return parts.tool_result(item.call_id, item.output, created)
    role = SPEAKERS.get(item.role or "")
    if item.type != "message" or role is None:
        return None
    started = _since(zero, item.metrics.started_speaking_at)
    stopped = _since(zero, item.metrics.stopped_speaking_at)
    return parts.message(role, _content(item), created if started is None else started, stopped)


def _since(zero: float, seconds: float | None) -> float | None:
    return None if seconds is None else seconds - zero


def _content(item: _Item) -> str:
    """The parts in writing, without the markup that says how a voice is to speak."""
    contents = item.content if isinstance(item.content, list) else [item.content]
    content = " ".join(written for part in contents if (written := _in_writing(part)))
    return MARKUP.sub("", content).strip() if item.role == "assistant" else content


def _in_writing(part: object) -> str | None:
    written = part.get("transcript") if isinstance(part, Mapping) else part
    return written if isinstance(written, str) else None


def _messages_of_file(content: Any, _: object) -> list[canonical.Message]:
    """A session report that was put into a file."""
    return _messages(validate(_Report, content, "transcript"))


_TRANSLATORS = {
    "room_finished": _room_finished,
    "egress_ended": _egress_ended,
    "session_report": _session_report,
}


def _translate(event: Event, options: PlatformOptions) -> Sequence[canonical.Event]:
    translator = _TRANSLATORS.get(str(event.get("detail-type")))
    return translator(event, options) if translator else []


PLATFORM = Platform(
    translate=_translate,
    key_rules=_key_rules,
    formats={FORMAT: TranscriptFormat(_messages_of_file)},
    sidecars=(Sidecar(r"(?:^|/)EG_[A-Za-z0-9]+\.json$", _objects_of_manifest),),
)
