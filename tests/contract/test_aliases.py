"""One contract for aliases: the in-memory fake and DynamoDB pass the same tests."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from types import SimpleNamespace
from typing import Any, cast

import boto3
import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st
from moto import mock_aws

from coval_relay.adapters.aws.dynamodb_aliases import DynamoDbAliases, shard_of
from coval_relay.adapters.aws.dynamodb_calls import DynamoDbCalls
from coval_relay.adapters.aws.dynamodb_table import TOO_LARGE, Table
from coval_relay.domain.call import Call
from coval_relay.domain.call_aliases import Alias, PendingMessage
from coval_relay.domain.errors import PermanentError, RetryableError
from coval_relay.domain.ports import ALIAS_SHARDS, SHARDS, Aliases, AliasTakenError
from tests.support.dynamodb_table import create_table
from tests.support.fakes import FakeClock
from tests.support.in_memory import InMemoryAliases

NOW, WAITS = 10_000, 600
ALIAS = Alias("recording_sid", "RE#1/é")
FIRST = PendingMessage("s3://b/k#v1", "recording", '{"detail": {"key": "k+é"}}', NOW)
SECOND = PendingMessage("s3://b/k#v2", "attach", "{}", NOW + 5)
Due = tuple[Alias, str | None, tuple[PendingMessage, ...]]


def real(client: Any) -> DynamoDbAliases:
    return DynamoDbAliases(Table(client, "calls", FakeClock(NOW), retention_days=2), WAITS)


def table() -> Any:
    client = boto3.client("dynamodb", region_name="us-east-1")
    create_table(client, "calls")
    return client


@pytest.fixture(params=["in_memory", "dynamodb"])
def aliases(request: pytest.FixtureRequest) -> Iterator[Aliases]:
    if request.param == "in_memory":
        yield InMemoryAliases(WAITS)
        return
    with mock_aws():
        yield real(table())


def due(aliases: Aliases, now: int) -> list[Due]:
    found = (one for shard in ALIAS_SHARDS for one in aliases.due(shard, now, 100))
    return sorted(found, key=lambda one: one[2][0].identity)


def test_an_alias_that_nobody_knows(aliases: Aliases) -> None:
    assert (aliases.target(ALIAS), aliases.waiting(ALIAS)) == (None, ())
    aliases.clear(ALIAS, FIRST)
    assert aliases.expire(ALIAS, FIRST) is None
    assert (aliases.target(ALIAS), due(aliases, 10**9)) == (None, [])


def test_what_is_pending_is_given_to_whoever_binds(aliases: Aliases) -> None:
    assert aliases.add_pending(ALIAS, SECOND) is None
    assert aliases.add_pending(ALIAS, FIRST) is None
    assert (aliases.target(ALIAS), aliases.waiting(ALIAS)) == (None, (FIRST, SECOND))
    assert aliases.bind(ALIAS, "call-1") == (FIRST, SECOND)
    assert (aliases.target(ALIAS), aliases.waiting(ALIAS)) == ("call-1", (FIRST, SECOND))


def test_the_same_parks_once_and_its_first_time_counts(aliases: Aliases) -> None:
    aliases.add_pending(ALIAS, FIRST)
    aliases.add_pending(ALIAS, replace(FIRST, pending_since=NOW + 500))
    assert aliases.waiting(ALIAS) == (FIRST,)
    assert due(aliases, NOW + WAITS) == [(ALIAS, None, (FIRST,))]


def test_who_comes_after_the_binding_learns_the_target(aliases: Aliases) -> None:
    assert aliases.bind(ALIAS, "call-1") == ()
    assert aliases.add_pending(ALIAS, FIRST) == "call-1"
    assert (aliases.waiting(ALIAS), due(aliases, 10**9)) == ((), [])


def test_a_repeated_binding_gives_what_is_still_pending(aliases: Aliases) -> None:
    aliases.add_pending(ALIAS, FIRST)
    aliases.add_pending(ALIAS, SECOND)
    aliases.bind(ALIAS, "call-1")
    aliases.clear(ALIAS, FIRST)
    assert aliases.bind(ALIAS, "call-1") == (SECOND,)
    aliases.clear(ALIAS, SECOND)
    assert aliases.bind(ALIAS, "call-1") == ()
    assert aliases.add_pending(ALIAS, FIRST) == "call-1"


@pytest.mark.parametrize("waiting", [(), (FIRST,)])
def test_a_bound_alias_stays_where_it_is(aliases: Aliases, waiting: tuple[PendingMessage, ...]) -> None:
    for pending in waiting:
        aliases.add_pending(ALIAS, pending)
    aliases.bind(ALIAS, "alias#call_sid#CA1")
    with pytest.raises(AliasTakenError) as caught:
        aliases.bind(ALIAS, "call-2")
    assert caught.value == AliasTakenError("alias#call_sid#CA1")
    assert (aliases.target(ALIAS), aliases.waiting(ALIAS)) == ("alias#call_sid#CA1", waiting)


def test_what_was_cleared_is_gone_and_may_be_cleared_again(aliases: Aliases) -> None:
    aliases.add_pending(ALIAS, FIRST)
    aliases.add_pending(ALIAS, SECOND)
    aliases.bind(ALIAS, "call-1")
    for _ in range(2):
        aliases.clear(ALIAS, FIRST)
        assert aliases.waiting(ALIAS) == (SECOND,)
    aliases.clear(ALIAS, SECOND)
    assert (aliases.waiting(ALIAS), due(aliases, 10**9)) == ((), [])


def test_what_was_cleared_before_the_binding_may_park_again(aliases: Aliases) -> None:
    aliases.add_pending(ALIAS, FIRST)
    aliases.clear(ALIAS, FIRST)
    assert (aliases.waiting(ALIAS), due(aliases, 10**9)) == ((), [])
    aliases.add_pending(ALIAS, SECOND)
    assert due(aliases, 10**9) == [(ALIAS, None, (SECOND,))]


def test_what_waited_too_long_is_taken_out(aliases: Aliases) -> None:
    aliases.add_pending(ALIAS, FIRST)
    aliases.add_pending(ALIAS, SECOND)
    assert due(aliases, NOW + WAITS - 1) == []
    assert due(aliases, SECOND.pending_since + WAITS - 1) == [(ALIAS, None, (FIRST,))]
    both = [(ALIAS, None, (FIRST,)), (ALIAS, None, (SECOND,))]
    assert due(aliases, SECOND.pending_since + WAITS) == both
    assert [aliases.expire(ALIAS, FIRST), aliases.expire(ALIAS, FIRST)] == [None, None]
    assert aliases.waiting(ALIAS) == (SECOND,)
    assert due(aliases, SECOND.pending_since + WAITS - 1) == []
    assert due(aliases, SECOND.pending_since + WAITS) == [(ALIAS, None, (SECOND,))]
    assert aliases.expire(ALIAS, SECOND) is None
    assert due(aliases, 10**9) == []


def test_what_was_bound_meanwhile_is_sent_on_by_whoever_takes_it_out(aliases: Aliases) -> None:
    aliases.add_pending(ALIAS, FIRST)
    aliases.bind(ALIAS, "call-1")
    assert [aliases.expire(ALIAS, FIRST), aliases.expire(ALIAS, FIRST)] == ["call-1", "call-1"]
    assert (aliases.waiting(ALIAS), due(aliases, 10**9)) == ((), [])


def test_bound_and_not_cleared_is_due_when_its_time_is_over(aliases: Aliases) -> None:
    aliases.add_pending(ALIAS, FIRST)
    aliases.add_pending(ALIAS, SECOND)
    aliases.bind(ALIAS, "call-1")
    aliases.clear(ALIAS, FIRST)
    assert due(aliases, SECOND.pending_since + WAITS - 1) == []
    assert due(aliases, SECOND.pending_since + WAITS) == [(ALIAS, "call-1", (SECOND,))]


def test_due_are_at_most_as_many_as_asked_for(aliases: Aliases) -> None:
    for number in range(40):
        aliases.add_pending(Alias("leg", str(number)), FIRST)
    assert len(due(aliases, 10**9)) == 40
    assert all(len(list(aliases.due(shard, 10**9, 2))) <= 2 for shard in ALIAS_SHARDS)


def test_as_many_may_wait_as_come(aliases: Aliases) -> None:
    """No cap: more than one answer of the table holds."""
    messages = tuple(replace(FIRST, identity=f"{n:03d}", event=f'"{"x" * 10_000}"') for n in range(120))
    for one in messages:
        assert aliases.add_pending(ALIAS, one) is None
    assert aliases.bind(ALIAS, "call-1") == messages


def test_a_message_that_is_larger_than_an_item(aliases: Aliases) -> None:
    with pytest.raises(PermanentError) as caught:
        aliases.add_pending(ALIAS, replace(FIRST, event=f'"{"x" * 410_000}"'))
    assert caught.value == PermanentError("item_too_large", "An item of the table holds at most 400 KB.")
    assert aliases.waiting(ALIAS) == ()


Step = tuple[str, PendingMessage]
STEPS = st.lists(
    st.tuples(st.sampled_from(["keep", "bind", "clear", "expire"]), st.sampled_from([FIRST, SECOND])),
    max_size=12,
)
SERIAL = count()
MOMENTS = (NOW + WAITS - 1, NOW + WAITS, NOW + WAITS + 5)


def play(aliases: Aliases, alias: Alias, steps: list[Step]) -> list[object]:
    calls: dict[str, Callable[[PendingMessage], object]] = {
        "keep": lambda pending: aliases.add_pending(alias, pending),
        "bind": lambda _: aliases.bind(alias, "call-1"),
        "clear": lambda pending: aliases.clear(alias, pending),
        "expire": lambda pending: aliases.expire(alias, pending),
    }

    answers = [calls[name](pending) for name, pending in steps]
    due_at = [[found for found in due(aliases, now) if found[0] == alias] for now in MOMENTS]
    return [answers, aliases.waiting(alias), due_at]


@pytest.mark.hypothesis
@pytest.mark.parametrize("answers", ["come", "are lost"])
@mock_aws
def test_any_history_is_the_same_on_the_fake_and_on_the_table(answers: str) -> None:
    client = table() if answers == "come" else LostAnswers(table())

    @settings(max_examples=settings().max_examples // 2)
    @given(steps=STEPS)
    def same(steps: list[Step]) -> None:
        alias = Alias("leg", str(next(SERIAL)))  # one table, as it takes long to make
        assert play(real(client), alias, steps) == play(InMemoryAliases(WAITS), alias, steps)

    same()


# --- the table only ----------------------------------------------------------------------------------


class LostAnswers:
    """A client whose every write is applied, and repeated because its answer was lost, as the SDK does."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        request = getattr(self._client, name)
        if name not in ("update_item", "delete_item", "transact_write_items"):
            return request
        return lambda **arguments: (request(**arguments), request(**arguments))[1]


class Interrupted:
    """A client beside whose `request` somebody else does something: just before it, or just after."""

    def __init__(self, client: Any, request: str, meanwhile: Callable[[], object], *, after: bool = False) -> None:
        self._client, self._request, self._meanwhile, self._after = client, request, meanwhile, after

    def __getattr__(self, name: str) -> Any:
        request = getattr(self._client, name)
        return (lambda **arguments: self._around(request, arguments)) if name == self._request else request

    def _around(self, request: Callable[..., Any], arguments: dict[str, Any]) -> Any:
        if not self._after:
            self._meanwhile()
        answer = request(**arguments)
        if self._after:
            self._meanwhile()
        return answer


@pytest.mark.parametrize(("request_", "after", "own"), [
    ("get_item", False, "call-1"),
    ("get_item", True, "call-1"),
    ("transact_write_items", False, "call-1"),
    ("transact_write_items", True, None),
])  # fmt: skip
@mock_aws
def test_what_is_bound_while_a_message_is_added_is_seen_by_one_of_the_two(
    request_: str, after: bool, own: str | None
) -> None:
    client = table()
    given: list[tuple[PendingMessage, ...]] = []
    binding = Interrupted(client, request_, lambda: given.append(real(client).bind(ALIAS, "call-1")), after=after)
    assert real(binding).add_pending(ALIAS, FIRST) == own
    assert given == [()] if own else [(FIRST,)]
    assert real(client).waiting(ALIAS) == (() if own else (FIRST,))


@pytest.mark.parametrize(("request_", "after", "found", "target"), [
    ("delete_item", False, (FIRST,), "call-1"),
    ("delete_item", True, (), "call-1"),
    ("get_item", False, (), "call-1"),
    ("get_item", True, (), None),
])  # fmt: skip
@mock_aws
def test_what_is_bound_while_a_message_expires_is_sent_on_or_was_over_before(
    request_: str, after: bool, found: tuple[PendingMessage, ...], target: str | None
) -> None:
    client = table()
    real(client).add_pending(ALIAS, FIRST)
    given: list[tuple[PendingMessage, ...]] = []
    binding = Interrupted(client, request_, lambda: given.append(real(client).bind(ALIAS, "call-1")), after=after)
    assert (real(binding).expire(ALIAS, FIRST), given) == (target, [found])


@mock_aws
def test_who_comes_while_another_is_taken_out_is_not_lost() -> None:
    client = table()
    real(client).add_pending(ALIAS, FIRST)
    sweep = real(Interrupted(client, "delete_item", lambda: real(client).add_pending(ALIAS, SECOND)))
    assert sweep.expire(ALIAS, FIRST) is None
    assert real(client).bind(ALIAS, "call-1") == (SECOND,)


@mock_aws
def test_requests() -> None:
    """One where the alias is bound, or where nothing is pending when it is."""
    client, asked = table(), list[str]()
    client.meta.events.register("before-call.dynamodb", lambda model, **_: asked.append(model.name))
    aliases = real(client)
    aliases.bind(ALIAS, "call-1")
    aliases.add_pending(ALIAS, FIRST)
    assert asked == ["UpdateItem", "GetItem"]
    other = Alias("leg", "2")
    aliases.add_pending(other, FIRST)
    aliases.bind(other, "call-1")
    aliases.clear(other, FIRST)
    assert asked[2:] == ["GetItem", "TransactWriteItems", "UpdateItem", "Query", "DeleteItem"]


def failing(code: str, **more: Any) -> Any:
    def fail(**_: Any) -> Any:
        raise ClientError(cast("Any", {"Error": {"Code": code, "Message": "m"}, **more}), "TransactWriteItems")

    return SimpleNamespace(get_item=lambda **_: {}, update_item=fail, transact_write_items=fail)


@pytest.mark.parametrize(("reason", "expected"), [
    ({"Code": "TransactionConflict", "Message": "busy"}, RetryableError("table_TransactionConflict")),
    ({"Code": "ThrottlingError"}, RetryableError("table_ThrottlingError")),
    ({"Code": "ValidationError", "Message": "Item size to update has exceeded the maximum allowed size"}, TOO_LARGE),
])  # fmt: skip
def test_a_transaction_that_is_cancelled_says_why(reason: dict[str, str], expected: Exception) -> None:
    client = failing("TransactionCanceledException", CancellationReasons=[{"Code": "None"}, reason])
    with pytest.raises(type(expected)) as caught:
        real(client).add_pending(ALIAS, FIRST)
    assert caught.value == expected


def test_a_binding_beside_a_transaction_is_tried_again() -> None:
    with pytest.raises(RetryableError) as caught:
        real(failing("TransactionConflictException")).bind(ALIAS, "call-1")
    assert caught.value == RetryableError("table_TransactionConflictException")


@mock_aws
def test_the_calls_sweep_does_not_see_aliases_nor_the_aliases_calls() -> None:
    client = table()
    calls, aliases = DynamoDbCalls(Table(client, "calls", FakeClock(NOW), 2)), real(client)
    call = Call(external_conversation_id="call-1")
    calls.save(call, replace(call, due_at=1))
    aliases.add_pending(ALIAS, FIRST)
    assert [c.external_conversation_id for shard in range(SHARDS) for c in calls.due(shard, 10**9, 9)] == ["call-1"]
    assert due(aliases, 10**9) == [(ALIAS, None, (FIRST,))]
    assert not set(ALIAS_SHARDS) & set(range(SHARDS))


def test_pending_messages_spread_over_the_shards() -> None:
    assert {shard_of(replace(FIRST, identity=str(number))) for number in range(100)} == set(ALIAS_SHARDS)


CALLS: dict[str, Callable[[Aliases], object]] = {
    "target": lambda aliases: aliases.target(ALIAS),
    "waiting": lambda aliases: aliases.waiting(ALIAS),
    "keep": lambda aliases: aliases.add_pending(ALIAS, FIRST),
    "bind": lambda aliases: aliases.bind(ALIAS, "call-1"),
    "clear": lambda aliases: aliases.clear(ALIAS, FIRST),
    "expire": lambda aliases: aliases.expire(ALIAS, FIRST),
    "due": lambda aliases: due(aliases, NOW),
}


@pytest.mark.parametrize("call", CALLS)
@mock_aws
def test_a_table_that_cannot_be_reached(call: str) -> None:
    with pytest.raises(RetryableError) as caught:
        CALLS[call](real(boto3.client("dynamodb", region_name="us-east-1")))
    assert caught.value == RetryableError("table_ResourceNotFoundException")
