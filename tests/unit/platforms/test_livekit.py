"""LiveKit: what each sample becomes, whose each key is, and what a session report says."""

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from coval_relay.domain.call import RecordingHints
from coval_relay.domain.call_aliases import Alias
from coval_relay.domain.call_id import ID_RULE
from coval_relay.domain.errors import InvalidInputError
from coval_relay.platforms.livekit import PLATFORM
from coval_relay.platforms.shared import canonical_events as canonical
from coval_relay.platforms.shared.contract import PlatformOptions, TranscriptContext
from tests.support.platform_samples import as_json, canonical_events, is_ignored, match, sample, sample_key

NAME = "livekit"
ROOM, SID = "call-_+15550100002_Xk2pQ9", "RM_8hV2kQnWbTzA"
BY_SID = Alias("livekit_room_sid", SID)
KEY = f"recordings/{ROOM}-2026-10-02T143107.ogg"
RECORDED = datetime(2026, 10, 2, 14, 31, 7, 450_000, tzinfo=UTC)
TO_COME = {"expected": True, "items": []}
PARTIAL = Alias("no_recording", "one_participant_or_track")
FINISHED: dict[str, Any] = {
    "provider": NAME,
    "external_conversation_id": "acme-8842",
    "aliases": [BY_SID],
    "status": "completed",
    "started_at": "2026-10-02T14:30:50.120Z",
    "ended_at": "2026-10-02T14:36:58.000Z",
    "transcript": {"status": "none"},
    "recording": TO_COME,
    "metadata": {"coval_simulation_id": "simulation-1"},
}


def ended(base: dict[str, Any], *left_out: str, **changes: Any) -> canonical.Event:
    kept = {name: value for name, value in base.items() if name not in left_out}
    return canonical.CallEndedEvent.model_validate({**kept, **changes})


def at(span: str) -> Alias:
    """The room in a span of time after two o'clock."""
    return Alias("livekit_room_at", f"{ROOM}@2026-10-02T14:{span}")


def in_time(call_id: str, spans: str) -> canonical.Event:
    aliases = tuple(map(at, spans.split()))
    return canonical.AliasesKnownEvent(provider=NAME, external_conversation_id=call_id, aliases=aliases)


def seconds(minute: int, first: int, last: int) -> str:
    return " ".join(f"{minute}:{second:02}" for second in range(first, last + 1))


IN_ROOM = f"30:48 30:49 30:5 31 32 33 34 35 36:0 36:1 36:2 36:3 36:4 {seconds(36, 50, 57)}"
"""From 14:30:50 to 14:36:58, and two seconds before."""


def in_room(call_id: str, spans: str = IN_ROOM) -> list[canonical.Event]:
    words = spans.split()
    return [in_time(call_id, " ".join(words[first : first + 20])) for first in range(0, len(words), 20)]


IN_SESSION = (
    f"{seconds(30, 7, 9)} 30:1 30:2 30:3 30:4 30:5 {seconds(31, 0, 9)} 31:1 31:2 "
    f"31:3 31:4 31:5 32 33 34 35 36:0 36:1 36:2 {seconds(36, 30, 37)}"
)
"""From 14:31:07 to 14:36:38, and a minute before."""
ODD_SESSION = f"30:1 30:2 30:3 30:4 30:5 31:0 31:1 31:2 31:3 31:4 31:5 32 33 34 35 36:0 36:1 36:2 {seconds(36, 30, 37)}"


def belongs(owner: Alias, key: str = KEY) -> canonical.Event:
    place = Alias("s3_object", f"acme-recordings/{key}")
    return canonical.AliasesKnownEvent(provider=NAME, alias=owner, aliases=(place,))


def ready(owner: Alias, uri: str = f"s3://acme-recordings/{KEY}", agent_channel: int | None = None) -> canonical.Event:
    recording = canonical.ReadyRecording(uri=uri, agent_channel=agent_channel, started_at=RECORDED)
    return canonical.RecordingReadyEvent(provider=NAME, alias=owner, recording=recording)


def said(role: str, content: str, start: float, end: float | None = None) -> dict[str, Any]:
    message = {"role": role, "content": content, "start_time": start}
    return message if end is None else {**message, "end_time": end}


ASKED = {
    "role": "assistant",
    "start_time": 6.55,
    "end_time": 6.55,
    "tool_calls": [
        {
            "id": "call_1",
            "type": "function",
            "function": {"name": "find_slot", "arguments": '{"day":"mon"}'},
        }
    ],
}
MESSAGES = [
    said("assistant", "Thanks for calling Acme.", 0.45, 2.45),
    said("user", "Hi, I want to move my appointment.", 2.9, 6.02),
    ASKED,
    {**said("tool", '["09:00"]', 6.95, 6.95), "tool_call_id": "call_1"},
    said("assistant", "Monday at nine?", 8.0),
]
REPORTED: dict[str, Any] = {
    "provider": NAME,
    "external_conversation_id": SID,
    "aliases": [BY_SID],
    "status": "completed",
    "started_at": "2026-10-02T14:31:07.450Z",
    "ended_at": "2026-10-02T14:36:38.900Z",
    "transcript": {"status": "inline", "time_base": "call_start", "messages": MESSAGES},
    "recording": TO_COME,
}
EXPECTED: dict[str, list[canonical.Event]] = {
    "room_finished": [*in_room("acme-8842"), ended(FINISHED)],
    "room_finished_without_metadata": [
        *in_room(SID),
        ended(
            FINISHED,
            "metadata",
            external_conversation_id=SID,
            started_at="2026-10-02T14:30:50.000Z",
        ),
    ],
    "egress_ended": [belongs(BY_SID), ready(BY_SID, agent_channel=0)],
    "egress_ended_path_style": [belongs(BY_SID), ready(BY_SID)],
    "egress_ended_limit_reached": [belongs(at("31:07")), ready(at("31:07"), agent_channel=0)],
    "egress_ended_failed": [],
    "egress_ended_aborted": [],
    "egress_ended_track": [belongs(PARTIAL)],
    "egress_ended_participant": [belongs(PARTIAL)],
    "egress_ended_other_storage": [],
    "session_report": [*in_room(SID, IN_SESSION), ended(REPORTED)],
    "session_report_odd_items": [
        *in_room("acme-8842", ODD_SESSION),
        ended(
            REPORTED,
            external_conversation_id="acme-8842",
            started_at="2026-10-02T14:31:10.000Z",
            transcript={
                "status": "inline",
                "time_base": "call_start",
                "messages": [said("assistant", "Thanks for calling Acme. [image_content]", 1.0)],
            },
        ),
    ],
}


@pytest.mark.parametrize("event", EXPECTED)
def test_what_each_sample_becomes(event: str) -> None:
    assert canonical_events(NAME, event) == EXPECTED[event]


# --- rooms -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("metadata", "call_id", "simulation"),
    [
        (json.dumps({"external_conversation_id": "a", "coval_simulation_id": "s"}), "a", "s"),
        ({"external_conversation_id": "a"}, "a", None),
        ({"external_conversation_id": None}, SID, None),
        ({"external_conversation_id": 'the "big" one'}, SID, None),
        (json.dumps({"external_conversation_id": "a", "notes": "x" * 5000}), "a", None),
        ("not JSON", SID, None),
        ('["external_conversation_id"]', SID, None),
        ("[" * 100_000, SID, None),
        ("", SID, None),
        (None, SID, None),
    ],
)
def test_a_rooms_metadata_may_name_the_call(metadata: object, call_id: str, simulation: str | None) -> None:
    event = sample(NAME, "room_finished")
    event["detail"]["room"]["metadata"] = metadata
    *_, found = PLATFORM.translate(event, PlatformOptions())
    assert isinstance(found, canonical.CallEndedEvent)
    of_metadata = found.metadata.get("coval_simulation_id")
    assert (found.external_conversation_id, of_metadata) == (call_id, simulation)


def test_a_room_waits_for_the_session_report_where_agents_send_it() -> None:
    options = PlatformOptions(separate_transcripts=(NAME,), agent_channels={NAME: 0})
    assert canonical_events(NAME, "room_finished", options) == [
        *in_room("acme-8842"),
        ended(
            FINISHED,
            transcript={"status": "pending"},
            recording={"expected": True, "agent_channel": 0, "items": []},
        ),
    ]


def test_a_report_without_words_is_the_end_of_waiting() -> None:
    event = sample(NAME, "session_report")
    event["detail"]["chat_history"] = None
    *_, found = PLATFORM.translate(event, PlatformOptions(separate_transcripts=(NAME,)))
    assert found == ended(REPORTED, transcript={"status": "none"})


@pytest.mark.parametrize("room", [{}, {"name": ""}, {"sid": 'a"b', "name": None}, "room", None])
def test_an_error_names_field_and_rule(room: object) -> None:
    event = sample(NAME, "room_finished")
    event["detail"]["room"] = room
    with pytest.raises(InvalidInputError) as caught:
        PLATFORM.translate(event, PlatformOptions())
    assert str(caught.value) == f"detail.room.name: {ID_RULE}"


@pytest.mark.parametrize(
    ("created", "started", "ended"),
    [
        ({"creationTime": "1790951467", "creationTimeMs": "1790951467700"}, 1790951467.0, 1790951467.0),
        ({"creationTime": "1790951468", "creationTimeMs": "1790951468000"}, 1790951468.0, None),
        ({"creationTimeMs": "1790951460500"}, 1790951460.5, 1790951467.0),
        ({"creationTime": 0}, 1790951467.0, None),
        ({"creationTime": "soon"}, 1790951467.0, None),
    ],
    ids=["shorter than a second", "ended before it began", "milliseconds alone", "unset", "no time"],
)
def test_a_rooms_times_only_inform(created: dict[str, Any], started: float, ended: float | None) -> None:
    event = sample(NAME, "room_finished")
    event["detail"]["createdAt"] = "1790951467"
    event["detail"]["room"] = {"sid": SID, "name": ROOM, **created}
    *_, found = PLATFORM.translate(event, PlatformOptions())
    assert isinstance(found, canonical.CallEndedEvent)
    assert found.started_at
    assert (found.started_at.timestamp(), found.ended_at and found.ended_at.timestamp()) == (started, ended)


def test_a_room_without_a_name_is_known_by_its_id() -> None:
    event = sample(NAME, "room_finished")
    event["detail"]["room"] = {"sid": SID}
    (found,) = PLATFORM.translate(event, PlatformOptions())
    assert isinstance(found, canonical.CallEndedEvent)
    assert found.external_conversation_id == SID


@pytest.mark.parametrize(
    ("report", "call_id"),
    [
        ({"room_id": None}, ROOM),
        ({"room_id": "", "room": None, "external_conversation_id": "acme-1"}, "acme-1"),
        ({"external_conversation_id": 'the "big" one'}, SID),
    ],
)
def test_whose_a_report_is(report: dict[str, Any], call_id: str) -> None:
    event = sample(NAME, "session_report")
    event["detail"] |= report
    *_, found = PLATFORM.translate(event, PlatformOptions())
    assert isinstance(found, canonical.CallEndedEvent)
    assert found.external_conversation_id == call_id


@pytest.mark.parametrize(
    ("history", "reason", "status"),
    [(None, "CR_ERROR", "failed"), (None, "CR_COMPLETED", "completed"), ({}, None, "completed")],
)
def test_how_a_session_went(history: object, reason: str | None, status: str) -> None:
    event = sample(NAME, "session_report")
    event["detail"] |= {"chat_history": history, "close_reason": reason}
    *_, found = PLATFORM.translate(event, PlatformOptions())
    assert isinstance(found, canonical.CallEndedEvent)
    assert (found.status, found.end_reason) == (status, reason)


# --- recordings --------------------------------------------------------------------------------------


def test_the_operator_knows_the_side_better() -> None:
    options = PlatformOptions(agent_channels={NAME: 1})
    assert canonical_events(NAME, "egress_ended", options) == [
        belongs(BY_SID),
        ready(BY_SID, agent_channel=1),
    ]
    assert [rule.hints for rule in PLATFORM.key_rules(options)] == [
        RecordingHints(agent_channel=1),
        RecordingHints(agent_channel=1, several=True),
    ]


def test_a_file_elsewhere_is_fetched_where_its_host_is_allowed() -> None:
    options = PlatformOptions(recording_hosts=("storage.acme.example",))
    url = f"https://storage.acme.example/{KEY.replace('+', '%2B')}"
    assert canonical_events(NAME, "egress_ended_other_storage", options) == [ready(BY_SID, url, agent_channel=0)]


@pytest.mark.parametrize(
    "location",
    [
        "https://acme-recordings.s3.amazonaws.com/",
        "https://acme-recordings.s3-us-west-2.amazonaws.com/",
        "https://acme-recordings.s3.dualstack.eu-central-1.amazonaws.com/",
        "https://acme-recordings.s3.cn-north-1.amazonaws.com.cn/",
        "https://s3.us-east-1.amazonaws.com/acme-recordings/",
        "https://s3.amazonaws.com/acme-recordings/",
        "s3://acme-recordings/",
    ],
)
def test_spellings_of_a_place(location: str) -> None:
    event = sample(NAME, "egress_ended")
    event["detail"]["egressInfo"]["fileResults"][0]["location"] = location + KEY
    assert PLATFORM.translate(event, PlatformOptions()) == EXPECTED["egress_ended"]


@pytest.mark.parametrize(
    "location",
    [
        "https://acme-recordings.s3.amazonaws.com.evil.example/x.ogg",
        "https://acme-recordings.s3x.amazonaws.com/x.ogg",
        "http://acme-recordings.s3.amazonaws.com/x.ogg",
        "https://[broken/x.ogg",
        "/out/x.ogg",
        "s3://Not_a_bucket/x.ogg",
        "",
        None,
    ],
)
def test_places_outside_s3(location: str | None) -> None:
    event = sample(NAME, "egress_ended")
    event["detail"]["egressInfo"]["fileResults"][0]["location"] = location
    assert PLATFORM.translate(event, PlatformOptions()) == []


@pytest.mark.parametrize("name", ["a" * 1500, "a\nb.ogg"])
@pytest.mark.parametrize("kind", [{}, {"participant": {"identity": "caller"}}])
def test_what_can_be_no_key_names_no_object(name: str, kind: dict[str, Any]) -> None:
    event = sample(NAME, "egress_ended")
    event["detail"]["egressInfo"]["fileResults"][0]["filename"] = name
    event["detail"]["egressInfo"] |= kind
    assert PLATFORM.translate(event, PlatformOptions()) == []


def test_an_egress_without_a_room_belongs_to_no_call() -> None:
    event = sample(NAME, "egress_ended")
    event["detail"]["egressInfo"] |= {"roomId": "", "roomName": None}
    assert PLATFORM.translate(event, PlatformOptions()) == []


MEDIA = {"media": {"audio": {"routes": [{"participantIdentity": "caller"}]}}}
BOTH = {"media": {"audio": {"routes": [{"participantKind": "AGENT"}, {"participantKind": "SIP"}]}}}


@pytest.mark.parametrize(
    ("kind", "is_partial"),
    [
        ({"participant": {"roomName": ROOM, "identity": "caller"}}, True),
        ({"track": {"trackId": "TR_a1"}}, True),
        ({"trackComposite": {"audioTrackId": "TR_a1", "videoTrackId": "TR_v1"}}, True),
        ({"roomComposite": {"videoOnly": True}}, True),
        ({"egress": {"template": {"videoOnly": True}}}, True),
        ({"egress": MEDIA}, True),
        ({"replay": {"media": {}}}, True),
        ({"egress": BOTH}, False),
        ({"egress": {"media": {"audio": {"captureAll": True}}}}, False),
        ({"egress": {"template": {"audioOnly": True}}}, False),
        ({"web": {"url": "https://acme.example", "audioOnly": True}}, False),
        ({"roomComposite": None, "participant": None}, False),
    ],
)
def test_what_is_of_one_participant_or_track_is_no_recording(kind: dict[str, Any], is_partial: bool) -> None:
    event = sample(NAME, "egress_ended")
    event["detail"]["egressInfo"] |= {"roomComposite": None, **kind}
    found = PLATFORM.translate(event, PlatformOptions())
    assert found == ([belongs(PARTIAL)] if is_partial else [belongs(BY_SID), ready(BY_SID)])


@pytest.mark.parametrize("status", [None, 99, "EGRESS_OF_TOMORROW"])
def test_a_status_of_tomorrow_loses_no_recording(status: object) -> None:
    event = sample(NAME, "egress_ended")
    event["detail"]["egressInfo"]["status"] = status
    assert PLATFORM.translate(event, PlatformOptions()) == EXPECTED["egress_ended"]


# --- manifests ---------------------------------------------------------------------------------------

(MANIFEST,) = PLATFORM.sidecars
MANIFEST_KEY = "recordings/EG_3gQwXy7ZtKfP.json"


def test_a_manifest_says_whose_its_files_are_whatever_their_names() -> None:
    assert MANIFEST.read(sample(NAME, "manifest"), "acme-recordings", MANIFEST_KEY) == [
        belongs(BY_SID),
        belongs(BY_SID, "recordings/by-hand.mp4"),
    ]


@pytest.mark.parametrize("change", [{"room_id": None, "room_name": ""}, {"files": None}])
def test_manifests_that_say_nothing(change: dict[str, Any]) -> None:
    assert MANIFEST.read({**sample(NAME, "manifest"), **change}, "acme-recordings", MANIFEST_KEY) == []


@pytest.mark.parametrize(
    "change", [{"track_id": "TR_a1"}, {"publisher_identity": "caller"}, {"audio_track_id": "TR_a1"}]
)
def test_a_manifest_of_one_participant_or_track_says_so(change: dict[str, Any]) -> None:
    manifest = {**sample(NAME, "manifest"), **change}
    assert MANIFEST.read(manifest, "acme-recordings", MANIFEST_KEY) == [
        belongs(PARTIAL),
        belongs(PARTIAL, "recordings/by-hand.mp4"),
    ]


def test_a_manifest_without_the_rooms_id_names_the_room_in_its_second() -> None:
    manifest = {**sample(NAME, "manifest"), "room_id": None}
    assert MANIFEST.read(manifest, "acme-recordings", MANIFEST_KEY)[0] == belongs(at("31:07"))


@pytest.mark.parametrize(
    ("key", "is_one"),
    [
        (MANIFEST_KEY, True),
        ("EG_3gQwXy7ZtKfP.json", True),
        ("recordings/XEG_3gQ.json", False),
        (KEY, False),
        ("recordings/EG_3gQ.json/x", False),
    ],
)
def test_which_objects_are_manifests(key: str, is_one: bool) -> None:
    assert bool(re.search(MANIFEST.pattern, key)) is is_one


# --- session reports ---------------------------------------------------------------------------------

READ = PLATFORM.formats["livekit_session_report"].messages


def test_a_report_in_a_file() -> None:
    messages = READ(sample(NAME, "session_report")["detail"], TranscriptContext(PlatformOptions()))
    assert as_json(messages) == MESSAGES


@pytest.mark.parametrize(
    ("zero", "start"),
    [
        ({"audio_recording_started_at": 1790951467.45, "started_at": 1790951460}, 0.45),
        ({"audio_recording_started_at": None, "started_at": "1790951460.9"}, 7.0),
        ({"audio_recording_started_at": None}, 0.0),
        ({"audio_recording_started_at": 1790951480}, 0.0),
    ],
)
def test_the_zero_of_the_clock(zero: dict[str, Any], start: float) -> None:
    item = {"type": "message", "role": "user", "content": ["Hi"], "created_at": 1790951467.9}
    report = {**zero, "chat_history": {"items": [item]}}
    assert as_json(READ(report, TranscriptContext(PlatformOptions()))) == [said("user", "Hi", start)]


@pytest.mark.parametrize(
    ("role", "content", "expected"),
    [
        ("assistant", '<expr tone="warm"/>Hello <expr>you</expr>', ["Hello you"]),
        ("assistant", "<expr " * 100_000, ["<expr " * 99_999 + "<expr"]),
        ("assistant", "a < b and expr > c", ["a < b and expr > c"]),
        ("user", "Say <expr/>", ["Say <expr/>"]),
        ("assistant", "<expr/>", []),
        ("user", None, []),
        ("user", [None, {"transcript": 7}, 5], []),
    ],
)
def test_content(role: str, content: object, expected: list[str]) -> None:
    report = {"chat_history": {"items": [{"type": "message", "role": role, "content": content}]}}
    messages = READ(report, TranscriptContext(PlatformOptions()))
    assert [message.content for message in messages] == expected


# --- keys --------------------------------------------------------------------------------------------

RULES = PLATFORM.key_rules(PlatformOptions())
AT = "2026-10-02T14:31:07"


@pytest.mark.parametrize(
    ("key", "rule", "alias"),
    [
        (sample_key(NAME, "recording_created"), "livekit_room", f"{ROOM}@{AT}"),
        (KEY, "livekit_room", f"{ROOM}@{AT}"),
        ("my-room-2026-10-02T143107.mp4", "livekit_room", f"my-room@{AT}"),
        ("a/my-room-2026-10-02T143107-2.mp3", "livekit_room", f"my-room@{AT}"),
        ("rec/call-1/2026-10-02T143107.ogg", "livekit_room", f"call-1@{AT}"),
        ("a/room-2026-10-01T080000-2026-10-02T143107.ogg", "livekit_room", f"room-2026-10-01T080000@{AT}"),
        (f"recordings/{SID}/{ROOM}-2026-10-02T143107.ogg", "livekit_room_sid", SID),
        (f"{SID}.mp4", "livekit_room_sid", SID),
        (f"a/{SID}_anything.webm", "livekit_room_sid", SID),
    ],
)
def test_whose_a_key_is(key: str, rule: str, alias: str) -> None:
    assert match(RULES, key) == (rule, alias)


@pytest.mark.parametrize(
    ("room", "names"),
    [
        ("call-1-caller", ["call-1-caller", "call-1", "call"]),
        ("a-b-c-d-e-f", ["a-b-c-d-e-f", "a-b-c-d-e", "a-b-c-d", "a-b-c"]),
        ("-x", ["-x"]),
        ("room", ["room"]),
    ],
)
def test_a_participants_name_may_stand_behind_the_rooms(room: str, names: list[str]) -> None:
    aliases = RULES[1].aliases
    assert aliases is not None
    assert list(aliases({"room": room, "began": "2026-10-02T143107"})) == [f"{name}@{AT}" for name in names]


def test_a_time_that_there_is_not_names_no_room() -> None:
    aliases = RULES[1].aliases
    assert aliases is not None
    assert aliases({"room": "call-1", "began": "2026-13-02T143107"}) == ()


@pytest.mark.parametrize(
    "key",
    [
        MANIFEST_KEY,
        "recordings/-2026-10-02T143107.ogg",
        "recordings/room-2026-10-02T1431.ogg",
        "recordings/room-20261002T143107.ogg",
        "recordings/room-2026-10-02T143107.json",
        f"recordings/X{SID}.ogg",
        f"recordings/{SID}.json",
        "acme/support-room-8842/1790951467123",
    ],
)
def test_keys_of_others(key: str) -> None:
    assert match(RULES, key) is None


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("rec/TR_AMqyZ2pVx8cT3d-2026-10-02T143107.ogg", True),
        ("rec/call-1-TR_AMqyZ2pVx8cT3d-2026-10-02T143107.mp4", True),
        ("rec/XTR_AMqyZ2pVx8cT3d-2026-10-02T143107.ogg", False),
        ("rec/TR_1-2026-10-02T143107.ogg", False),
        (KEY, False),
    ],
)
def test_a_file_of_one_track_is_ignored(key: str, expected: bool) -> None:
    assert is_ignored(PLATFORM, key) is expected


def test_what_the_rules_say() -> None:
    assert [(rule.kind, rule.alias_type, rule.hints) for rule in RULES] == [
        ("recording", "livekit_room_sid", RecordingHints()),
        ("recording", "livekit_room_at", RecordingHints(several=True)),
    ]
