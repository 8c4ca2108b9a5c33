"""One contract for collected utterances: the in-memory fake and DynamoDB pass the same tests."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

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
        yield DynamoDbUtterances(table(), "calls", FakeClock(), 2)


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


def test_of_the_same_id_the_first_stays(store: UtteranceStore) -> None:
    store.add(CALL, (HELLO, Utterance(HELLO.id, "user", "again", 1.0, 2.0)))
    store.add(CALL, (HELLO, REPLY))
    store.add(CALL, (Utterance(HELLO.id, "user", "later", 3.0, 4.0), REPLY))
    assert store.get_all(CALL) == (HELLO, REPLY)


def test_half_a_character_is_kept_too(store: UtteranceStore) -> None:
    halved = Utterance("f\ud83d", "user", "cut \ud83d", 1.0, 2.0)
    store.add(CALL, (halved,))
    assert store.get_all(CALL) == (halved,)


def test_more_than_one_expression_holds(store: UtteranceStore) -> None:
    store.add(CALL, many(1001))
    store.add(CALL, many(1001))
    assert store.get_all(CALL) == many(1001)


def test_an_item_has_400_kilobytes(store: UtteranceStore) -> None:
    store.add(CALL, many(2, "x" * 190_000))
    with pytest.raises(PermanentError) as caught:
        store.add(CALL, (Utterance("late", "user", "y" * 190_000, 5.0, 6.0),))
    reason = "The utterances of this call need more than the 400 KB of an item."
    assert caught.value == PermanentError("too_many_utterances", reason)
    assert store.get_all(CALL) == many(2, "x" * 190_000)


# --- the table only ----------------------------------------------------------------------------------


class Recorder:
    """A client that keeps the updates it is asked for."""

    def __init__(self) -> None:
        self.updates: list[dict[str, Any]] = []

    def update_item(self, **update: Any) -> None:
        self.updates.append(update)


def test_expressions_keep_to_their_limits() -> None:
    client: Any = Recorder()
    DynamoDbUtterances(client, "calls", FakeClock(), 2).add(CALL, many(250))
    lengths = [len(update["UpdateExpression"].encode()) for update in client.updates]
    assert (len(lengths), max(lengths) <= 4096) == (3, True)


@mock_aws
def test_the_item_stands_beside_the_calls_and_goes_like_them() -> None:
    client = table()
    DynamoDbUtterances(client, "calls", FakeClock(1000), 2).add(CALL, (HELLO,))
    item = client.scan(TableName="calls")["Items"][0]
    assert item["external_conversation_id"] == {"S": f"utterances#{CALL}"}
    assert item["expires_at"] == {"N": str(1000 + 2 * 86_400)}
    assert len(item) == 3


@mock_aws
def test_a_table_that_cannot_be_reached() -> None:
    store = DynamoDbUtterances(boto3.client("dynamodb", region_name="us-east-1"), "calls", FakeClock(), 2)
    unreachable = RetryableError("table_ResourceNotFoundException")
    with pytest.raises(RetryableError) as written:
        store.add(CALL, (HELLO,))
    with pytest.raises(RetryableError) as read:
        store.get_all(CALL)
    assert (written.value, read.value) == (unreachable, unreachable)
