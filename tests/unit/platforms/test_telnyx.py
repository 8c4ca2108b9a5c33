"""Telnyx: what each sample becomes, and whose each key is."""

from datetime import UTC, datetime
from typing import Any

import pytest

from coval_relay.domain.call import RecordingHints
from coval_relay.domain.call_aliases import Alias
from coval_relay.domain.call_id import ID_RULE
from coval_relay.domain.errors import InvalidInputError
from coval_relay.domain.messages import CallEnded
from coval_relay.platforms.registry import translate
from coval_relay.platforms.shared import canonical_events as canonical
from coval_relay.platforms.shared.contract import PlatformOptions
from coval_relay.platforms.telnyx import PLATFORM
from tests.support.events import wav
from tests.support.platform_samples import NOW, as_json, canonical_events, match, sample, sample_key
from tests.support.scenarios import put
from tests.support.world import World

NAME = "telnyx"
SESSION = "99706bb8-85ae-11ec-885c-02420a0d7e70"
LEG, OTHER_LEG = "9977677e-85ae-11ec-826d-02420a0d7e70", "a0b1c2d3-85ae-11ec-826d-02420a0d7e70"
OF_LEG = Alias("telnyx_call_leg", LEG)
KEY = f"047e057e-cb46-4b11-bb31-37987e753ed7/2026-10-02/{LEG}-1790951797.wav"
URL = f"https://s3.amazonaws.com/acme-recordings/{KEY}?X-Amz-Expires=600"
FETCHING = PlatformOptions(recording_hosts=("s3.amazonaws.com",))
ENDED = {
    "provider": NAME,
    "external_conversation_id": SESSION,
    "aliases": [OF_LEG],
    "direction": "inbound",
    "status": "completed",
    "end_reason": "normal_clearing",
    "started_at": "2026-10-02T14:30:50.120Z",
    "ended_at": "2026-10-02T14:36:37.788Z",
    "agent": {"id": "1684641123236054244"},
    "transcript": {"status": "none"},
    "recording": {"expected": True, "agent_channel": 1, "items": []},
    "metadata": {"hangup_source": "caller"},
}


def ended(**changes: Any) -> list[canonical.Event]:
    return [canonical.CallEndedEvent.model_validate({**ENDED, **changes})]


def leads_to_call(*aliases: Alias) -> canonical.Event:
    return canonical.AliasesKnownEvent(provider=NAME, external_conversation_id=SESSION, aliases=aliases)


def ready(uri: str = URL, agent_channel: int | None = None) -> canonical.Event:
    recording = canonical.ReadyRecording(
        uri=uri,
        agent_channel=agent_channel,
        started_at=datetime(2026, 10, 2, 14, 31, 7, 148_000, tzinfo=UTC),
        several=True,
        longest=True,
    )
    return canonical.RecordingReadyEvent(provider=NAME, external_conversation_id=SESSION, recording=recording)


PLACE = Alias("s3_object", f"acme-recordings/{KEY}")
EXPECTED: dict[str, list[canonical.Event]] = {
    "call_hangup": ended(),
    "call_hangup_other_leg": ended(
        aliases=[Alias("telnyx_call_leg", OTHER_LEG)],
        direction="outbound",
        started_at="2026-10-02T14:31:07.000Z",
        recording={"expected": True, "items": []},
        metadata={"hangup_source": "callee"},
    ),
    "call_hangup_no_answer": ended(
        direction="outbound",
        status="no_answer",
        end_reason="timeout",
        started_at="2026-10-02T14:31:20.000Z",
        ended_at=None,
        recording={"expected": False, "items": []},
        metadata={"hangup_source": "unknown"},
    ),
    "call_recording_saved": [leads_to_call(OF_LEG, PLACE), ready()],
    "call_conversation_ended": [
        leads_to_call(OF_LEG, Alias("telnyx_conversation", "7a1b2c3d-0000-4000-8000-000000000001"))
    ],
}


@pytest.mark.parametrize("event", EXPECTED)
def test_what_each_sample_becomes(event: str) -> None:
    assert canonical_events(NAME, event, FETCHING) == EXPECTED[event]


def test_a_text_without_turns_says_nothing() -> None:
    assert PLATFORM.translate(sample(NAME, "call_recording_transcription_saved"), FETCHING) == []


def changed(event: str, **fields: Any) -> dict[str, Any]:
    found: dict[str, Any] = sample(NAME, event)
    found["detail"]["data"]["payload"] |= fields
    return found


def test_a_simulated_call_keeps_its_sip_header() -> None:
    *_, ended = translate(sample(NAME, "call_hangup_other_leg"), PlatformOptions(), NOW)
    assert isinstance(ended, CallEnded)
    assert ended.facts.metadata["coval_simulation_id"] == "simulation-1"


@pytest.mark.parametrize(
    ("cause", "status"),
    [
        ("normal_clearing", "completed"),
        ("time_limit", "completed"),
        ("unspecified", "completed"),
        (None, "completed"),
        ("user_busy", "busy"),
        ("no_answer", "no_answer"),
        ("originator_cancel", "cancelled"),
        ("call_rejected", "failed"),
        ("not_found", "failed"),
    ],
)
def test_status(cause: str | None, status: str) -> None:
    options = PlatformOptions(separate_transcripts=(NAME,))
    (found,) = PLATFORM.translate(changed("call_hangup", hangup_cause=cause), options)
    talked = status == "completed"
    assert [found] == ended(
        status=status,
        end_reason=cause,
        transcript={"status": "pending" if talked else "none"},
        recording={"expected": talked, "agent_channel": 1},
    )


def test_the_operator_knows_better() -> None:
    options = PlatformOptions(agent_channels={NAME: 0}, recording_hosts=("s3.amazonaws.com",))
    (other_leg,) = canonical_events(NAME, "call_hangup_other_leg", options)
    assert isinstance(other_leg, canonical.CallEndedEvent)
    assert other_leg.recording == canonical.ExpectedRecording(expected=True, agent_channel=0)
    assert canonical_events(NAME, "call_recording_saved", options) == [
        leads_to_call(OF_LEG, PLACE),
        ready(agent_channel=0),
    ]
    assert [rule.hints.agent_channel for rule in PLATFORM.key_rules(options)] == [0]


def test_a_recording_whose_host_is_not_allowed_is_only_named() -> None:
    assert canonical_events(NAME, "call_recording_saved") == [leads_to_call(OF_LEG, PLACE)]


def test_an_mp3_outside_s3() -> None:
    url = "https://storage.acme.example/a.mp3"
    event = changed("call_recording_saved", recording_urls={"mp3": url})
    options = PlatformOptions(recording_hosts=("storage.acme.example",))
    assert PLATFORM.translate(event, options) == [leads_to_call(OF_LEG), ready(url)]


def test_a_recording_that_names_nothing() -> None:
    event = changed("call_recording_saved", call_leg_id=None, recording_urls=None)
    assert PLATFORM.translate(event, FETCHING) == []


@pytest.mark.parametrize(
    ("cause", "sip", "status"),
    [
        ("user_busy", None, "busy"),
        ("timeout", None, "no_answer"),
        ("no_answer", None, "no_answer"),
        ("originator_cancel", "487", "cancelled"),
        ("call_rejected", "603", "failed"),
        ("not_found", "404", "failed"),
        ("normal_clearing", "486", "completed"),
        ("time_limit", None, "completed"),
        ("unspecified", "486", "busy"),
        ("unspecified", "480", "no_answer"),
        ("unspecified", "200", "completed"),
        (None, "unspecified", "completed"),
        ("something_new", None, "completed"),
    ],
)
def test_how_a_call_went(cause: str | None, sip: str | None, status: str) -> None:
    (found,) = PLATFORM.translate(changed("call_hangup", hangup_cause=cause, sip_hangup_cause=sip), PlatformOptions())
    assert isinstance(found, canonical.CallEndedEvent)
    assert (found.status, found.recording.expected) == (status, status == "completed")


def test_a_hangup_does_not_tell_the_direction_so_the_side_is_the_operators_to_set() -> None:
    event = changed("call_hangup")
    del event["detail"]["data"]["payload"]["direction"]
    (unknown,) = PLATFORM.translate(event, PlatformOptions())
    (known,) = PLATFORM.translate(event, PlatformOptions(agent_channels={NAME: 1}))
    assert isinstance(unknown, canonical.CallEndedEvent)
    assert isinstance(known, canonical.CallEndedEvent)
    assert (unknown.direction, unknown.recording.agent_channel, known.recording.agent_channel) == (None, None, 1)


def described(type_: str, **fields: Any) -> dict[str, Any]:
    event = changed("call_hangup", **fields)
    event["detail-type"] = event["detail"]["data"]["event_type"] = type_
    return event


def without_direction() -> dict[str, Any]:
    event = changed("call_hangup")
    del event["detail"]["data"]["payload"]["direction"]
    return event


@pytest.mark.parametrize("order", [("described", "hangup", "recording"), ("recording", "hangup", "described")])
@pytest.mark.parametrize(
    ("event", "metadata", "channel"),
    [
        (described("call.initiated", direction="incoming"), {"direction": "inbound", "call_status": "completed"}, 1),
        (described("call.initiated", direction="outgoing"), {"call_status": "completed"}, None),
        (described("call.machine.detection.ended", result="machine"), {"call_status": "voicemail"}, None),
        (described("call.machine.premium.detection.ended", result="fax_detected"), {"call_status": "voicemail"}, None),
        (
            described("call.machine.premium.detection.ended", result="human_residence"),
            {"call_status": "completed"},
            None,
        ),
        (described("call.machine.detection.ended", result=None), {"call_status": "completed"}, None),
    ],
)
def test_what_a_hangup_does_not_tell(
    event: dict[str, Any], metadata: dict[str, str], channel: int | None, order: tuple[str, str, str]
) -> None:
    world = World(platforms=(NAME,), key_pattern="", prefixes=("",))
    stereo = put(world, wav(channels=2), KEY)
    parts = {
        "described": ("call_end", event),
        "hangup": ("call_end", without_direction()),
        "recording": ("recording", stereo),
    }
    for index, name in enumerate(order):
        world.send(*parts[name], 20 * index)
    world.run()
    (held,) = world.coval.conversations.values()
    assert {
        name: held["metadata"][name] for name in ("direction", "call_status") if name in held["metadata"]
    } == metadata
    assert (world.store.get(SESSION).recording.agent_channel, world.dead) == (channel, [])


@pytest.mark.parametrize("field", ["start_time", "end_time"])
@pytest.mark.parametrize("value", [None, "", "soon", 7, [], "1970-01-01T00:00:00Z"])
def test_a_time_that_cannot_be_read_costs_no_call(field: str, value: object) -> None:
    (found,) = PLATFORM.translate(changed("call_hangup", **{field: value}), PlatformOptions())
    assert isinstance(found, canonical.CallEndedEvent)
    assert found.external_conversation_id == SESSION
    assert found.ended_at is None if field == "start_time" else found.ended_at is not None


TALKED = [
    {"role": "system", "content": "The caller has been idle.", "timestamp": "2026-10-02T14:31:08Z"},
    {"role": "assistant", "content": "Hello.", "timestamp": "2026-10-02T14:31:08.700Z"},
    {"role": "user", "content": "Monday?", "timestamp": "2026-10-02T14:31:10.700Z"},
    {
        "role": "assistant",
        "timestamp": "2026-10-02T14:31:11.700Z",
        "tool_calls": [{"id": "t1", "type": "function", "function": {"name": "find", "arguments": '{"day":"mon"}'}}],
    },
    {"role": "tool", "content": "[9]", "tool_call_id": "t1", "timestamp": "2026-10-02T14:31:12.700Z"},
    {"role": "assistant", "content": None, "timestamp": "2026-10-02T14:31:13.700Z"},
]


def test_an_assistants_conversation_has_its_words() -> None:
    (found,) = PLATFORM.translate(changed("call_conversation_ended", messages=TALKED), PlatformOptions())
    assert isinstance(found, canonical.CallEndedEvent)
    assert (found.external_conversation_id, found.agent) == (SESSION, canonical.Agent(id="assistant-0001"))
    assert found.started_at == datetime(2026, 10, 2, 14, 31, 7, 700_000, tzinfo=UTC)
    assert as_json(found.transcript.messages) == [
        {"role": "assistant", "content": "Hello.", "start_time": 1.0},
        {"role": "user", "content": "Monday?", "start_time": 3.0},
        {
            "role": "assistant",
            "start_time": 4.0,
            "end_time": 4.0,
            "tool_calls": [
                {"id": "t1", "type": "function", "function": {"name": "find", "arguments": '{"day":"mon"}'}}
            ],
        },
        {"role": "tool", "content": "[9]", "tool_call_id": "t1", "start_time": 5.0, "end_time": 5.0},
    ]


@pytest.mark.parametrize(
    "order", [("call_hangup", "call_conversation_ended"), ("call_conversation_ended", "call_hangup")]
)
def test_the_words_go_whichever_end_comes_first(order: tuple[str, str]) -> None:
    world = World(platforms=(NAME,), key_pattern="", prefixes=("",))
    for delay, name in enumerate(order):
        world.send("call_end", changed(name, **({"messages": TALKED} if "conversation" in name else {})), 60 * delay)
    world.send("recording", put(world, wav(), KEY), 200)
    world.run()
    (held,) = world.coval.conversations.values()
    assert [message["role"] for message in held["transcript"]] == ["assistant", "user", "assistant", "tool"]
    call = world.store.get(SESSION)
    assert (call.state, call.recording_state, world.dead) == ("SUBMITTED", "ATTACHED", [])


def test_a_conferences_recording_is_its_sessions() -> None:
    event = changed("call_recording_saved", conference_id="c1", call_leg_id=None)
    event["detail-type"] = event["detail"]["data"]["event_type"] = "conference.recording.saved"
    assert PLATFORM.translate(event, FETCHING) == [leads_to_call(PLACE), ready()]
    assert len(translate(event, FETCHING, NOW)) == 2


def test_an_error_names_field_and_rule() -> None:
    with pytest.raises(InvalidInputError) as caught:
        PLATFORM.translate(changed("call_hangup", call_session_id=""), PlatformOptions())
    assert str(caught.value) == f"detail.data.payload.call_session_id: {ID_RULE}"


# --- keys --------------------------------------------------------------------------------------------

RULES = PLATFORM.key_rules(PlatformOptions())


@pytest.mark.parametrize("key", [sample_key(NAME, "recording_created"), KEY, f"2026-10-02/{LEG}-1790951797.mp3"])
def test_whose_a_key_is(key: str) -> None:
    assert match(RULES, key) == (NAME, LEG)


@pytest.mark.parametrize(
    "key",
    [
        f"{LEG}-1790951797.wav",
        f"2026/10/02/{LEG}-1790951797.wav",
        f"2026-10-02/{LEG}-1790951797123.wav",
        f"2026-10-02/{LEG}.wav",
        f"2026-10-02/{LEG}-1790951797.json",
        f"2026-10-02/{SESSION[:-1]}-1790951797.wav",
        "voice/AC00000000000000000000000000000001/RE00000000000000000000000000000003",
        f"conversation_id={LEG}/c0ffee00-0001-4000-8000-000000000001.wav",
    ],
)
def test_keys_of_others(key: str) -> None:
    assert match(RULES, key) is None


def test_what_the_rule_says() -> None:
    (rule,) = RULES
    assert (rule.kind, rule.alias_type, rule.hints) == (
        "recording",
        "telnyx_call_leg",
        RecordingHints(several=True, longest=True),
    )
