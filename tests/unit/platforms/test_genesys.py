"""Genesys Cloud: what each sample becomes, whose each key is, and what it bears."""

from datetime import UTC, datetime
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coval_relay.domain.call import RecordingHints
from coval_relay.domain.call_id import ID_RULE
from coval_relay.domain.errors import InvalidInputError
from coval_relay.platforms.genesys import PLATFORM, sidecar_hints
from coval_relay.platforms.shared import canonical_events as canonical
from coval_relay.platforms.shared.contract import PlatformOptions
from tests.support.platform_samples import (
    JSON,
    attempted,
    canonical_events,
    is_ignored,
    match,
    message_kinds,
    mutated,
    sample,
    sample_key,
)

NAME = "genesys"
CALL = "97b9dcb3-c182-4d1f-8123-76a4b5cf1f5a"
ENDED = {
    "provider": NAME,
    "external_conversation_id": CALL,
    "direction": "inbound",
    "status": "completed",
    "end_reason": "CLIENT",
    "started_at": "2026-10-02T14:31:07.000Z",
    "ended_at": "2026-10-02T14:36:37.000Z",
    "transcript": {"status": "reference", "reference": {"uri": "utterances:", "format": "utterances"}},
    "recording": {"expected": True, "agent_channel": None, "items": []},
    "metadata": {"division_id": "22222222-2222-4333-8444-555555555555"},
}
WITHOUT_LENGTH = {
    **{name: value for name, value in ENDED.items() if name != "ended_at"},
    "external_conversation_id": f"{CALL[:-1]}c",
    "started_at": "2026-10-02T14:36:37.000Z",
}


def utterance(
    last: int, role: Literal["assistant", "user"], content: str, spoken_at: float, ended_at: float
) -> canonical.Utterance:
    return canonical.Utterance(
        id=f"5b778cb0-3745-4243-b703-688f8b6597a{last}",
        role=role,
        content=content,
        spoken_at=spoken_at,
        ended_at=ended_at,
    )


def utterances(*utterances: canonical.Utterance) -> list[canonical.Event]:
    return [canonical.TranscriptUtterancesEvent(provider=NAME, external_conversation_id=CALL, utterances=utterances)]


EXPECTED: dict[str, list[canonical.Event]] = {
    "customer_end": [canonical.CallEndedEvent.model_validate(ENDED)],
    "customer_end_without_duration": [canonical.CallEndedEvent.model_validate(WITHOUT_LENGTH)],
    "customer_end_chat": [],
    "transcription": utterances(
        utterance(0, "user", "Hi, I want to move my appointment.", 1790951469.9, 1790951473.02)
    ),
    "transcription_both_sides": utterances(
        utterance(1, "assistant", "of course when would suit you", 1790951473.3, 1790951475.1),
        utterance(2, "user", "On Monday.", 1790951475.4, 1790951476.1),
    ),
    "transcription_not_final": [],
    "transcription_session_ended": [],
}


@pytest.mark.parametrize("event", EXPECTED)
def test_what_each_sample_becomes(event: str) -> None:
    assert canonical_events(NAME, event) == EXPECTED[event]


def test_a_second_leg_has_a_clock_of_its_own() -> None:
    event = sample(NAME, "transcription")
    event["detail"]["eventBody"] |= {"sessionStartTimeMs": "1790951500000", "communicationId": "second"}
    assert PLATFORM.translate(event, PlatformOptions()) == utterances(
        utterance(0, "user", "Hi, I want to move my appointment.", 1790951502.9, 1790951506.02)
    )


def test_a_customer_who_never_spoke_has_no_length() -> None:
    event = sample(NAME, "customer_end")
    event["detail"]["eventBody"]["interactingDurationMs"] = 0
    (one,) = PLATFORM.translate(event, PlatformOptions())
    assert isinstance(one, canonical.CallEndedEvent)
    assert (one.started_at, one.ended_at) == (datetime(2026, 10, 2, 14, 36, 37, tzinfo=UTC), None)


def customer_end(**changes: Any) -> canonical.CallEndedEvent:
    event = sample(NAME, "customer_end")
    event["detail"]["eventBody"] |= changes
    (one,) = PLATFORM.translate(event, PlatformOptions())
    assert isinstance(one, canonical.CallEndedEvent)
    return one


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"disconnectType": "ERROR"}, "completed"),
        ({"disconnectType": "ERROR", "interactingDurationMs": 0}, "failed"),
        ({"disconnectType": "transport.failure", "interactingDurationMs": 0}, "failed"),
        ({"disconnectType": "UNCALLABLE", "interactingDurationMs": None}, "failed"),
        ({"disconnectType": "TRANSFER_NOANSWER", "interactingDurationMs": 0}, "no_answer"),
        ({"disconnectType": "transfer.notavailable", "interactingDurationMs": 0}, "no_answer"),
        ({"disconnectType": "ENDPOINT", "direction": "OUTBOUND", "interactingDurationMs": 0}, "no_answer"),
        ({"disconnectType": "ENDPOINT", "direction": "OUTBOUND", "interactingDurationMs": None}, "completed"),
        ({"disconnectType": "ENDPOINT", "interactingDurationMs": 0}, "completed"),
        ({"disconnectType": "SOMETHING_NEW"}, "completed"),
    ],
)
def test_how_a_call_went(changes: dict[str, Any], status: str) -> None:
    one = customer_end(**changes)
    assert (one.status, one.recording.expected) == (status, status == "completed")
    assert one.transcript.status == ("reference" if status == "completed" else "none")


@pytest.mark.parametrize(
    "changes",
    [
        {"eventTime": "noon"},
        {"eventTime": None, "interactingDurationMs": "many"},
        {"eventTime": "2026-10-02T14:36:37Z", "interactingDurationMs": -1},
        {"direction": [], "disconnectType": 7, "divisionId": {}},
    ],
)
def test_what_only_informs_costs_no_call(changes: dict[str, Any]) -> None:
    assert customer_end(**changes).external_conversation_id == CALL


@pytest.mark.parametrize(
    ("changes", "spoken"),
    [
        ({"sessionStartTimeMs": None}, (1790951469.88, 1790951473.0)),
        ({"sessionStartTimeMs": "soon", "transcriptionStartTimeMs": None}, (1790951471.008, 1790951474.128)),
    ],
)
def test_a_leg_whose_start_is_missing(changes: dict[str, Any], spoken: tuple[float, float]) -> None:
    event = sample(NAME, "transcription")
    event["detail"]["eventBody"] |= changes
    assert PLATFORM.translate(event, PlatformOptions()) == utterances(
        utterance(0, "user", "Hi, I want to move my appointment.", *spoken)
    )


def test_many_utterances_come_in_parts_and_broken_ones_are_left_out() -> None:
    event = sample(NAME, "transcription")
    body = event["detail"]["eventBody"]
    (one,) = body["transcripts"]
    broken = [{**one, "isFinal": None}, {**one, "utteranceId": None}, {**one, "alternatives": None}, "x", None]
    body["transcripts"] = [{**one, "utteranceId": f"u{number}"} for number in range(600)] + broken
    found = PLATFORM.translate(event, PlatformOptions())
    assert [len(each.utterances) for each in found if isinstance(each, canonical.TranscriptUtterancesEvent)] == [
        500,
        100,
    ]


def test_an_error_names_field_and_rule() -> None:
    event = sample(NAME, "customer_end")
    event["detail"]["eventBody"]["conversationId"] = None
    with pytest.raises(InvalidInputError) as caught:
        PLATFORM.translate(event, PlatformOptions())
    assert str(caught.value) == f"detail.eventBody.conversationId: {ID_RULE}"


# --- recordings --------------------------------------------------------------------------------------

(RULE,) = PLATFORM.key_rules(PlatformOptions())
RECORDING = "c0ffee00-0001-4000-8000-000000000001"
FOLDER = sample_key(NAME, "recording_created").rsplit("/", 1)[0]


@pytest.mark.parametrize(
    "key",
    [
        sample_key(NAME, "recording_created"),
        f"{FOLDER}/{RECORDING}",
        f"{FOLDER}/{RECORDING}.opus",
        f"export {{1}}/{FOLDER}/{RECORDING}.mp3",
        f"conversation_id={CALL}/{RECORDING}.ogg",
    ],
)
def test_whose_a_key_is_and_where_its_sidecar_lies(key: str) -> None:
    found = RULE.compiled.search(key)
    assert found
    assert match((RULE,), key) == (NAME, CALL)
    assert RULE.sidecar.format(**found.groupdict()) == f"{key.rsplit('/', 1)[0]}/{RECORDING}_metadata.json"


@pytest.mark.parametrize(
    "key",
    [
        sample_key(NAME, "recording_metadata_created"),
        f"{FOLDER}/{RECORDING}.json",
        f"{FOLDER}/{RECORDING}.wav.json",
        f"{FOLDER}/x{RECORDING}.wav",
        f"{FOLDER}/notes/{RECORDING}.wav",
        f"reconversation_id={CALL}/{RECORDING}.wav",
        f"connect/acme/CallRecordings/2026/10/02/{CALL}_20261002T14:31_UTC.wav",
        "acme/support-room-8842/1790951467123",
        "voice/AC00000000000000000000000000000001/RE00000000000000000000000000000003",
    ],
)
def test_keys_of_others(key: str) -> None:
    assert match((RULE,), key) is None


def test_metadata_is_ignored_and_recordings_are_not() -> None:
    keys = [sample_key(NAME, event) for event in ("recording_metadata_created", "recording_created")]
    assert [is_ignored(PLATFORM, key) for key in keys] == [True, False]


def test_what_the_rule_says() -> None:
    (with_channel,) = PLATFORM.key_rules(PlatformOptions(agent_channels={NAME: 1}))
    assert (RULE.kind, RULE.redacted, RULE.hints, with_channel.hints) == (
        "recording",
        None,
        RecordingHints(longest=True, several=True),
        RecordingHints(agent_channel=1, longest=True, several=True),
    )


RULED = RecordingHints(agent_channel=1, longest=True, several=True)


@pytest.mark.parametrize(
    ("metadata", "rank"),
    [
        (sample(NAME, "recording_metadata"), 3),
        (sample(NAME, "recording_metadata_station"), 2),
        ({"mediaType": "Call", "mediaSubtype": "CONSULT"}, 1),
        ({"mediaType": "callback", "mediaSubtype": "Trunk"}, 3),
        ({"mediaType": "Call", "mediaSubtype": None}, 0),
        ({"mediaType": "Call"}, 0),
    ],
)
def test_which_of_several_recordings_is_taken(metadata: object, rank: int) -> None:
    assert sidecar_hints(metadata, RULED) == RecordingHints(agent_channel=1, rank=rank, longest=True, several=True)


@pytest.mark.parametrize(
    "metadata",
    [
        sample(NAME, "recording_metadata_screen"),
        sample(NAME, "recording_metadata_chat"),
        {"mediaType": "Call", "mediaSubtype": "Screen"},
        {"mediaType": "Email"},
        {"mediaType": "Message"},
    ],
)
def test_what_is_no_recording_of_voices(metadata: object) -> None:
    assert sidecar_hints(metadata, RULED) is None


def test_the_platform_offers_its_judge() -> None:
    assert PLATFORM.sidecar_hints is sidecar_hints


# --- hostile input -----------------------------------------------------------------------------------


@given(st.sampled_from(sorted(EXPECTED)).flatmap(lambda event: mutated(sample(NAME, event))))
def test_any_detail_is_translated_or_rejected(event: dict[str, Any]) -> None:
    assert message_kinds(event) <= {"CallEnded", "UtterancesReceived"}


@given(JSON | st.fixed_dictionaries({"mediaType": JSON, "mediaSubtype": JSON}))
def test_any_metadata_is_judged_or_rejected(metadata: Any) -> None:
    judged = attempted(lambda: sidecar_hints(metadata, RULED))
    assert isinstance(judged, RecordingHints | InvalidInputError | None)
