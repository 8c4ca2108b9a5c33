"""One moment of a call under way, as JSON: the table's items, the queues' messages, and the world around the relay."""

import base64
import bz2
import json
from dataclasses import dataclass
from typing import Any

from tests.support.aws_queues import QueuedMessage
from tests.support.scenarios import compared
from tests.support.world import World

MESSAGE = ("queue", "body", "visible_at", "sent_at", "receives")
Outcome = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Moment:
    """`items` in DynamoDB's own form; `around` is what of Coval and the buckets the rest of the call needs."""

    call: str
    now: int
    items: list[dict[str, Any]]
    queued: list[dict[str, Any]]
    around: dict[str, Any]
    ends: Outcome = ()

    def shapes(self) -> set[str]:
        """What the moment shows: items by state and attributes, messages by kind and fields."""
        items = {repr((_state(item), *sorted(item))) for item in self.items}
        return items | {repr((message["queue"], kind(message), *_detail(message))) for message in self.queued}

    def to_line(self) -> str:
        fields = {name: getattr(self, name) for name in self.__slots__}
        return json.dumps(fields, sort_keys=True, ensure_ascii=False)


def from_line(line: str) -> Moment:
    fields = json.loads(line)
    return Moment(**{**fields, "ends": tuple(fields["ends"])})


def states(moment: Moment) -> set[str]:
    """The states of calls and recordings in the items."""
    return {state for item in moment.items for state in _state(item).split("/") if state}


def kind(message: dict[str, Any]) -> str:
    return str(json.loads(message["body"]).get("detail-type"))


def _detail(message: dict[str, Any]) -> list[str]:
    return sorted(json.loads(message["body"]).get("detail", {}))


def _state(item: dict[str, Any]) -> str:
    return "/".join(item.get(name, {"S": ""})["S"] for name in ("state", "recording_state"))


def queued(world: World) -> list[dict[str, Any]]:
    return [{name: getattr(message, name) for name in MESSAGE} for message in world.queued]


def around(world: World) -> dict[str, Any]:
    """What the fakes hold; bytes are packed."""
    held = {
        "conversations": world.coval.conversations,
        "uploads": world.coval.uploads,
        "serial": world.coval.serial,
        "objects": {key: list(value) for key, value in world.bucket.objects.items()},
        "metadata": world.bucket.metadata,
        "transcripts": world.transcript_objects.transcript_objects,
        "urls": world.urls.contents,
    }
    copied: dict[str, Any] = json.loads(json.dumps(held, default=_packed))
    return copied


def restore(moment: Moment, world: World) -> None:
    """Everything but the items, which are for the product's own code to read."""
    held = _unpacked(moment.around)
    world.clock.now = moment.now
    world.queued.extend(QueuedMessage(**message) for message in moment.queued)
    world.coval.conversations, world.coval.uploads = held["conversations"], held["uploads"]
    world.coval.serial = held["serial"]
    world.bucket.objects.update({key: tuple(value) for key, value in held["objects"].items()})
    world.bucket.metadata.update(held["metadata"])
    world.transcript_objects.transcript_objects.update(held["transcripts"])
    world.urls.contents.update(held["urls"])


def outcome(world: World) -> Outcome:
    """How the call ended in the item and in Coval, and what else is left."""
    conversations = list(world.coval.conversations.values())
    reasons = sorted(reason.code for _, _, reason in world.dead if reason)
    return (*compared(world, conversations), reasons, len(world.all_pending()))


def _packed(value: object) -> dict[str, str]:
    assert isinstance(value, bytes)
    return {"packed": base64.b64encode(bz2.compress(value)).decode()}


def _unpacked(value: Any) -> Any:
    if isinstance(value, list):
        return [_unpacked(part) for part in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"packed"}:
        return bz2.decompress(base64.b64decode(value["packed"]))
    return {name: _unpacked(part) for name, part in value.items()}
