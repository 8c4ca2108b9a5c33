"""ElevenLabs: what each sample becomes."""

from datetime import UTC, datetime
from typing import Any

import pytest

from coval_relay.domain.call_id import ID_RULE
from coval_relay.domain.errors import InvalidInputError
from coval_relay.platforms.elevenlabs import PLATFORM
from coval_relay.platforms.shared import canonical_events as canonical
from coval_relay.platforms.shared.contract import PlatformOptions, TranscriptContext
from tests.support.platform_samples import as_json, canonical_events, sample

NAME = "elevenlabs"
FETCHING = PlatformOptions(recording_hosts=("api.elevenlabs.io",))
CALL = "conv_01k0example8842"
NOTHING = {"expected": False, "items": []}
GREETING = {"role": "assistant", "content": "Thanks for calling Acme.", "start_time": 0.0}


def asks(**more: Any) -> dict[str, Any]:
    function = {"name": "find_slot", "arguments": '{"day":"mon"}'}
    calls = [{"id": "rq_1", "type": "function", "function": function}]
    return {"role": "assistant", "start_time": 7.0, **more, "tool_calls": calls}


def answers(content: str, second: float) -> dict[str, Any]:
    return {
        "role": "tool",
        "content": content,
        "start_time": second,
        "end_time": second,
        "tool_call_id": "rq_1",
    }


def inline(*messages: dict[str, Any]) -> dict[str, Any]:
    return {"status": "inline", "time_base": "answered", "messages": list(messages)}


MESSAGES = [
    GREETING,
    {"role": "user", "content": "Hi, I want to move my appointment.", "start_time": 3.0},
    asks(end_time=7.0),
    answers('["09:00"]', 7.0),
    {"role": "assistant", "content": "Monday at nine?", "start_time": 8.0},
]
ENDED = {
    "provider": NAME,
    "external_conversation_id": CALL,
    "aliases": [{"type": "twilio_call_sid", "value": "CA00000000000000000000000000000002"}],
    "direction": "inbound",
    "status": "completed",
    "end_reason": "client disconnected",
    "started_at": "2026-10-02T14:30:50.000Z",
    "answered_at": "2026-10-02T14:31:07.000Z",
    "ended_at": "2026-10-02T14:36:37.000Z",
    "agent": {"id": "agent_01k0example", "name": "Acme front desk"},
    "transcript": inline(*MESSAGES),
    "recording": {
        "expected": True,
        "items": [{"uri": f"https://api.elevenlabs.io/v1/convai/conversations/{CALL}/audio"}],
    },
    "metadata": {"agent_name": "Acme front desk"},
}


def ended(*left_out: str, **changes: Any) -> list[canonical.Event]:
    kept = {name: value for name, value in ENDED.items() if name not in left_out}
    return [canonical.CallEndedEvent.model_validate({**kept, **changes})]


EXPECTED: dict[str, list[canonical.Event]] = {
    "post_call_transcription": ended(),
    "post_call_transcription_odd_turns": ended(
        "aliases",
        "direction",
        transcript=inline(GREETING, asks(content="One moment."), answers('{"slots": ["09:00"]}', 8.0)),
        recording=NOTHING,
    ),
    "post_call_transcription_failed": ended(
        status="failed",
        end_reason="server error",
        answered_at="2026-10-02T14:30:50.000Z",
        ended_at="2026-10-02T14:30:50.000Z",
        transcript={"status": "none"},
        recording=NOTHING,
    ),
    "post_call_transcription_voicemail": ended(
        status="voicemail",
        end_reason="voicemail_detection tool was called.",
        transcript=inline(GREETING, {"role": "user", "content": "Leave a message after the tone.", "start_time": 3.0}),
        recording=NOTHING,
    ),
    "post_call_transcription_text_only": [],
    "call_initiation_failure": ended(
        "answered_at",
        "ended_at",
        "metadata",
        external_conversation_id="conv_01k0example8843",
        direction="outbound",
        status="busy",
        end_reason="busy",
        started_at="2026-10-02T14:31:20.000Z",
        agent={"id": "agent_01k0example"},
        transcript={"status": "none"},
        recording=NOTHING,
    ),
}


@pytest.mark.parametrize("event", EXPECTED)
def test_what_each_sample_becomes(event: str) -> None:
    assert canonical_events(NAME, event, FETCHING) == EXPECTED[event]


def test_audio_in_an_event_is_skipped() -> None:
    assert PLATFORM.translate(sample(NAME, "post_call_audio"), FETCHING) == []


def test_audio_is_fetched_only_where_the_host_is_allowed() -> None:
    assert canonical_events(NAME, "post_call_transcription") == ended(recording=NOTHING)


def changed(event: str, **fields: Any) -> dict[str, Any]:
    found: dict[str, Any] = sample(NAME, event)
    return {**found, "detail": {**found["detail"], "data": {**found["detail"]["data"], **fields}}}


def call_ended(event: str, **fields: Any) -> canonical.CallEndedEvent:
    (one,) = PLATFORM.translate(changed(event, **fields), FETCHING)
    assert isinstance(one, canonical.CallEndedEvent)
    return one


def test_an_id_cannot_lead_elsewhere() -> None:
    found = call_ended("post_call_transcription", conversation_id="../../v1/voices?x=#")
    (item,) = found.recording.items
    assert item.uri == ("https://api.elevenlabs.io/v1/convai/conversations/..%2F..%2Fv1%2Fvoices%3Fx%3D%23/audio")


@pytest.mark.parametrize(
    ("reason", "status"),
    [("busy", "busy"), ("no-answer", "no_answer"), ("unknown", "failed"), (None, "failed")],
)
def test_why_a_call_could_not_be_begun(reason: str | None, status: str) -> None:
    assert call_ended("call_initiation_failure", failure_reason=reason, metadata=None).status == status


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"CallStatus": "no-answer"}, "no_answer"),
        ({"CallStatus": "canceled"}, "cancelled"),
        ({"CallStatus": "failed"}, "failed"),
        ({"sip_status_code": 486}, "busy"),
        ({"sip_status_code": "480"}, "no_answer"),
        ({"sip_status_code": 487}, "cancelled"),
        ({"sip_status_code": 503}, "failed"),
        ([], "failed"),
    ],
)
def test_the_carrier_says_it_more_exactly(body: object, status: str) -> None:
    found = call_ended("call_initiation_failure", failure_reason="unknown", metadata={"type": "sip", "body": body})
    assert found.status == status


SAID = [{"role": "agent", "message": "Hello.", "time_in_call_secs": 0}]
HEARD = [*SAID, {"role": "user", "message": "Leave a message after the tone.", "time_in_call_secs": 3}]


@pytest.mark.parametrize(
    ("metadata", "turns", "status"),
    [
        ({"features_usage": {"voicemail_detection": {"enabled": True, "used": True}}}, HEARD, "voicemail"),
        ({"features_usage": {"voicemail_detection": {"enabled": True, "used": False}}}, HEARD, "completed"),
        ({"termination_reason": "voicemail_detection tool was called."}, HEARD, "voicemail"),
        ({"phone_call": {"type": "twilio", "call_result": "voicemail"}}, HEARD, "voicemail"),
        ({"phone_call": {"type": "sip_trunking", "call_result": "busy"}}, [], "busy"),
        ({"phone_call": {"type": "sip_trunking", "call_result": "no_answer"}}, SAID, "no_answer"),
        ({"phone_call": {"type": "sip_trunking", "call_result": "no_answer"}}, HEARD, "completed"),
        ({"phone_call": {"type": "twilio", "call_result": "answered"}}, SAID, "completed"),
        ({"phone_call": {"type": "twilio", "call_result": "a_result_of_tomorrow"}}, [], "completed"),
        ({"whatsapp": {"call_result": "busy"}}, [], "busy"),
        ({"features_usage": "none", "whatsapp": 1, "phone_call": []}, HEARD, "completed"),
    ],
)
def test_status(metadata: dict[str, Any], turns: list[dict[str, Any]], status: str) -> None:
    found = call_ended("post_call_transcription", metadata=metadata, transcript=turns)
    assert found.status == status


def test_a_failed_call_in_which_something_was_said_is_a_conversation() -> None:
    assert call_ended("post_call_transcription", status="failed").status == "completed"


@pytest.mark.parametrize(
    "metadata",
    [
        {"text_only": True, "conversation_initiation_source": "whatsapp"},
        {"conversation_initiation_source": "twilio_sms"},
        {"conversation_initiation_source": "zendesk_integration"},
        {"sms": {"direction": "inbound", "sms_user_phone_number": "+15550100002"}},
    ],
)
def test_what_was_written_is_no_call(metadata: dict[str, Any]) -> None:
    assert PLATFORM.translate(changed("post_call_transcription", metadata=metadata), FETCHING) == []


@pytest.mark.parametrize("metadata", [{"text_only": False}, {"conversation_initiation_source": "whatsapp"}, None])
def test_what_may_have_been_spoken_is_a_call(metadata: object) -> None:
    assert call_ended("post_call_transcription", metadata=metadata).external_conversation_id == CALL


@pytest.mark.parametrize(
    ("turn", "content"),
    [
        ({"message": "1", "source_medium": "dtmf"}, "[pressed 1]"),
        ({"message": "Order 77.", "source_medium": "text"}, "[sent a text] Order 77."),
        ({"message": "Yes.", "source_medium": "audio"}, "Yes."),
        ({"message": None, "multivoice_message": {"parts": [{"text": "Yes."}, {"text": "Sure."}]}}, "Yes. Sure."),
        ({"message": ["Yes,", {"text": "sure."}]}, "Yes, sure."),
    ],
)
def test_what_was_pressed_or_texted_says_so(turn: dict[str, Any], content: str) -> None:
    turns = [{"role": "user", "time_in_call_secs": 3, **turn}]
    (message,) = call_ended("post_call_transcription", transcript=turns).transcript.messages
    assert message.content == content


@pytest.mark.parametrize(
    ("metadata", "started", "length"),
    [
        ({"start_time_unix_secs": 1790951450, "call_duration_secs": 20}, 1790951450, 20),
        ({"start_time_unix_secs": "1790951450", "call_duration_secs": "20"}, 1790951450, 20),
        ({"start_time_unix_secs": 1790951450, "call_duration_secs": -1}, 1790951450, None),
        ({"start_time_unix_secs": 1790951450}, 1790951450, 355),
        ({"call_duration_secs": 20}, 1790951805, None),
        ({"start_time_unix_secs": "soon", "accepted_time_unix_secs": []}, 1790951805, None),
    ],
)
def test_times_only_inform(metadata: dict[str, Any], started: int, length: int | None) -> None:
    found = call_ended("post_call_transcription", metadata=metadata)
    assert (found.began_at.timestamp(), found.seconds) == (started, length)


def test_a_call_over_a_sip_trunk_has_no_call_of_twilio() -> None:
    phone = {"type": "sip_trunking", "direction": "outbound", "call_sid": "sip-1"}
    found = call_ended("post_call_transcription", metadata={"phone_call": phone})
    assert (found.aliases, found.direction, found.started_at, found.answered_at) == (
        (),
        "outbound",
        datetime(2026, 10, 2, 14, 36, 45, tzinfo=UTC),
        None,
    )


def test_an_error_names_field_and_rule() -> None:
    with pytest.raises(InvalidInputError) as caught:
        PLATFORM.translate(changed("post_call_transcription", conversation_id=""), FETCHING)
    assert str(caught.value) == f"detail.data.conversation_id: {ID_RULE}"


def test_a_webhook_in_a_file() -> None:
    body = sample(NAME, "post_call_transcription")["detail"]
    messages = PLATFORM.formats[NAME].messages(body, TranscriptContext(PlatformOptions()))
    assert as_json(messages) == MESSAGES
