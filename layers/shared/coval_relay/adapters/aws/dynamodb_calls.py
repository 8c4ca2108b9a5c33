"""The conversation table: one item a call, every write conditional on the revision that was seen."""

import json
import uuid
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import TypeAdapter, ValidationError

from coval_relay.adapters.aws.dynamodb_items import (
    DAY_SECONDS,
    INDEX,
    KEY,
    UNREADABLE,
    key,
    plain,
    readable,
    serialized,
    unreachable,
)
from coval_relay.boundary import fault
from coval_relay.domain.call import Call
from coval_relay.domain.errors import PermanentError
from coval_relay.domain.ports import SHARDS, Clock, ConflictError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

OPTIONAL = ("facts", "described", "transcript", "lease", "conversation_id", "sent", "reason", "recording", "due_at")
DERIVED = ("recording_state", "sweep_shard")


@cache
def _calls() -> TypeAdapter[Call]:
    return TypeAdapter(Call)


def to_item(call: Call) -> dict[str, Any]:
    """The item's attributes: what is None is left out, facts are JSON (they may hold fractions)."""
    item: dict[str, Any] = _calls().dump_python(call, mode="json", exclude_none=True)
    if call.facts is not None:
        item["facts"] = json.dumps(item["facts"])
    if call.recording is not None:
        item["recording_state"] = call.recording.state.value
    if call.due_at is not None:
        item["sweep_shard"] = zlib.crc32(call.external_conversation_id.encode()) % SHARDS
    return item


def from_item(item: Mapping[str, Any]) -> Call:
    """The call in an item's attributes; raises PermanentError for what no version has written."""
    try:
        facts = json.loads(item["facts"]) if "facts" in item else None
        return _calls().validate_python({**item, "facts": facts})
    except ValidationError as error:
        broken = fault(error, "item")
        raise PermanentError(UNREADABLE, f"The call's item in the table breaks a rule: {broken}") from None
    except (ValueError, TypeError, RecursionError):
        raise PermanentError(UNREADABLE, "The call's item in the table has facts that are no JSON.") from None


@dataclass(frozen=True, slots=True)
class DynamoDbCalls:
    """The CallStore on DynamoDB; `expires_at` is garbage collection only, nothing reads it."""

    client: "DynamoDBClient"
    table: str
    clock: Clock
    retention_days: int

    def get(self, external_conversation_id: str) -> Call:
        try:
            answer = self.client.get_item(TableName=self.table, Key=key(external_conversation_id), ConsistentRead=True)
        except (BotoCoreError, ClientError) as error:
            raise unreachable(error) from error
        if "Item" not in answer:
            return Call(external_conversation_id=external_conversation_id)
        return from_item(plain(answer["Item"]))

    def save(self, seen: Call, call: Call) -> Call:
        """One conditional UpdateItem.

        The SDK repeats a write whose answer was lost, and then loses against itself:

            write ── applied ── answer lost ── repeated ── condition fails, the item carries our write_id
        """
        written = replace(call, revision=seen.revision + 1)
        write_id = uuid.uuid4().hex
        try:
            self.client.update_item(**self._update(seen, written, write_id))
        except self.client.exceptions.ConditionalCheckFailedException as error:
            current = plain(cast("dict[str, Any]", error.response.get("Item", {})))
            if current.get("write_id") != write_id:
                raise ConflictError(self._current(seen, current)) from None
        except (BotoCoreError, ClientError) as error:
            raise unreachable(error) from error
        return written

    def due(self, shard: int, now: int, limit: int) -> Iterator[Call]:
        try:
            answer = self.client.query(
                TableName=self.table,
                IndexName=INDEX,
                KeyConditionExpression="sweep_shard = :shard AND due_at <= :now",
                ExpressionAttributeValues={":shard": {"N": str(shard)}, ":now": {"N": str(now)}},
                Limit=limit,
            )
        except (BotoCoreError, ClientError) as error:
            raise unreachable(error) from error
        return readable(answer["Items"], lambda item: from_item(plain(item)))

    def _current(self, seen: Call, item: Mapping[str, Any]) -> Call:
        return from_item(item) if item else Call(external_conversation_id=seen.external_conversation_id)

    def _update(self, seen: Call, call: Call, write_id: str) -> dict[str, Any]:
        item = to_item(call)
        name = item.pop(KEY)
        now = self.clock()
        item |= {
            "write_id": write_id,
            "updated_at": now,
            "expires_at": now + self.retention_days * DAY_SECONDS,
        }
        absent = [name for name in (*OPTIONAL, *DERIVED) if name not in item]
        names = {f"#{index}": name for index, name in enumerate([*item, *absent])}
        sets = ", ".join(f"#{index} = :{index}" for index in range(len(item)))
        removes = ", ".join(f"#{index}" for index in range(len(item), len(names)))
        values = {f":{index}": value for index, value in enumerate(item.values())}
        condition = "attribute_not_exists(revision)"
        if seen.revision:
            condition, values[":seen"] = "revision = :seen", seen.revision
        return {
            "TableName": self.table,
            "Key": key(name),
            "UpdateExpression": f"SET {sets}" + (f" REMOVE {removes}" if removes else ""),
            "ConditionExpression": condition,
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": {name: serialized(value) for name, value in values.items()},
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
