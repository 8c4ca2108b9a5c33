"""The aliases' items in the conversation table: where a name leads, and what waits under it.

Each message that waits is an attribute of its own, `waiting` the set of their digests: so to park and to
take out need no reading first, and the set can be compared and counted in conditions.

The SDK repeats a write whose answer was lost. That confuses no operation, for each is idempotent by value:

    park    the entry stands there, the first one stays; bound since: the target, and the binder saw the entry
    bind    equal to the target that is there: passes, and returns what is still parked
    clear   the entry is gone: done
    expire  the entry is gone: done; bound since: the target, and the caller sends on, which does no harm
"""

import hashlib
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import BotoCoreError, ClientError

from coval_relay.adapters.aws.dynamodb_items import (
    DAY_SECONDS,
    INDEX,
    KEY,
    UNREADABLE,
    is_full,
    key,
    plain,
    readable,
    serialized,
    unreachable,
)
from coval_relay.domain.aliases import Alias, PendingMessage, alias_of
from coval_relay.domain.errors import PermanentError, RetryableError
from coval_relay.domain.ports import ALIAS_SHARDS, MAX_PENDING, AliasTakenError, Clock

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

ENTRY = "parked#"
FULL_SECONDS = 900
"""The queue's longest delay: it keeps what found no room until others have been sent on."""


@dataclass(frozen=True, slots=True)
class _State:
    """What an alias's item tells; nothing where there is none."""

    target: str | None = None
    pending: tuple[PendingMessage, ...] = ()

    def without(self, pending: PendingMessage) -> tuple[PendingMessage, ...]:
        return tuple(other for other in self.pending if other.identity != pending.identity)


@dataclass(frozen=True, slots=True)
class _Write:
    """A conditional update; `sets` and `values` by attribute, `entry` is the parked message it is about."""

    condition: str
    sets: tuple[str, ...] = ()
    rest: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    entry: str = ""


@dataclass(frozen=True, slots=True)
class DynamoDbAliases:
    """The Aliases on DynamoDB; an item is due while something waits under it, and only then."""

    client: "DynamoDBClient"
    table: str
    clock: Clock
    pending_seconds: int
    retention_days: int

    def target(self, alias: Alias) -> str | None:
        return self._read(alias).target

    def waiting(self, alias: Alias) -> tuple[PendingMessage, ...]:
        return self._read(alias).pending

    def add_pending(self, alias: Alias, pending: PendingMessage) -> str | None:
        applied, state = self._update(alias, self._addition(alias, pending))
        if not applied and state.target is None:
            raise _full()
        return state.target

    def bind(self, alias: Alias, target: str) -> tuple[PendingMessage, ...]:
        state = _State()
        while True:  # the first write takes it that nothing waits; a rejected one shows what does
            applied, state = self._update(alias, self._binding(alias, target, state))
            if applied:
                return state.pending
            if state.target not in (None, target):
                raise AliasTakenError(str(state.target))

    def clear(self, alias: Alias, pending: PendingMessage) -> None:
        self._remove(alias, pending, also_bound=True)

    def expire(self, alias: Alias, pending: PendingMessage) -> str | None:
        return self._remove(alias, pending, also_bound=False).target

    def due(self, shard: int, now: int, limit: int) -> Iterator[tuple[Alias, str | None, tuple[PendingMessage, ...]]]:
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
        return readable(answer["Items"], _told)

    def _remove(self, alias: Alias, pending: PendingMessage, *, also_bound: bool) -> _State:
        others: tuple[PendingMessage, ...] = ()
        bound = also_bound
        while True:  # the first write takes it that nothing else waits; a rejected one shows what does
            applied, state = self._update(alias, self._removal(pending, others, bound=bound))
            others, bound = state.without(pending), state.target is not None
            if applied or len(others) == len(state.pending) or (bound and not also_bound):
                return state

    # --- the writes ----------------------------------------------------------------------------------

    def _addition(self, alias: Alias, pending: PendingMessage) -> _Write:
        digest = _digest(pending.identity)
        return _Write(
            "attribute_not_exists(target) AND (attribute_not_exists(waiting)"
            " OR size(waiting) < :most OR contains(waiting, :digest))",
            (
                "#entry = if_not_exists(#entry, :entry)",
                "due_at = if_not_exists(due_at, :due)",
                "sweep_shard = :shard",
            ),
            "ADD waiting :digests",
            {
                ":entry": serialized(_entry_of(pending)),
                ":due": _number(pending.pending_since + self.pending_seconds),
                ":shard": _number(shard_of(alias)),
                ":most": _number(MAX_PENDING),
                ":digest": {"S": digest},
                ":digests": {"SS": [digest]},
            },
            ENTRY + digest,
        )

    def _binding(self, alias: Alias, target: str, seen: _State) -> _Write:
        condition = "(attribute_not_exists(target) OR target = :target)"
        values = {":target": {"S": target}}
        if not seen.pending:
            return _Write(f"{condition} AND attribute_not_exists(waiting)", ("target = :target",), "", values)
        return _Write(
            f"{condition} AND attribute_exists(waiting)",
            ("target = :target", "due_at = :due", "sweep_shard = :shard"),
            "",
            {**values, ":due": _number(self._due((), bound=True)), ":shard": _number(shard_of(alias))},
        )

    def _removal(self, pending: PendingMessage, others: tuple[PendingMessage, ...], *, bound: bool) -> _Write:
        digest = _digest(pending.identity)
        seen = sorted([digest, *(_digest(other.identity) for other in others)])
        exists = "attribute_exists" if bound else "attribute_not_exists"
        condition, values = f"waiting = :seen AND {exists}(target)", {":seen": {"SS": seen}}
        if not others:
            return _Write(condition, (), "REMOVE #entry, waiting, due_at, sweep_shard", values, ENTRY + digest)
        due = _number(self._due(others, bound=bound))
        return _Write(
            condition,
            ("due_at = :due",),
            "REMOVE #entry DELETE waiting :digests",
            {**values, ":due": due, ":digests": {"SS": [digest]}},
            ENTRY + digest,
        )

    def _due(self, pending: tuple[PendingMessage, ...], *, bound: bool) -> int:
        if bound:
            return self.clock()
        return min(one.pending_since for one in pending) + self.pending_seconds

    # --- the table -----------------------------------------------------------------------------------

    def _read(self, alias: Alias) -> _State:
        try:
            answer = self.client.get_item(TableName=self.table, Key=key(alias.key), ConsistentRead=True)
        except (BotoCoreError, ClientError) as error:
            raise unreachable(error) from error
        return _state(answer.get("Item", {}))

    def _update(self, alias: Alias, write: _Write) -> tuple[bool, _State]:
        """One UpdateItem: whether it was applied, and how the item stands now."""
        now = self.clock()
        dates = {":now": _number(now), ":expires": _number(now + self.retention_days * DAY_SECONDS)}
        sets = ", ".join([*write.sets, "updated_at = :now", "expires_at = :expires"])
        request: dict[str, Any] = {
            "TableName": self.table,
            "Key": key(alias.key),
            "UpdateExpression": f"SET {sets} {write.rest}".strip(),
            "ConditionExpression": write.condition,
            "ExpressionAttributeValues": {**write.values, **dates},
            "ReturnValues": "ALL_NEW",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        if write.entry:
            request["ExpressionAttributeNames"] = {"#entry": write.entry}
        try:
            return True, _state(self.client.update_item(**request)["Attributes"])
        except self.client.exceptions.ConditionalCheckFailedException as error:
            return False, _state(cast("dict[str, Any]", error.response.get("Item", {})))
        except (BotoCoreError, ClientError) as error:
            raise (_full() if is_full(error) else unreachable(error)) from error


def shard_of(alias: Alias) -> int:
    return ALIAS_SHARDS[zlib.crc32(alias.key.encode()) % len(ALIAS_SHARDS)]


def _digest(identity: str) -> str:
    return hashlib.sha256(identity.encode(errors="surrogatepass")).hexdigest()[:32]


def _full() -> RetryableError:
    return RetryableError("pending_full", FULL_SECONDS)


def _number(value: int) -> dict[str, str]:
    return {"N": str(value)}


def _entry_of(pending: PendingMessage) -> dict[str, Any]:
    return {
        "identity": pending.identity,
        "queue": pending.queue,
        "event": pending.event,
        "parked_at": pending.pending_since,
    }


def _pending_message(entry: Mapping[str, Any]) -> PendingMessage:
    """Raises PermanentError for what no version has written."""
    try:
        return PendingMessage(entry["identity"], entry["queue"], entry["event"], int(entry["parked_at"]))
    except (KeyError, TypeError, ValueError):
        raise PermanentError(UNREADABLE, "An alias's item in the table holds what no message is.") from None


def _state(item: Mapping[str, Any]) -> _State:
    values = plain(item)
    pending = (_pending_message(value) for name, value in values.items() if name.startswith(ENTRY))
    ordered = sorted(pending, key=lambda one: (one.pending_since, one.identity))
    return _State(values.get("target"), tuple(ordered))


def _told(item: Mapping[str, Any]) -> tuple[Alias, str | None, tuple[PendingMessage, ...]]:
    alias, state = alias_of(item[KEY]["S"]), _state(item)
    assert alias is not None
    return alias, state.target, state.pending
