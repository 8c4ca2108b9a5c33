"""SQS and Lambda by AWS's own rules, on an injected clock: visibility, receives, ages, chains.

Sources: SQS quotas (12 hours, 14 days, 120,000 in flight, 1,000 receives), Lambda invocation-recursion (16 in a chain).
"""

import uuid
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from coval_relay.domain.errors import Reason, RetryableError

VISIBILITY_SECONDS = 1800
MAX_RECEIVES = 1000
RETENTION_SECONDS = 14 * 86_400
LONGEST_HIDING_SECONDS = 12 * 3600
MAX_IN_FLIGHT = 120_000
MAX_CHAIN = 16
"""Lambda stops the next invocation of one function in one chain of messages."""


@dataclass
class QueuedMessage:
    """A message in a queue."""

    queue: str
    body: str
    visible_at: int
    sent_at: int
    receives: int = 0
    received_at: int = 0
    chain: Counter[str] = field(default_factory=Counter)
    """How often each function had run in the chain that this message belongs to, when it was sent."""
    message_id: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def handle(self) -> str:
        return f"{self.message_id}/{self.receives}"

    def record(self) -> dict[str, Any]:
        return {
            "eventSource": "aws:sqs",
            "messageId": self.message_id,
            "receiptHandle": self.handle,
            "body": self.body,
            "attributes": {"SentTimestamp": str(self.sent_at * 1000), "ApproximateReceiveCount": str(self.receives)},
        }


@dataclass
class Queues:
    """The three queues and their dead letters; `denied` makes ChangeMessageVisibility fail."""

    messages: list[QueuedMessage] = field(default_factory=list)
    dead: list[tuple[str, str, Reason | None]] = field(default_factory=list)
    deleted: list[QueuedMessage] = field(default_factory=list)
    """What SQS has deleted silently, by age."""
    dropped: list[QueuedMessage] = field(default_factory=list)
    """Invocations that the recursive-loop protection has stopped."""
    denied: bool = False

    def send(self, queue: str, body: str, now: int, chain: Counter[str] | None = None, delay: int = 0) -> None:
        self.messages.append(QueuedMessage(queue, body, now + delay, now, chain=Counter(chain or {})))

    def backlog(self, queue: str, now: int) -> int:
        """How many of its messages wait for a worker."""
        return sum(one.queue == queue for one in self.visible(now))

    def receive(self, message: QueuedMessage, now: int) -> Counter[str] | None:
        """The chain of the invocation that Lambda begins with the message; None where AWS lets it come to nothing."""
        message.receives += 1
        message.received_at = now
        message.visible_at = now + VISIBILITY_SECONDS
        if now - message.sent_at >= RETENTION_SECONDS:
            self.forget(message)
            self.deleted.append(message)
            return None
        if message.receives > MAX_RECEIVES:
            self._move(message)
            return None
        chain = message.chain + Counter({message.queue: 1})
        if chain[message.queue] > MAX_CHAIN:
            self.dropped.append(message)
            return None
        return chain

    def hide(self, handle: str, seconds: int, now: int) -> None:
        """Of the message's latest receive only, and no longer than 12 hours after it."""
        if self.denied:
            raise RetryableError("sqs_AccessDenied")
        message = self.by_handle(handle)
        if message is None or not 0 <= seconds <= LONGEST_HIDING_SECONDS:
            raise RetryableError("sqs_InvalidParameterValue")
        if now + seconds > message.received_at + LONGEST_HIDING_SECONDS:
            raise RetryableError("sqs_InvalidParameterValue")
        message.visible_at = now + seconds

    def end(self, message: QueuedMessage, *, failed: bool) -> None:
        """The invocation is over: the message is deleted, or comes again where its visibility ends."""
        if not failed:
            self.forget(message)

    def forget(self, message: QueuedMessage) -> None:
        self.messages.remove(message)

    def by_handle(self, handle: str) -> QueuedMessage | None:
        return next((one for one in self.messages if one.handle == handle), None)

    def visible(self, now: int) -> list[QueuedMessage]:
        return sorted((one for one in self.messages if one.visible_at <= now), key=lambda one: one.visible_at)

    def _move(self, message: QueuedMessage) -> None:
        self.forget(message)
        self.dead.append((message.queue, message.body, None))
