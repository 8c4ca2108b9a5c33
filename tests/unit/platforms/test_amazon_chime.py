"""Amazon Chime SDK: what each sample becomes, whose each key is, and what it bears."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coval_relay.domain.call import RecordingHints
from coval_relay.domain.call_aliases import Alias
from coval_relay.domain.call_id import ID_RULE
from coval_relay.domain.errors import InvalidInputError
from coval_relay.platforms.amazon_chime import PLATFORM
from coval_relay.platforms.shared import canonical_events as canonical
from coval_relay.platforms.shared.contract import PlatformOptions, TranscriptContext
from tests.support.platform_samples import (
    JSON,
    as_json,
    canonical_events,
    match,
    message_kinds,
    mutated,
    sample,
    sample_key,
)

NAME = "amazon_chime"
CALL = "089b1d79-d4ca-4f74-b36b-681f606937f6"
TRANSACTION = Alias("chime_transaction_id", "ec97a8ff-3f83-4de2-8d73-d988070f6af4")
SIP = Alias("sip_call_id", "1104012486_88775467@192.0.2.10")
TRANSCRIBING = PlatformOptions(separate_transcripts=(NAME,), agent_channels={NAME: 1})


def ended(transcript: str, agent_channel: int | None) -> list[canonical.CallEndedEvent]:
    detail = {
        "provider": NAME,
        "external_conversation_id": CALL,
        "aliases": [SIP, TRANSACTION],
        "direction": "inbound",
        "status": "completed",
        "started_at": "2026-10-02T14:31:07.120Z",
        "ended_at": "2026-10-02T14:36:37.488Z",
        "transcript": {"status": transcript},
        "recording": {"expected": True, "agent_channel": agent_channel, "items": []},
        "metadata": {"voice_connector_id": "abcdef1ghij2klmno3pqr4"},
    }
    return [canonical.CallEndedEvent.model_validate(detail)]


UNAVAILABLE = [
    canonical.TranscriptUnavailableEvent(provider=NAME, external_conversation_id=CALL, reason="media_insights_failed")
]
EXPECTED: dict[str, tuple[Any, Any]] = {
    "started": ([], []),
    "ended_caller": (ended("none", None), ended("pending", 1)),
    "ended_callee": (ended("none", None), ended("pending", 1)),
    "media_insights_stopped": ([], []),
    "media_insights_failed": ([], UNAVAILABLE),
    "media_insights_recording_failed": ([], []),
    "media_insights_transcriber_failed": ([], UNAVAILABLE),
}


@pytest.mark.parametrize("event", EXPECTED)
def test_what_each_sample_becomes(event: str) -> None:
    assert (canonical_events(NAME, event), canonical_events(NAME, event, TRANSCRIBING)) == EXPECTED[event]


@pytest.mark.parametrize(
    ("headers", "aliases"),
    [
        ({"Call-ID": "abc@192.0.2.10"}, [Alias("sip_call_id", "abc@192.0.2.10"), TRANSACTION]),
        ({"from": "somebody"}, [TRANSACTION]),
        ({"call-id": "a\u0000b"}, [TRANSACTION]),
        ({"call-id": "x" * 1501}, [TRANSACTION]),
        ({"call-id": ""}, [TRANSACTION]),
        ({"call-id": 7}, [TRANSACTION]),
        (["call-id"], [TRANSACTION]),
        (None, [TRANSACTION]),
    ],
)
def test_a_call_id_that_cannot_be_an_alias_costs_no_call(headers: object, aliases: list[Alias]) -> None:
    event = sample(NAME, "ended_caller")
    event["detail"]["inviteHeaders"] = headers
    (one,) = PLATFORM.translate(event, PlatformOptions())
    assert isinstance(one, canonical.CallEndedEvent)
    assert list(one.aliases) == aliases


@pytest.mark.parametrize(
    "changes",
    [
        {"startTime": None, "endTime": None},
        {"startTime": "soon", "endTime": 7},
        {"endTime": "2026-10-02T14:31:00Z"},
        {"direction": 7, "transactionId": [], "inviteHeaders": "x", "voiceConnectorId": {}},
    ],
)
def test_what_only_informs_costs_no_call(changes: dict[str, Any]) -> None:
    event = sample(NAME, "ended_caller")
    event["detail"] |= changes
    (one,) = PLATFORM.translate(event, PlatformOptions())
    assert isinstance(one, canonical.CallEndedEvent)
    assert one.external_conversation_id == event["detail"]["callId"]
    assert (one.ended_at is None) is ("endTime" in changes)


def test_a_pipeline_of_no_call_says_nothing() -> None:
    event = sample(NAME, "media_insights_failed")
    del event["detail"]["callId"]
    assert PLATFORM.translate(event, TRANSCRIBING) == []


def test_an_error_names_field_and_rule() -> None:
    event = sample(NAME, "ended_caller")
    event["detail"]["callId"] = None
    with pytest.raises(InvalidInputError) as caught:
        PLATFORM.translate(event, PlatformOptions())
    assert str(caught.value) == f"detail.callId: {ID_RULE}"


def test_a_transcript_of_call_analytics() -> None:
    read = PLATFORM.formats["transcribe_call_analytics"].messages
    messages = read(sample(NAME, "transcribe_call_analytics"), TranscriptContext(PlatformOptions()))
    assert as_json(messages) == [
        {
            "role": "assistant",
            "content": "Thanks for calling Acme, this is Ana.",
            "start_time": 0.18,
            "end_time": 2.41,
        },
        {
            "role": "user",
            "content": "Hi, I want to move my appointment.",
            "start_time": 2.9,
            "end_time": 6.02,
        },
        {
            "role": "assistant",
            "content": "Of course, when would suit you?",
            "start_time": 6.3,
            "end_time": 8.1,
        },
    ]


@pytest.mark.parametrize(
    "key", [sample_key(NAME, "recording_created"), f"{CALL}.ogg", f"a/b/{CALL}.WAV", f"a/{CALL}.opus"]
)
def test_whose_a_key_is(key: str) -> None:
    assert match(PLATFORM.key_rules(PlatformOptions()), key) == (NAME, CALL)


@pytest.mark.parametrize(
    "key",
    [
        f"calls/{CALL}",
        f"calls/{CALL}.json",
        f"calls/x{CALL}.wav",
        f"calls/{CALL}-1.wav",
        f"{CALL}/recording.wav",
        f"connect/acme/CallRecordings/2026/10/02/{CALL}_20261002T14:31_UTC.wav",
        "acme/support-room-8842/1790951467123.mp4",
        "voice/AC00000000000000000000000000000001/RE00000000000000000000000000000003.wav",
    ],
)
def test_keys_of_others(key: str) -> None:
    assert match(PLATFORM.key_rules(PlatformOptions()), key) is None


def test_only_the_operator_knows_the_side_of_the_agent() -> None:
    sides = [[rule.hints for rule in PLATFORM.key_rules(options)] for options in (PlatformOptions(), TRANSCRIBING)]
    assert sides == [[RecordingHints()], [RecordingHints(agent_channel=1)]]


@given(st.sampled_from(sorted(EXPECTED)).flatmap(lambda event: mutated(sample(NAME, event))))
def test_any_detail_is_translated_or_rejected(event: dict[str, Any]) -> None:
    assert message_kinds(event, TRANSCRIBING) <= {"AliasesKnown", "CallEnded", "TranscriptUnavailable"}


@given(st.dictionaries(st.sampled_from(["call-id", "Call-ID", "x"]), JSON))
def test_any_headers_are_translated(headers: dict[str, Any]) -> None:
    event = sample(NAME, "ended_caller")
    event["detail"]["inviteHeaders"] = headers
    assert message_kinds(event) == {"AliasesKnown", "CallEnded"}
