"""The canonical events: what is taken, and the reason for everything that is not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from coval_relay.domain.call import CallEnd, CallFacts, TranscriptPointer
from coval_relay.domain.call_aliases import ALIAS_RULE, Alias
from coval_relay.domain.call_id import ID_RULE
from coval_relay.domain.errors import InvalidInputError
from coval_relay.domain.messages import CallEnded, RecordingReady
from coval_relay.domain.transcript import Transcript
from coval_relay.platforms.registry import parse_transcript, translate
from coval_relay.platforms.shared import canonical_events as canonical
from coval_relay.platforms.shared.contract import PlatformOptions
from tests.support.events import TURNS, call_ended, event, recording_ready

NOW = 1_790_951_800
HOUR = timedelta(hours=1)
AGENT = "gk3jK9mPq2xRt5vW8yZaBc"
OPTIONS = PlatformOptions(
    agent_ids={"front-desk": AGENT},
    default_agent_id="d" * 22,
    tags=("relay",),
    transcript_buckets=("transcripts",),
)


def translated(event_: dict[str, Any], options: PlatformOptions = OPTIONS) -> Any:
    """The one message that an event becomes."""
    (message,) = translate(event_, options, NOW)
    return message


def reason_of(event_: dict[str, Any]) -> str:
    with pytest.raises(InvalidInputError) as caught:
        translated(event_)
    return str(caught.value)


def test_an_inline_transcript_becomes_coval_messages_and_facts() -> None:
    ended = call_ended(
        agent={"id": "front-desk"},
        tags=["billing"],
        metrics=["29BlkepvvX19ebbLDB0y6Q"],
        recording={"expected": True, "items": [{"started_at": "2026-10-02T16:31:08.5+02:00"}]},
    )
    assert translated(ended) == CallEnded(
        external_conversation_id="call-1",
        kind=CallEnd.WITH_TRANSCRIPT,
        facts=CallFacts(
            occurred_at="2026-10-02T14:31:08.500Z",
            ended_at=1_790_951_797,
            seconds=347.0,
            agent_id=AGENT,
            metadata={"provider": "custom", "call_status": "completed", "campaign": "autumn"},
            tags=("billing", "relay"),
            metrics=("29BlkepvvX19ebbLDB0y6Q",),
            recording_expected=True,
        ),
        transcript=Transcript(tuple(TURNS)),
        pointer=None,
    )


def test_a_reference_becomes_a_pointer() -> None:
    ended = translated(call_ended(transcript="reference"))
    assert (ended.kind, ended.transcript) == (CallEnd.TRANSCRIPT_PENDING, None)
    assert ended.pointer == TranscriptPointer(
        bucket="transcripts", key="call-1.json", format="canonical_v1", stored_at=NOW
    )


@pytest.mark.parametrize(
    ("status", "kind"), [("pending", CallEnd.TRANSCRIPT_PENDING), ("none", CallEnd.WITHOUT_TRANSCRIPT)]
)
def test_no_transcript_now(status: str, kind: CallEnd) -> None:
    ended = translated(call_ended(transcript=status))
    assert (ended.kind, ended.transcript, ended.pointer) == (kind, None, None)


@pytest.mark.parametrize(
    ("agent", "expected"),
    [
        ({"id": "front-desk"}, AGENT),
        ({"id": "x" * 22}, "x" * 22),
        ({"id": "unknown"}, "d" * 22),
        (None, "d" * 22),
    ],
)
def test_the_agent_is_the_mapped_one_then_covals_own_then_the_default(agent: Any, expected: str) -> None:
    assert translated(call_ended(agent=agent)).facts.agent_id == expected


def test_nobody_expects_a_recording_of_a_call_that_was_not_answered() -> None:
    assert translated(call_ended(transcript="none", status="no_answer")).facts.recording_expected is False


def test_tool_calls_stay_as_they_are() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "find", "arguments": "{}"}}
    messages: list[dict[str, Any]] = [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "content": "[]", "tool_call_id": "c1"},
    ]
    ended = translated(call_ended(transcript={"status": "inline", "messages": messages}))
    assert [dict(message) for message in ended.transcript.messages] == messages_with_tuples(messages)


def messages_with_tuples(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**m, "tool_calls": tuple(m["tool_calls"])} if "tool_calls" in m else m for m in messages]


def test_a_recording_uri() -> None:
    ready = translated(recording_ready("s3://recordings/rec/call-1.wav"))
    sent_at = NOW - 1
    assert ready == RecordingReady(target="call-1", uri="s3://recordings/rec/call-1.wav", created_at=sent_at)


def inline(*messages: canonical.Message) -> canonical.Transcript:
    return canonical.Transcript(status="inline", messages=messages)


def turn(**changes: Any) -> dict[str, Any]:
    return {"status": "inline", "messages": [TURNS[0], {**TURNS[1], **changes}]}


FIRST, SECOND = "detail.transcript.messages[0]", "detail.transcript.messages[1]"
NUMBER = "Input should be a valid number"
ID = f"detail.external_conversation_id: {ID_RULE}"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"external_conversation_id": ""}, ID),
        ({"external_conversation_id": "x" * 300}, ID),
        ({"external_conversation_id": 7}, ID),
        ({"external_conversation_id": 'a"b'}, ID),
        ({"external_conversation_id": "alias#x"}, ID),
        ({"metadata": {"+15550100002": None}}, "detail.metadata: Input should be a valid string"),
        ({"metadata": {"score": float("inf")}}, "detail.metadata: Input should be a valid string"),
        ({"metadata": {"long": "x" * 200_000}}, "detail.metadata: must have at most 100000 bytes"),
        (
            {"answered_at": "0001-01-01T00:00:00+14:00"},
            "detail.answered_at: must be within the years 1 to 9999 in UTC",
        ),
        ({"schema_version": "2"}, r"detail.schema_version: String should match pattern '^1(\.\d+)*$'"),
        ({"started_at": "2026-10-02T14:30:50"}, "detail.started_at: must have a zone"),
        ({"answered_at": 1790951467}, "detail.answered_at: must be an RFC 3339 time with a zone"),
        ({"started_at": None, "answered_at": ""}, "detail: must have started_at or answered_at"),
        ({"ended_at": "2026-10-02T14:00:00Z"}, "detail: ended_at must not be before the call's start"),
        ({"metadata": {"call_id": "x"}}, "detail.metadata: must not have the key call_id: Coval reserves it"),
        ({"tags": ["  "]}, r"detail.tags[0]: String should match pattern '\S'"),
        (
            {"transcript": {"status": "inline", "messages": []}},
            "detail.transcript: an inline transcript must have messages",
        ),
        (
            {"transcript": {"status": "reference"}},
            "detail.transcript: a transcript by reference must have a reference",
        ),
        (
            {"transcript": turn(role="agent")},
            f"{SECOND}.role: Input should be 'assistant', 'user', 'system' or 'tool'",
        ),
        ({"transcript": turn(content="")}, f"{SECOND}: must have content"),
        ({"transcript": turn(start_time="2.4")}, f"{SECOND}.start_time: {NUMBER}"),
        (
            {"transcript": turn(start_time=-1)},
            f"{SECOND}.start_time: Input should be greater than or equal to 0",
        ),
        ({"transcript": turn(end_time=1.0)}, f"{SECOND}.end_time: must not be before start_time"),
        ({"transcript": turn(start_time=None)}, f"{SECOND}.end_time: needs a start_time"),
        (
            {"transcript": turn(start_time=240_000, end_time=500_000)},
            "detail.transcript.messages: times must be seconds: the last is far beyond the call's length",
        ),
        (
            {"transcript": turn(role="tool", tool_call_id="nobody")},
            f"{SECOND}.tool_call_id: must name an earlier tool call",
        ),
    ],
)
def test_a_reason_names_the_field_and_the_rule(changes: dict[str, Any], reason: str) -> None:
    assert reason_of(call_ended(**changes)) == reason


def test_no_detail_and_another_detail_type() -> None:
    assert reason_of(event("Call Ended", None)).startswith("detail: Input should be")
    known = reason_of(event("Call Started", {}))
    assert known.startswith("detail-type: must be one of: Call Ended, Recording Ready, Aliases Known, ")


def test_a_reference_outside_the_configured_buckets_is_rejected() -> None:
    reference = {"uri": "s3://elsewhere/x.json", "format": "canonical_v1"}
    ended = call_ended(transcript={"status": "reference", "reference": reference})
    assert reason_of(ended) == "detail.transcript.reference.uri: must lie in a configured transcript bucket"


@pytest.mark.parametrize("key", ["else/x.json", "/calls/x.json", "private/calls/x.json"])
def test_a_reference_beside_the_configured_prefixes_is_rejected(key: str) -> None:
    options = replace(OPTIONS, transcript_prefixes=("calls/", "talks"))
    path = "detail.transcript.reference.uri"
    for event_, where in ((_referring(key), path), (_arriving(key), "detail.reference.uri")):
        with pytest.raises(InvalidInputError) as caught:
            translated(event_, options)
        assert str(caught.value) == f"{where}: must have one of the configured transcript prefixes"


@pytest.mark.parametrize("key", ["calls/x.json", "talks.json"])
def test_a_reference_beneath_a_configured_prefix_is_taken(key: str) -> None:
    options = replace(OPTIONS, transcript_prefixes=("calls/", "talks"))
    for event_ in (_referring(key), _arriving(key)):
        pointer = translated(event_, options).pointer
        assert (pointer.bucket, pointer.key) == ("transcripts", key)


def _reference(key: str) -> dict[str, str]:
    return {"uri": f"s3://transcripts/{key}", "format": "canonical_v1"}


def _referring(key: str) -> dict[str, Any]:
    return call_ended(transcript={"status": "reference", "reference": _reference(key)})


def _arriving(key: str) -> dict[str, Any]:
    detail = {"schema_version": "1", "external_conversation_id": "call-1", "reference": _reference(key)}
    return event("Transcript Ready", detail)


@pytest.mark.parametrize("content", [TURNS, {"messages": TURNS}])
def test_a_transcript_file(content: object) -> None:
    parsed = parse_transcript("canonical_v1", [content], None, OPTIONS)
    assert parsed == Transcript(tuple(TURNS))


def test_a_transcript_file_that_is_none() -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse_transcript("canonical_v1", [{"messages": []}], None, OPTIONS)
    assert str(caught.value) == "transcript: an inline transcript must have messages"


@pytest.mark.parametrize("uri", ["s3://recordings", "https://[", "http://x/y", "s3:///key", "file:///etc/passwd"])
def test_a_recording_uri_that_names_nothing(uri: str) -> None:
    assert reason_of(recording_ready(uri)).startswith("detail.recording.uri: String should match pattern")


def test_no_reason_repeats_the_value() -> None:
    secret = "my card is 4242"
    reasons = [
        reason_of(call_ended(transcript=turn(role=secret))),
        reason_of(call_ended(started_at=secret)),
        reason_of(call_ended(schema_version=secret)),
    ]
    assert not any(secret in reason for reason in reasons)


# --- events that platforms make ----------------------------------------------------------------------

STARTED = datetime(2026, 10, 2, 14, 30, 50, 123_999, tzinfo=UTC)
GREETING = canonical.Message(role="assistant", content="Hi.", start_time=0.5)


@pytest.mark.parametrize(
    ("changes", "field", "rule"),
    [
        ({"started_at": None}, "detail", "must have started_at or answered_at"),
        ({"started_at": STARTED.replace(tzinfo=None)}, "detail.started_at", "must have a zone"),
        ({"ended_at": STARTED - HOUR}, "detail", "ended_at must not be before the call's start"),
        ({"aliases": (Alias("room", "R1"), Alias("room", "\n"))}, "detail.aliases[1]", ALIAS_RULE),
        (
            {"transcript": canonical.Transcript(status="inline")},
            "detail.transcript",
            "an inline transcript must have messages",
        ),
        (
            {"transcript": inline(GREETING, replace(GREETING, start_time=float("inf")))},
            "detail.transcript.messages[1].start_time",
            "Input should be a finite number",
        ),
        (
            {"recording": canonical.ExpectedRecording(items=(canonical.CallRecording(agent_channel=32),))},
            "detail.recording.items[0].agent_channel",
            "Input should be less than or equal to 31",
        ),
    ],
)
def test_an_event_checks_itself_and_names_field_rule_and_call(changes: dict[str, Any], field: str, rule: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        canonical.CallEndedEvent(**{"external_conversation_id": "call-1", "started_at": STARTED, **changes})
    assert caught.value == InvalidInputError(field, rule, "call-1")


def test_the_call_of_an_error_is_no_id_that_breaks_the_rule() -> None:
    with pytest.raises(InvalidInputError) as caught:
        canonical.CallEndedEvent(external_conversation_id="alias#x", started_at=STARTED)
    assert caught.value == InvalidInputError("detail.external_conversation_id", ID_RULE, "")


@pytest.mark.parametrize("names", [{}, {"external_conversation_id": "call-1", "alias": Alias("room", "R1")}])
def test_an_event_names_its_call_in_one_way(names: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError) as caught:
        canonical.AliasesKnownEvent(aliases=(Alias("room", "R2"),), **names)
    rule = "must have either external_conversation_id or alias"
    assert caught.value == InvalidInputError("detail", rule, names.get("external_conversation_id", ""))


def test_an_unknown_field_is_a_type_error_and_ignored() -> None:
    event_ = canonical.TranscriptUnavailableEvent(external_conversation_id="call-1", id="x")  # type: ignore[call-arg]
    assert event_ == canonical.TranscriptUnavailableEvent(external_conversation_id="call-1")


def test_times_count_to_the_millisecond() -> None:
    made = canonical.CallEndedEvent(external_conversation_id="call-1", started_at=STARTED)
    assert made.started_at == datetime(2026, 10, 2, 14, 30, 50, 123_000, tzinfo=UTC)
