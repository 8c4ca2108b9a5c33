"""Amazon Connect: what each sample becomes, whose each key is, and what it bears."""

from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coval_relay.domain.call import RecordingHints
from coval_relay.domain.call_id import ID_RULE
from coval_relay.domain.errors import InvalidInputError
from coval_relay.platforms.amazon_connect import PLATFORM
from coval_relay.platforms.shared import canonical_events as canonical
from coval_relay.platforms.shared.contract import PlatformOptions, TranscriptContext
from tests.support.platform_samples import (
    JSON,
    as_json,
    attempted,
    canonical_events,
    is_ignored,
    match,
    message_kinds,
    mutated,
    sample,
    sample_key,
)

NAME = "amazon_connect"
CONTACT = "3b1f0f5e-6d1c-4a57-9f0e-7c2f5b9b7a10"
CHAIN = CONTACT[:-1]
ENDED = {
    "provider": NAME,
    "external_conversation_id": CONTACT,
    "direction": "inbound",
    "status": "completed",
    "started_at": "2026-10-02T14:30:50.000Z",
    "answered_at": "2026-10-02T14:31:07.000Z",
    "ended_at": "2026-10-02T14:36:37.000Z",
    "agent": {"id": "cccccccc-1111-2222-3333-dddddddddddd"},
    "queue": "aaaaaaaa-1111-2222-3333-bbbbbbbbbbbb",
    "transcript": {"status": "pending"},
    "recording": {"expected": True, "agent_channel": 1, "items": []},
    "metadata": {"initiation_method": "INBOUND"},
}
NOTHING = {"expected": False, "agent_channel": 1, "items": []}


def ended(*left_out: str, **changes: Any) -> list[canonical.Event]:
    kept = {name: value for name, value in ENDED.items() if name not in left_out}
    return [canonical.CallEndedEvent.model_validate({**kept, **changes})]


EXPECTED: dict[str, list[canonical.Event]] = {
    "disconnected": ended(),
    "completed": ended(),
    "disconnected_renamed": ended(),
    "disconnected_pascal_case": ended(),
    "disconnected_in_queue": ended(
        agent={},
        external_conversation_id=f"{CHAIN}1",
        answered_at="2026-10-02T14:30:50.000Z",
        transcript={"status": "none"},
        recording=NOTHING,
    ),
    "disconnected_never_connected": ended(
        "answered_at",
        agent={},
        external_conversation_id=f"{CHAIN}2",
        transcript={"status": "none"},
        recording=NOTHING,
    ),
    "disconnected_bot": ended(
        "queue", agent={}, external_conversation_id=f"{CHAIN}3", answered_at="2026-10-02T14:30:50.000Z"
    ),
    "disconnected_before_transfer": ended(external_conversation_id=f"{CHAIN}4", ended_at="2026-10-02T14:33:20.000Z"),
    "disconnected_after_transfer": ended(
        "direction",
        external_conversation_id=f"{CHAIN}5",
        group_id=f"{CHAIN}4",
        started_at="2026-10-02T14:32:58.000Z",
        answered_at="2026-10-02T14:33:20.000Z",
        metadata={"initiation_method": "TRANSFER", "previous_contact_id": f"{CHAIN}4"},
    ),
    "disconnected_monitor": [],
    "disconnected_chat": [],
    "connected_to_agent": [],
    "analysis_failed": [
        canonical.TranscriptUnavailableEvent(
            provider=NAME, external_conversation_id=CONTACT, reason="RECORDING_FILE_CANNOT_BE_READ"
        )
    ],
}


@pytest.mark.parametrize("event", EXPECTED)
def test_what_each_sample_becomes(event: str) -> None:
    assert canonical_events(NAME, event) == EXPECTED[event]


def changed(**fields: Any) -> dict[str, Any]:
    event: dict[str, Any] = sample(NAME, "disconnected")
    return {**event, "detail": {**event["detail"], **fields}}


def call_ended(**fields: Any) -> canonical.CallEndedEvent:
    (event,) = PLATFORM.translate(changed(**fields), PlatformOptions())
    assert isinstance(event, canonical.CallEndedEvent)
    return event


def analytics(*, enabled: object, modes: object) -> dict[str, Any]:
    configuration = {"enabled": enabled, "channelConfiguration": {"analyticsModes": modes}}
    return {"conversationalAnalytics": {"configuration": configuration}}


@pytest.mark.parametrize(
    ("enabled", "modes", "with_agent", "status"),
    [
        (True, ["PostContact"], True, "pending"),
        (True, ["RealTime"], True, "pending"),
        (True, ["AutomatedInteraction"], True, "none"),
        (True, ["PostContact", "AutomatedInteraction"], True, "pending"),
        (True, ["AutomatedInteraction"], False, "pending"),
        (True, ["PostContact"], False, "none"),
        (False, ["PostContact"], True, "none"),
        (None, None, True, "none"),
    ],
)
def test_a_transcript_comes_where_a_fitting_analysis_is_on(
    enabled: object, modes: object, with_agent: bool, status: Literal["pending", "none"]
) -> None:
    agent = sample(NAME, "disconnected")["detail"]["agentInfo"] if with_agent else None
    found = call_ended(contactLens=analytics(enabled=enabled, modes=modes), agentInfo=agent)
    assert (found.transcript, found.recording.expected) == (
        canonical.Transcript(status=status),
        with_agent or status == "pending",
    )


def test_the_operator_knows_better() -> None:
    options = PlatformOptions(separate_transcripts=(NAME,), agent_channels={NAME: 0})
    assert canonical_events(NAME, "disconnected_in_queue", options) == ended(
        agent={},
        external_conversation_id=f"{CHAIN}1",
        answered_at="2026-10-02T14:30:50.000Z",
        transcript={"status": "pending"},
        recording={"expected": True, "agent_channel": 0},
    )
    assert {rule.hints.agent_channel for rule in PLATFORM.key_rules(options)} == {0}


@pytest.mark.parametrize(
    ("method", "direction"),
    [
        ("OUTBOUND", "outbound"),
        ("EXTERNAL_OUTBOUND", "outbound"),
        ("CALLBACK", "outbound"),
        ("API", "outbound"),
        ("WEBRTC_API", "inbound"),
        ("QUEUE_TRANSFER", None),
        (None, None),
    ],
)
def test_direction(method: str | None, direction: str | None) -> None:
    assert call_ended(initiationMethod=method).direction == direction


def test_the_flow_after_the_agent_has_left_is_no_call() -> None:
    assert PLATFORM.translate(changed(initiationMethod="DISCONNECT"), PlatformOptions()) == []


@pytest.mark.parametrize("change", [{"state": "SUCCEEDED"}, {"channel": "CHAT"}])
def test_other_states_of_an_analysis_say_nothing(change: dict[str, str]) -> None:
    event = sample(NAME, "analysis_failed")
    event["detail"] |= change
    assert PLATFORM.translate(event, PlatformOptions()) == []


def test_an_error_names_field_and_rule() -> None:
    with pytest.raises(InvalidInputError) as caught:
        PLATFORM.translate(changed(contactId=7), PlatformOptions())
    assert str(caught.value) == f"detail.contact_id: {ID_RULE}"


@pytest.mark.parametrize("channel", [None, "CHAT", "TASK", "EMAIL", 7])
def test_what_is_not_spoken_is_no_call(channel: object) -> None:
    assert PLATFORM.translate(changed(channel=channel), PlatformOptions()) == []


def contact(**fields: Any) -> canonical.CallEndedEvent:
    (one,) = PLATFORM.translate(changed(**fields), PlatformOptions())
    assert isinstance(one, canonical.CallEndedEvent)
    return one


SYSTEM, AGENT_LATE = "2026-10-02T14:30:55.000Z", "2026-10-02T14:40:00.000Z"


@pytest.mark.parametrize(
    ("fields", "times"),
    [
        (
            {"agentInfo": {"connectedToAgentTimestamp": AGENT_LATE}, "connectedToSystemTimestamp": SYSTEM},
            ("14:30:50", "14:30:55", "14:36:37"),
        ),
        ({"disconnectTimestamp": "2026-10-02T14:00:00Z"}, ("14:30:50", None, None)),
        ({"disconnectTimestamp": "soon"}, ("14:30:50", "14:31:07", None)),
        (
            dict.fromkeys(("initiationTimestamp", "connectedToSystemTimestamp", "disconnectTimestamp", "agentInfo")),
            ("14:36:38", None, None),
        ),
        (
            {"queueInfo": "x", "tags": 7, "contactLens": [], "initialContactId": {}},
            ("14:30:50", "14:31:07", "14:36:37"),
        ),
    ],
)
def test_times_that_contradict_themselves_cost_no_call(
    fields: dict[str, Any], times: tuple[str | None, str | None, str | None]
) -> None:
    one = contact(**fields)
    found = (one.started_at, one.answered_at, one.ended_at)
    assert tuple(moment and f"{moment:%H:%M:%S}" for moment in found) == times


NOBODY = {"agentInfo": None, "connectedToSystemTimestamp": None}


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"answeringMachineDetectionStatus": "VOICEMAIL_BEEP"}, "voicemail"),
        ({"answeringMachineDetectionStatus": "VOICEMAIL_NO_BEEP"}, "voicemail"),
        ({"answeringMachineDetectionStatus": "FAX_MACHINE_DETECTED"}, "voicemail"),
        ({"answeringMachineDetectionStatus": "HUMAN_ANSWERED"}, "completed"),
        ({"answeringMachineDetectionStatus": "AMD_UNRESOLVED"}, "completed"),
        ({"answeringMachineDetectionStatus": "AMD_UNANSWERED"}, "no_answer"),
        ({"answeringMachineDetectionStatus": "SIT_TONE_BUSY"}, "busy"),
        ({"answeringMachineDetectionStatus": "SIT_TONE_INVALID_NUMBER"}, "failed"),
        ({**NOBODY, "initiationMethod": "OUTBOUND"}, "no_answer"),
        ({**NOBODY, "initiationMethod": "CALLBACK"}, "no_answer"),
        ({**NOBODY, "disconnectReason": "OUTBOUND_ATTEMPT_FAILED", "initiationMethod": "API"}, "failed"),
        ({**NOBODY, "disconnectReason": "OUTBOUND_PREVIEW_DISCARDED"}, "cancelled"),
        ({**NOBODY, "disconnectReason": "TELECOM_PROBLEM"}, "failed"),
        ({"disconnectReason": "TELECOM_PROBLEM"}, "completed"),
        (NOBODY, "completed"),
        ({"disconnectReason": "CUSTOMER_DISCONNECT"}, "completed"),
    ],
)
def test_how_a_call_went(fields: dict[str, Any], status: str) -> None:
    one = contact(**fields)
    expected = status in ("completed", "voicemail") and fields is not NOBODY
    assert (one.status, one.recording.expected, one.transcript.status) == (
        status,
        expected,
        "pending" if expected else "none",
    )


# --- transcripts -------------------------------------------------------------------------------------

READ = PLATFORM.formats["contact_lens_v1"].messages
CONTEXT = TranscriptContext(PlatformOptions())


def test_an_analysis_of_a_call_with_an_agent() -> None:
    assert as_json(READ(sample(NAME, "contact_lens"), CONTEXT)) == [
        said("assistant", "Thanks for calling Acme, this is Ana.", 0.0, 2.41),
        said("user", "Hi, I want to move my appointment.", 2.9, 6.02),
        said("user", "It is on Friday.", 6.1, 7.48),
        said("assistant", "Of course, when would suit you?", 7.3, 9.12),
    ]


def test_an_analysis_of_a_call_with_a_bot() -> None:
    assert as_json(READ(sample(NAME, "contact_lens_bot"), CONTEXT)) == [
        said("assistant", "This call may be recorded.", 0.0, 1.9),
        said("assistant", "How can I help?", 2.1, 3.0),
        said("user", "I want to move my appointment.", 3.4, 5.6),
        said("user", "It is the one on Friday.", 5.9, 7.2),
    ]


def said(role: str, content: str, start: float, end: float) -> dict[str, Any]:
    return {"role": role, "content": content, "start_time": start, "end_time": end}


@pytest.mark.parametrize(
    ("turn", "expected"),
    [
        ({"ParticipantId": "AGENT"}, {"role": "assistant"}),
        ({"ParticipantId": "SUPERVISOR"}, {"role": "user"}),
        ({}, {"role": "user"}),
        ({"ParticipantRole": "AGENT", "BeginOffsetMillis": 500}, {"role": "assistant", "start_time": 0.5}),
        ({"BeginOffsetMillis": 500, "EndOffsetMillis": 400}, {"role": "user", "start_time": 0.5}),
        ({"EndOffsetMillis": 400}, {"role": "user"}),
        ({"BeginOffsetMillis": -1, "EndOffsetMillis": "500"}, {"role": "user", "start_time": 0.0, "end_time": 0.5}),
        ({"BeginOffsetMillis": "x", "ParticipantRole": 7}, {"role": "user"}),
    ],
)
def test_a_turn_that_lacks_something(turn: dict[str, Any], expected: dict[str, Any]) -> None:
    messages = READ({"Transcript": [{"Content": "Yes.", **turn}]}, CONTEXT)
    assert as_json(messages) == [{"content": "Yes.", **expected}]


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ({}, "transcript.Transcript: Field required"),
    ],
)
def test_a_file_that_is_no_analysis(content: object, error: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        READ(content, CONTEXT)
    assert str(caught.value) == error


# --- keys --------------------------------------------------------------------------------------------

RULES = PLATFORM.key_rules(PlatformOptions())
DAY, ISO = "2026/10/02", "2026-10-02T14:31:07Z"
RAW = f"{DAY}/{CONTACT}_20261002T14:31_UTC.wav"
REDACTED = f"{DAY}/{CONTACT}_call_recording_redacted_{ISO}.wav"
KEYS = {
    sample_key(NAME, "recording_created"): "agent",
    f"CallRecordings/{RAW}": "agent",
    f"elsewhere/{RAW}": "agent",
    f"acme-ivr/{RAW}": "agent",
    f"connect/acme/CallRecordings/ivr/{RAW}": "ivr",
    f"elsewhere/ivr/{RAW}": "ivr",
    f"Analysis/Voice/Redacted/{REDACTED}": "agent_redacted",
    f"Analysis/Voice/ivr/Redacted/{REDACTED}": "ivr_redacted",
    f"Analysis/Voice/Redacted/ivr/{REDACTED}": "ivr_redacted",
    f"{DAY}/{CONTACT}.wav": "voicemail_express",
    f"voicemails/{DAY}/{CONTACT}.wav": "voicemail_express",
    sample_key(NAME, "contact_lens_created"): "agent_analysis",
    f"Analysis/Voice/ivr/{DAY}/{CONTACT}_analysis_{ISO}.json": "ivr_analysis",
    f"Analysis/Voice/Redacted/{DAY}/{CONTACT}_analysis_redacted_{ISO}.json": "agent_analysis_redacted",
    f"Analysis/Voice/ivr/Redacted/{DAY}/{CONTACT}_analysis_redacted_{ISO}.json": "ivr_analysis_redacted",
}
FOREIGN_KEYS = (
    f"connect/acme/CallRecordings/{DAY}/{CONTACT}_20261002T14%3A31_UTC.wav",
    f"connect/acme/CallRecordings/{DAY}/{CONTACT}_20261002T14:31_UTC.wav.tmp",
    f"connect/acme/ChatTranscripts/{DAY}/{CONTACT}_20261002T14:31_UTC.json",
    f"Analysis/Chat/{DAY}/{CONTACT}_analysis_{ISO}.json",
    f"conversation_id={CONTACT}/c0ffee00-0001-4000-8000-000000000001.wav",
    "acme/support-room-8842/1790951467123",
    "voice/AC00000000000000000000000000000001/RE00000000000000000000000000000003",
)


@pytest.mark.parametrize("key", KEYS)
def test_whose_a_key_is(key: str) -> None:
    assert match(RULES, key) == (f"{NAME}_{KEYS[key]}", CONTACT)


@pytest.mark.parametrize("key", FOREIGN_KEYS)
def test_keys_of_others(key: str) -> None:
    assert match(RULES, key) is None


def test_what_the_rules_say() -> None:
    agent, ivr = (RecordingHints(agent_channel=1, rank=rank, several=True) for rank in (1, 0))
    said = {rule.name.removeprefix(f"{NAME}_"): (rule.kind, rule.redacted, rule.format, rule.hints) for rule in RULES}
    assert said == {
        "agent": ("recording", False, "contact_lens_v1", agent),
        "ivr": ("recording", False, "contact_lens_v1", ivr),
        "voicemail_express": ("recording", False, "contact_lens_v1", ivr),
        "agent_redacted": ("recording", True, "contact_lens_v1", agent),
        "ivr_redacted": ("recording", True, "contact_lens_v1", ivr),
        "agent_analysis": ("transcript", False, "contact_lens_v1", agent),
        "ivr_analysis": ("transcript", False, "contact_lens_v1", ivr),
        "agent_analysis_redacted": ("transcript", True, "contact_lens_v1", agent),
        "ivr_analysis_redacted": ("transcript", True, "contact_lens_v1", ivr),
    }


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (f"Analysis/Chat/{DAY}/{CONTACT}_analysis_{ISO}.json", True),
        (f"connect/acme/ChatTranscripts/{DAY}/{CONTACT}_20261002T14:31_UTC.json", True),
        (f"connect/acme/ScreenRecordings/{DAY}/{CONTACT}.mp4", True),
        (f"ScreenRecordings/{DAY}/{CONTACT}_20261002T14:31_UTC.mp4", True),
        (f"connect/acme/ContactEvaluations/{DAY}/{CONTACT}.json", True),
        *((key, False) for key in KEYS),
    ],
)
def test_ignored_keys(key: str, expected: bool) -> None:
    assert is_ignored(PLATFORM, key) is expected


# --- hostile input -----------------------------------------------------------------------------------


@given(st.sampled_from(sorted(EXPECTED)).flatmap(lambda event: mutated(sample(NAME, event))))
def test_any_detail_is_translated_or_rejected(event: dict[str, Any]) -> None:
    assert message_kinds(event) <= {"CallEnded", "TranscriptUnavailable"}


def test_keys_nested_without_end() -> None:
    deep: Any = "x"
    for _ in range(900):
        deep = {"contactLens": deep}
    assert call_ended(contactLens=deep).transcript == canonical.Transcript(status="none")


@given(JSON | st.fixed_dictionaries({"Transcript": st.lists(JSON), "Participants": st.lists(JSON)}))
def test_any_file_is_read_or_rejected(content: Any) -> None:
    assert isinstance(attempted(lambda: READ(content, CONTEXT)), list | InvalidInputError)
