"""What the services need of the outside besides Coval and the recordings."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from coval_relay.domain.call import Call


@dataclass(unsafe_hash=True)
class Conflict(Exception):
    """Somebody else wrote the item first; `current` is what stands there now."""

    current: Call


SHARDS = 8
"""Parts of the sweep's index: writes spread over them, the sweep looks at each."""


class CallStore(Protocol):
    """The conversation table. All raise Retryable where the table cannot be reached."""

    def read(self, external_conversation_id: str) -> Call:
        """The item, strongly consistent; a Call of revision 0 where there is none."""

    def write(self, seen: Call, call: Call) -> Call:
        """Put `call` in the place of `seen` and return it with its new revision; raises Conflict."""

    def due(self, shard: int, now: int, limit: int) -> Iterator[Call]:
        """The calls of one shard whose time to be looked at has come; may be a little stale."""


class Clock(Protocol):
    """Now, in epoch seconds."""

    def __call__(self) -> int: ...


class Queue(Protocol):
    """A place to send a message to, now or in at most 900 seconds."""

    def __call__(self, body: Mapping[str, object], delay_seconds: int = 0) -> None: ...


class Documents(Protocol):
    """The buckets of the transcripts."""

    def read(self, bucket: str, key: str, max_bytes: int) -> bytes:
        """The whole object; raises NotReady where it is not there, Permanent where it may not be read."""
