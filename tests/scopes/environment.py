"""What the workers share, in parts that are values: the calls, the aliases, Coval, the files."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from coval_relay.domain.aliases import Alias
from coval_relay.domain.coval import ContentType, Conversation, Filtered, Upload
from coval_relay.domain.recordings import ObjectVersion
from tests.scopes.canonical import Pool
from tests.scopes.program import Answer, Effect
from tests.support.fakes import FakeBucket, FakeClock, FakeCoval, FakeDocuments, InMemoryCalls
from tests.support.in_memory import AliasItem, InMemoryAliases, InMemoryStaging
from tests.support.world import DEADLINES, PARKING_SECONDS

PARTS = ("store", "aliases", "coval", "files")


@dataclass
class WatchedCoval(FakeCoval):
    """Coval that notes what must never be done."""

    unread: bool = False
    """Whether a POST may have made something since the last strong read."""
    posts: int = 0
    slots: int = 0
    broken: list[str] = field(default_factory=list)

    def submit(self, body: bytes) -> Conversation | Filtered:
        if self.unread:
            self.broken.append("P1: POST again, and nobody has read since the last one")
        self.posts += 1
        answer = super().submit(body)
        self.unread = True
        if len(self.conversations) > 1:
            self.broken.append("P1: a second conversation in Coval")
        return answer

    def create_upload(self, content_type: ContentType, size: int) -> Upload:
        """Numbered apart from the conversations: whether one was made before does not show in a name."""
        kept, self.serial = self.serial, self.slots
        made = super().create_upload(content_type, size)
        self.serial, self.slots = kept, self.serial
        return made

    def lose_submit(self, _: bytes) -> None:
        """The POST never arrives, and its sender does not know."""
        self.unread = True

    def find(self, external_conversation_id: str) -> list[Conversation]:
        self.unread = False
        return super().find(external_conversation_id)

    def delete(self, conversation_id: str) -> None:
        self.broken.append("P1: a conversation had to be deleted")
        super().delete(conversation_id)


class _Files:
    """The recordings and the copies of them."""

    def __init__(self, bucket: FakeBucket, serial: int) -> None:
        self.bucket = bucket
        self.staging = InMemoryStaging(bucket, serial=serial)

    def store(self, name: str, content: bytes) -> tuple[ObjectVersion, int]:
        return self.staging.store(name, lambda sink: sink.write(content))

    def stream(self, version: ObjectVersion) -> list[bytes]:
        return list(self.bucket.stream(version))

    def __getattr__(self, method: str) -> Any:
        return getattr(self.bucket, method)


@dataclass
class Environment:
    """Carries out effects on the parts; what never changes in a scope stands here itself."""

    pool: Pool
    store_type: type[InMemoryCalls] = InMemoryCalls
    documents: FakeDocuments = field(default_factory=FakeDocuments)
    metadata: dict[str, dict[str, str]] = field(default_factory=dict)
    _known: dict[tuple[int, int, int], tuple[int, int]] = field(default_factory=dict)

    def empty(self) -> dict[str, int]:
        """The number of each part as it is at first."""
        parts: dict[str, Any] = {"store": {}, "aliases": {}, "files": ({}, 0)}
        coval = _coval_value(WatchedCoval())
        return {name: self.pool.number(value) for name, value in {**parts, "coval": coval}.items()}

    def put(self, files: int, key: str, entry: tuple[str, bytes]) -> int:
        """The files with one more."""
        objects, serial = self.pool.values[files]
        return self.pool.number(({**objects, key: entry}, serial))

    def apply(self, effect: int, part: int, now: int) -> tuple[int, int]:
        """The number of the answer, and of the part afterwards."""
        known = self._known.get((effect, part, now))
        if known is None:
            asked: Effect = self.pool.values[effect]
            known = self._known[effect, part, now] = self._carry_out(asked, part, now)
        return known

    def _carry_out(self, effect: Effect, part: int, now: int) -> tuple[int, int]:
        if effect.port not in PARTS:
            return self.pool.number(_answer(self.documents, effect)), part
        target, value = self._open(effect.port, self.pool.values[part], now)
        answer = self.pool.number(_answer(target, effect))
        return answer, self.pool.number(value())

    def _open(self, port: str, value: Any, now: int) -> tuple[Any, Callable[[], Any]]:
        """The fake with this value in it, and what gives its value afterwards."""
        if port == "store":
            calls = self.store_type(dict(value))
            return calls, lambda: calls.items
        if port == "aliases":
            aliases = InMemoryAliases(FakeClock(now), PARKING_SECONDS, DEADLINES.resume, _copied(value))
            return aliases, lambda: aliases.items
        if port == "files":
            files = _Files(FakeBucket(dict(value[0]), self.metadata), value[1])
            return files, lambda: (files.bucket.objects, files.staging.serial)
        coval = _coval(value)
        return coval, lambda: _coval_value(coval)

    def due(self, store: int, aliases: int) -> list[int]:
        """When the sweep has something to do."""
        items = [*self.pool.values[store].values(), *self.pool.values[aliases].values()]
        moments: list[int | None] = [item.due_at for item in items]
        return [moment for moment in moments if moment is not None]


def _answer(target: Any, effect: Effect) -> Answer:
    try:
        told = getattr(target, effect.method)(*effect.arguments)
    except Exception as error:  # noqa: BLE001 - whatever a port raises is its answer
        return Answer(error=error.with_traceback(None))
    return Answer(list(told) if effect.method == "due" else told)


def _copied(items: dict[Alias, AliasItem]) -> dict[Alias, AliasItem]:
    return {alias: replace(item, parked=dict(item.parked)) for alias, item in items.items()}


def _coval(value: dict[str, Any]) -> WatchedCoval:
    conversations = {name: dict(held) for name, held in value["conversations"].items()}
    kept = {**value, "conversations": conversations}
    return WatchedCoval(**{**kept, "uploads": dict(value["uploads"]), "broken": list(value["broken"])})


def _coval_value(coval: WatchedCoval) -> dict[str, Any]:
    names = ("conversations", "serial", "slots", "unread", "posts", "broken")
    return {"uploads": dict(sorted(coval.uploads.items())), **{name: getattr(coval, name) for name in names}}
