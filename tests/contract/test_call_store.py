"""One contract for the calls' store: the in-memory fake and DynamoDB pass the same tests."""

from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto import mock_aws

from coval_relay.adapters.aws.dynamodb_calls import DynamoDbCalls
from coval_relay.adapters.aws.dynamodb_table import Table
from coval_relay.domain.call import (
    Call,
    CallEnd,
    CallFacts,
    ConversationState,
    Description,
    DroppedTranscript,
    Lease,
    Parts,
    Recording,
    RecordingState,
    TranscriptPointer,
)
from coval_relay.domain.errors import Reason
from coval_relay.domain.ports import SHARDS, CallStore, ConflictError
from coval_relay.domain.s3_objects import ObjectVersion
from tests.support.dynamodb_table import create_table
from tests.support.fakes import FakeClock, InMemoryCalls

FULL = Call(
    external_conversation_id="v3:call/1+é",
    state=ConversationState.SUBMITTING,
    call_end=CallEnd.WITH_TRANSCRIPT,
    facts=CallFacts(
        occurred_at="2026-10-02T14:31:07.000Z",
        ended_at=5,
        agent_id="a" * 22,
        metadata={"score": 0.5, "vip": True, "n": 3, "s": "x"},
        tags=("t",),
        metrics=("m" * 22,),
        recording_expected=False,
    ),
    transcript=TranscriptPointer(bucket="b", key="k", format="canonical_v1", stored_at=7),
    dropped=DroppedTranscript(
        reason=Reason("code", "text"),
        pointer=TranscriptPointer(bucket="b", key="k", format="canonical_v1", stored_at=7),
    ),
    lease=Lease("token", 99, Parts(transcript=True, facts=True, recording=True)),
    maybe_sent_at=7,
    conversation_id="c" * 22,
    sent=Parts(transcript=False, facts=True, recording=False),
    late=("facts",),
    described=Description(status="voicemail", agent_channel=1),
    reason=Reason("code", "text"),
    notes=(Reason("a", "b"),),
    recording=Recording(
        identity="s3://b/k#v",
        sort_key="1",
        created_at=1,
        state=RecordingState.UPLOADED,
        version=ObjectVersion("b", "k", "e", "v"),
        content_type="audio/wav",
        size=10,
        duration_milliseconds=6000,
        channels=2,
        upload_id="upl",
        reason=Reason("r", "s"),
    ),
    other_recordings={"s3://b/old#1": "superseded"},
    transcript_unavailable=True,
    created_at=1,
    waiting_since=2,
    submitted_at=3,
    audited_at=4,
    recording_missed_at=5,
    held_until=6,
    sweeps=7,
    due_at=50,
)
"""No attribute is as it is at first, so each is written."""


@pytest.fixture(params=["in_memory", "dynamodb"])
def store(request: pytest.FixtureRequest) -> Iterator[CallStore]:
    if request.param == "in_memory":
        yield InMemoryCalls()
        return
    with mock_aws():
        client = boto3.client("dynamodb", region_name="us-east-1")
        create_table(client, "calls")
        yield DynamoDbCalls(Table(client, "calls", FakeClock(), retention_days=30))


def test_nothing_is_a_call_of_revision_0(store: CallStore) -> None:
    assert store.get("call-1") == Call(external_conversation_id="call-1")


def test_what_was_written_is_read_whole(store: CallStore) -> None:
    written = store.save(Call(external_conversation_id=FULL.external_conversation_id), FULL)
    assert written == replace(FULL, revision=1)
    assert store.get(FULL.external_conversation_id) == written


def test_what_became_none_is_gone(store: CallStore) -> None:
    first = store.save(Call(external_conversation_id=FULL.external_conversation_id), FULL)
    bare = Call(external_conversation_id=FULL.external_conversation_id)
    assert store.get(FULL.external_conversation_id) == first
    assert store.save(first, bare) == replace(bare, revision=2)
    assert store.get(FULL.external_conversation_id) == replace(bare, revision=2)


@pytest.mark.parametrize("seen_revision", [0, 2, 7])
def test_who_decided_on_another_revision_loses_and_learns_what_stands_there(
    store: CallStore, seen_revision: int
) -> None:
    empty = Call(external_conversation_id="call-1")
    first = store.save(empty, replace(empty, created_at=5))
    with pytest.raises(ConflictError) as caught:
        store.save(replace(empty, revision=seen_revision), replace(empty, created_at=6))
    assert caught.value.current == first
    assert store.get("call-1") == first


def test_a_revision_that_is_gone_is_a_conflict_with_nothing(store: CallStore) -> None:
    ghost = Call(external_conversation_id="call-1", revision=3)
    with pytest.raises(ConflictError) as caught:
        store.save(ghost, ghost)
    assert caught.value.current == Call(external_conversation_id="call-1")


def test_due_are_those_whose_time_has_come(store: CallStore) -> None:
    for name, due in (("early", 10), ("now", 20), ("later", 21), ("never", None)):
        empty = Call(external_conversation_id=name)
        store.save(empty, replace(empty, due_at=due))
    found = [call for shard in range(SHARDS) for call in store.due(shard, 20, 100)]
    assert sorted(call.external_conversation_id for call in found) == ["early", "now"]
    assert {call.revision for call in found} == {1}


@mock_aws
def test_more_are_due_than_a_page_of_the_index_holds() -> None:
    client = boto3.client("dynamodb", region_name="us-east-1")
    create_table(client, "calls")
    store = DynamoDbCalls(Table(client, "calls", FakeClock(), 30))
    for number in range(60):
        empty = Call(external_conversation_id=str(number))
        store.save(empty, replace(empty, due_at=number))
    asked = [list(store.due(0, 100, limit)) for limit in (2, 100)]
    assert (len(asked[0]), asked[1][:2]) == (2, asked[0])
    assert sorted(asked[1], key=lambda call: call.due_at or 0) == asked[1]


@mock_aws
def test_what_the_index_has_and_the_item_has_not_any_more_is_not_due() -> None:
    client = boto3.client("dynamodb", region_name="us-east-1")
    create_table(client, "calls")
    store = DynamoDbCalls(Table(client, "calls", FakeClock(), 30))
    for name in ("gone", "later", "done", "due"):
        empty = Call(external_conversation_id=name)
        store.save(empty, replace(empty, due_at=5))
    found = iter([*store.due(shard, 9, 9)] for shard in range(SHARDS))
    assert sorted(call.external_conversation_id for calls in found for call in calls) == [
        "done",
        "due",
        "gone",
        "later",
    ]
    rows = [row for shard in range(SHARDS) for row in index(client, shard)]
    client.delete_item(TableName="calls", Key={"external_conversation_id": {"S": "gone"}, "item_key": {"S": "call"}})
    store.save(store.get("later"), replace(store.get("later"), due_at=10))
    store.save(store.get("done"), replace(store.get("done"), due_at=None))
    stale: Any = StaleIndex(client, rows)
    left = DynamoDbCalls(Table(stale, "calls", FakeClock(), 30)).due(0, 9, 9)
    assert [call.external_conversation_id for call in left] == ["due"]


def index(client: Any, shard: int) -> list[dict[str, Any]]:
    found = client.query(
        TableName="calls",
        IndexName="due",
        KeyConditionExpression="sweep_shard = :shard",
        ExpressionAttributeValues={":shard": {"N": str(shard)}},
    )
    return list(found["Items"])


class StaleIndex:
    """A client whose index has these rows; its items are as they are."""

    def __init__(self, client: Any, rows: list[dict[str, Any]]) -> None:
        self._client, self._rows = client, rows

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def get_paginator(self, _: str) -> Any:
        return SimpleNamespace(paginate=lambda **_: [{"Items": self._rows}])


class LostAnswer:
    """A client whose first update is applied, and repeated because its answer was lost, as the SDK does."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def update_item(self, **request: Any) -> Any:
        self._client.update_item(**request)
        return self._client.update_item(**request)


@mock_aws
def test_a_write_that_the_sdk_repeated_has_won() -> None:
    client = boto3.client("dynamodb", region_name="us-east-1")
    create_table(client, "calls")
    lossy: Any = LostAnswer(client)
    store = DynamoDbCalls(Table(lossy, "calls", FakeClock(), 30))
    empty = Call(external_conversation_id="call-1")
    assert store.save(empty, replace(empty, created_at=5)).revision == 1


@mock_aws
def test_the_item_shows_what_an_operator_looks_for() -> None:
    client = boto3.client("dynamodb", region_name="us-east-1")
    create_table(client, "calls")
    store = DynamoDbCalls(Table(client, "calls", FakeClock(1000), retention_days=2))
    store.save(Call(external_conversation_id=FULL.external_conversation_id), FULL)
    item = client.scan(TableName="calls")["Items"][0]
    assert item["state"] == {"S": "SUBMITTING"}
    assert item["recording_state"] == {"S": "UPLOADED"}
    assert item["updated_at"] == {"N": "1000"}
    assert item["expires_at"] == {"N": str(1000 + 2 * 86_400)}
    assert 0 <= int(item["sweep_shard"]["N"]) < SHARDS
