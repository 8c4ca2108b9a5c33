"""The aliases' items: where an alias leads, and beside it an item for each message that is pending under it.

That an alias is not bound and that a message is pending under it are written in one transaction, which also marks
the alias, so that who binds one without a mark need not look:

    message    ── not bound: pending item and mark ──────────┐          (together, or not at all)
    binding                                                  └─ target ── marked: looks ── sends on ── clears
    message                                                                 └─ bound: goes on with the target

A message whose time is over is taken out before the alias is looked at. So it is either in what the binding finds, or
its own expiry sees the target, or there was none until its end:

    expiry     ── takes out ────────── no target ── dead letter
    binding        └─ target ── finds nothing          └─ target: the expiry was first
    expiry     ────────── takes out ── target ── sends on
"""

import hashlib
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass

from coval_relay.adapters.aws.dynamodb_table import KEY, UNREADABLE, ConditionFailedError, Item, Table, Write, readable
from coval_relay.domain.call_aliases import Alias, PendingMessage, alias_of
from coval_relay.domain.errors import PermanentError
from coval_relay.domain.ports import ALIAS_SHARDS, AliasTakenError

ALIAS, PENDING = "alias", "pending#"


@dataclass(frozen=True, slots=True)
class DynamoDbAliases:
    """The Aliases on DynamoDB; a pending message is due when its time is over."""

    table: Table
    pending_seconds: int

    def target(self, alias: Alias) -> str | None:
        return self.table.get(alias.key, ALIAS).get("target")

    def waiting(self, alias: Alias) -> tuple[PendingMessage, ...]:
        found = map(_pending_message, self.table.all_of(alias.key, PENDING))
        return tuple(sorted(found, key=lambda one: (one.pending_since, one.identity)))

    def add_pending(self, alias: Alias, pending: PendingMessage) -> str | None:
        # Most are bound, and a read costs a tenth of a transaction that fails its condition.
        target = self.target(alias)
        if target is not None:
            return target
        mark = Write(alias.key, ALIAS, sets={"has_pending": True}, condition="attribute_not_exists(target)")
        due_at, sweep_shard = pending.pending_since + self.pending_seconds, shard_of(pending)
        kept = {**asdict(pending), "due_at": due_at, "sweep_shard": sweep_shard}
        try:
            self.table.update_all(mark, Write(alias.key, _item_key(pending), kept=kept))
        except ConditionFailedError as failed:
            return str(failed.current["target"])
        return None

    def bind(self, alias: Alias, target: str) -> tuple[PendingMessage, ...]:
        unbound = "attribute_not_exists(target) OR target = :target"
        write = Write(alias.key, ALIAS, sets={"target": target}, condition=unbound, values={":target": target})
        try:
            before = self.table.update(write)
        except ConditionFailedError as failed:
            raise AliasTakenError(str(failed.current["target"])) from None
        return self.waiting(alias) if "has_pending" in before else ()

    def clear(self, alias: Alias, pending: PendingMessage) -> None:
        self.table.delete(alias.key, _item_key(pending))

    def expire(self, alias: Alias, pending: PendingMessage) -> str | None:
        self.clear(alias, pending)
        return self.target(alias)

    def put_off(self, alias: Alias, pending: PendingMessage, until: int) -> None:
        there = Write(alias.key, _item_key(pending), sets={"due_at": until}, condition="attribute_exists(item_key)")
        with suppress(ConditionFailedError):
            self.table.update(there)

    def due(self, shard: int, now: int, limit: int) -> Iterator[tuple[Alias, str | None, tuple[PendingMessage, ...]]]:
        return readable(self.table.due(shard, now, limit), self._due)

    def _due(self, item: Item) -> tuple[Alias, str | None, tuple[PendingMessage, ...]]:
        alias, pending = alias_of(item[KEY]), _pending_message(item)
        assert alias is not None
        return alias, self.target(alias), (pending,)


def shard_of(pending: PendingMessage) -> int:
    return ALIAS_SHARDS[zlib.crc32(_item_key(pending).encode()) % len(ALIAS_SHARDS)]


def _item_key(pending: PendingMessage) -> str:
    return PENDING + hashlib.sha256(pending.identity.encode(errors="surrogatepass")).hexdigest()[:32]


def _pending_message(item: Item) -> PendingMessage:
    """Raises PermanentError for what no version has written."""
    try:
        return PendingMessage(item["identity"], item["queue"], item["event"], int(item["pending_since"]))
    except (KeyError, TypeError, ValueError):
        raise PermanentError(UNREADABLE, "A pending item of the table holds what no message is.") from None
