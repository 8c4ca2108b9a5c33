"""Inputs that were once not handled, each with what becomes of it now."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import boto3
import pytest
from moto import mock_aws

from coval_relay.adapters.aws.dynamodb_aliases import DynamoDbAliases
from coval_relay.adapters.aws.dynamodb_calls import DynamoDbCalls, from_item, to_item
from coval_relay.adapters.aws.dynamodb_table import Table, serialized
from coval_relay.adapters.aws.lambda_events import Delivery, Receipt, Record, records
from coval_relay.adapters.aws.queue_messages import from_event
from coval_relay.adapters.aws.s3_events import object_created
from coval_relay.adapters.aws.secrets import key_of
from coval_relay.adapters.coval.responses import UnreadableResponseError, upload
from coval_relay.configuration.parsing import ConfigurationError, validated
from coval_relay.domain.audio import AudioRejectedError, ReadRange
from coval_relay.domain.call import Call, CallEnd, CallFacts, ConversationState, Recording, RecordingState
from coval_relay.domain.call_aliases import Alias, PendingMessage
from coval_relay.domain.coval import ContentType
from coval_relay.domain.errors import InvalidInputError, PermanentError, RetryableError
from coval_relay.domain.log_events import LogEvent
from coval_relay.domain.messages import SOURCE
from coval_relay.domain.ports import ALIAS_SHARDS
from coval_relay.domain.raw_audio import RawAudio
from coval_relay.domain.s3_objects import ObjectVersion
from coval_relay.entrypoints.consumer import DeliveryFailedError
from coval_relay.services.recording_preparer import RecordingPreparer
from tests.fuzz.coval_responses import UPLOAD
from tests.support.dynamodb_table import create_table
from tests.support.events import object_created as created_event
from tests.support.fakes import FakeBucket, FakeClock, InMemoryCalls
from tests.support.in_memory import AliasItem, InMemoryAliases, InMemoryStaging, InMemoryUrls
from tests.support.voices import KINDS, call
from tests.support.world import World

ONE_OF_THE_STATES = "Input should be 'NEW', 'QUEUED', 'WAITING', 'SUBMITTING', 'SUBMITTED', 'FILTERED' or 'REJECTED'"


def nested(depth: int) -> Any:
    value: Any = {}
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"messageId": "m1", "body": {"a": 1}}, Record((Delivery(None, ""),), "", Receipt("m1", "", 0))),
        ({"messageId": "m1"}, Record((Delivery(None, ""),), "", Receipt("m1", "", 0))),
        ({"body": "{}"}, Record((Delivery({}, "{}"),), "{}", Receipt("", "", 0))),
        ({"body": "{}", "attributes": 0.5}, Record((Delivery({}, "{}"),), "{}", Receipt("", "", 0))),
        (
            {"body": "{}", "attributes": {"SentTimestamp": "1e3"}},
            Record((Delivery({}, "{}"),), "{}", Receipt("", "", 0)),
        ),
        (
            {"body": "{}", "attributes": {"SentTimestamp": "9" * 5000}},
            Record((Delivery({}, "{}"),), "{}", Receipt("", "", 0)),
        ),
    ],
)
def test_a_record_that_is_none_of_sqs(record: dict[str, Any], expected: Record) -> None:
    sent = {**record, "eventSource": "aws:sqs"}
    assert list(records({"Records": [sent]})) == [expected]


def test_an_invocation_with_a_message_of_the_relay_s_own_that_it_does_not_know() -> None:
    """Nothing would bring it again, so its sender hears of it."""
    with pytest.raises(DeliveryFailedError, match=r"^message_unknown$"):
        World().consumers["call_end"]({"source": SOURCE, "detail-type": "", "detail": {}}, lambda: 60)


def test_an_invocation_with_endless_lists() -> None:
    (record,) = records(nested(100_000))
    assert record == Record((Delivery(None, ""),), "")


@pytest.mark.parametrize("pattern", ["(?P<alias>a{99999999999})", "(" * 2000])
def test_a_pattern_that_python_cannot_compile(pattern: str) -> None:
    rule = {"name": "own", "alias_type": "leg", "pattern": pattern}
    with pytest.raises(ConfigurationError) as caught:
        validated({"key_rules": [rule], "ignored_keys": [pattern]})
    assert str(caught.value).split("; ") == [
        "relay.toml: ignored_keys: must be a regular expression",
        "relay.toml: key_rules[0].pattern: must be a regular expression",
    ]


def test_a_secret_nested_without_end() -> None:
    with pytest.raises(RetryableError) as caught:
        key_of('{"a":' * 100_000)
    assert caught.value == RetryableError("api_key_secret_unusable")


def test_an_etag_that_is_no_unicode() -> None:
    event = created_event("rec/call-1.wav", b"")
    event["detail"]["object"]["etag"] = "\ud800"
    with pytest.raises(InvalidInputError) as caught:
        object_created(event)
    assert caught.value.field == "detail.object.etag"


@pytest.mark.parametrize(
    ("kind", "detail"),
    [
        ("Recording Announced", {"target": "call-1", "uri": "https://[::1/", "created_at": 1, "hints": {}}),
        ("Recording Announced", {"target": "\ud800", "uri": "s3://b/k", "created_at": 1, "hints": {}}),
        ("Recording Announced", {"target": "call-1", "uri": "s3://b/k", "created_at": 10**40, "hints": {}}),
        ("Resume", {"external_conversation_id": "a\nb"}),
        ("Resume", {"external_conversation_id": "call-1", "sweep": "first"}),
        ("Resume of a later version", {"external_conversation_id": "call-1"}),
        (7, {}),
    ],
)
def test_a_message_that_this_version_does_not_know_waits(kind: Any, detail: dict[str, Any]) -> None:
    """A newer one may have sent it, half way of a deploy."""
    with pytest.raises(RetryableError) as caught:
        from_event({"source": SOURCE, "detail-type": kind, "detail": detail})
    assert caught.value == RetryableError("message_unknown")


def test_an_upload_place_that_is_no_url() -> None:
    answer = {**UPLOAD, "upload_url": "uploads.example.com/u?signature=x"}
    with pytest.raises(UnreadableResponseError):
        upload(json.dumps(answer).encode())


@dataclass
class Rejecting:
    """A conversion that only remembers how much it was given."""

    sizes: list[int] = field(default_factory=list)

    def __call__(
        self, size: int, read: ReadRange, sink: BinaryIO, *, agent_channel: int | None, raw: RawAudio | None = None
    ) -> ContentType:
        self.sizes.append(size)
        raise AudioRejectedError("code", "reason")


def test_what_follows_the_samples_is_kept_from_the_decoder() -> None:
    """A LIST of four gigabytes, whose text has more than one: FFmpeg took as much memory, for nothing."""
    kind = next(kind for kind in KINDS if kind.name == "wav ima adpcm")
    sound = kind.encode(call(6.0, kind.rate, 2), kind.rate)
    listed = b"LIST" + (0xFF000000).to_bytes(4, "little") + b"INFOIART" + (0x50000000).to_bytes(4, "little")
    bucket = FakeBucket()
    conversion = Rejecting()
    bucket.put("a", sound + listed)

    preparer = RecordingPreparer(bucket, InMemoryUrls(), InMemoryStaging(bucket), conversion)
    recording = Recording(
        identity="s3://recordings/a#1", sort_key="1", created_at=1, state=RecordingState.READY,
        size=len(sound + listed), version=ObjectVersion("recordings", "a", ""),
    )  # fmt: skip
    with pytest.raises(AudioRejectedError):
        preparer.make_copy(*preparer.inspect(recording))
    assert conversion.sizes == [len(sound)]


# --- the table's items -------------------------------------------------------------------------------


def waiting(call_id: str) -> Call:
    facts = CallFacts(occurred_at="2026-10-02T14:31:07.000Z", ended_at=1)
    return Call(
        external_conversation_id=call_id, revision=1, state=ConversationState.WAITING, facts=facts,
        call_end=CallEnd.TRANSCRIPT_PENDING, due_at=5,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            {"state": "PAUSED"},
            f"The call's item in the table breaks a rule: item.state: {ONE_OF_THE_STATES}",
        ),
        ({"facts": "{"}, "The call's item in the table has facts that are no JSON."),
        ({"facts": ["x"]}, "The call's item in the table has facts that are no JSON."),
    ],
)
def test_an_item_of_another_version(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(PermanentError) as caught:
        from_item({**to_item(waiting("call-1")), **change})
    assert caught.value == PermanentError("item_unreadable", reason)


def test_an_item_that_cannot_be_read_stops_no_other_of_its_shard() -> None:
    with mock_aws():
        client = boto3.client("dynamodb", region_name="us-east-1")
        create_table(client, "calls")
        for number, changes in enumerate([{"state": "PAUSED"}, {}]):
            item = {**to_item(waiting(f"call-{number}")), "item_key": "call", "sweep_shard": 3, **changes}
            client.put_item(TableName="calls", Item={name: serialized(value) for name, value in item.items()})
        due = DynamoDbCalls(Table(client, "calls", FakeClock(), 30)).due(3, 10, 10)
        assert next(due).external_conversation_id == "call-1"
        with pytest.raises(PermanentError):
            next(due)


def test_an_alias_that_holds_what_no_message_is() -> None:
    with mock_aws():
        client = boto3.client("dynamodb", region_name="us-east-1")
        create_table(client, "calls")
        item = {"external_conversation_id": "alias#room#R1", "item_key": "pending#1", "identity": "a", "due_at": 5}
        item |= {"sweep_shard": 8}
        client.put_item(TableName="calls", Item={name: serialized(value) for name, value in item.items()})
        aliases = DynamoDbAliases(Table(client, "calls", FakeClock(), 30), 10)
        with pytest.raises(PermanentError) as caught:
            list(aliases.due(8, 10, 10))
        assert caught.value == PermanentError(
            "item_unreadable", "A pending item of the table holds what no message is."
        )


@dataclass
class BrokenInOneShard(InMemoryCalls):
    """As a table with an item in shard 0 that cannot be read."""

    def due(self, shard: int, now: int, limit: int) -> Iterator[Call]:
        if shard == 0:
            raise PermanentError("item_unreadable", "no reason")
        yield from super().due(0, now, limit) if shard == 7 else ()


@dataclass
class BrokenAliases(InMemoryAliases):
    """The same among the aliases."""

    def due(self, shard: int, now: int, limit: int) -> Iterator[tuple[Alias, str | None, tuple[PendingMessage, ...]]]:
        if shard == ALIAS_SHARDS[0]:
            raise PermanentError("item_unreadable", "no reason")
        yield from super().due(ALIAS_SHARDS[0], now, limit)


def test_an_item_that_cannot_be_read_stops_the_sweep_of_no_other_shard() -> None:
    world = World(store=BrokenInOneShard(), aliases=BrokenAliases())
    world.store.items["call-1"] = waiting("call-1")
    pending = PendingMessage("s3://a", "recording", "{}", 0)
    world.aliases.items[Alias("room", "R1")] = AliasItem("call-1", {"s3://a": pending})
    world.sweep()
    assert [(message.queue, json.loads(message.body)) for message in world.queued] == [("recording", {})]
    assert world.store.items["call-1"].revision > 1
    reported = [fields for event, _, fields in world.telemetry if event is LogEvent.OPERATOR_NEEDED]
    assert reported == [{"code": "item_unreadable"}]
