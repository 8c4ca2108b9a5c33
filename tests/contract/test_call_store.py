"""One contract for the calls' store: the in-memory fake and DynamoDB pass the same tests."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest
from moto import mock_aws

from coval_relay.adapters.aws.dynamodb_calls import DynamoDbCalls
from coval_relay.domain.call import (
    Call,
    CallEnd,
    CallFacts,
    ConversationState,
    Description,
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
    created_at=1,
    due_at=50,
)


@pytest.fixture(params=["in_memory", "dynamodb"])
def store(request: pytest.FixtureRequest) -> Iterator[CallStore]:
    if request.param == "in_memory":
        yield InMemoryCalls()
        return
    with mock_aws():
        client = boto3.client("dynamodb", region_name="us-east-1")
        create_table(client, "calls")
        yield DynamoDbCalls(client, "calls", FakeClock(), retention_days=30)


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


class LostAnswer:
    """A client whose first update is applied, and repeated because its answer was lost, as the SDK does."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.exceptions = client.exceptions

    def update_item(self, **request: Any) -> Any:
        self._client.update_item(**request)
        return self._client.update_item(**request)


@mock_aws
def test_a_write_that_the_sdk_repeated_has_won() -> None:
    client = boto3.client("dynamodb", region_name="us-east-1")
    create_table(client, "calls")
    store = DynamoDbCalls(LostAnswer(client), "calls", FakeClock(), 30)  # type: ignore[arg-type]
    empty = Call(external_conversation_id="call-1")
    assert store.save(empty, replace(empty, created_at=5)).revision == 1


@mock_aws
def test_the_item_shows_what_an_operator_looks_for() -> None:
    client = boto3.client("dynamodb", region_name="us-east-1")
    create_table(client, "calls")
    store = DynamoDbCalls(client, "calls", FakeClock(1000), retention_days=2)
    store.save(Call(external_conversation_id=FULL.external_conversation_id), FULL)
    item = client.scan(TableName="calls")["Items"][0]
    assert item["state"] == {"S": "SUBMITTING"}
    assert item["recording_state"] == {"S": "UPLOADED"}
    assert item["updated_at"] == {"N": "1000"}
    assert item["expires_at"] == {"N": str(1000 + 2 * 86_400)}
    assert 0 <= int(item["sweep_shard"]["N"]) < SHARDS
