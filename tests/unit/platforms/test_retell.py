"""Retell: what each sample becomes, under either policy of redaction."""

from typing import Any

import pytest

from coval_relay.domain.call_id import ID_RULE
from coval_relay.domain.errors import InvalidInputError
from coval_relay.domain.messages import CallEnded
from coval_relay.platforms.registry import translate
from coval_relay.platforms.retell import PLATFORM
from coval_relay.platforms.shared import canonical_events as canonical
from coval_relay.platforms.shared.contract import PlatformOptions, TranscriptContext
from tests.support.platform_samples import NOW, as_json, canonical_events, sample

NAME = "retell"
HOST = "dxc03zgurdly9.cloudfront.example"
AUDIO = f"https://{HOST}/call_5f0c"
FETCHING = PlatformOptions(recording_hosts=(HOST,))
CALL = "call_5f0c1f8a2b3c4d5e6f708192a3b"
OF_TWILIO = {"type": "twilio_call_sid", "value": "CA00000000000000000000000000000002"}
GREETING = {"role": "assistant", "content": "Thanks for calling Acme.", "start_time": 0.9, "end_time": 2.9}
WISH = {
    "role": "user",
    "content": "Hi, I want to move my appointment.",
    "start_time": 3.35,
    "end_time": 6.47,
}
ASKED = {
    "role": "assistant",
    "start_time": 7.0,
    "end_time": 7.0,
    "tool_calls": [
        {
            "id": "tc_1",
            "type": "function",
            "function": {"name": "find_slot", "arguments": '{"day":"mon"}'},
        }
    ],
}
ANSWER = {"role": "tool", "content": '["09:00"]', "start_time": 7.4, "end_time": 7.4, "tool_call_id": "tc_1"}
OFFER = {"role": "assistant", "content": "Monday at nine?", "start_time": 7.9, "end_time": 9.2}


def inline(*messages: dict[str, Any]) -> dict[str, Any]:
    return {"status": "inline", "time_base": "recording_start", "messages": list(messages)}


MESSAGES = [GREETING, WISH, ASKED, ANSWER, OFFER]
TO_COME = {"expected": True, "items": []}
ENDED = {
    "provider": NAME,
    "external_conversation_id": CALL,
    "aliases": [OF_TWILIO],
    "direction": "inbound",
    "status": "completed",
    "end_reason": "user_hangup",
    "started_at": "2026-10-02T14:31:07.000Z",
    "ended_at": "2026-10-02T14:36:37.000Z",
    "agent": {"id": "agent_0a1b2c3d4e5f", "name": "Acme front desk"},
    "transcript": inline(*MESSAGES),
    "recording": {"expected": True, "items": [{"uri": f"{AUDIO}/recording.wav"}]},
    "metadata": {"agent_name": "Acme front desk", "agent_version": "7"},
}


def ended(*left_out: str, **changes: Any) -> list[canonical.Event]:
    kept = {name: value for name, value in ENDED.items() if name not in left_out}
    return [canonical.CallEndedEvent.model_validate({**kept, **changes})]


EXPECTED: dict[str, list[canonical.Event]] = {
    "call_ended": ended(recording=TO_COME),
    "call_analyzed": ended(),
    "call_analyzed_scrubbed": ended(),
    "call_analyzed_own_id": ended(
        external_conversation_id="acme-8842",
        aliases=[{"type": "retell_call_id", "value": CALL}, OF_TWILIO],
    ),
    "call_ended_no_answer": ended(
        "aliases",
        "ended_at",
        "metadata",
        external_conversation_id="call_6a0c1f8a2b3c4d5e6f708192a3c",
        direction="outbound",
        status="no_answer",
        end_reason="dial_no_answer",
        started_at="2026-10-02T14:31:24.000Z",
        agent={"id": "agent_0a1b2c3d4e5f"},
        transcript={"status": "none"},
        recording={"expected": False, "items": []},
    ),
    "call_ended_web_odd_turns": ended(
        "aliases",
        direction="web",
        transcript=inline(
            {"role": "assistant", "content": "Thanks for calling Acme."},
            {"role": "user", "content": "Hi, I want", "start_time": 6.47},
            {"role": "user", "content": "Front desk here.", "start_time": 5.0, "end_time": 5.9},
        ),
        recording=TO_COME,
    ),
}


EXPECTED["call_ended_keypad_and_sms"] = ended(
    recording=TO_COME,
    transcript=inline(
        GREETING,
        {"role": "user", "content": "[pressed 1]", "start_time": 4.0, "end_time": 4.0},
        {"role": "user", "content": "[sent a text] My order is 77.", "start_time": 5.0, "end_time": 5.0},
        OFFER,
    ),
)


@pytest.mark.parametrize("event", EXPECTED)
def test_what_each_sample_becomes(event: str) -> None:
    assert canonical_events(NAME, event, FETCHING) == EXPECTED[event]


def changed(event: str, **fields: Any) -> dict[str, Any]:
    found: dict[str, Any] = sample(NAME, event)
    return {**found, "detail": {**found["detail"], "call": {**found["detail"]["call"], **fields}}}


def call_ended(event: str, options: PlatformOptions = FETCHING, **fields: Any) -> canonical.CallEndedEvent:
    (one,) = PLATFORM.translate(changed(event, **fields), options)
    assert isinstance(one, canonical.CallEndedEvent)
    return one


def test_a_simulated_call_keeps_its_id() -> None:
    *_, ended, _ = translate(sample(NAME, "call_analyzed_own_id"), FETCHING, NOW)
    assert isinstance(ended, CallEnded)
    assert ended.facts.metadata["coval_simulation_id"] == "simulation-1"


# --- redaction ---------------------------------------------------------------------------------------

REDACTED = PlatformOptions(redacted=True, recording_hosts=(HOST,))
SCRUBBED = [GREETING, {**WISH, "content": "Hi, I want to move my [REDACTED]."}, OFFER]


def test_the_scrubbed_twins_are_taken() -> None:
    assert canonical_events(NAME, "call_analyzed_scrubbed", REDACTED) == ended(
        transcript=inline(*SCRUBBED),
        recording={"expected": True, "items": [{"uri": f"{AUDIO}/scrubbed.wav"}]},
    )


def test_nothing_stands_in_for_a_twin_that_is_missing() -> None:
    assert canonical_events(NAME, "call_analyzed", REDACTED) == ended(
        transcript={"status": "none"}, recording={"expected": False, "items": []}
    )


def test_the_end_waits_for_the_analysis_which_has_the_twin() -> None:
    assert canonical_events(NAME, "call_ended", REDACTED) == []


def test_a_call_without_words_does_not_wait() -> None:
    assert canonical_events(NAME, "call_ended_no_answer", REDACTED) == EXPECTED["call_ended_no_answer"]


# --- facts -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "call_status", "spoken", "status"),
    [
        ("voicemail_reached", "ended", True, "voicemail"),
        ("voicemail_reached", "ended", False, "voicemail"),
        ("ivr_reached", "ended", True, "voicemail"),
        ("manual_stopped", "ended", True, "completed"),
        ("manual_stopped", "ended", False, "cancelled"),
        ("dial_no_answer", "not_connected", False, "no_answer"),
        ("error_user_not_joined", "error", False, "no_answer"),
        ("error_asr", "ended", False, "failed"),
        ("network_blocked", "ended", False, "failed"),
        ("a_reason_of_tomorrow", "ended", False, "completed"),
        ("a_reason_of_tomorrow", "not_connected", False, "failed"),
        ("agent_hangup", "ended", True, "completed"),
        ("error_llm_websocket_lost_connection", "error", True, "completed"),
        ("error_llm_websocket_lost_connection", "error", False, "failed"),
        ("dial_busy", "not_connected", False, "busy"),
        ("dial_failed", "not_connected", False, "failed"),
        ("user_declined", "not_connected", False, "no_answer"),
        ("concurrency_limit_reached", "not_connected", False, "failed"),
        ("user_hangup", "ended", False, "completed"),
    ],
)
def test_status(reason: str, call_status: str, spoken: bool, status: str) -> None:
    silent: dict[str, Any] = {} if spoken else {"transcript_object": [], "transcript_with_tool_calls": None}
    found = call_ended("call_ended", disconnection_reason=reason, call_status=call_status, **silent)
    assert found.status == status


def test_the_analysis_hears_a_voicemail_too() -> None:
    assert call_ended("call_analyzed", call_analysis={"in_voicemail": True}).status == "voicemail"


@pytest.mark.parametrize(
    ("turn", "content"),
    [
        ({"role": "dtmf", "digit": "1"}, "[pressed 1]"),
        ({"role": "dtmf", "digit": "#", "time_sec": 4.0}, "[pressed #]"),
        ({"role": "sms", "content": "My order is 77.", "time_sec": 5.0}, "[sent a text] My order is 77."),
        ({"role": "sms", "content": "", "time_sec": 5.0, "multimedia": [{"url": "https://a.example/1"}]}, None),
        ({"role": "injected", "content": "The caller is a VIP.", "time_sec": 5.0}, None),
        ({"role": "node_transition", "new_node_id": "n2"}, None),
    ],
)
def test_what_was_pressed_or_texted_says_so(turn: dict[str, Any], content: str | None) -> None:
    turns = [{"role": "agent", "content": "Press one.", "words": [{"start": 1.0, "end": 3.0}]}, turn]
    _, *more = call_ended("call_ended", transcript_with_tool_calls=turns).transcript.messages
    assert [(message.role, message.content) for message in more] == ([("user", content)] if content else [])
    assert [message.start_time for message in more] in ([], [turn.get("time_sec")])


@pytest.mark.parametrize("own", ['the "big" one', "alias#1", "", {"a": 1}, None])
def test_an_own_id_that_can_be_none_leaves_the_platforms(own: object) -> None:
    found = call_ended("call_analyzed", metadata={"external_conversation_id": own})
    assert (found.external_conversation_id, [alias.type for alias in found.aliases]) == (CALL, ["twilio_call_sid"])


def test_times_only_inform() -> None:
    found = call_ended("call_ended", start_timestamp=1790951797000, end_timestamp="soon", duration_ms="x")
    assert (found.ended_at, found.seconds) == (None, None)
    assert [m.start_time for m in found.transcript.messages] == [m.get("start_time") for m in MESSAGES]


def test_turns_without_tools_do_where_there_are_no_others() -> None:
    assert [call_ended("call_ended", transcript_with_tool_calls=None)] == ended(
        recording=TO_COME, transcript=inline(GREETING, WISH, OFFER)
    )


@pytest.mark.parametrize("event", ["call_started", "transcript_updated", None])
def test_other_webhooks_say_nothing(event: str | None) -> None:
    other = sample(NAME, "call_ended")
    other["detail"]["event"] = event
    assert PLATFORM.translate(other, PlatformOptions()) == []


def test_an_error_names_field_and_rule() -> None:
    with pytest.raises(InvalidInputError) as caught:
        PLATFORM.translate(changed("call_ended", call_id=""), PlatformOptions())
    assert str(caught.value) == f"detail.call.call_id: {ID_RULE}"


# --- recordings --------------------------------------------------------------------------------------

KNOWN_SIDE = PlatformOptions(agent_channels={NAME: 0}, recording_hosts=(HOST,))
PARTED = canonical.ExpectedRecording(
    expected=True,
    items=(canonical.CallRecording(uri=f"{AUDIO}/recording_multichannel.wav", agent_channel=0),),
)
MIXED = canonical.ExpectedRecording(expected=True, items=(canonical.CallRecording(uri=f"{AUDIO}/recording.wav"),))
NOTHING = canonical.ExpectedRecording(expected=False)


@pytest.mark.parametrize(
    ("options", "fields", "expected"),
    [
        (KNOWN_SIDE, {}, PARTED),
        (KNOWN_SIDE, {"recording_multi_channel_url": None}, MIXED),
        (FETCHING, {}, MIXED),
        (FETCHING, {"recording_url": None}, NOTHING),
        (FETCHING, {"recording_url": f"http://{HOST}/recording.wav"}, NOTHING),
        (PlatformOptions(), {}, NOTHING),
    ],
)
def test_which_recording_is_taken(
    options: PlatformOptions, fields: dict[str, Any], expected: canonical.ExpectedRecording
) -> None:
    assert call_ended("call_analyzed", options, **fields).recording == expected


def test_a_call_end_without_a_url_expects_one_only_where_it_could_be_fetched() -> None:
    assert call_ended("call_ended", PlatformOptions()).recording == NOTHING


def test_a_webhook_in_a_file() -> None:
    read = PLATFORM.formats[NAME].messages
    body = sample(NAME, "call_analyzed_scrubbed")["detail"]
    assert as_json(read(body, TranscriptContext(PlatformOptions()))) == MESSAGES
    assert as_json(read(body, TranscriptContext(REDACTED))) == SCRUBBED
