"""One contract for collected utterances: the in-memory fake and DynamoDB pass the same tests."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from itertools import permutations
from typing import Any

import boto3
import pytest
from moto import mock_aws

from coval_relay.adapters.aws.dynamodb_table import Table
from coval_relay.adapters.aws.dynamodb_utterances import DynamoDbUtterances
from coval_relay.domain.errors import PermanentError, RetryableError
from coval_relay.domain.ports import UtteranceStore
from coval_relay.domain.transcript import Utterance
from tests.support.dynamodb_table import create_table
from tests.support.fakes import FakeClock
from tests.support.in_memory import InMemoryUtterances

CALL = "room/+1555é"
HELLO = Utterance("f/1#é", "assistant", "Hello — “you”.", 1_790_951_800.125, 1_790_951_801.5)
REPLY = Utterance("f2", "user", "Hi.", 1_790_951_802.0, 1_790_951_802.25)


def table() -> Any:
    client = boto3.client("dynamodb", region_name="us-east-1")
    create_table(client, "calls")
    return client


@pytest.fixture(params=["in_memory", "dynamodb"])
def store(request: pytest.FixtureRequest) -> Iterator[UtteranceStore]:
    if request.param == "in_memory":
        yield InMemoryUtterances()
        return
    with mock_aws():
        yield DynamoDbUtterances(Table(table(), "calls", FakeClock(), 2))


def many(count: int, content: str = "x") -> tuple[Utterance, ...]:
    return tuple(Utterance(f"f{n}", "user", content, float(n), n + 0.5) for n in range(count))


def test_a_call_without_any(store: UtteranceStore) -> None:
    assert store.get_all(CALL) == ()


def test_nothing_to_add(store: UtteranceStore) -> None:
    store.add(CALL, ())
    assert store.get_all(CALL) == ()


def test_they_are_read_in_the_order_in_which_they_were_spoken(store: UtteranceStore) -> None:
    store.add(CALL, (REPLY,))
    store.add("another", many(1))
    store.add(CALL, (HELLO,))
    assert store.get_all(CALL) == (HELLO, REPLY)


def test_spoken_at_once_they_have_an_order_too(store: UtteranceStore) -> None:
    alike = tuple(Utterance(name, "user", "x", 1.0, 2.0) for name in "cab")
    store.add(CALL, alike)
    assert [one.id for one in store.get_all(CALL)] == ["a", "b", "c"]


AGAIN = [
    Utterance(HELLO.id, "assistant", "Hello", HELLO.spoken_at, HELLO.ended_at - 1),
    Utterance(HELLO.id, "assistant", "Hell", HELLO.spoken_at - 1, HELLO.ended_at),
    Utterance(HELLO.id, "assistant", "A", HELLO.spoken_at, HELLO.ended_at),
    HELLO,
]


@pytest.mark.parametrize("order", list(permutations(AGAIN)))
def test_of_one_id_the_one_that_ended_last_stays_in_whatever_order_they_come(
    order: tuple[Utterance, ...], store: UtteranceStore
) -> None:
    store.add(CALL, order[:2])
    store.add(CALL, (*order[2:], REPLY))
    store.add(CALL, (order[0], REPLY))
    assert store.get_all(CALL) == (HELLO, REPLY)


def test_half_a_character_is_kept_too(store: UtteranceStore) -> None:
    halved = Utterance("f\ud83d", "user", "cut \ud83d", 1.0, 2.0)
    store.add(CALL, (halved,))
    assert store.get_all(CALL) == (halved,)


def test_many(store: UtteranceStore) -> None:
    store.add(CALL, many(1001))
    store.add(CALL, many(1001))
    assert store.get_all(CALL) == many(1001)


def test_one_after_the_other(store: UtteranceStore) -> None:
    """No cap: more than one answer of the table holds."""
    for one in many(30, "x" * 100_000):
        store.add(CALL, (one,))
    assert store.get_all(CALL) == many(30, "x" * 100_000)


def test_more_at_once_than_an_item_holds(store: UtteranceStore) -> None:
    store.add(CALL, many(5, "x" * 190_000))
    assert store.get_all(CALL) == many(5, "x" * 190_000)


def test_one_that_is_larger_than_an_item(store: UtteranceStore) -> None:
    with pytest.raises(PermanentError) as caught:
        store.add(CALL, (*many(2), Utterance("long", "user", "y" * 410_000, 5.0, 6.0)))
    assert caught.value == PermanentError("item_too_large", "An item of the table holds at most 400 KB.")


# --- the table only ----------------------------------------------------------------------------------


@mock_aws
def test_an_event_s_utterances_are_one_item_beside_the_call_and_go_like_it() -> None:
    client = table()
    store = DynamoDbUtterances(Table(client, "calls", FakeClock(1000), 2))
    for _ in range(2):
        store.add(CALL, (HELLO, REPLY))
    (item,) = client.scan(TableName="calls")["Items"]
    assert item["external_conversation_id"] == {"S": CALL}
    assert item["item_key"]["S"].startswith("utterances#")
    assert json.loads(item["utterances"]["S"]) == [asdict(HELLO), asdict(REPLY)]
    assert (item["updated_at"], item["expires_at"]) == ({"N": "1000"}, {"N": str(1000 + 2 * 86_400)})
    assert len(item) == 5


@mock_aws
def test_a_table_that_cannot_be_reached() -> None:
    client = boto3.client("dynamodb", region_name="us-east-1")
    store = DynamoDbUtterances(Table(client, "calls", FakeClock(), 2))
    unreachable = RetryableError("table_ResourceNotFoundException")
    with pytest.raises(RetryableError) as written:
        store.add(CALL, (HELLO,))
    with pytest.raises(RetryableError) as read:
        store.get_all(CALL)
    assert (written.value, read.value) == (unreachable, unreachable)
