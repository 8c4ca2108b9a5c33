"""What the workers share, in parts that are values: the calls, the aliases, Coval, the files."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from coval_relay.domain.call_aliases import Alias
from coval_relay.domain.coval import ContentType, Conversation, Filtered, Upload
from coval_relay.domain.s3_objects import ObjectVersion
from tests.scopes.canonical import Pool
from tests.scopes.program import TOKEN, Answer, Effect
from tests.support.fakes import FakeBucket, FakeCoval, FakeTranscriptObjects, InMemoryCalls
from tests.support.in_memory import AliasItem, InMemoryAliases, InMemoryStaging
from tests.support.world import PENDING_SECONDS


@dataclass
class WatchedCoval(FakeCoval):
    """Coval that notes what must never be done."""

    unread: bool = False
    """Whether a POST may have made something since the last strong read."""
    late: bool = False
    """Whether a POST has landed late: then a second conversation may be there, until the audit deletes it."""
    made: dict[str, int] = field(default_factory=dict)
    """How many uploads were made by those of each name."""
    broken: list[str] = field(default_factory=list)

    def submit(self, body: bytes) -> Conversation | Filtered:
        if self.unread:
            self.broken.append("P1: POST again, and nobody has read since the last one")
        answer = super().submit(body)
        self.unread = True
        if len(self.conversations) > 1 and not self.late:
            self.broken.append("P1: a second conversation in Coval")
        return answer

    def make_upload(self, content_type: ContentType, size: int, maker: str) -> Upload:
        """Named after its maker: whether others have made some before does not show in it."""
        made = super().create_upload(content_type, size)
        self.serial -= 1
        self.made[maker] = self.made.get(maker, 0) + 1
        return replace(made, upload_id=f"upl_{maker}_{self.made[maker]}")

    def lose_submit(self, _: bytes) -> None:
        """The POST never arrives, or much later, and its sender does not know."""
        self.unread = True

    def submit_late(self, body: bytes) -> Conversation | Filtered:
        self.late = True
        return super().submit(body)

    def find(self, external_conversation_id: str) -> list[Conversation]:
        self.unread = False
        return super().find(external_conversation_id)

    def delete(self, conversation_id: str) -> None:
        if not self.late:
            self.broken.append("P1: a conversation had to be deleted")
        super().delete(conversation_id)


class _Files:
    """The recordings and the copies of them."""

    def __init__(self, bucket: FakeBucket) -> None:
        self.bucket = bucket

    def store(self, name: str, content: bytes, maker: str) -> tuple[ObjectVersion, int]:
        """Named after its maker, as uploads are."""
        folder = f"{name}/{maker}"
        staging = InMemoryStaging(self.bucket, serial=sum(key.startswith(folder) for key in self.bucket.objects))
        return staging.store(folder, lambda sink: sink.write(content))

    def stream(self, version: ObjectVersion) -> list[bytes]:
        return list(self.bucket.stream(version))

    def __getattr__(self, method: str) -> Any:
        return getattr(self.bucket, method)


@dataclass
class Environment:
    """Carries out effects on the parts; what never changes in a scope stands here itself."""

    pool: Pool
    store_type: type[InMemoryCalls] = InMemoryCalls
    transcript_objects: FakeTranscriptObjects = field(default_factory=FakeTranscriptObjects)
    metadata: dict[str, dict[str, str]] = field(default_factory=dict)
    _known: dict[tuple[int, int, int], tuple[int, int]] = field(default_factory=dict)
    _due: dict[tuple[int, int], list[int]] = field(default_factory=dict)
    _leaseholders: dict[int, frozenset[str]] = field(default_factory=dict)

    def empty(self) -> dict[str, int]:
        """The number of each part as it is at first."""
        parts: dict[str, Any] = {"store": {}, "aliases": {}, "files": {}}
        coval = _coval_value(WatchedCoval())
        return {name: self.pool.number(value) for name, value in {**parts, "coval": coval}.items()}

    def put(self, files: int, key: str, entry: tuple[str, bytes]) -> int:
        """The files with one more."""
        return self.pool.number({**self.pool.values[files], key: entry})

    def apply(self, effect: int, part: int, now: int) -> tuple[int, int]:
        """The number of the answer, and of the part afterwards."""
        known = self._known.get((effect, part, now))
        if known is None:
            asked: Effect = self.pool.values[effect]
            known = self._known[effect, part, now] = self._carry_out(asked, part, now)
        return known

    def read(self, effect: Effect, files: int) -> Answer:
        """What is read of the documents, or of the files."""
        if effect.port == "documents":
            return _answer(self.transcript_objects, effect)
        return _answer(_Files(FakeBucket(self.pool.values[files], self.metadata)), effect)

    def _carry_out(self, effect: Effect, part: int, now: int) -> tuple[int, int]:
        target, value = self._open(effect.port, self.pool.values[part], now)
        answer = self.pool.number(_answer(target, effect))
        return answer, self.pool.number(value())

    def _open(self, port: str, value: Any, now: int) -> tuple[Any, Callable[[], Any]]:
        """The fake with this value in it, and what gives its value afterwards."""
        if port == "store":
            calls = self.store_type(dict(value))
            return calls, lambda: calls.items
        if port == "aliases":
            aliases = InMemoryAliases(PENDING_SECONDS, _copied(value))
            return aliases, lambda: aliases.items
        if port == "files":
            files = _Files(FakeBucket(dict(value), self.metadata))
            return files, lambda: dict(sorted(files.bucket.objects.items()))
        coval = _coval(value)
        return coval, lambda: _coval_value(coval)

    def due(self, store: int, aliases: int) -> list[int]:
        """When the sweep has something to do."""
        if (store, aliases) not in self._due:
            calls, held = self.pool.values[store].values(), self.pool.values[aliases].values()
            pending = [item.due_at(one, PENDING_SECONDS) for item in held for one in item.pending.values()]
            moments = [call.due_at for call in calls if call.due_at is not None]
            self._due[store, aliases] = [*moments, *pending]
        return self._due[store, aliases]

    def leaseholders(self, store: int) -> frozenset[str]:
        """The names of those whose leases stand on the calls."""
        if store not in self._leaseholders:
            leases = [call.lease for call in self.pool.values[store].values() if call.lease]
            self._leaseholders[store] = frozenset(lease.token.partition(TOKEN)[0] for lease in leases)
        return self._leaseholders[store]


def _answer(target: Any, effect: Effect) -> Answer:
    try:
        value = getattr(target, effect.method)(*effect.arguments)
    except Exception as error:  # noqa: BLE001 - whatever a port raises is its answer
        return Answer(error=error.with_traceback(None))
    return Answer(list(value) if effect.method == "due" else value)


def _copied(items: dict[Alias, AliasItem]) -> dict[Alias, AliasItem]:
    return {
        alias: replace(item, pending=dict(item.pending), put_off=dict(item.put_off)) for alias, item in items.items()
    }


def _coval(value: dict[str, Any]) -> WatchedCoval:
    conversations = {name: dict(held) for name, held in value["conversations"].items()}
    kept = {**value, "conversations": conversations}
    copied = {name: dict(value[name]) for name in ("uploads", "made")}
    return WatchedCoval(**{**kept, **copied, "broken": list(value["broken"])})


def _coval_value(coval: WatchedCoval) -> dict[str, Any]:
    names = ("conversations", "serial", "unread", "late", "broken")
    ordered = {name: dict(sorted(getattr(coval, name).items())) for name in ("uploads", "made")}
    return {**ordered, **{name: getattr(coval, name) for name in names}}
