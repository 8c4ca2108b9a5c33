"""Daily: what each sample becomes, whose each key is, and what it bears."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coval_relay.domain.call import RecordingHints
from coval_relay.domain.call_aliases import Alias
from coval_relay.domain.call_id import ID_RULE
from coval_relay.domain.errors import InvalidInputError
from coval_relay.platforms.daily import PLATFORM
from coval_relay.platforms.shared import canonical_events as canonical
from coval_relay.platforms.shared.contract import PlatformOptions
from tests.support.platform_samples import (
    canonical_events,
    is_ignored,
    match,
    message_kinds,
    mutated,
    sample,
    sample_key,
)

NAME = "daily"
ROOM = "support-room-8842"
MEETING = "6f0d1a2b-3c4d-4e5f-8a9b-0c1d2e3f4a5b"
AT = "2026-10-02T14:31:07"
KNOWING = PlatformOptions(separate_transcripts=(NAME,), agent_channels={NAME: 0})


def ended(transcript: str, agent_channel: int | None) -> list[canonical.Event]:
    detail = {
        "provider": NAME,
        "external_conversation_id": MEETING,
        "status": "completed",
        "started_at": "2026-10-02T14:30:50.000Z",
        "ended_at": "2026-10-02T14:36:37.000Z",
        "transcript": {"status": transcript},
        "recording": {"expected": True, "agent_channel": agent_channel, "items": []},
        "metadata": {"daily_meeting_id": MEETING},
    }
    return [in_time(MEETING), canonical.CallEndedEvent.model_validate(detail)]


def in_time(call_id: str) -> canonical.Event:
    """From 14:30:50 to 14:36:37, and two seconds before."""
    spans = "30:48 30:49 30:5 31 32 33 34 35 36:0 36:1 36:2 36:30 36:31 36:32 36:33 36:34 36:35 36:36"
    aliases = tuple(Alias("daily_room_at", f"{ROOM}@2026-10-02T14:{span}") for span in spans.split())
    return canonical.AliasesKnownEvent(provider=NAME, external_conversation_id=call_id, aliases=aliases)


LEADS_TO_THE_ROOM = [
    canonical.AliasesKnownEvent(
        provider=NAME,
        alias=Alias("daily_room_at", f"{ROOM}@{AT}"),
        aliases=(Alias("daily_recording", "08fa0b24-9220-44c5-846c-3f116cf8e738"),),
    )
]
EXPECTED: dict[str, tuple[Any, Any]] = {
    "meeting_ended": (ended("none", None), ended("pending", 0)),
    "recording_ready": (LEADS_TO_THE_ROOM, LEADS_TO_THE_ROOM),
    "recording_ready_raw_tracks": ([], []),
}


@pytest.mark.parametrize("event", EXPECTED)
def test_what_each_sample_becomes(event: str) -> None:
    assert (canonical_events(NAME, event), canonical_events(NAME, event, KNOWING)) == EXPECTED[event]


@pytest.mark.parametrize(
    "change", [{"status": "in-progress"}, {"recording_id": None}, {"room_name": ""}, {"start_ts": None}]
)
def test_a_recording_that_cannot_be_named_says_nothing(change: dict[str, Any]) -> None:
    event = sample(NAME, "recording_ready")
    event["detail"]["payload"] |= change
    assert PLATFORM.translate(event, PlatformOptions()) == []


def test_times_as_strings_and_with_fractions() -> None:
    event = sample(NAME, "meeting_ended")
    event["detail"]["payload"] |= {"start_ts": "1790951450", "end_ts": 1790951797.25}
    *_, one = PLATFORM.translate(event, PlatformOptions())
    assert isinstance(one, canonical.CallEndedEvent)
    assert (one.started_at, one.ended_at) == (
        datetime(2026, 10, 2, 14, 30, 50, tzinfo=UTC),
        datetime(2026, 10, 2, 14, 36, 37, 250_000, tzinfo=UTC),
    )


@pytest.mark.parametrize("payload", [{"start_ts": 1790951450}, {"meeting_id": "", "room": 'a"b'}, "meeting", None])
def test_an_error_names_field_and_rule(payload: object) -> None:
    event = sample(NAME, "meeting_ended")
    event["detail"]["payload"] = payload
    with pytest.raises(InvalidInputError) as caught:
        PLATFORM.translate(event, PlatformOptions())
    assert str(caught.value) == f"detail.payload.meeting_id: {ID_RULE}"


@pytest.mark.parametrize("change", [{"start_ts": "noon"}, {"start_ts": 1790951900}, {"end_ts": None}, {"end_ts": {}}])
def test_times_only_inform(change: dict[str, Any]) -> None:
    event = sample(NAME, "meeting_ended")
    event["detail"]["payload"] |= change
    *_, one = PLATFORM.translate(event, PlatformOptions())
    assert isinstance(one, canonical.CallEndedEvent)
    assert (one.external_conversation_id, one.seconds) == (MEETING, None)


@pytest.mark.parametrize(
    ("change", "first", "last"),
    [
        ({}, "14:30:48", "14:36:36"),
        ({"start_ts": None}, "13:36:37", "14:36:37"),
        ({"start_ts": None, "end_ts": None}, "13:36:4", "14:36:40"),
        ({"end_ts": None}, "14:30:48", "15:30:4"),
        ({"start_ts": 1790951870}, "14:37:48", "15:37:4"),
    ],
)
def test_when_a_room_is_the_meeting(change: dict[str, Any], first: str, last: str) -> None:
    event = {**sample(NAME, "meeting_ended"), "time": "2026-10-02T14:36:40Z"}
    event["detail"]["payload"] |= change
    *known, _ = PLATFORM.translate(event, PlatformOptions())
    minutes = [alias.value.partition("T")[2] for each in known for alias in getattr(each, "aliases", ())]
    assert (minutes[0], minutes[-1]) == (first, last)


def test_a_meeting_without_an_id_is_known_by_its_room() -> None:
    event = sample(NAME, "meeting_ended")
    del event["detail"]["payload"]["meeting_id"]
    *_, one = PLATFORM.translate(event, PlatformOptions())
    assert isinstance(one, canonical.CallEndedEvent)
    assert one.external_conversation_id == ROOM


def test_a_recording_without_a_type_is_one_of_the_call() -> None:
    event = sample(NAME, "recording_ready")
    del event["detail"]["payload"]["type"]
    assert PLATFORM.translate(event, PlatformOptions()) == LEADS_TO_THE_ROOM


@pytest.mark.parametrize(
    "key",
    [
        sample_key(NAME, "recording_created"),
        f"recordings/acme/{ROOM}/1790951467123.mp4",
        f"acme/{ROOM}/1790951467123.m4a",
        f"acme/{ROOM}/2026/10/02/1790951467123.mp4",
        f"rec/acme/{ROOM}/2026-10-02/1790951467123.mp4",
    ],
)
def test_whose_a_key_is(key: str) -> None:
    assert match(PLATFORM.key_rules(PlatformOptions()), key) == (NAME, f"{ROOM}@{AT}")


@pytest.mark.parametrize(
    "key",
    [
        f"{ROOM}/1790951467123",
        "2026/10/02/1790951467123.mp4",
        f"acme/{ROOM}/1790951467",
        f"acme/{ROOM}/1790951467123.json",
        f"acme/{ROOM}/1790951467123-3f9b0d52-cam-audio-1790951467456",
        "connect/acme/CallRecordings/2026/10/02/3b1f0f5e-6d1c-4a57-9f0e-7c2f5b9b7a10_20261002T14:31_UTC.wav",
        "conversation_id=97b9dcb3-c182-4d1f-8123-76a4b5cf1f5a/c0ffee00-0001-4000-8000-000000000001.wav",
        "voice/AC00000000000000000000000000000001/RE00000000000000000000000000000003",
        "089b1d79-d4ca-4f74-b36b-681f606937f6-1790951467123-089b1d79-d4ca-4f74-b36b-681f606937f6-mono.wav",
    ],
)
def test_keys_of_others(key: str) -> None:
    assert match(PLATFORM.key_rules(PlatformOptions()), key) is None


def test_what_the_rule_says() -> None:
    rules = [PLATFORM.key_rules(options)[0] for options in (PlatformOptions(), KNOWING)]
    assert [(rule.kind, rule.alias_type, rule.hints) for rule in rules] == [
        ("recording", "daily_room_at", RecordingHints()),
        ("recording", "daily_room_at", RecordingHints(agent_channel=0)),
    ]


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (f"acme/{ROOM}/1790951467123-3f9b0d52-cam-audio-1790951467456", True),
        (f"acme/{ROOM}/1790951467123-3f9b0d52-screen-video-1790951467456.webm", True),
        (sample_key(NAME, "recording_created"), False),
    ],
)
def test_ignored_keys(key: str, expected: bool) -> None:
    assert is_ignored(PLATFORM, key) is expected


@given(st.sampled_from(sorted(EXPECTED)).flatmap(lambda event: mutated(sample(NAME, event))))
def test_any_detail_is_translated_or_rejected(event: dict[str, Any]) -> None:
    assert message_kinds(event) <= {"AliasesKnown", "CallEnded"}
