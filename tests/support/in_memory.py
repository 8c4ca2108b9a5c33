"""In-memory stand-ins for aliases, fragments, staging and links, proven by the real ones' tests."""

import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

from coval_relay.domain.aliases import Alias, Parked
from coval_relay.domain.errors import NotReady, Permanent, Retryable
from coval_relay.domain.ports import ALIAS_SHARDS, MOST_PARKED, AliasTaken, Clock, LinkRefused
from coval_relay.domain.recordings import ObjectVersion
from coval_relay.domain.transcript import Fragment
from tests.support.fakes import FakeBucket, FakeClock

ITEM_BYTES = 400 * 1024


@dataclass
class AliasItem:
    """An alias's item."""

    target: str | None = None
    parked: dict[str, Parked] = field(default_factory=dict)
    due_at: int | None = None

    def oldest_first(self) -> tuple[Parked, ...]:
        return tuple(sorted(self.parked.values(), key=lambda one: (one.parked_at, one.identity)))


@dataclass
class InMemoryAliases:
    """The Aliases in a dict; one shard of the index."""

    clock: Clock = field(default_factory=FakeClock)
    parking_seconds: int = 86_400
    resume_seconds: int = 900
    items: dict[Alias, AliasItem] = field(default_factory=dict)

    def target(self, alias: Alias) -> str | None:
        return self._item(alias).target

    def waiting(self, alias: Alias) -> tuple[Parked, ...]:
        return self._item(alias).oldest_first()

    def park(self, alias: Alias, parked: Parked) -> str | None:
        item = self._item(alias)
        if item.target is not None:
            return item.target
        full = len(item.parked) >= MOST_PARKED or _bytes(*item.parked.values(), parked) > ITEM_BYTES
        if full and parked.identity not in item.parked:
            raise Retryable("parking_full", 900)
        item.parked.setdefault(parked.identity, parked)
        if item.due_at is None:
            item.due_at = parked.parked_at + self.parking_seconds
        self.items[alias] = item
        return None

    def bind(self, alias: Alias, target: str) -> tuple[Parked, ...]:
        item = self._item(alias)
        if item.target not in (None, target):
            raise AliasTaken(str(item.target))
        item.target = target
        if item.parked:
            item.due_at = self.clock() + self.resume_seconds
        self.items[alias] = item
        return item.oldest_first()

    def clear(self, alias: Alias, parked: Parked) -> None:
        item = self._item(alias)
        if item.parked.pop(parked.identity, None):
            item.due_at = self._due(item)

    def expire(self, alias: Alias, parked: Parked) -> str | None:
        target = self._item(alias).target
        if target is None:
            self.clear(alias, parked)
        return target

    def due(self, shard: int, now: int, limit: int) -> Iterator[tuple[Alias, str | None, tuple[Parked, ...]]]:
        due = [(a, i) for a, i in self.items.items() if i.due_at is not None and i.due_at <= now]
        if shard == ALIAS_SHARDS[0]:
            yield from [(alias, item.target, item.oldest_first()) for alias, item in due][:limit]

    def _item(self, alias: Alias) -> AliasItem:
        return self.items.get(alias, AliasItem())

    def _due(self, item: AliasItem) -> int | None:
        if not item.parked:
            return None
        if item.target is not None:
            return self.clock() + self.resume_seconds
        return min(one.parked_at for one in item.parked.values()) + self.parking_seconds


def _bytes(*parked: Parked) -> int:
    return sum(len(one.event.encode()) for one in parked)


@dataclass
class InMemoryFragments:
    """The Fragments in a dict."""

    items: dict[str, dict[str, Fragment]] = field(default_factory=dict)

    def add(self, call_id: str, fragments: Sequence[Fragment]) -> None:
        held = self.items.setdefault(call_id, {})
        for fragment in fragments:
            if sum(len(one.content) for one in (*held.values(), fragment)) > ITEM_BYTES:
                reason = "The utterances of this call need more than the 400 KB of an item."
                raise Permanent("too_many_fragments", reason)
            held.setdefault(fragment.id, fragment)

    def read(self, call_id: str) -> tuple[Fragment, ...]:
        held = self.items.get(call_id, {}).values()
        return tuple(sorted(held, key=lambda one: (one.spoken_at, one.ended_at, one.id)))


class _Held(io.BytesIO):
    """A file that its writer's library may close."""

    def close(self) -> None:
        """Kept, to be read."""


@dataclass
class InMemoryStaging:
    """The Staging; its objects lie in a bucket that can be read as the recordings' one."""

    bucket: FakeBucket = field(default_factory=FakeBucket)
    name: str = "staging"
    serial: int = 0

    def store(self, name: str, write: Callable[[BinaryIO], object]) -> tuple[ObjectVersion, int]:
        body = _Held()
        write(body)
        content = body.getvalue()
        self.serial += 1
        key, etag = f"{name}/{self.serial:08d}", hashlib.sha256(content).hexdigest()[:32]
        self.bucket.objects[key] = (etag, content)
        return ObjectVersion(self.name, key, etag), len(content)


@dataclass
class InMemoryLinks:
    """The Links and the WebDocuments: URL → content, or what is raised for it."""

    contents: dict[str, bytes | Exception] = field(default_factory=dict)
    fetched: list[str] = field(default_factory=list)

    def stream(self, url: str) -> Iterator[bytes]:
        self.fetched.append(url)
        content = self.contents.get(
            url, LinkRefused("url_not_found", "The URL's host knows no such file (status 404).")
        )
        if isinstance(content, Exception):
            raise content
        yield content

    def read(self, url: str, max_bytes: int) -> bytes:
        try:
            content = b"".join(self.stream(url))
        except LinkRefused as error:
            if error.code == "url_not_found":
                raise NotReady("document_missing") from None
            raise Permanent(error.code, error.reason) from None
        if len(content) > max_bytes:
            raise Permanent("document_too_large", f"The document has more than {max_bytes} bytes.")
        return content
