"""Twilio: what each sample becomes, whose each key is, and who speaks in its sentences."""

from datetime import UTC, datetime
from typing import Any

import pytest

from coval_relay.domain.call import RecordingHints
from coval_relay.domain.call_aliases import Alias
from coval_relay.domain.errors import InvalidInputError
from coval_relay.domain.messages import AliasesKnown, CallEnded
from coval_relay.platforms.registry import parse_transcript, translate
from coval_relay.platforms.shared import canonical_events as canonical
from coval_relay.platforms.shared.contract import PlatformOptions, TranscriptContext
from coval_relay.platforms.twilio import PLATFORM
from tests.support.events import wav
from tests.support.platform_samples import NOW, as_json, canonical_events, match, sample, sample_key
from tests.support.scenarios import put
from tests.support.world import World

NAME = "twilio"
CALL, CHILD = "CA00000000000000000000000000000002", "CA00000000000000000000000000000006"
BEFORE_HOLD, AFTER_HOLD = "RE00000000000000000000000000000003", "RE00000000000000000000000000000004"
OF_CALL = Alias("twilio_call_sid", CALL)
RECORDINGS = "https://api.twilio.com/2010-04-01/Accounts/AC00000000000000000000000000000001/Recordings"
ANSWERED = datetime(2026, 10, 2, 14, 31, 7, tzinfo=UTC)
FETCHING = PlatformOptions(recording_hosts=("api.twilio.com",))
ENDED = {
    "provider": NAME,
    "external_conversation_id": CALL,
    "aliases": [OF_CALL],
    "direction": "inbound",
    "status": "completed",
    "started_at": "2026-10-02T14:31:07.000Z",
    "ended_at": "2026-10-02T14:36:37.000Z",
    "transcript": {"status": "none"},
    "recording": {"expected": True, "agent_channel": 1, "items": []},
}


def ended(**changes: Any) -> canonical.Event:
    return canonical.CallEndedEvent.model_validate({**ENDED, **changes})


def leads_to_call(type_: str, value: str) -> canonical.Event:
    return canonical.AliasesKnownEvent(provider=NAME, alias=OF_CALL, aliases=(Alias(type_, value),))


def ready(name: str, started_at: datetime | None = None, agent_channel: int | None = None) -> canonical.Event:
    recording = canonical.ReadyRecording(
        uri=f"{RECORDINGS}/{name}",
        agent_channel=agent_channel,
        started_at=started_at,
        several=True,
        longest=True,
    )
    return canonical.RecordingReadyEvent(provider=NAME, alias=OF_CALL, recording=recording)


KNOWN = leads_to_call("twilio_recording_sid", BEFORE_HOLD)
OUTBOUND = {"expected": True, "agent_channel": 1, "items": []}
EXPECTED: dict[str, list[canonical.Event]] = {
    "call_completed": [ended()],
    "call_completed_simulated": [ended()],
    "event_stream_call_completed": [ended()],
    "call_completed_with_recording": [
        KNOWN,
        ready(f"{BEFORE_HOLD}.wav"),
        ended(direction="outbound", recording=OUTBOUND),
    ],
    "call_no_answer": [
        ended(
            direction="outbound",
            status="no_answer",
            started_at="2026-10-02T14:31:20.000Z",
            ended_at="2026-10-02T14:31:20.000Z",
            recording={**OUTBOUND, "expected": False},
        )
    ],
    "call_in_progress": [],
    "child_leg_completed": [leads_to_call("twilio_call_sid", CHILD)],
    "recording_completed": [KNOWN, ready(f"{BEFORE_HOLD}.wav", ANSWERED)],
    "recording_completed_after_hold": [
        leads_to_call("twilio_recording_sid", AFTER_HOLD),
        ready(f"{AFTER_HOLD}.wav", datetime(2026, 10, 2, 14, 35, 33, tzinfo=UTC)),
    ],
    "recording_in_progress": [KNOWN],
    "recording_absent": [],
    "transcript_available": [
        canonical.TranscriptUnavailableEvent(
            provider=NAME,
            external_conversation_id=CALL,
            reason="intelligence.twilio.com is not among the hosts allowed for transcripts",
        )
    ],
}


@pytest.mark.parametrize("event", EXPECTED)
def test_what_each_sample_becomes(event: str) -> None:
    assert canonical_events(NAME, event, FETCHING) == EXPECTED[event]


def changed(event: str, **fields: Any) -> dict[str, Any]:
    found: dict[str, Any] = sample(NAME, event)
    return {**found, "detail": {**found["detail"], **fields}}


def test_a_simulated_call_keeps_its_sip_header() -> None:
    *_, ended = translate(sample(NAME, "call_completed_simulated"), PlatformOptions(), NOW)
    assert isinstance(ended, CallEnded)
    assert ended.facts.metadata["coval_simulation_id"] == "simulation-1"


def test_a_recording_in_ones_own_storage_is_only_named() -> None:
    assert canonical_events(NAME, "recording_completed") == [KNOWN]
    (known,) = translate(sample(NAME, "recording_completed"), PlatformOptions(), NOW)
    assert known == AliasesKnown(
        target=f"alias#twilio_call_sid#{CALL}", aliases=(Alias("twilio_recording_sid", BEFORE_HOLD),)
    )


def test_a_recordings_url_with_an_extension_is_fetched_as_it_is() -> None:
    event = changed("recording_completed", RecordingUrl=f"{RECORDINGS}/{BEFORE_HOLD}.mp3")
    assert PLATFORM.translate(event, FETCHING) == [KNOWN, ready(f"{BEFORE_HOLD}.mp3", ANSWERED)]


@pytest.mark.parametrize(
    ("twilio_status", "status"),
    [("busy", "busy"), ("failed", "failed"), ("canceled", "cancelled"), ("no-answer", "no_answer")],
)
def test_calls_without_a_conversation(twilio_status: str, status: str) -> None:
    options = PlatformOptions(separate_transcripts=(NAME,))
    assert PLATFORM.translate(changed("call_completed", CallStatus=twilio_status), options) == [
        ended(status=status, recording={"expected": False, "agent_channel": 1})
    ]


@pytest.mark.parametrize("status", ["queued", "ringing", "in-progress", "initiated", None])
def test_calls_that_go_on(status: str | None) -> None:
    assert PLATFORM.translate(changed("call_completed", CallStatus=status), PlatformOptions()) == []


@pytest.mark.parametrize(
    ("direction", "channel"), [("inbound", 1), ("outbound-api", 1), ("outbound-dial", None), (None, None)]
)
def test_the_agents_channel(direction: str | None, channel: int | None) -> None:
    (found,) = PLATFORM.translate(changed("call_completed", Direction=direction), PlatformOptions())
    assert isinstance(found, canonical.CallEndedEvent)
    assert found.recording == canonical.ExpectedRecording(expected=True, agent_channel=channel)


def test_the_operator_knows_better() -> None:
    options = PlatformOptions(
        agent_channels={NAME: 0}, separate_transcripts=(NAME,), recording_hosts=("api.twilio.com",)
    )
    assert canonical_events(NAME, "call_completed", options) == [
        ended(transcript={"status": "pending"}, recording={"expected": True, "agent_channel": 0, "items": []})
    ]
    assert canonical_events(NAME, "recording_completed", options) == [
        KNOWN,
        ready(f"{BEFORE_HOLD}.wav", ANSWERED, agent_channel=0),
    ]
    assert [rule.hints.agent_channel for rule in PLATFORM.key_rules(options)] == [0]


def test_a_callback_without_its_time_ends_when_it_was_sent() -> None:
    sent_at = "2026-10-02T14:36:38.000Z"
    event = changed("call_completed", Timestamp="", CallDuration="330")
    start = "2026-10-02T14:31:08.000Z"
    assert PLATFORM.translate(event, PlatformOptions()) == [ended(started_at=start, ended_at=sent_at)]


@pytest.mark.parametrize("duration", ["", None, "-1", "many", "99999999"])
def test_without_a_duration_no_length_is_claimed(duration: str | None) -> None:
    event = changed("call_completed", CallDuration=duration)
    assert PLATFORM.translate(event, PlatformOptions()) == [ended(started_at="2026-10-02T14:36:37.000Z", ended_at=None)]
    (found,) = [m for m in translate(event, PlatformOptions(), NOW) if isinstance(m, CallEnded)]
    late = {"sentences": [{"media_channel": 1, "transcript": "Bye.", "start_time": 70.0, "end_time": 71.0}]}
    words = parse_transcript("twilio_sentences", [late], found.facts, PlatformOptions())
    assert [(m["start_time"], m["end_time"]) for m in words.messages] == [(70.0, 71.0)]


@pytest.mark.parametrize(
    ("answered_by", "call_status", "status"),
    [
        ("machine_start", "completed", "voicemail"),
        ("machine_end_beep", "completed", "voicemail"),
        ("machine_end_silence", "completed", "voicemail"),
        ("machine_end_other", "completed", "voicemail"),
        ("fax", "completed", "voicemail"),
        ("human", "completed", "completed"),
        ("unknown", "completed", "completed"),
        ("something_new", "completed", "completed"),
        ("machine_start", "busy", "busy"),
    ],
)
def test_who_answered(answered_by: str, call_status: str, status: str) -> None:
    event = changed("call_completed", AnsweredBy=answered_by, CallStatus=call_status, Direction="outbound-api")
    (found,) = PLATFORM.translate(event, PlatformOptions())
    assert isinstance(found, canonical.CallEndedEvent)
    assert (found.status, found.metadata) == (status, {"answered_by": answered_by})
    assert found.recording.expected is (status in ("completed", "voicemail"))


@pytest.mark.parametrize("order", [("detected", "ended"), ("ended", "detected")])
def test_a_machine_that_is_detected_while_the_call_goes_on(order: tuple[str, str]) -> None:
    detected = changed("call_completed")
    detected["detail"] = {"CallSid": CALL, "AnsweredBy": "machine_start", "MachineDetectionDuration": "2300"}
    world = World(platforms=(NAME,), key_pattern="", prefixes=("",))
    sent = {"detected": detected, "ended": changed("call_completed", Direction="outbound-api")}
    for delay, name in enumerate(order):
        world.send("call_end", sent[name], 60 * delay)
    world.send("recording", put(world, wav(), f"{ACCOUNT_SID}/{BEFORE_HOLD}"), 200)
    world.send("call_end", sample(NAME, "recording_completed"), 210)
    world.run()
    (held,) = world.coval.conversations.values()
    assert (held["metadata"]["call_status"], held["audio"] is not None, world.dead) == ("voicemail", True, [])


@pytest.mark.parametrize("answered_by", ["human", "unknown", None])
def test_who_is_no_machine_is_not_distinguished(answered_by: str | None) -> None:
    event = changed("call_completed")
    event["detail"] = {"CallSid": CALL, "AnsweredBy": answered_by}
    assert PLATFORM.translate(event, PlatformOptions()) == []


ACCOUNT_SID = "AC00000000000000000000000000000001"
WHILE_IT_LASTS: dict[str, dict[str, Any]] = {
    "stream started": {"StreamSid": "MZ1", "StreamName": "s", "StreamEvent": "stream-started"},
    "stream stopped": {"StreamSid": "MZ1", "StreamEvent": "stream-stopped"},
    "stream error": {"StreamSid": "MZ1", "StreamEvent": "stream-error", "StreamError": "x"},
    "transcription": {
        "TranscriptionSid": "GT1",
        "TranscriptionEvent": "transcription-content",
        "SequenceId": "2",
        "Track": "inbound_track",
        "Final": "true",
        "TranscriptionData": '{"transcript":"hello"}',
    },
    "siprec": {"SiprecSid": "SR1", "Status": "stopped"},
    "detection of a machine": {"AnsweredBy": "human", "MachineDetectionDuration": "2300"},
    "gathered digits": {"CallStatus": "in-progress", "Digits": "1", "Direction": "inbound"},
    "a dial's end": {"CallStatus": "in-progress", "DialCallStatus": "completed", "DialCallDuration": "9"},
    "conversation relay": {"CallStatus": "in-progress", "SessionId": "VX1", "SessionStatus": "completed"},
}


@pytest.mark.parametrize("callback", WHILE_IT_LASTS.values(), ids=WHILE_IT_LASTS)
@pytest.mark.parametrize("timestamp", ["2026-10-02T14:31:08.123Z", "Fri, 02 Oct 2026 14:31:08 +0000", None])
def test_what_comes_while_a_call_lasts_ends_none(callback: dict[str, Any], timestamp: str | None) -> None:
    event = changed("call_completed")
    event["detail"] = {"AccountSid": ACCOUNT_SID, "CallSid": CALL, "Timestamp": timestamp, **callback}
    assert translate(event, FETCHING, NOW) == ()


@pytest.mark.parametrize(
    "message", [{"MessageSid": "SM1", "MessageStatus": "delivered"}, {"SmsSid": "SM1", "Body": "Hi"}]
)
def test_a_text_message_is_no_call(message: dict[str, str]) -> None:
    assert (
        translate({**changed("call_completed"), "detail": {"AccountSid": ACCOUNT_SID, **message}}, FETCHING, NOW) == ()
    )


@pytest.mark.parametrize("track", ["inbound", "outbound"])
def test_a_recording_of_one_side_is_none_of_the_call(track: str) -> None:
    event = changed("recording_completed", RecordingTrack=track)
    of_none = Alias("no_recording", "one_side")
    name = Alias("twilio_recording_sid", BEFORE_HOLD)
    assert PLATFORM.translate(event, FETCHING) == [
        canonical.AliasesKnownEvent(provider=NAME, alias=of_none, aliases=(name,))
    ]


@pytest.mark.parametrize("order", [("object", "callback"), ("callback", "object")])
def test_one_side_in_external_storage_is_passed_over(order: tuple[str, str]) -> None:
    world = World(platforms=(NAME,), key_pattern="", prefixes=("",))
    key = f"{ACCOUNT_SID}/{BEFORE_HOLD}"
    sent = {
        "object": ("recording", put(world, wav(), key)),
        "callback": ("call_end", changed("recording_completed", RecordingTrack="inbound")),
    }
    for delay, name in enumerate(order):
        world.send(*sent[name], 60 * delay)
    world.send("call_end", sample(NAME, "call_completed"), 200)
    world.run(hours=5)
    codes = [fields["code"] for entry, _, fields in world.telemetry if entry.name == "RECORDING_SKIPPED"]
    assert (set(codes), world.dead, world.all_pending()) == ({"one_side"}, [], [])
    assert [call.recording for call in world.store.items.values()] == [None]
    assert world.coval.conversations == {}


# --- conferences -------------------------------------------------------------------------------------

CONFERENCE, OTHER_CONFERENCE = (f"CF0000000000000000000000000000000{number}" for number in (7, 8))
OF_CONFERENCE = Alias("twilio_conference_sid", CONFERENCE)


def conference_recording(sid: str = CONFERENCE, recording: str = BEFORE_HOLD) -> dict[str, Any]:
    event = changed("recording_completed", ConferenceSid=sid, RecordingSid=recording)
    event["detail"].pop("CallSid")
    event["detail"]["RecordingUrl"] = f"{RECORDINGS}/{recording}"
    return event


def joins(call: str, conference: str, sequence: str | None = "1") -> dict[str, Any]:
    event = changed("call_in_progress", CallSid=call, ConferenceSid=conference, FriendlyName="room 7")
    event["detail"] |= {"StatusCallbackEvent": "participant-join", "SequenceNumber": sequence}
    event["detail"].pop("CallStatus", None)
    return event


def test_a_conference_recording_is_tied_by_the_conference() -> None:
    assert PLATFORM.translate(conference_recording(), PlatformOptions()) == [
        canonical.AliasesKnownEvent(
            provider=NAME, alias=OF_CONFERENCE, aliases=(Alias("twilio_recording_sid", BEFORE_HOLD),)
        )
    ]


def test_a_conference_is_the_call_of_its_first_participant() -> None:
    first = canonical.AliasesKnownEvent(provider=NAME, alias=OF_CALL, aliases=(OF_CONFERENCE,))
    assert PLATFORM.translate(joins(CALL, CONFERENCE), PlatformOptions()) == [first]
    assert PLATFORM.translate(joins(CALL, CONFERENCE, None), PlatformOptions()) == [first]
    assert PLATFORM.translate(joins(CHILD, CONFERENCE, "2"), PlatformOptions()) == []


def test_a_conferences_name_is_used_again() -> None:
    world = World(platforms=(NAME,), key_pattern="", prefixes=("",))
    pairs = ((CALL, CONFERENCE, BEFORE_HOLD), (CHILD, OTHER_CONFERENCE, AFTER_HOLD))
    for index, (call, conference, recording) in enumerate(pairs):
        world.send("recording", put(world, wav(6 + index), f"{ACCOUNT_SID}/{recording}"))
        world.send("call_end", conference_recording(conference, recording), 30)
        world.send("call_end", joins(call, conference), 60)
        world.send("call_end", changed("call_completed", CallSid=call), 90)
    world.run()
    held = {name: call.recording.version.key for name, call in world.store.items.items()}
    assert held == {CALL: f"{ACCOUNT_SID}/{BEFORE_HOLD}", CHILD: f"{ACCOUNT_SID}/{AFTER_HOLD}"}
    assert (world.dead, world.all_pending(), len(world.coval.conversations)) == ([], [], 2)


def test_other_events_of_a_stream_say_nothing() -> None:
    event = changed("event_stream_call_completed", data={"sid": CALL, "state": "started"})
    assert PLATFORM.translate(event, PlatformOptions()) == []


# --- transcripts -------------------------------------------------------------------------------------


def test_a_transcript_is_read_where_its_host_is_allowed() -> None:
    options = PlatformOptions(transcript_hosts=("intelligence.twilio.com",))
    uri = "https://intelligence.twilio.com/v2/Transcripts/GT00000000000000000000000000000005/Sentences?PageSize=1000"
    assert canonical_events(NAME, "transcript_available", options) == [
        canonical.TranscriptReadyEvent(
            provider=NAME,
            external_conversation_id=CALL,
            reference=canonical.TranscriptReference(uri=uri, format="twilio_sentences"),
        )
    ]


def test_a_transcript_must_have_an_id() -> None:
    with pytest.raises(InvalidInputError) as caught:
        PLATFORM.translate(changed("transcript_available", transcript_sid="GT/../../evil"), PlatformOptions())
    assert str(caught.value) == "detail.transcript_sid: String should match pattern '^GT[0-9a-fA-F]{32}$'"


@pytest.mark.parametrize("customer_key", [None, "", " ", 'a"b'])
def test_a_transcript_that_names_no_call_is_passed_over(customer_key: object) -> None:
    event = changed("transcript_available", customer_key=customer_key)
    assert PLATFORM.translate(event, PlatformOptions(transcript_hosts=("intelligence.twilio.com",))) == []
    del event["detail"]["customer_key"]
    assert PLATFORM.translate(event, PlatformOptions()) == []


FORMAT = PLATFORM.formats["twilio_sentences"]
GREETING, WISH = "Thanks for calling Acme.", "Hi, I want to move my appointment."


@pytest.mark.parametrize(
    ("of_call", "of_operator", "first", "second"),
    [
        (None, {}, "assistant", "user"),
        (1, {}, "assistant", "user"),
        (0, {}, "user", "assistant"),
        (0, {NAME: 1}, "assistant", "user"),
    ],
)
def test_the_channel_says_who_speaks(of_call: int | None, of_operator: dict[str, int], first: str, second: str) -> None:
    context = TranscriptContext(PlatformOptions(agent_channels=of_operator), of_call)
    assert as_json(FORMAT.messages(sample(NAME, "sentences"), context)) == [
        {"role": first, "content": GREETING, "start_time": 0.9, "end_time": 2.9},
        {"role": second, "content": WISH, "start_time": 3.35, "end_time": 6.47},
    ]


def test_an_end_before_its_start_is_left_out() -> None:
    page = sample(NAME, "sentences_last_page")
    assert as_json(FORMAT.messages(page, TranscriptContext(PlatformOptions()))) == [
        {"role": "assistant", "content": "Monday at nine?", "start_time": 7.4}
    ]


def test_pages() -> None:
    assert FORMAT.next_page is not None
    pages = [FORMAT.next_page(sample(NAME, page)) for page in ("sentences", "sentences_last_page")]
    assert pages == [
        "https://intelligence.twilio.com/v2/Transcripts/GT00000000000000000000000000000005/Sentences?PageSize=1000&Page=1&PageToken=PASGX2",
        None,
    ]
    assert FORMAT.next_page({"sentences": []}) is None


# --- keys --------------------------------------------------------------------------------------------

RULES = PLATFORM.key_rules(PlatformOptions())
ACCOUNT = "AC00000000000000000000000000000001"


@pytest.mark.parametrize(
    "key",
    [
        sample_key(NAME, "recording_created"),
        f"{ACCOUNT}/{BEFORE_HOLD}",
        f"voice-recordings/{ACCOUNT}/{BEFORE_HOLD}.wav",
        f"a/b/{ACCOUNT}/{BEFORE_HOLD}.mp3",
    ],
)
def test_whose_a_key_is(key: str) -> None:
    assert match(RULES, key) == (NAME, BEFORE_HOLD)


@pytest.mark.parametrize(
    "key",
    [
        f"{ACCOUNT}/{CALL}",
        f"{ACCOUNT}/{BEFORE_HOLD}.json",
        f"{ACCOUNT}/{BEFORE_HOLD}0",
        f"x{ACCOUNT}/{BEFORE_HOLD}",
        f"{ACCOUNT}/2026/{BEFORE_HOLD}",
        f"{ACCOUNT}/{BEFORE_HOLD.replace('3', 'g')}",
        "047e057e-cb46-4b11-bb31-37987e753ed7/2026-10-02/9977677e-85ae-11ec-826d-02420a0d7e70-1790951797.wav",
        "recordings/call-_+15550100002_Xk2pQ9-2026-10-02T143107.ogg",
    ],
)
def test_keys_of_others(key: str) -> None:
    assert match(RULES, key) is None


def test_what_the_rule_says() -> None:
    (rule,) = RULES
    assert (rule.kind, rule.alias_type, rule.hints) == (
        "recording",
        "twilio_recording_sid",
        RecordingHints(several=True, longest=True),
    )
