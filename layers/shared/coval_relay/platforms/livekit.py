"""LiveKit: the webhooks `room_finished` and `egress_ended`, and the session report of LiveKit Agents.

Docs: LiveKit, webhooks and events, egress outputs; `protocol` and `agents` sources for the JSON's shape.
A call is a room: its id is `external_conversation_id` of the room's metadata, else the room's own id (RM_…), for
names are used again. Recordings are tied to the room's id where an egress or its manifest says it; where a key has
the name alone, to the second in which they began (shared/room_names). An egress of one participant or track is no
recording of the call. Where agents send session reports, "livekit" belongs to the separate transcripts, so that
`room_finished` waits for them.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from pydantic import AliasChoices, Field

from coval_relay.boundary_models import BoundaryModel, validate
from coval_relay.domain.call import RecordingHints
from coval_relay.domain.call_aliases import Alias, object_alias
from coval_relay.domain.call_id import ID_RULE, call_id_of
from coval_relay.domain.errors import InvalidInputError
from coval_relay.domain.object_key_rules import KeyRule
from coval_relay.platforms.shared import canonical_events as canonical
from coval_relay.platforms.shared import event_parts, fields, room_names
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
ROOM, ROOM_ID = room_names.LIVEKIT_ROOM, "livekit_room_sid"
UNUSABLE = ("EGRESS_FAILED", "EGRESS_ABORTED")
BOTH = 2
PARTIAL = "one_participant_or_track"
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
    name: fields.Text = None
    creation_time: fields.Time = None
    creation_time_ms: fields.Time = None
    metadata: fields.Json = None

    @property
    def parsed_metadata(self) -> _RoomMetadata:
        """What the room's metadata holds, where it is a JSON object."""
        try:
            parsed = json.loads(self.metadata or "{}")
        except (ValueError, RecursionError):
            return _RoomMetadata()
        return validate(_RoomMetadata, parsed if isinstance(parsed, dict) else {}, "detail.room.metadata")

    @property
    def call_id(self) -> str:
        """Raises InvalidInputError where nothing names the call."""
        return _call_id("detail.room.name", self.parsed_metadata.external_conversation_id, self.sid, self.name)


def _call_id(field: str, *names: str | None) -> str:
    found = next((call_id for name in names if (call_id := call_id_of(name))), None)
    if found is None:
        raise InvalidInputError(field, ID_RULE)
    return found


class _RoomFinished(fields.Camel):
    created_at: fields.Time = None
    room: fields.Lenient[_Room] = _Room()


def _room_finished(event: Event, options: PlatformOptions) -> list[canonical.Event]:
    finished = validate(_RoomFinished, event.get("detail"), "detail")
    room, room_metadata = finished.room, finished.room.parsed_metadata
    ended = finished.created_at or fields.sent_at(event)
    times = _room_times(event, room, ended)
    call_ended = canonical.CallEndedEvent(
        provider=NAME,
        external_conversation_id=room.call_id,
        aliases=event_parts.aliases(livekit_room_sid=room.sid),
        **times,
        transcript=event_parts.transcript(separate=NAME in options.separate_transcripts),
        recording=_expected_recording(options),
        metadata=event_parts.metadata(coval_simulation_id=room_metadata.coval_simulation_id),
    )
    created = room.creation_time_ms or room.creation_time
    return [*event_parts.room_known(call_ended, _named(room.name), created), call_ended]


def _room_times(event: Event, room: _Room, ended: datetime | None) -> event_parts.CallTimes:
    """To the millisecond, where that does not contradict the end, which counts whole seconds."""
    exact = event_parts.call_times(event, room.creation_time_ms or room.creation_time, ended)
    return exact if exact["ended_at"] else event_parts.call_times(event, room.creation_time, ended)


def _expected_recording(options: PlatformOptions) -> canonical.ExpectedRecording:
    """No event of the room says whether it is recorded."""
    return canonical.ExpectedRecording(expected=True, agent_channel=options.agent_channels.get(NAME))


def _named(name: str | None) -> Alias | None:
    return Alias(ROOM, name) if name else None


def _room_alias(name: str | None, sid: str | None, began: datetime | None) -> Alias | None:
    by_id = next(iter(event_parts.aliases(livekit_room_sid=sid)), None)
    return by_id or event_parts.room_alias(ROOM, name, began)


# --- recordings --------------------------------------------------------------------------------------


class _File(fields.Camel):
    filename: fields.Url = None
    location: fields.Url = None
    started_at: fields.Time = None

    def place(self, bucket: str = "") -> tuple[str, str] | None:
        """Bucket and key; `filename` is the key, `location` an URL that may hold it unescaped."""
        found = fields.s3_place(self.location)
        bucket, key = found or (bucket, "")
        key = self.filename or key
        return (bucket, key) if event_parts.is_place(bucket, key) else None


class _Composite(fields.Camel):
    audio_mixing: fields.Text = None
    video_only: fields.Flag = None


class _Audio(fields.Camel):
    capture_all: fields.Flag = None
    routes: fields.Several[Any] = ()


class _Media(fields.Camel):
    audio: fields.Lenient[_Audio] = _Audio()


class _Request(fields.Camel):
    """Of the newer API, which has one request for all kinds."""

    template: fields.Lenient[_Composite] = _Composite()
    web: fields.Lenient[_Composite] = _Composite()
    media: _Media | None = None

    @property
    def is_partial(self) -> bool:
        audio = self.media.audio if self.media else None
        one_side = audio is not None and not audio.capture_all and len(audio.routes) < BOTH
        return bool(one_side or self.template.video_only or self.web.video_only)


class _Egress(fields.Camel):
    room_id: fields.Text = None
    room_name: fields.Text = None
    status: fields.Text = None
    started_at: fields.Time = None
    room_composite: fields.Lenient[_Composite] = _Composite()
    web: fields.Lenient[_Composite] = _Composite()
    participant: Any = None
    track: Any = None
    track_composite: Any = None
    egress: fields.Lenient[_Request] = _Request()
    replay: fields.Lenient[_Request] = _Request()
    file_results: fields.Several[_File] = ()
    file: fields.Lenient[_File] = _File()
    """Older servers have one file here."""

    @property
    def files(self) -> Sequence[_File]:
        return self.file_results or (self.file,)

    @property
    def is_partial(self) -> bool:
        """Of one participant or track, or a video without sound."""
        one = (self.participant, self.track, self.track_composite)
        silent = self.room_composite.video_only or self.web.video_only
        return (
            bool(silent)
            or any(isinstance(part, Mapping) for part in one)
            or any(request.is_partial for request in (self.egress, self.replay))
        )


class _EgressEnded(fields.Camel):
    egress_info: fields.Lenient[_Egress] = _Egress()


def _egress_ended(event: Event, options: PlatformOptions) -> list[canonical.Event]:
    egress = validate(_EgressEnded, event.get("detail"), "detail").egress_info
    if egress.status in UNUSABLE:
        return []
    if egress.is_partial:
        places = (file.place() for file in egress.files)
        return [_object_known(place, event_parts.no_recording(PARTIAL)) for place in places if place]
    owner = _room_alias(egress.room_name, egress.room_id, egress.started_at)
    if owner is None:
        return []
    return [recorded for file in egress.files for recorded in _recorded(egress, file, owner, options)]


def _recorded(egress: _Egress, file: _File, owner: Alias, options: PlatformOptions) -> Iterator[canonical.Event]:
    """Whose a file is, where it is an object of S3; and the recording itself."""
    place = file.place()
    if place:
        yield _object_known(place, owner)
    uri = f"s3://{place[0]}/{place[1]}" if place else event_parts.fetchable(file.location, options)
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
    started_at: fields.Time = None
    publisher_identity: fields.Text = None
    track_id: fields.Text = None
    audio_track_id: fields.Text = None
    video_track_id: fields.Text = None
    files: fields.Several[_File] = ()

    @property
    def is_partial(self) -> bool:
        """Of one participant or track."""
        return any((self.publisher_identity, self.track_id, self.audio_track_id, self.video_track_id))


def _objects_of_manifest(content: Any, bucket: str, _: str) -> list[canonical.Event]:
    """`EG_….json`, which an egress puts beside its files: whose they are, whatever their names."""
    manifest = validate(_Manifest, content, "manifest")
    owner = _room_alias(manifest.room_name, manifest.room_id, manifest.started_at)
    owner = event_parts.no_recording(PARTIAL) if manifest.is_partial else owner
    if owner is None:
        return []
    places = (file.place(bucket) for file in manifest.files)
    return [_object_known(place, owner) for place in places if place]


NAMES_TRIED = 4


def _key_rules(options: PlatformOptions) -> tuple[KeyRule, ...]:
    """The room's id anywhere in the path, else `{room_name}-{time}`, as the default is, or `{room_name}/{time}`.

    What has the name only may be of one participant: it settles until its egress has said so.
    """
    hints = RecordingHints(agent_channel=options.agent_channels.get(NAME))
    one_of_several = replace(hints, several=True)
    by_id = rf"(?:^|/)(?P<alias>RM_[A-Za-z0-9]+)(?:[/_.-].*)?\.(?:{AUDIO})$"
    time = r"(?P<began>\d{4}-\d{2}-\d{2}T\d{6})(?:-\d+)?"
    by_name = rf"(?:^|/)(?P<room>[^/]+)[/-]{time}\.(?:{AUDIO})$"
    in_time = room_names.type_in_time(ROOM)
    return (
        KeyRule(name=ROOM_ID, platform=NAME, pattern=by_id, alias_type=ROOM_ID, hints=hints),
        KeyRule(
            name=ROOM,
            platform=NAME,
            pattern=by_name,
            alias_type=in_time,
            aliases=_rooms_of_key,
            hints=one_of_several,
            named_by=room_names.NAMED_BY,
        ),
    )


def _rooms_of_key(groups: Mapping[str, str]) -> tuple[str, ...]:
    """The room in the recording's first second; without what may be a participant's identity behind its name."""
    try:
        began = datetime.strptime(groups["began"], "%Y-%m-%dT%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return ()
    parts_of_name = groups["room"].split("-")
    names = ("-".join(parts_of_name[:count]) for count in range(len(parts_of_name), 0, -1))
    return tuple(room_names.value_at(name, began) for name in islice(filter(None, names), NAMES_TRIED))


# --- session reports ---------------------------------------------------------------------------------


class _SpeakingTimes(BoundaryModel):
    started_speaking_at: fields.Time = None
    stopped_speaking_at: fields.Time = None


class _Item(BoundaryModel):
    type: fields.Text = None
    role: fields.Text = None
    content: fields.Words = None
    created_at: fields.Time = None
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
    audio_recording_started_at: fields.Time = None
    started_at: fields.Time = None
    timestamp: fields.Time = None
    close_reason: fields.Text = None
    chat_history: fields.Lenient[_History] = _History()

    @property
    def zero(self) -> datetime | None:
        """The moment that the messages' times count from."""
        created = (item.created_at for item in self.chat_history.items if item.created_at)
        return self.audio_recording_started_at or self.started_at or next(created, None)


def _session_report(event: Event, options: PlatformOptions) -> list[canonical.Event]:
    report = validate(_Report, event.get("detail"), "detail")
    call_id = _call_id("detail.room", report.external_conversation_id, report.room_id, report.room)
    times = event_parts.call_times(event, report.zero, report.timestamp or fields.sent_at(event))
    messages = _messages(report)
    failed = report.close_reason == "CR_ERROR" and not messages
    call_ended = canonical.CallEndedEvent(
        provider=NAME,
        external_conversation_id=call_id,
        aliases=event_parts.aliases(livekit_room_sid=report.room_id),
        status="failed" if failed else "completed",
        end_reason=report.close_reason,
        **times,
        transcript=event_parts.transcript(messages, "call_start", times=times),
        recording=_expected_recording(options),
    )
    return [*event_parts.room_known(call_ended, _named(report.room), report.zero, room_names.EARLY), call_ended]


def _messages(report: _Report) -> list[canonical.Message]:
    zero = report.zero
    return event_parts.usable_messages(_message(item, zero) for item in report.chat_history.items)


def _message(item: _Item, zero: datetime | None) -> canonical.Message | None:
    created = _since(zero, item.created_at)
    if item.type == "function_call":
        return event_parts.tool_call_message(
            None, [event_parts.tool_call(item.call_id, item.name, item.arguments)], created
        )
    if item.type == "function_call_output":
        return event_parts.tool_result(item.call_id, item.output, created)
    role = SPEAKERS.get(item.role or "")
    if item.type != "message" or role is None:
        return None
    started = _since(zero, item.metrics.started_speaking_at)
    stopped = _since(zero, item.metrics.stopped_speaking_at)
    return event_parts.message(role, _content(item), created if started is None else started, stopped)


def _since(zero: datetime | None, moment: datetime | None) -> float | None:
    return (moment - zero).total_seconds() if zero and moment else None


def _content(item: _Item) -> str:
    """The words, without the markup that says how a voice is to speak."""
    content = item.content or ""
    return MARKUP.sub("", content).strip() if item.role == "assistant" else content


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
    # Named after one track.
    ignored_keys=(rf"(?:^|[/_.-])TR_[A-Za-z0-9]{{6,}}[^/]*\.(?:{AUDIO})$",),
    formats={FORMAT: TranscriptFormat(_messages_of_file)},
    sidecars=(Sidecar(r"(?:^|/)EG_[A-Za-z0-9]+\.json$", _objects_of_manifest),),
)
