"""Where the objects lie that this stack reads: the template's rules and roles say the same."""

from dataclasses import dataclass

from coval_relay.domain.errors import PermanentError
from coval_relay.domain.s3_objects import ObjectVersion

NOT_ALLOWED_LOCATION = "place_not_configured"


@dataclass(frozen=True, slots=True)
class AllowedLocations:
    """All keys that begin with one of the prefixes, in each of the buckets; `kind` names them in reasons."""

    kind: str
    buckets: tuple[str, ...]
    prefixes: tuple[str, ...] = ("",)

    def check(self, bucket: str, key: str) -> None:
        """Raises PermanentError for an object that lies elsewhere."""
        if bucket not in self.buckets:
            raise PermanentError(NOT_ALLOWED_LOCATION, f"object.bucket: is not one of the {self.kind} buckets")
        if not key.startswith(self.prefixes):
            raise PermanentError(NOT_ALLOWED_LOCATION, f"object.key: has none of the {self.kind} prefixes")


@dataclass(frozen=True, slots=True)
class RecordingLocations:
    """The operator's recordings, and the stack's own copies: prepared ones, and fetched links."""

    recordings: AllowedLocations
    copies: AllowedLocations

    def check(self, version: ObjectVersion) -> None:
        """Raises PermanentError for an object that is neither."""
        locations = self.copies if version.bucket in self.copies.buckets else self.recordings
        locations.check(version.bucket, version.key)
