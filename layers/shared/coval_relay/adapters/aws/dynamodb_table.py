"""The conversation table, as all stores use it: docs/table.md names every item.

The SDK repeats a write whose answer was lost. That confuses no store: a call's write knows itself again by its
`write_id`, a transaction by its token, and all others have the same end when they are applied twice.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar, cast

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import BotoCoreError, ClientError

from coval_relay.domain.errors import PermanentError, RetryableError
from coval_relay.domain.ports import Clock

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEY, ITEM_KEY = "external_conversation_id", "item_key"
INDEX = "due"
DAY_SECONDS = 86_400
Item = Mapping[str, Any]
T = TypeVar("T")
UNREADABLE = "item_unreadable"
CONDITION_FAILED = "ConditionalCheckFailed"
TOO_LARGE = PermanentError("item_too_large", "An item of the table holds at most 400 KB.")

serialized = TypeSerializer().serialize
_deserialized = TypeDeserializer().deserialize


@dataclass(unsafe_hash=True)
class ConditionFailedError(Exception):
    """The write's condition does not hold for the item, which is `current`."""

    current: Item = field(hash=False)


@dataclass(frozen=True, slots=True)
class Write:
    """An update of one item: `kept` is set where it is absent, `values` stand in the condition."""

    name: str
    item_key: str
    sets: Item = field(default_factory=dict)
    kept: Item = field(default_factory=dict)
    removes: Sequence[str] = ()
    condition: str = ""
    values: Item = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Table:
    """All requests; they raise RetryableError, and `expires_at` is garbage collection only, nothing reads it."""

    client: "DynamoDBClient"
    name: str
    clock: Clock
    retention_days: int

    def get(self, name: str, item_key: str) -> Item:
        """Strongly consistent; empty where there is none."""
        answer = self._ask(self.client.get_item, Key=_key(name, item_key), ConsistentRead=True, TableName=self.name)
        return plain(answer.get("Item", {}))

    def all_of(self, name: str, prefix: str) -> Iterator[Item]:
        """The items of one name whose keys begin so, strongly consistent."""
        values = {":name": {"S": name}, ":prefix": {"S": prefix}}
        condition = f"{KEY} = :name AND begins_with({ITEM_KEY}, :prefix)"
        return self._query(None, condition, values, ConsistentRead=True)

    def due(self, shard: int, now: int, limit: int) -> Iterator[Item]:
        """Those that the index finds, as they stand: the index has their keys only, and may be a little stale."""
        values = {":shard": {"N": str(shard)}, ":now": {"N": str(now)}}
        condition = "sweep_shard = :shard AND due_at <= :now"
        for found in self._query(limit, condition, values, IndexName=INDEX):
            item = self.get(found[KEY], found[ITEM_KEY])
            if item.get("due_at", now + 1) <= now:
                yield item

    def update(self, write: Write) -> Item:
        """Returns the item as it was before; raises ConditionFailedError, PermanentError (too large)."""
        request = {**self._update(write), "ReturnValues": "ALL_OLD"}
        return plain(self._ask(self.client.update_item, **request).get("Attributes", {}))

    def update_all(self, *writes: Write) -> None:
        """All or none; raises as `update` does."""
        self._ask(self.client.transact_write_items, TransactItems=[{"Update": self._update(one)} for one in writes])

    def delete(self, name: str, item_key: str) -> None:
        self._ask(self.client.delete_item, Key=_key(name, item_key), TableName=self.name)

    # --- requests ------------------------------------------------------------------------------------

    def _query(self, limit: int | None, condition: str, values: Item, **more: Any) -> Iterator[Item]:
        pages = self.client.get_paginator("query").paginate(
            TableName=self.name,
            KeyConditionExpression=condition,
            ExpressionAttributeValues=values,
            PaginationConfig=cast("Any", {"MaxItems": limit, "PageSize": limit}),
            **more,
        )
        try:
            for page in pages:
                yield from map(plain, page["Items"])
        except (BotoCoreError, ClientError) as error:
            raise _error(error) from error

    def _update(self, write: Write) -> dict[str, Any]:
        now = self.clock()
        dates = {"updated_at": now, "expires_at": now + self.retention_days * DAY_SECONDS}
        given = {**write.kept, **write.sets, **dates}
        numbers = {name: number for number, name in enumerate([*given, *write.removes])}
        sets = [
            f"#{number} = if_not_exists(#{number}, :{number})" if name in write.kept else f"#{number} = :{number}"
            for name, number in numbers.items()
            if name in given
        ]
        removes = [f"#{numbers[name]}" for name in write.removes]
        values = {**{f":{numbers[name]}": value for name, value in given.items()}, **write.values}
        condition = {"ConditionExpression": write.condition} if write.condition else {}
        return {
            "TableName": self.name,
            "Key": _key(write.name, write.item_key),
            "UpdateExpression": f"SET {', '.join(sets)}" + (f" REMOVE {', '.join(removes)}" if removes else ""),
            "ExpressionAttributeNames": {f"#{number}": name for name, number in numbers.items()},
            "ExpressionAttributeValues": {name: serialized(value) for name, value in values.items()},
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            **condition,
        }

    def _ask(self, request: Callable[..., Any], **arguments: Any) -> Any:
        try:
            return request(**arguments)
        except (BotoCoreError, ClientError) as error:
            raise _error(error) from error


def plain(item: Item) -> dict[str, Any]:
    """An item as Python values; its numbers are Decimals."""
    return {name: _deserialized(value) for name, value in item.items()}


def readable(items: Iterable[Item], read: Callable[[Item], T]) -> Iterator[T]:
    """The readable ones; raises PermanentError after the last where one is not: it stops no other."""
    broken: PermanentError | None = None
    for item in items:
        try:
            yield read(item)
        except PermanentError as error:
            broken = error
    if broken:
        raise broken


def _key(name: str, item_key: str) -> dict[str, Any]:
    return {KEY: {"S": name}, ITEM_KEY: {"S": item_key}}


def _error(error: BotoCoreError | ClientError) -> ConditionFailedError | PermanentError | RetryableError:
    """What an error means; that of a transaction is the first of its writes' (TransactWriteItems, cancellation)."""
    if not isinstance(error, ClientError):
        return RetryableError(f"table_{type(error).__name__}")
    response = cast("dict[str, Any]", error.response)
    details = {**response["Error"], "Item": response.get("Item", {})}
    details |= next((one for one in response.get("CancellationReasons", ()) if one["Code"] != "None"), {})
    code = details["Code"].removesuffix("Exception")
    if code == CONDITION_FAILED:
        return ConditionFailedError(plain(details.get("Item", {})))
    if "item size" in details.get("Message", "").lower():  # DynamoDB, quotas: item size
        return TOO_LARGE
    return RetryableError(f"table_{details['Code']}")
