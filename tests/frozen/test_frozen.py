"""An upgrade may come at any moment: what an earlier version stored and queued, today's code brings to the same end."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from coval_relay import __version__
from coval_relay.adapters.aws.dynamodb_aliases import DynamoDbAliases
from coval_relay.adapters.aws.dynamodb_calls import DynamoDbCalls
from coval_relay.adapters.aws.dynamodb_table import Table
from coval_relay.adapters.aws.dynamodb_utterances import DynamoDbUtterances
from coval_relay.adapters.aws.queue_messages import KINDS
from coval_relay.domain.call import ConversationState, RecordingState
from coval_relay.domain.call_aliases import alias_of
from tests.frozen import moment
from tests.frozen.moment import Moment, from_line
from tests.support.dynamodb_table import create_table
from tests.support.fakes import FakeClock
from tests.support.world import PENDING_SECONDS, World

FILES = sorted(Path(__file__).parent.glob("*.jsonl"))
TABLE = "calls"
NEVER_QUEUED = {"Sweep"}
"""The schedule invokes the function with it."""
FIRST_STATE = {ConversationState.NEW.value}


def moments(file: Path) -> list[Moment]:
    return [from_line(line) for line in file.read_text(encoding="utf-8").splitlines()]


EVERY = [
    pytest.param(each, id=f"{file.stem}-{number}-{each.call}")
    for file in FILES
    for number, each in enumerate(moments(file))
]


@pytest.fixture
def client() -> Iterator[Any]:
    """A table of its own for each: a moment may have no item where another has one."""
    with mock_aws():
        client = boto3.client("dynamodb", region_name="us-east-1")
        create_table(client, TABLE)
        yield client


def read(frozen: Moment, client: Any, world: World) -> None:
    """Put the items into a table as they were, and into the world as today's stores read them."""
    table = Table(client, TABLE, FakeClock(frozen.now), 30)
    calls, aliases = DynamoDbCalls(table), DynamoDbAliases(table, PENDING_SECONDS)
    utterances = DynamoDbUtterances(table)
    for item in frozen.items:
        client.put_item(TableName=TABLE, Item=item)
    for name in {item["external_conversation_id"]["S"] for item in frozen.items}:
        if alias := alias_of(name):
            for pending in aliases.waiting(alias):
                world.aliases.add_pending(alias, pending)
            if target := aliases.target(alias):
                world.aliases.bind(alias, target)
        else:
            world.utterances.add(name, utterances.get_all(name))
            call = calls.get(name)
            if call.revision:
                world.store.items[name] = call


@pytest.mark.parametrize("frozen", EVERY)
def test_a_call_under_way_at_an_upgrade_ends_as_it_would_have(frozen: Moment, client: Any) -> None:
    world = World()
    moment.restore(frozen, world)
    read(frozen, client, world)
    world.run()
    assert moment.outcome(world) == frozen.ends


def test_this_version_s_moments_show_every_state_and_message() -> None:
    shown = moments(Path(__file__).parent / f"{__version__}.jsonl")
    states = set().union(*map(moment.states, shown))
    assert states >= {state.value for state in (*ConversationState, *RecordingState)} - FIRST_STATE
    assert {moment.kind(message) for each in shown for message in each.queued} >= {*KINDS} - NEVER_QUEUED
