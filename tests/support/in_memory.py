"""In-memory stand-ins for aliases, utterances, staging and links, proven by the real ones' tests."""

import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

from coval_relay.adapters.aws.dynamodb_table import TOO_LARGE
from coval_relay.domain.call_aliases import Alias, PendingMessage
from coval_relay.domain.errors import NotReadyError, PermanentError, Reason, UrlRejectedError
from coval_relay.domain.ports import ALIAS_SHARDS, AliasTakenError
from coval_relay.domain.s3_objects import ObjectVersion
from coval_relay.domain.transcript import Utterance, collected
from tests.support.fakes import FakeBucket

ITEM_BYTES = 400 * 1024


@dataclass
class AliasItem:
    """An alias's items."""

    target: str | None = None
    pending: dict[str, PendingMessage] = field(default_factory=dict)
    put_off: dict[str, int] = field(default_factory=dict)
    """When those are due that do not simply wait for their time to be over."""

    def due_at(self, pending: PendingMessage, pending_seconds: int) -> int:
        return self.put_off.get(pending.identity, pending.pending_since + pending_seconds)


@dataclass
class InMemoryAliases:
    """The Aliases in a dict; one shard of the index."""

    pending_seconds: int = 86_400
    items: dict[Alias, AliasItem] = field(default_factory=dict)

    def target(self, alias: Alias) -> str | None:
        return self._item(alias).target

    def waiting(self, alias: Alias) -> tuple[PendingMessage, ...]:
        return tuple(sorted(self._item(alias).pending.values(), key=lambda one: (one.pending_since, one.identity)))

    def add_pending(self, alias: Alias, pending: PendingMessage) -> str | None:
        item = self._item(alias)
        if item.target is None:
            too_large = len(pending.event) > ITEM_BYTES
            if too_large and pending.identity not in item.pending:
                raise TOO_LARGE
            item.pending.setdefault(pending.identity, pending)
            self.items[alias] = item
        return item.target

    def bind(self, alias: Alias, target: str) -> tuple[PendingMessage, ...]:
        item = self._item(alias)
        if item.target not in (None, target):
            raise AliasTakenError(str(item.target))
        item.target = target
        self.items[alias] = item
        return self.waiting(alias)

    def clear(self, alias: Alias, pending: PendingMessage) -> None:
        self._item(alias).pending.pop(pending.identity, None)
        self._item(alias).put_off.pop(pending.identity, None)

    def expire(self, alias: Alias, pending: PendingMessage) -> str | None:
        self.clear(alias, pending)
        return self.target(alias)

    def put_off(self, alias: Alias, pending: PendingMessage, until: int) -> None:
        item = self._item(alias)
        if pending.identity in item.pending:
            item.put_off[pending.identity] = until

    def moments(self) -> list[int]:
        """When each of what waits is due."""
        return [item.due_at(one, self.pending_seconds) for item in self.items.values() for one in item.pending.values()]

    def due(self, shard: int, now: int, limit: int) -> Iterator[tuple[Alias, str | None, tuple[PendingMessage, ...]]]:
        if shard != ALIAS_SHARDS[0]:
            return
        pending = [(alias, item, one) for alias, item in self.items.items() for one in item.pending.values()]
        due = [found for found in pending if found[1].due_at(found[2], self.pending_seconds) <= now]
        ordered = sorted(due, key=lambda found: found[2].pending_since)[:limit]
        yield from ((alias, item.target, (one,)) for alias, item, one in ordered)

    def _item(self, alias: Alias) -> AliasItem:
        return self.items.get(alias, AliasItem())


@dataclass
class InMemoryRejectedEvents:
    """The RejectedEvents of all queues: (queue, call's id, event) → reason."""

    items: dict[tuple[str, str, str], Reason] = field(default_factory=dict)
    denied: bool = False

    def of(self, queue: str) -> "_OfQueue":
        return _OfQueue(self, queue)


@dataclass
class _OfQueue:
    kept: InMemoryRejectedEvents
    queue: str

    def keep(self, external_conversation_id: str, reason: Reason, event: str) -> None:
        if self.kept.denied:
            raise PermanentError("access_denied", "S3 denied s3:PutObject.")
        self.kept.items[self.queue, external_conversation_id, event] = reason


@dataclass
class InMemoryUtterances:
    """The UtteranceStore in a dict."""

    items: dict[str, set[Utterance]] = field(default_factory=dict)

    def add(self, call_id: str, utterances: Sequence[Utterance]) -> None:
        if any(len(one.content) > ITEM_BYTES for one in utterances):
            raise TOO_LARGE
        self.items.setdefault(call_id, set()).update(utterances)

    def get_all(self, call_id: str) -> tuple[Utterance, ...]:
        return collected(self.items.get(call_id, ()))


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
