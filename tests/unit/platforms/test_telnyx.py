"""Telnyx: what each sample becomes, and whose each key is."""

from typing import Any

import pytest

from coval_relay.domain.call import RecordingHints
from coval_relay.domain.errors import InvalidInputError
from coval_relay.domain.messages import CallEnded
from coval_relay.platforms.registry import translate
from coval_relay.platforms.shared.contract import PlatformOptions
from coval_relay.platforms.telnyx import PLATFORM
from tests.support.platform_samples import NOW, match, sample, sample_key, told

NAME = "telnyx"
SESSION = "99706bb8-85ae-11ec-885c-02420a0d7e70"
LEG, OTHER_LEG = "9977677e-85ae-11ec-826d-02420a0d7e70", "a0b1c2d3-85ae-11ec-826d-02420a0d7e70"
OF_LEG = {"type": "telnyx_call_leg", "value": LEG}
KEY = f"047e057e-cb46-4b11-bb31-37987e753ed7/2026-10-02/{LEG}-1790951797.wav"
URL = f"https://s3.amazonaws.com/acme-recordings/{KEY}?X-Amz-Expires=600"
FETCHING = PlatformOptions(recording_hosts=("s3.amazonaws.com",))
HEAD = {"schema_version": "1", "provider": NAME, "external_conversation_id": SESSION}
ENDED = {
    **HEAD,
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


def ended(**changes: Any) -> list[dict[str, Any]]:
    return [{"detail-type": "Call Ended", "detail": {**ENDED, **changes}}]


def leads_to_call(*aliases: dict[str, str]) -> dict[str, Any]:
    return {"detail-type": "Aliases Known", "detail": {**HEAD, "aliases": list(aliases)}}


def ready(**more: Any) -> dict[str, Any]:
    recording = {
        "id": "10cd86ac-fef8-4765-b203-0f7511f9fc75",
        "uri": URL,
        **more,
        "started_at": "2026-10-02T14:31:07.148Z",
        "duration_seconds": 330.64,
        "several": True,
        "longest": True,
    }
    return {"detail-type": "Recording Ready", "detail": {**HEAD, "recording": recording}}


PLACE = {"type": "s3_object", "value": f"acme-recordings/{KEY}"}
EXPECTED: dict[str, list[dict[str, Any]]] = {
    "call_hangup": ended(),
    "call_hangup_other_leg": ended(
        aliases=[{"type": "telnyx_call_leg", "value": OTHER_LEG}],
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
        ended_at="2026-10-02T14:31:20.000Z",
        recording={"expected": False, "items": []},
        metadata={"hangup_source": "unknown"},
    ),
    "call_recording_saved": [leads_to_call(OF_LEG, PLACE), ready()],
    "call_conversation_ended": [
        leads_to_call(
            OF_LEG, {"type": "telnyx_conversation", "value": "7a1b2c3d-0000-4000-8000-000000000001"}
        )
    ],
}


@pytest.mark.parametrize("event", EXPECTED)
def test_what_each_sample_becomes(event: str) -> None:
    assert told(NAME, event, FETCHING) == EXPECTED[event]


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
    assert (found["detail"]["status"], found["detail"]["transcript"], found["detail"]["recording"]) == (
        status,
        {"status": "pending" if talked else "none"},
        {"expected": talked, "agent_channel": 1, "items": []},
    )


def test_the_operator_knows_better() -> None:
    options = PlatformOptions(agent_channels={NAME: 0}, recording_hosts=("s3.amazonaws.com",))
    assert told(NAME, "call_hangup_other_leg", options)[0]["detail"]["recording"]["agent_channel"] == 0
    assert told(NAME, "call_recording_saved", options) == [
        leads_to_call(OF_LEG, PLACE),
        ready(agent_channel=0),
    ]
    assert [rule.hints.agent_channel for rule in PLATFORM.key_rules(options)] == [0]


def test_a_recording_whose_host_is_not_allowed_is_only_named() -> None:
    assert told(NAME, "call_recording_saved") == [leads_to_call(OF_LEG, PLACE)]


def test_an_mp3_of_unknown_length_outside_s3() -> None:
    url = "https://storage.acme.example/a.mp3"
    event = changed("call_recording_saved", recording_urls={"mp3": url}, recording_ended_at=None)
    known, found = PLATFORM.translate(event, PlatformOptions(recording_hosts=("storage.acme.example",)))
    assert (known, found["detail"]["recording"]) == (
        leads_to_call(OF_LEG),
        {
            "id": "10cd86ac-fef8-4765-b203-0f7511f9fc75",
            "uri": url,
            "started_at": "2026-10-02T14:31:07.148Z",
            "several": True,
            "longest": True,
        },
    )


def test_a_recording_that_names_nothing() -> None:
    event = changed("call_recording_saved", call_leg_id=None, recording_urls=None)
    assert PLATFORM.translate(event, FETCHING) == []


def test_a_fault_names_field_and_rule() -> None:
    with pytest.raises(InvalidInputError) as caught:
        PLATFORM.translate(changed("call_hangup", end_time=1790951797), PlatformOptions())
    assert str(caught.value) == "detail.data.payload.end_time: must be an RFC 3339 time with a zone"


# --- keys --------------------------------------------------------------------------------------------

RULES = PLATFORM.key_rules(PlatformOptions())


@pytest.mark.parametrize(
    "key", [sample_key(NAME, "recording_created"), KEY, f"2026-10-02/{LEG}-1790951797.mp3"]
)
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
