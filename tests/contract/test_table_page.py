"""docs/table.md names every item, its keys and its attributes: all that the stores write, and nothing else."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from coval_relay.adapters.aws.dynamodb_aliases import DynamoDbAliases
from coval_relay.adapters.aws.dynamodb_calls import DynamoDbCalls
from coval_relay.adapters.aws.dynamodb_table import Table
from coval_relay.adapters.aws.dynamodb_utterances import DynamoDbUtterances
from coval_relay.domain.call import Call
from coval_relay.domain.call_aliases import Alias, PendingMessage
from coval_relay.domain.ports import ALIAS_SHARDS, SHARDS
from coval_relay.domain.transcript import Utterance
from tests.contract.test_call_store import FULL
from tests.support.dynamodb_table import create_table
from tests.support.fakes import FakeClock

PAGE = (Path(__file__).parents[2] / "docs" / "table.md").read_text()
ALIAS = Alias("leg", "1")
PENDING = PendingMessage("s3://b/k#v", "recording", "{}", 1)
EVERYWHERE = {"external_conversation_id", "item_key", "updated_at", "expires_at"}


def _calls(table: Table) -> None:
    DynamoDbCalls(table).save(Call(external_conversation_id=FULL.external_conversation_id), FULL)


def _utterances(table: Table) -> None:
    DynamoDbUtterances(table).add("call-1", (Utterance("1", "user", "Hi.", 1.0, 2.0),))


def _bound(table: Table) -> None:
    _pending(table)
    DynamoDbAliases(table, 60).bind(ALIAS, "call-1")


def _pending(table: Table) -> None:
    DynamoDbAliases(table, 60).add_pending(ALIAS, PENDING)


WRITES: dict[str, tuple[Callable[[Table], None], str, str]] = {
    "call": (_calls, FULL.external_conversation_id, "call"),
    "utterances": (_utterances, "call-1", "utterances#"),
    "alias": (_bound, "alias#leg#1", "alias"),
    "pending": (_pending, "alias#leg#1", "pending#"),
}


def written(kind: str) -> list[dict[str, Any]]:
    write, name, item_key = WRITES[kind]
    client = boto3.client("dynamodb", region_name="us-east-1")
    create_table(client, "calls")
    write(Table(client, "calls", FakeClock(), 30))
    items = client.scan(TableName="calls")["Items"]
    keys = [(item["external_conversation_id"]["S"], item["item_key"]["S"]) for item in items]
    return [
        item
        for item, (own, own_key) in zip(items, keys, strict=True)
        if own == name and (own_key.startswith(item_key) if item_key.endswith("#") else own_key == item_key)
    ]


def section(heading: str) -> str:
    return PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def named(text: str) -> set[str]:
    return set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE))


@pytest.mark.parametrize("kind", WRITES)
@mock_aws
def test_the_page_names_the_attributes_that_are_written(kind: str) -> None:
    (item,) = written(kind)
    assert named(section(kind)) == item.keys() - EVERYWHERE
    assert item.keys() >= EVERYWHERE


def test_the_page_names_every_kind_of_item_and_what_all_have() -> None:
    beginning = PAGE.partition("\n## ")[0]
    assert re.findall(r"^\| \[[\w ]+\]\(#(\w+)\)", beginning, re.MULTILINE) == list(WRITES)
    assert named(beginning) | {"external_conversation_id", "item_key"} == EVERYWHERE


def test_the_page_names_the_shards() -> None:
    assert f"0 to {SHARDS - 1};" in section("call")
    assert f"{ALIAS_SHARDS[0]} to {ALIAS_SHARDS[-1]} |" in section("pending")
