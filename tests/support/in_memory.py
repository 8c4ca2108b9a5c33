"""In-memory stand-ins for aliases, utterances, staging and links, proven by the real ones' tests."""

import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

from coval_relay.domain.aliases import Alias, PendingMessage
from coval_relay.domain.errors import NotReadyError, PermanentError, RetryableError, UrlRejectedError
from coval_relay.domain.ports import ALIAS_SHARDS, MAX_PENDING, AliasTakenError, Clock
from coval_relay.domain.s3_objects import ObjectVersion
from coval_relay.domain.transcript import Utterance
from tests.support.fakes import FakeBucket, FakeClock

ITEM_BYTES = 400 * 1024


@dataclass
class AliasItem:
    """An alias's item."""

    target: str | None = None
    pending: dict[str, PendingMessage] = field(default_factory=dict)
    due_at: int | None = None

    def oldest_first(self) -> tuple[PendingMessage, ...]:
        return tuple(sorted(self.pending.values(), key=lambda one: (one.pending_since, one.identity)))


@dataclass
class InMemoryAliases:
    """The Aliases in a dict; one shard of the index."""

    clock: Clock = field(default_factory=FakeClock)
    pending_seconds: int = 86_400
    resume_seconds: int = 900
    items: dict[Alias, AliasItem] = field(default_factory=dict)

    def target(self, alias: Alias) -> str | None:
        return self._item(alias).target

    def waiting(self, alias: Alias) -> tuple[PendingMessage, ...]:
        return self._item(alias).oldest_first()

    def add_pending(self, alias: Alias, pending: PendingMessage) -> str | None:
        item = self._item(alias)
        if item.target is not None:
            return item.target
        full = len(item.pending) >= MAX_PENDING or _bytes(*item.pending.values(), pending) > ITEM_BYTES
        if full and pending.identity not in item.pending:
            raise RetryableError("pending_full", 900)
        item.pending.setdefault(pending.identity, pending)
        if item.due_at is None:
            item.due_at = pending.pending_since + self.pending_seconds
        self.items[alias] = item
        return None

    def bind(self, alias: Alias, target: str) -> tuple[PendingMessage, ...]:
        item = self._item(alias)
        if item.target not in (None, target):
            raise AliasTakenError(str(item.target))
        item.target = target
        if item.pending:
            item.due_at = self.clock() + self.resume_seconds
        self.items[alias] = item
        return item.oldest_first()

    def clear(self, alias: Alias, pending: PendingMessage) -> None:
        item = self._item(alias)
        if item.pending.pop(pending.identity, None):
            item.due_at = self._due(item)

    def expire(self, alias: Alias, pending: PendingMessage) -> str | None:
        target = self._item(alias).target
        if target is None:
            self.clear(alias, pending)
        return target

    def due(self, shard: int, now: int, limit: int) -> Iterator[tuple[Alias, str | None, tuple[PendingMessage, ...]]]:
        due = [(a, i) for a, i in self.items.items() if i.due_at is not None and i.due_at <= now]
        if shard == ALIAS_SHARDS[0]:
            yield from [(alias, item.target, item.oldest_first()) for alias, item in due][:limit]

    def _item(self, alias: Alias) -> AliasItem:
        return self.items.get(alias, AliasItem())

    def _due(self, item: AliasItem) -> int | None:
        if not item.pending:
            return None
        if item.target is not None:
            return self.clock() + self.resume_seconds
        return min(one.pending_since for one in item.pending.values()) + self.pending_seconds


def _bytes(*pending: PendingMessage) -> int:
    return sum(len(one.event.encode()) for one in pending)


@dataclass
class InMemoryUtterances:
    """The Fragments in a dict."""

    items: dict[str, dict[str, Utterance]] = field(default_factory=dict)

    def add(self, call_id: str, utterances: Sequence[Utterance]) -> None:
        held = self.items.setdefault(call_id, {})
        for utterance in utterances:
            if sum(len(one.content) for one in (*held.values(), utterance)) > ITEM_BYTES:
                reason = "The utterances of this call need more than the 400 KB of an item."
                raise PermanentError("too_many_utterances", reason)
            held.setdefault(utterance.id, utterance)

    def get_all(self, call_id: str) -> tuple[Utterance, ...]:
        held = self.items.get(call_id, {}).values()
        return tuple(sorted(held, key=lambda one: (one.spoken_at, one.ended_at, one.id)))


@dataclass
class InMemoryStaging:
    """The Staging; its objects lie in a bucket that can be read as the recordings' one."""

    bucket: FakeBucket = field(default_factory=FakeBucket)
    name: str = "staging"
    serial: int = 0

    def store(self, name: str, write: Callable[[BinaryIO], object]) -> tuple[ObjectVersion, int]:
        body = io.BytesIO()
        write(body)
        content = body.getvalue()
        self.serial += 1
        key, etag = f"{name}/{self.serial:08d}", hashlib.sha256(content).hexdigest()[:32]
        self.bucket.objects[key] = (etag, content)
        return ObjectVersion(self.name, key, etag), len(content)


@dataclass
class InMemoryUrls:
    """The Links and the WebDocuments: URL → content, or what is raised for it."""

    contents: dict[str, bytes | Exception] = field(default_factory=dict)
    fetched: list[str] = field(default_factory=list)

    def stream(self, url: str) -> Iterator[bytes]:
        self.fetched.append(url)
        content = self.contents.get(
            url, UrlRejectedError("url_not_found", "The URL's host knows no such file (status 404).")
        )
        if isinstance(content, Exception):
            raise content
        yield content

    def fetch(self, url: str, max_bytes: int) -> bytes:
        try:
            content = b"".join(self.stream(url))
        except UrlRejectedError as error:
            if error.code == "url_not_found":
                raise NotReadyError("document_missing") from None
            raise PermanentError(error.code, error.text) from None
        if len(content) > max_bytes:
            raise PermanentError("document_too_large", f"The document has more than {max_bytes} bytes.")
        return content
