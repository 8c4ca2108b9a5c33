"""Workers that keep messages, bind and sweep at once, on an emulator that really serialises their writes."""

import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from coval_relay.adapters.aws.dynamodb_aliases import DynamoDbAliases
from coval_relay.adapters.aws.dynamodb_table import Table
from coval_relay.domain.call_aliases import Alias, PendingMessage
from coval_relay.domain.ports import ALIAS_SHARDS
from tests.support.dynamodb_table import create_table
from tests.support.emulator import client
from tests.support.fakes import FakeClock

WORKERS, ROUNDS, MESSAGES = 12, 20, 10
TABLE = "alias-races"


@pytest.fixture(scope="module")
def aliases(aws_url: str) -> DynamoDbAliases:
    dynamodb = client("dynamodb", aws_url)
    create_table(dynamodb, TABLE)
    return DynamoDbAliases(Table(dynamodb, TABLE, FakeClock(), retention_days=30), 600)


def due(aliases: DynamoDbAliases) -> list[tuple[Alias, str | None, tuple[PendingMessage, ...]]]:
    return [found for shard in ALIAS_SHARDS for found in aliases.due(shard, 10**10, 100)]


@pytest.mark.parametrize("number", range(ROUNDS))
def test_nothing_that_is_pending_while_others_bind_and_sweep_is_lost(aliases: DynamoDbAliases, number: int) -> None:
    """Each message goes on from who let it wait, who bound, or who swept; in the end nothing waits."""
    alias = Alias("race", str(number))
    messages = [PendingMessage(f"m{n}", "recording", "{}", FakeClock().now + n) for n in range(MESSAGES)]
    gone_on: list[str] = []
    expired: list[str] = []

    def add_pending(pending: PendingMessage) -> None:
        if aliases.add_pending(alias, pending):
            gone_on.append(pending.identity)

    def bind(_: PendingMessage) -> None:
        for waiting in aliases.bind(alias, "call-1"):
            gone_on.append(waiting.identity)
            aliases.clear(alias, waiting)

    def sweep(pending: PendingMessage) -> None:
        if pending in aliases.waiting(alias):
            (gone_on if aliases.expire(alias, pending) else expired).append(pending.identity)

    work = [(add_pending, one) for one in messages] + [(bind, messages[0])] * 2 + [(sweep, one) for one in messages[:3]]
    random.Random(number).shuffle(work)  # noqa: S311 - an order, not a secret
    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(lambda task: task[0](task[1]), work))
    assert {*gone_on, *expired} == {one.identity for one in messages}
    assert (aliases.target(alias), aliases.waiting(alias), due(aliases)) == ("call-1", (), [])


def test_what_is_put_off_is_there_and_due_later(aliases: DynamoDbAliases) -> None:
    """On an emulator that knows DynamoDB's reserved words."""
    alias, pending = Alias("race", "put off"), PendingMessage("m", "recording", "{}", FakeClock().now)
    aliases.put_off(alias, pending, 10**11)
    assert aliases.waiting(alias) == ()
    aliases.add_pending(alias, pending)
    aliases.put_off(alias, pending, 10**11)
    assert (aliases.waiting(alias), due(aliases)) == ((pending,), [])
