"""Vapi: what each sample becomes, whose each key is, and which of its recordings is taken."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from coval_relay.domain.call import RecordingHints
from coval_relay.domain.call_aliases import Alias
from coval_relay.domain.call_id import ID_RULE
from coval_relay.domain.errors import InvalidInputError
from coval_relay.platforms.shared import canonical_events as canonical
from coval_relay.platforms.shared import event_parts
from coval_relay.platforms.shared.contract import PlatformOptions, TranscriptContext
from coval_relay.platforms.vapi import PLATFORM
from tests.support.platform_samples import as_json, canonical_events, match, sample, sample_key

NAME = "vapi"
CALL, ASSISTANT = "de28acb8-b62b-4e25-a64c-ced9dd181990", "a1a1a1a1-1111-4222-8333-444444444444"
MONO = f"{CALL}-1790951797870-93a858ed-749f-4c78-beb1-7889b25743c4-mono.wav"
STEREO = f"{CALL}-1790951797871-83a858ed-749f-4c78-beb1-7889b25743c4-stereo.wav"
FETCHING = PlatformOptions(recording_hosts=("storage.vapi.ai",))
GREETING = {"role": "assistant", "content": "Thanks for calling Acme.", "start_time": 0.9, "end_time": 2.9}
WISH = {
    "role": "user",
    "content": "Hi, I want to move my appointment.",
    "start_time": 3.35,
    "end_time": 6.47,
}
OFFER = {"role": "assistant", "content": "Monday at nine?", "start_time": 7.9, "end_time": 9.2}
ANSWER = {
    "role": "tool",
    "content": '["09:00"]',
    "start_time": 7.4,
    "end_time": 7.4,
    "tool_call_id": "call_1",
}


def asks(arguments: str, **more: Any) -> dict[str, Any]:
    function = {"name": "find_slot", "arguments": arguments}
    calls = [{"id": "call_1", "type": "function", "function": function}]
    return {"role": "assistant", "start_time": 7.0, **more, "tool_calls": calls}


def inline(*messages: dict[str, Any]) -> dict[str, Any]:
    return {"status": "inline", "time_base": "answered", "messages": list(messages)}


MESSAGES = [GREETING, WISH, asks('{"day":"mon"}', end_time=7.0), ANSWER, OFFER]
ENDED = {
    "provider": NAME,
    "external_conversation_id": CALL,
    "aliases": [
        {"type": "twilio_call_sid", "value": "CA00000000000000000000000000000002"},
        {"type": "vapi_file", "value": MONO},
    ],
    "direction": "inbound",
    "status": "completed",
    "end_reason": "customer-ended-call",
    "answered_at": "2026-10-02T14:31:07.000Z",
    "ended_at": "2026-10-02T14:36:37.000Z",
    "agent": {"id": ASSISTANT, "name": "Acme front desk"},
    "transcript": inline(*MESSAGES),
    "recording": {"expected": True, "items": [{"uri": f"https://storage.vapi.ai/{MONO}"}]},
    "metadata": {"agent_name": "Acme front desk", "vapi_call_type": "inboundPhoneCall"},
}


def one_sided(*files: str) -> canonical.Event:
    aliases = tuple(Alias("vapi_file", file) for file in files)
    return canonical.AliasesKnownEvent(provider=NAME, alias=event_parts.no_recording("one_side"), aliases=aliases)


SIDES = one_sided(f"{CALL}-1790951797872-assistant.wav", f"{CALL}-1790951797873-customer.wav")


def ended(*left_out: str, **changes: Any) -> canonical.Event:
    kept = {name: value for name, value in ENDED.items() if name not in left_out}
    return canonical.CallEndedEvent.model_validate({**kept, **changes})


def start_only(message: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in message.items() if name != "end_time"}


EXPECTED: dict[str, list[canonical.Event]] = {
    "end_of_call_report": [SIDES, ended()],
    "end_of_call_report_own_bucket": [
        one_sided(*(MONO.replace("93a858ed", side) for side in ("22222222", "33333333"))),
        ended(recording={"expected": True, "items": [{"uri": f"s3://acme-recordings/vapi/2026-10-02/{MONO}"}]}),
    ],
    "end_of_call_report_old_shape": [
        ended(
            aliases=[{"type": "vapi_file", "value": MONO}],
            agent={"id": ASSISTANT},
            transcript=inline(*map(start_only, (GREETING, WISH, OFFER))),
            metadata={"vapi_call_type": "inboundPhoneCall"},
        )
    ],
    "end_of_call_report_no_answer": [
        ended(
            "answered_at",
            aliases=[{"type": "twilio_call_sid", "value": "CA00000000000000000000000000000002"}],
            direction="outbound",
            status="no_answer",
            end_reason="customer-did-not-answer",
            started_at="2026-10-02T14:30:50.000Z",
            ended_at="2026-10-02T14:31:20.000Z",
            transcript={"status": "none"},
            recording={"expected": False, "items": []},
            metadata={"agent_name": "Acme front desk", "vapi_call_type": "outboundPhoneCall"},
        )
    ],
    "end_of_call_report_odd_messages": [
        SIDES,
        ended(
            transcript=inline(
                {"role": "assistant", "content": "Thanks for calling Acme.", "start_time": 2.9},
                {"role": "user", "content": "Hi, I want", "start_time": 2.0, "end_time": 4.0},
                asks('{"day": "mon"}', content="One moment."),
                ANSWER,
                {"role": "assistant", "content": "Monday at nine?", "start_time": 0.0},
            )
        ),
    ],
}


EXPECTED["end_of_call_report_squad"] = [
    ended(
        aliases=[],
        agent={"id": "5c0e0c0e-1111-4222-8333-444444444444"},
        transcript=inline(
            {"role": "assistant", "content": "Front desk.", "start_time": 1.5, "end_time": 2.5},
            {"role": "user", "content": "Billing, please.", "start_time": 16.0, "end_time": 17.0},
            {"role": "assistant", "content": "Billing here.", "start_time": 20.0, "end_time": 21.0},
            {"role": "user", "content": "Thanks.", "start_time": 24.0, "end_time": 25.0},
        ),
        recording={"expected": False, "items": []},
        metadata={
            "vapi_call_type": "inboundPhoneCall",
            "vapi_squad_id": "5c0e0c0e-1111-4222-8333-444444444444",
        },
    )
]


@pytest.mark.parametrize("event", EXPECTED)
def test_what_each_sample_becomes(event: str) -> None:
    assert canonical_events(NAME, event, FETCHING) == EXPECTED[event]


def changed(event: str = "end_of_call_report", **fields: Any) -> dict[str, Any]:
    found: dict[str, Any] = sample(NAME, event)
    return {**found, "detail": {"message": {**found["detail"]["message"], **fields}}}


def call_ended(options: PlatformOptions = FETCHING, **fields: Any) -> canonical.CallEndedEvent:
    one = PLATFORM.translate(changed(**fields), options)[-1]
    assert isinstance(one, canonical.CallEndedEvent)
    return one


def recording(name: str, agent_channel: int | None = None) -> canonical.ExpectedRecording:
    item = canonical.CallRecording(uri=f"https://storage.vapi.ai/{name}", agent_channel=agent_channel)
    return canonical.ExpectedRecording(expected=True, items=(item,))


def test_other_messages_say_nothing() -> None:
    assert PLATFORM.translate(changed(type="status-update"), PlatformOptions()) == []


@pytest.mark.parametrize("call", [{"id": ""}, None], ids=["empty", "absent"])
def test_an_error_names_field_and_rule(call: object) -> None:
    with pytest.raises(InvalidInputError) as caught:
        PLATFORM.translate(changed(call=call), PlatformOptions())
    assert str(caught.value) == f"detail.message.call.id: {ID_RULE}"


def test_a_text_chat_is_no_call() -> None:
    assert PLATFORM.translate(changed(call=None, chat={"id": "chat-1"}), PlatformOptions()) == []


SPOKEN = {"messages": [{"role": "user", "message": "Hi.", "secondsFromStart": 1.0}]}


@pytest.mark.parametrize(
    ("reason", "connected", "spoken", "status"),
    [
        ("voicemail", True, True, "voicemail"),
        ("voicemail", False, False, "voicemail"),
        ("call.in-progress.error-providerfault-openai", True, False, "completed"),
        ("customer-busy", False, False, "busy"),
        ("customer-busy", True, False, "busy"),
        ("manually-canceled", False, False, "cancelled"),
        ("manually-canceled", True, True, "completed"),
        ("call.ringing.sip-inbound-caller-hungup-before-call-connect", False, False, "cancelled"),
        ("twilio-failed-to-connect-call", False, False, "failed"),
        ("twilio-reported-customer-misdialed", False, False, "failed"),
        ("call.start.error-get-assistant", False, False, "failed"),
        ("customer-did-not-answer", False, False, "no_answer"),
        ("call.forwarding.operator-busy", True, True, "completed"),
        ("a-reason-of-tomorrow", True, False, "completed"),
        ("a-reason-of-tomorrow", False, False, "no_answer"),
        (None, False, False, "no_answer"),
    ],
)
def test_status(reason: str | None, connected: bool, spoken: bool, status: str) -> None:
    started = "2026-10-02T14:31:07.000Z" if connected else None
    artifact = SPOKEN if spoken else None
    assert call_ended(endedReason=reason, startedAt=started, artifact=artifact).status == status


@pytest.mark.parametrize("timestamp", ["2026-10-02T14:36:40.712Z", 1790951800712, "soon", {}, None])
def test_the_reports_own_time_only_informs(timestamp: object) -> None:
    assert call_ended(timestamp=timestamp) == ended()


def turn(role: str, text: str, moment: float, seconds: float | None = None) -> dict[str, Any]:
    times = {"time": 1790951467000 + moment * 1000, "endTime": 1790951468000 + moment * 1000}
    return {"role": role, "message": text, **times, "secondsFromStart": seconds}


@pytest.mark.parametrize(
    ("turns", "starts"),
    [
        (
            [("bot", 1.5, 1.5), ("user", 16, 16), ("system", 19, 0), ("bot", 20, 1.0), ("user", 24, 5.0)],
            [1.5, 16, 20, 24],
        ),
        ([("system", -3, 0), ("bot", 2.0, 1.5), ("user", 16.5, 16)], [1.5, 16.0]),
        ([("bot", 1.5, None), ("user", 16, None)], [1.5, 16.0]),
    ],
    ids=["begins anew with the second assistant", "the audio began later than the call", "no seconds at all"],
)
def test_times_count_from_one_zero(turns: list[tuple[str, float, float | None]], starts: list[float]) -> None:
    messages = [turn(role, "Hi.", moment, seconds) for role, moment, seconds in turns]
    transcript = call_ended(artifact={"messages": messages}).transcript
    assert [message.start_time for message in transcript.messages] == starts
    assert [message.end_time for message in transcript.messages] == [start + 1 for start in starts]


def test_content_in_parts_is_joined() -> None:
    said = [{"role": "user", "message": [{"type": "text", "text": "On"}, {"type": "text", "text": "Monday."}]}]
    (message,) = call_ended(artifact={"messages": said}).transcript.messages
    assert message.content == "On Monday."


def test_a_call_that_never_connected_began_at_the_first_time_there_is() -> None:
    call = {"id": CALL}
    began = [
        call_ended(startedAt=None, call=call).started_at,
        call_ended(startedAt=None, call=call, endedAt=None).started_at,
        call_ended(startedAt=None, call=call, endedAt=None, timestamp=None).started_at,
    ]
    assert began == [
        datetime(2026, 10, 2, 14, 36, 37, tzinfo=UTC),
        datetime(2026, 10, 2, 14, 36, 41, 123_000, tzinfo=UTC),
        datetime(2026, 10, 2, 14, 36, 42, tzinfo=UTC),
    ]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (PlatformOptions(), canonical.ExpectedRecording(expected=True)),
        (FETCHING, recording(MONO)),
        (
            PlatformOptions(recording_hosts=("storage.vapi.ai",), agent_channels={NAME: 1}),
            recording(STEREO, agent_channel=1),
        ),
    ],
)
def test_stereo_is_taken_where_the_agents_channel_is_known(
    options: PlatformOptions, expected: canonical.ExpectedRecording
) -> None:
    assert call_ended(options).recording == expected


def test_what_there_is_is_taken() -> None:
    stereo = {"messages": [], "recording": {"stereoUrl": f"https://storage.vapi.ai/{STEREO}"}}
    found = call_ended(artifact=stereo)
    assert (found.recording, found.transcript) == (recording(STEREO), canonical.Transcript(status="none"))


def test_a_report_in_a_file() -> None:
    body = sample(NAME, "end_of_call_report")["detail"]
    messages = PLATFORM.formats[NAME].messages(body, TranscriptContext(PlatformOptions()))
    assert as_json(messages) == MESSAGES


# --- keys --------------------------------------------------------------------------------------------

RULES = PLATFORM.key_rules(PlatformOptions())


@pytest.mark.parametrize(
    ("key", "rule"),
    [
        (sample_key(NAME, "recording_created"), "vapi_stereo"),
        (STEREO, "vapi_stereo"),
        (STEREO.replace(".wav", ".flac"), "vapi_stereo"),
    ],
)
def test_whose_a_key_is(key: str, rule: str) -> None:
    assert match(RULES, key) == (rule, CALL)


@pytest.mark.parametrize("key", [MONO, f"acme/2026/{MONO}", MONO.replace(".wav", ".mp3")])
def test_a_mono_file_waits_for_the_report(key: str) -> None:
    assert match(RULES, key) == ("vapi_mono", key.rpartition("/")[2])


IGNORED = (
    f"{CALL}-1790951797872-assistant.wav",
    f"{CALL}-1790951797870-93a858ed-749f-4c78-beb1-7889b25743c4-mono-customer.wav",
    f"rec/{CALL}-1790951797870-55555555-0000-4000-8000-000000000005-video.mp4",
    f"pcap/{CALL}-1790951797870.pcap",
    f"logs/{CALL}-1790951797870.jsonl",
)


@pytest.mark.parametrize(
    "key", [*IGNORED, f"{CALL}.wav", f"x{MONO}", MONO.replace("wav", "json"), STEREO.replace("-stereo", "")]
)
def test_keys_of_others(key: str) -> None:
    assert match(RULES, key) is None


@pytest.mark.parametrize(("key", "is_ignored"), [*((key, True) for key in IGNORED), (MONO, False), (STEREO, False)])
def test_ignored_keys(key: str, is_ignored: bool) -> None:
    assert any(re.search(pattern, key) for pattern in PLATFORM.ignored_keys) is is_ignored


@pytest.mark.parametrize(("channels", "side", "rank"), [({}, None, 0), ({NAME: 0}, 0, 2), ({NAME: 1}, 1, 2)])
def test_stereo_goes_first_where_the_side_is_known(channels: dict[str, int], side: int | None, rank: int) -> None:
    hints = {rule.name: rule.hints for rule in PLATFORM.key_rules(PlatformOptions(agent_channels=channels))}
    assert hints == {
        "vapi_stereo": RecordingHints(agent_channel=side, rank=rank, several=True),
        "vapi_mono": RecordingHints(rank=1, several=True),
    }
