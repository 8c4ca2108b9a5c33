"""Objects in S3: where one lies, what its head says, and the port that reads recordings."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ObjectVersion:
    """One version of one S3 object, as an event named it."""

    bucket: str
    key: str
    etag: str
    version_id: str | None = None


@dataclass(frozen=True, slots=True)
class ObjectHead:
    """What HeadObject answers; `size` in bytes, `metadata` with lower-case keys."""

    size: int
    etag: str
    version_id: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


class RecordingObjects(Protocol):
    """The bucket of the recordings, read only, every read pinned to the version that the event named.

    All raise ObjectGoneError, ObjectReplacedError, RetryableError, or PermanentError (access denied: names
    the permission).
    """

    def head(self, version: ObjectVersion) -> ObjectHead: ...

    def tags(self, version: ObjectVersion) -> Mapping[str, str]: ...

    def read_range(self, version: ObjectVersion, start: int, length: int) -> bytes:
        """At most `length` bytes from `start`."""

    def stream(self, version: ObjectVersion) -> Iterator[bytes]:
        """The whole object in chunks; raises RetryableError where the body breaks off."""

    def presign(self, version: ObjectVersion) -> str:
        """A URL by which Coval can GET this version within the hour."""
