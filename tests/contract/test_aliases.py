"""One contract for aliases: the in-memory fake and DynamoDB pass the same tests."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from typing import Any

import boto3
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moto import mock_aws

from coval_relay.adapters.aws.dynamodb_aliases import DynamoDbAliases, shard_of
from coval_relay.adapters.aws.dynamodb_calls import DynamoDbCalls
from coval_relay.domain.aliases import Alias, PendingMessage
from coval_relay.domain.call import Call
from coval_relay.domain.errors import RetryableError
from coval_relay.domain.ports import ALIAS_SHARDS, MAX_PENDING, SHARDS, Aliases, AliasTakenError
from tests.support.dynamodb_table import create_table
from tests.support.fakes import FakeClock
from tests.support.in_memory import InMemoryAliases

NOW, PARKING = 10_000, 600
ALIAS = Alias("recording_sid", "RE#1/é")
FIRST = PendingMessage("s3://b/k#v1", "recording", '{"detail": {"key": "k+é"}}', NOW)
SECOND = PendingMessage("s3://b/k#v2", "attach", "{}", NOW + 5)


def real(client: Any, clock: FakeClock) -> DynamoDbAliases:
    return DynamoDbAliases(client, "calls", clock, PARKING, retention_days=2)


def table() -> Any:
    client = boto3.client("dynamodb", region_name="us-east-1")
    create_table(client, "calls")
    return client


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW)


@pytest.fixture(params=["in_memory", "dynamodb"])
def aliases(request: pytest.FixtureRequest, clock: FakeClock) -> Iterator[Aliases]:
    if request.param == "in_memory":
        yield InMemoryAliases(clock, PARKING)
        return
    with mock_aws():
        yield real(table(), clock)


def due(aliases: Aliases, now: int) -> list[tuple[Alias, str | None, tuple[PendingMessage, ...]]]:
    return [found for shard in ALIAS_SHARDS for found in aliases.due(shard, now, 100)]


def test_an_alias_that_nobody_knows(aliases: Aliases) -> None:
    assert (aliases.target(ALIAS), aliases.waiting(ALIAS)) == (None, ())
    aliases.clear(ALIAS, FIRST)
    assert aliases.expire(ALIAS, FIRST) is None
    assert (aliases.target(ALIAS), due(aliases, 10**9)) == (None, [])


def test_what_is_parked_is_given_to_whoever_binds(aliases: Aliases) -> None:
    assert aliases.add_pending(ALIAS, SECOND) is None
    assert aliases.add_pending(ALIAS, FIRST) is None
    assert (aliases.target(ALIAS), aliases.waiting(ALIAS)) == (None, (FIRST, SECOND))
    assert aliases.bind(ALIAS, "call-1") == (FIRST, SECOND)
    assert (aliases.target(ALIAS), aliases.waiting(ALIAS)) == ("call-1", (FIRST, SECOND))


def test_the_same_parks_once_and_its_first_time_counts(aliases: Aliases) -> None:
    aliases.add_pending(ALIAS, FIRST)
    aliases.add_pending(ALIAS, replace(FIRST, pending_since=NOW + 500))
    assert aliases.waiting(ALIAS) == (FIRST,)
    assert due(aliases, NOW + PARKING) == [(ALIAS, None, (FIRST,))]


def test_who_comes_after_the_binding_learns_the_target(aliases: Aliases) -> None:
    assert aliases.bind(ALIAS, "call-1") == ()
    assert aliases.add_pending(ALIAS, FIRST) == "call-1"
    assert (aliases.waiting(ALIAS), due(aliases, 10**9)) == ((), [])


def test_a_repeated_binding_gives_what_is_still_parked(aliases: Aliases) -> None:
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
    assert due(aliases, NOW + PARKING - 1) == []
    assert due(aliases, NOW + PARKING) == [(ALIAS, None, (FIRST, SECOND))]
    assert [aliases.expire(ALIAS, FIRST), aliases.expire(ALIAS, FIRST)] == [None, None]
    assert aliases.waiting(ALIAS) == (SECOND,)
    assert due(aliases, SECOND.pending_since + PARKING - 1) == []
    assert due(aliases, SECOND.pending_since + PARKING) == [(ALIAS, None, (SECOND,))]
    assert aliases.expire(ALIAS, SECOND) is None
    assert due(aliases, 10**9) == []


def test_what_was_bound_meanwhile_does_not_expire(aliases: Aliases) -> None:
    aliases.add_pending(ALIAS, FIRST)
    aliases.bind(ALIAS, "call-1")
    assert aliases.expire(ALIAS, FIRST) == "call-1"
    assert aliases.waiting(ALIAS) == (FIRST,)
    aliases.clear(ALIAS, FIRST)
    assert aliases.expire(ALIAS, FIRST) == "call-1"


def test_bound_and_not_cleared_is_due_at_once_and_again(aliases: Aliases, clock: FakeClock) -> None:
    aliases.add_pending(ALIAS, FIRST)
    aliases.add_pending(ALIAS, SECOND)
    aliases.bind(ALIAS, "call-1")
    assert due(aliases, NOW - 1) == []
    assert due(aliases, NOW) == [(ALIAS, "call-1", (FIRST, SECOND))]
    clock.now += 7
    aliases.clear(ALIAS, FIRST)
    assert due(aliases, NOW + 6) == []
    assert due(aliases, NOW + 7) == [(ALIAS, "call-1", (SECOND,))]


def test_due_are_at_most_as_many_as_asked_for(aliases: Aliases) -> None:
    for number in range(40):
        aliases.add_pending(Alias("leg", str(number)), FIRST)
    assert len(due(aliases, 10**9)) == 40
    assert all(len(list(aliases.due(shard, 10**9, 2))) <= 2 for shard in ALIAS_SHARDS)


def test_a_full_alias_takes_what_it_has_already_but_no_more(aliases: Aliases) -> None:
    for number in range(MAX_PENDING):
        assert aliases.add_pending(ALIAS, replace(FIRST, identity=str(number))) is None
    assert aliases.add_pending(ALIAS, replace(FIRST, identity="7")) is None
    with pytest.raises(RetryableError) as caught:
        aliases.add_pending(ALIAS, FIRST)
    assert caught.value == RetryableError("pending_full", 900)
    assert len(aliases.bind(ALIAS, "call-1")) == MAX_PENDING
    assert aliases.add_pending(ALIAS, FIRST) == "call-1"


def test_an_item_has_400_kilobytes(aliases: Aliases) -> None:
    large = replace(FIRST, event=f'"{"x" * 210_000}"')
    aliases.add_pending(ALIAS, large)
    with pytest.raises(RetryableError) as caught:
        aliases.add_pending(ALIAS, replace(large, identity="another"))
    assert caught.value == RetryableError("pending_full", 900)
    assert aliases.waiting(ALIAS) == (large,)


Step = tuple[str, PendingMessage]
STEPS = st.lists(
    st.tuples(st.sampled_from(["park", "bind", "clear", "expire"]), st.sampled_from([FIRST, SECOND])),
    max_size=12,
)
SERIAL = count()
MOMENTS = (NOW, NOW + PARKING, NOW + PARKING + 5)


def play(aliases: Aliases, alias: Alias, steps: list[Step]) -> list[object]:
    calls: dict[str, Callable[[PendingMessage], object]] = {
        "park": lambda pending: aliases.add_pending(alias, pending),
        "bind": lambda _: aliases.bind(alias, "call-1"),
        "clear": lambda pending: aliases.clear(alias, pending),
        "expire": lambda pending: aliases.expire(alias, pending),
    }

    told = [calls[name](pending) for name, pending in steps]
    due_at = [[found for found in due(aliases, now) if found[0] == alias] for now in MOMENTS]
    return [told, aliases.waiting(alias), due_at]


@pytest.mark.hypothesis
@pytest.mark.parametrize("answers", ["come", "are lost"])
@mock_aws
def test_any_history_is_the_same_on_the_fake_and_on_the_table(answers: str) -> None:
    client = table() if answers == "come" else LostAnswers(table())

    @settings(max_examples=settings().max_examples // 2)
    @given(steps=STEPS)
    def same(steps: list[Step]) -> None:
        alias = Alias("leg", str(next(SERIAL)))  # one table, as it takes long to make
        fake = InMemoryAliases(FakeClock(NOW), PARKING)
        assert play(real(client, FakeClock(NOW)), alias, steps) == play(fake, alias, steps)

    same()


# --- the table only ----------------------------------------------------------------------------------


class LostAnswers:
    """A client whose every update is applied, and repeated because its answer was lost, as the SDK does.

    `meanwhile` is what somebody else does between the two.
    """

    def __init__(self, client: Any, meanwhile: Callable[[], object] = lambda: None) -> None:
        self._client = client
        self._meanwhile = meanwhile
        self.exceptions = client.exceptions

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def update_item(self, **request: Any) -> Any:
        self._client.update_item(**request)
        self._meanwhile()
        return self._client.update_item(**request)


@mock_aws
def test_what_is_bound_while_a_parking_is_repeated() -> None:
    client, clock = table(), FakeClock(NOW)
    binder = real(client, clock)
    given: list[tuple[PendingMessage, ...]] = []

    def bind_and_clear() -> None:
        given.append(binder.bind(ALIAS, "call-1"))
        binder.clear(ALIAS, FIRST)

    assert real(LostAnswers(client, bind_and_clear), clock).add_pending(ALIAS, FIRST) == "call-1"
    assert (given, binder.waiting(ALIAS)) == ([(FIRST,)], ())


@mock_aws
def test_what_is_bound_while_an_expiry_is_repeated_is_sent_on_by_whoever_expired_it() -> None:
    client, clock = table(), FakeClock(NOW)
    binder = real(client, clock)
    binder.add_pending(ALIAS, FIRST)
    given: list[tuple[PendingMessage, ...]] = []
    sweep = real(LostAnswers(client, lambda: given.append(binder.bind(ALIAS, "call-1"))), clock)
    assert (sweep.expire(ALIAS, FIRST), given) == ("call-1", [()])


@mock_aws
def test_who_parks_while_another_takes_out_is_not_lost() -> None:
    client, clock = table(), FakeClock(NOW)
    other = real(client, clock)
    other.add_pending(ALIAS, FIRST)
    sweep = real(LostAnswers(client, lambda: other.add_pending(ALIAS, SECOND)), clock)
    assert sweep.expire(ALIAS, FIRST) is None
    assert (other.waiting(ALIAS), due(other, SECOND.pending_since + PARKING)) == (
        (SECOND,),
        [(ALIAS, None, (SECOND,))],
    )


@mock_aws
def test_the_calls_sweep_does_not_see_aliases_nor_the_aliases_calls() -> None:
    client, clock = table(), FakeClock(NOW)
    calls, aliases = DynamoDbCalls(client, "calls", clock, 2), real(client, clock)
    call = Call(external_conversation_id="call-1")
    calls.save(call, replace(call, due_at=1))
    aliases.add_pending(ALIAS, FIRST)
    assert [c.external_conversation_id for shard in range(SHARDS) for c in calls.due(shard, 10**9, 9)] == ["call-1"]
    assert due(aliases, 10**9) == [(ALIAS, None, (FIRST,))]
    assert not set(ALIAS_SHARDS) & set(range(SHARDS))


@mock_aws
def test_the_item_shows_what_an_operator_looks_for() -> None:
    client = table()
    real(client, FakeClock(NOW)).add_pending(ALIAS, FIRST)
    item = client.scan(TableName="calls")["Items"][0]
    entry = next(name for name in item if name.startswith("parked#"))
    assert item == {
        "external_conversation_id": {"S": "alias#recording_sid#RE#1/é"},
        "waiting": {"SS": [entry.removeprefix("parked#")]},
        entry: {
            "M": {
                "identity": {"S": FIRST.identity},
                "queue": {"S": "recording"},
                "event": {"S": FIRST.event},
                "parked_at": {"N": str(NOW)},
            }
        },
        "sweep_shard": {"N": str(shard_of(ALIAS))},
        "due_at": {"N": str(NOW + PARKING)},
        "updated_at": {"N": str(NOW)},
        "expires_at": {"N": str(NOW + 2 * 86_400)},
    }


def test_aliases_spread_over_the_shards() -> None:
    assert {shard_of(Alias("leg", str(number))) for number in range(100)} == set(ALIAS_SHARDS)


CALLS: dict[str, Callable[[Aliases], object]] = {
    "target": lambda aliases: aliases.target(ALIAS),
    "waiting": lambda aliases: aliases.waiting(ALIAS),
    "park": lambda aliases: aliases.add_pending(ALIAS, FIRST),
    "bind": lambda aliases: aliases.bind(ALIAS, "call-1"),
    "clear": lambda aliases: aliases.clear(ALIAS, FIRST),
    "expire": lambda aliases: aliases.expire(ALIAS, FIRST),
    "due": lambda aliases: due(aliases, NOW),
}


@pytest.mark.parametrize("call", CALLS)
@mock_aws
def test_a_table_that_cannot_be_reached(call: str) -> None:
    with pytest.raises(RetryableError) as caught:
        CALLS[call](real(boto3.client("dynamodb", region_name="us-east-1"), FakeClock(NOW)))
    assert caught.value == RetryableError("table_ResourceNotFoundException")
