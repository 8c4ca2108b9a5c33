"""One contract for collected utterances: the in-memory fake and DynamoDB pass the same tests."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from coval_relay.adapters.fragments import DynamoDbFragments
from coval_relay.domain.errors import Permanent, Retryable
from coval_relay.domain.ports import Fragments
from coval_relay.domain.transcript import Fragment
from tests.support.fakes import FakeClock
from tests.support.in_memory import InMemoryFragments
from tests.support.table import create_table

CALL = "room/+1555é"
HELLO = Fragment("f/1#é", "assistant", "Hello — “you”.", 1_790_951_800.125, 1_790_951_801.5)
REPLY = Fragment("f2", "user", "Hi.", 1_790_951_802.0, 1_790_951_802.25)


def table() -> Any:
    client = boto3.client("dynamodb", region_name="us-east-1")
    create_table(client, "calls")
    return client


@pytest.fixture(params=["in_memory", "dynamodb"])
def store(request: pytest.FixtureRequest) -> Iterator[Fragments]:
    if request.param == "in_memory":
        yield InMemoryFragments()
        return
    with mock_aws():
        yield DynamoDbFragments(table(), "calls", FakeClock(), 2)


def many(count: int, content: str = "x") -> tuple[Fragment, ...]:
    return tuple(Fragment(f"f{n}", "user", content, float(n), n + 0.5) for n in range(count))


def test_a_call_without_any(store: Fragments) -> None:
    assert store.read(CALL) == ()


def test_nothing_to_add(store: Fragments) -> None:
    store.add(CALL, ())
    assert store.read(CALL) == ()


def test_they_are_read_in_the_order_in_which_they_were_spoken(store: Fragments) -> None:
    store.add(CALL, (REPLY,))
    store.add("another", many(1))
    store.add(CALL, (HELLO,))
    assert store.read(CALL) == (HELLO, REPLY)


def test_spoken_at_once_they_have_an_order_too(store: Fragments) -> None:
    alike = tuple(Fragment(name, "user", "x", 1.0, 2.0) for name in "cab")
    store.add(CALL, alike)
    assert [one.id for one in store.read(CALL)] == ["a", "b", "c"]


def test_of_the_same_id_the_first_stays(store: Fragments) -> None:
    store.add(CALL, (HELLO, Fragment(HELLO.id, "user", "again", 1.0, 2.0)))
    store.add(CALL, (HELLO, REPLY))
    store.add(CALL, (Fragment(HELLO.id, "user", "later", 3.0, 4.0), REPLY))
    assert store.read(CALL) == (HELLO, REPLY)


def test_half_a_character_is_kept_too(store: Fragments) -> None:
    halved = Fragment("f\ud83d", "user", "cut \ud83d", 1.0, 2.0)
    store.add(CALL, (halved,))
    assert store.read(CALL) == (halved,)


def test_more_than_one_expression_holds(store: Fragments) -> None:
    store.add(CALL, many(1001))
    store.add(CALL, many(1001))
    assert store.read(CALL) == many(1001)


def test_an_item_has_400_kilobytes(store: Fragments) -> None:
    store.add(CALL, many(2, "x" * 190_000))
    with pytest.raises(Permanent) as caught:
        store.add(CALL, (Fragment("late", "user", "y" * 190_000, 5.0, 6.0),))
    reason = "The utterances of this call need more than the 400 KB of an item."
    assert caught.value == Permanent("too_many_fragments", reason)
    assert store.read(CALL) == many(2, "x" * 190_000)


# --- the table only ----------------------------------------------------------------------------------


class Recorder:
    """A client that keeps the updates it is asked for."""

    def __init__(self) -> None:
        self.updates: list[dict[str, Any]] = []

    def update_item(self, **update: Any) -> None:
        self.updates.append(update)


def test_expressions_keep_to_their_limits() -> None:
    client: Any = Recorder()
    DynamoDbFragments(client, "calls", FakeClock(), 2).add(CALL, many(250))
    lengths = [len(update["UpdateExpression"].encode()) for update in client.updates]
    assert (len(lengths), max(lengths) <= 4096) == (3, True)


@mock_aws
def test_the_item_stands_beside_the_calls_and_goes_like_them() -> None:
    client = table()
    DynamoDbFragments(client, "calls", FakeClock(1000), 2).add(CALL, (HELLO,))
    item = client.scan(TableName="calls")["Items"][0]
    assert item["external_conversation_id"] == {"S": f"fragments#{CALL}"}
    assert item["expires_at"] == {"N": str(1000 + 2 * 86_400)}
    assert len(item) == 3


@mock_aws
def test_a_table_that_cannot_be_reached() -> None:
    store = DynamoDbFragments(boto3.client("dynamodb", region_name="us-east-1"), "calls", FakeClock(), 2)
    unreachable = Retryable("table_ResourceNotFoundException")
    with pytest.raises(Retryable) as written:
        store.add(CALL, (HELLO,))
    with pytest.raises(Retryable) as read:
        store.read(CALL)
    assert (written.value, read.value) == (unreachable, unreachable)
