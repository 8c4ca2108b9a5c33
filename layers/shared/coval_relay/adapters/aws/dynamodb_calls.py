"""The calls' items: every write is conditional on the revision that was seen."""

import json
import uuid
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from coval_relay.adapters.aws.dynamodb_table import KEY, UNREADABLE, ConditionFailedError, Table, Write, readable
from coval_relay.boundary_models import fault
from coval_relay.domain.call import Call
from coval_relay.domain.errors import PermanentError
from coval_relay.domain.ports import SHARDS, ConflictError

CALL = "call"
DERIVED = ("recording_state", "sweep_shard")
ATTRIBUTES = (*(field.name for field in fields(Call) if field.name != KEY), *DERIVED)


@cache
def _calls() -> TypeAdapter[Call]:
    return TypeAdapter(Call)


def to_item(call: Call) -> dict[str, Any]:
    """The item's attributes: the state, and what is not as it was at first; facts are JSON (they may hold fractions).

    DynamoDB counts a write by each 1 KB of its item, and a usual call ends just below that.
    """
    item: dict[str, Any] = _calls().dump_python(call, mode="json", exclude_defaults=True, exclude_none=True)
    item["state"] = call.state.value
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
    """The CallStore on DynamoDB."""

    table: Table

    def get(self, external_conversation_id: str) -> Call:
        return _call(external_conversation_id, self.table.get(external_conversation_id, CALL))

    def save(self, seen: Call, call: Call) -> Call:
        """One conditional UpdateItem.

        The SDK repeats a write whose answer was lost, and then loses against itself:

            write ── applied ── answer lost ── repeated ── condition fails, the item carries our write_id
        """
        written = replace(call, revision=seen.revision + 1)
        write_id = uuid.uuid4().hex
        try:
            self.table.update(_write(seen, written, write_id))
        except ConditionFailedError as failed:
            if failed.current.get("write_id") != write_id:
                raise ConflictError(_call(seen.external_conversation_id, failed.current)) from None
        return written

    def due(self, shard: int, now: int, limit: int) -> Iterator[Call]:
        return readable(self.table.due(shard, now, limit), from_item)


def _call(name: str, item: Mapping[str, Any]) -> Call:
    return from_item(item) if item else Call(external_conversation_id=name)


def _write(seen: Call, call: Call, write_id: str) -> Write:
    item = to_item(call)
    return Write(
        item.pop(KEY),
        CALL,
        sets={**item, "write_id": write_id},
        removes=[name for name in ATTRIBUTES if name not in item],
        condition="revision = :seen" if seen.revision else "attribute_not_exists(revision)",
        values={":seen": seen.revision} if seen.revision else {},
    )
