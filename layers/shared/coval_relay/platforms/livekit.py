"""LiveKit: the webhooks `room_finished` and `egress_ended`, and the session report of LiveKit Agents.

Docs: LiveKit, webhooks and events, egress outputs; `protocol` and `agents` sources for the JSON's shape.
A call is a room: its id is `external_conversation_id` of the room's metadata, else the room's name. Names may
be used again, so recordings are tied to the room's own id (RM_…) where it is known. Where agents send session
reports, "livekit" belongs to the separate transcripts, so that `room_finished` waits for them.
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from coval_relay.boundary import BoundaryModel, validate
from coval_relay.domain.call import RecordingHints
from coval_relay.domain.key_rules import KeyRule
from coval_relay.platforms.canonical import AUDIO, ConversationId
from coval_relay.platforms.shared.building import (
    alias,
    aliases,
    allowed,
    answering,
    asking,
    canonical,
    known,
    message,
    speech,
    tool_call,
    transcript,
)
from coval_relay.platforms.shared.contract import (
    CanonicalEvent,
    CanonicalMessage,
    Event,
    Platform,
    PlatformOptions,
    Sidecar,
    TranscriptContext,
    TranscriptFormat,
)
from coval_relay.platforms.shared.field_types import (
    Camel,
    EpochMilliseconds,
    EpochNanoseconds,
    EpochSeconds,
    Json,
    Lenient,
    Number,
    Several,
    Text,
    Url,
    rfc_3339,
    s3_place,
    sent_at,
)

NAME = "livekit"
FORMAT = "livekit_session_report"
USABLE = ("EGRESS_COMPLETE", "EGRESS_LIMIT_REACHED")
AGENT_LEFT = "DUAL_CHANNEL_AGENT"
MARKUP = re.compile(r"</?expr\b[^<>]*>")


# --- rooms -------------------------------------------------------------------------------------------


class _OwnData(BoundaryModel):
    external_conversation_id: Text = None
    coval_simulation_id: Text = None


class _Room(Camel):
    sid: Text = None
    name: ConversationId
    creation_time: EpochSeconds = None
    creation_time_ms: EpochMilliseconds = None
    metadata: Json = None

    @property
    def own_data(self) -> _OwnData:
        """What the room's metadata tells, where it is a JSON object."""
        try:
            told = json.loads(self.metadata or "{}")
        except (ValueError, RecursionError):
            return _OwnData()
        names = {"X-Coval-Simulation-Id": "coval_simulation_id"}
        told = (
            {names.get(name, name): value for name, value in told.items()} if isinstance(told, dict) else {}
        )
        return validate(_OwnData, told, "detail.room.metadata")


class _RoomFinished(Camel):
    created_at: EpochSeconds = None
    room: _Room


def _room_finished(event: Event, options: PlatformOptions) -> list[CanonicalEvent]:
    told = validate(_RoomFinished, event.get("detail"), "detail")
    room, own = told.room, told.room.own_data
    ended = told.created_at or sent_at(event)
    ended_call = canonical(
        "Call Ended",
        NAME,
        external_conversation_id=own.external_conversation_id or room.name,
        aliases=aliases(livekit_room=room.name, livekit_room_sid=room.sid),
        status="completed",
        started_at=rfc_3339(room.creation_time_ms or room.creation_time or ended),
        ended_at=rfc_3339(ended),
        transcript=transcript([], separate=NAME in options.separate_transcripts),
        recording=_expected(options),
        metadata=known(coval_simulation_id=own.coval_simulation_id) or None,
    )
    return [ended_call]


def _expected(options: PlatformOptions) -> dict[str, Any]:
    """No event of the room tells whether it is recorded."""
    return known(expected=True, agent_channel=options.agent_channels.get(NAME), items=[])


def _room_alias(name: str | None, sid: str | None) -> dict[str, str] | None:
    if sid:
        return alias("livekit_room_sid", sid)
    return alias("livekit_room", name) if name else None


# --- recordings --------------------------------------------------------------------------------------


class _File(Camel):
    filename: Url = None
    location: Url = None
    started_at: EpochNanoseconds = None
    duration: Number = None

    def place(self, bucket: str = "") -> tuple[str, str] | None:
        """Bucket and key; `filename` is the key, `location` an URL that may hold it unescaped."""
        found = s3_place(self.location)
        bucket, key = found or (bucket, "")
        key = self.filename or key
        return (bucket, key) if bucket and key else None


class _Composite(Camel):
    audio_mixing: Text = None


class _Egress(Camel):
    egress_id: Text = None
    room_id: Text = None
    room_name: Text = None
    status: Text = None
    room_composite: Lenient[_Composite] = _Composite()
    track: Mapping[str, Any] | None = None
    """Of one participant's track: no recording of the call."""
    file_results: Several[_File] = ()
    file: _File | None = None
    """Older servers have one file here."""

    @property
    def files(self) -> Sequence[_File]:
        return self.file_results or ((self.file,) if self.file else ())


class _EgressEnded(Camel):
    egress_info: _Egress


def _egress_ended(event: Event, options: PlatformOptions) -> list[CanonicalEvent]:
    egress = validate(_EgressEnded, event.get("detail"), "detail").egress_info
    owner = _room_alias(egress.room_name, egress.room_id)
    if owner is None or egress.status not in USABLE or egress.track is not None:
        return []
    return [told for file in egress.files for told in _recording(egress, file, owner, options)]


def _recording(
    egress: _Egress, file: _File, owner: dict[str, str], options: PlatformOptions
) -> list[CanonicalEvent]:
    place = file.place()
    uri = f"s3://{place[0]}/{place[1]}" if place else allowed(file.location, options)
    if uri is None:
        return []
    by_mixing = 0 if egress.room_composite.audio_mixing == AGENT_LEFT else None
    recording = known(
        id=egress.egress_id,
        uri=uri,
        agent_channel=options.agent_channels.get(NAME, by_mixing),
        started_at=rfc_3339(file.started_at),
        duration_seconds=None if file.duration is None else file.duration / 1e9,
    )
    ready = canonical("Recording Ready", NAME, alias=owner, recording=recording)
    return [_belongs(place, owner), ready] if place else [ready]


def _belongs(place: tuple[str, str], owner: dict[str, str]) -> CanonicalEvent:
    return canonical("Aliases Known", NAME, alias=owner, aliases=[alias("s3_object", "/".join(place))])


class _Manifest(BoundaryModel):
    room_id: Text = None
    room_name: Text = None
    track_id: Text = None
    files: Several[_File] = ()


def _manifest(content: Any, bucket: str, _: str) -> Sequence[CanonicalEvent]:
    """`EG_….json`, which an egress puts beside its files: whose they are, whatever their names."""
    told = validate(_Manifest, content, "manifest")
    owner = _room_alias(told.room_name, told.room_id)
    if owner is None or told.track_id:
        return []
    locations = (file.place(bucket) for file in told.files)
    return [_belongs(place, owner) for place in locations if place]


def _key_rules(options: PlatformOptions) -> tuple[KeyRule, ...]:
    """The room's id anywhere in the path, else the default name `{room_name}-{time}`."""
    hints = RecordingHints(agent_channel=options.agent_channels.get(NAME))
    by_id = rf"(?:^|/)(?P<alias>RM_[A-Za-z0-9]+)(?:[/_.-].*)?\.(?:{AUDIO})$"
    by_name = rf"(?:^|/)(?P<alias>[^/]+?)-\d{{4}}-\d{{2}}-\d{{2}}T\d{{6}}(?:-\d+)?\.(?:{AUDIO})$"
    return (
        KeyRule(
            name="livekit_room_sid",
            platform=NAME,
            pattern=by_id,
            alias_type="livekit_room_sid",
            hints=hints,
        ),
        KeyRule(name="livekit_room", platform=NAME, pattern=by_name, alias_type="livekit_room", hints=hints),
    )


# --- session reports ---------------------------------------------------------------------------------


class _Spoken(BoundaryModel):
    started_speaking_at: Number = None
    stopped_speaking_at: Number = None


class _Item(BoundaryModel):
    type: Text = None
    role: Text = None
    content: Any = None
    created_at: Number = None
    metrics: Lenient[_Spoken] = _Spoken()
    call_id: Text = None
    name: Text = None
    arguments: Json = None
    output: Json = None


class _History(BoundaryModel):
    items: Several[_Item] = ()


class _Report(BoundaryModel):
    """`external_conversation_id` is the sender's own addition, where the room's metadata has one."""

    external_conversation_id: Text = None
    room: Text = None
    room_id: Text = None
    audio_recording_started_at: Number = None
    started_at: Number = None
    timestamp: EpochSeconds = None
    chat_history: Lenient[_History] = _History()

    @property
    def zero(self) -> float | None:
        """Epoch seconds that the messages' times are told from."""
        made = (item.created_at for item in self.chat_history.items if item.created_at)
        return self.audio_recording_started_at or self.started_at or next(made, None)


class _Zero(BoundaryModel):
    at: EpochSeconds = None


def _session_report(event: Event, options: PlatformOptions) -> list[CanonicalEvent]:
    report = validate(_Report, event.get("detail"), "detail")
    ended = report.timestamp or sent_at(event)
    call_ended = canonical(
        "Call Ended",
        NAME,
        external_conversation_id=report.external_conversation_id or report.room,
        aliases=aliases(livekit_room=report.room, livekit_room_sid=report.room_id) or None,
        status="completed",
        started_at=rfc_3339(_moment(report.zero) or ended),
        ended_at=rfc_3339(ended),
        transcript=transcript(_messages(report), "call_start"),
        recording=_expected(options),
    )
    return [call_ended]


def _moment(seconds: float | None) -> datetime | None:
    return validate(_Zero, {"at": seconds}, "detail.audio_recording_started_at").at


def _messages(report: _Report) -> list[CanonicalMessage]:
    zero = report.zero or 0
    return speech(told for item in report.chat_history.items if (told := _message(item, zero)))


def _message(item: _Item, zero: float) -> CanonicalMessage | None:
    made = _since(zero, item.created_at)
    if item.type == "function_call":
        return asking(None, [tool_call(item.call_id, item.name, item.arguments)], made)
    if item.type == "function_call_output":
        return answering(item.call_id, item.output, made)
    if item.type != "message" or item.role not in ("assistant", "user"):
        return None
    started = _since(zero, item.metrics.started_speaking_at)
    stopped = _since(zero, item.metrics.stopped_speaking_at)
    return message(item.role, _words(item), made if started is None else started, stopped)


def _since(zero: float, seconds: float | None) -> float | None:
    return None if seconds is None else seconds - zero


def _words(item: _Item) -> str:
    """The parts in writing, without the marks that tell a voice how to speak."""
    parts = item.content if isinstance(item.content, list) else [item.content]
    words = " ".join(word for part in parts if (word := _written(part)))
    return MARKUP.sub("", words).strip() if item.role == "assistant" else words


def _written(part: object) -> str | None:
    said = part.get("transcript") if isinstance(part, Mapping) else part
    return said if isinstance(said, str) else None


def _read(content: Any, _: TranscriptContext) -> Sequence[CanonicalMessage]:
    """A session report that was put into a file."""
    return _messages(validate(_Report, content, "transcript"))


# --- the platform ------------------------------------------------------------------------------------

_READERS = {
    "room_finished": _room_finished,
    "egress_ended": _egress_ended,
    "session_report": _session_report,
}


def _translate(event: Event, options: PlatformOptions) -> Sequence[CanonicalEvent]:
    reader = _READERS.get(str(event.get("detail-type")))
    return reader(event, options) if reader else []


PLATFORM = Platform(
    translate=_translate,
    key_rules=_key_rules,
    formats={FORMAT: TranscriptFormat(_read)},
    sidecars=(Sidecar(r"(?:^|/)EG_[A-Za-z0-9]+\.json$", _manifest),),
)
