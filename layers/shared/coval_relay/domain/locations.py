"""Where the objects lie that this stack reads: the template's rules and roles say the same."""

from dataclasses import dataclass

from coval_relay.domain.call import Recording, RecordingState
from coval_relay.domain.errors import PermanentError
from coval_relay.domain.s3_objects import ObjectVersion

NOT_ALLOWED_LOCATION = "place_not_configured"


@dataclass(frozen=True, slots=True)
class AllowedLocations:
    """All keys that begin with one of the prefixes, in each of the buckets; `kind` names them in reasons."""

    kind: str
    buckets: tuple[str, ...]
    prefixes: tuple[str, ...] = ("",)

    def check(self, bucket: str, key: str, field: str = "object") -> None:
        """Raises PermanentError for an object that lies elsewhere."""
        if bucket not in self.buckets:
            raise PermanentError(NOT_ALLOWED_LOCATION, f"{field}.bucket: is not one of the {self.kind} buckets")
        if not key.startswith(self.prefixes):
            raise PermanentError(NOT_ALLOWED_LOCATION, f"{field}.key: has none of the {self.kind} prefixes")


@dataclass(frozen=True, slots=True)
class RecordingLocations:
    """The operator's recordings, and the stack's own copies: prepared ones, and fetched links."""

    recordings: AllowedLocations
    copies: AllowedLocations

    def check(self, version: ObjectVersion) -> None:
        """Raises PermanentError for an object that is neither."""
        locations = self.copies if version.bucket in self.copies.buckets else self.recordings
        locations.check(version.bucket, version.key)

    def check_recording(self, recording: Recording) -> None:
        """Raises PermanentError for a recording that no function of this stack can have looked at."""
        original, field = recording.version, "detail.recording"
        if original:
            locations = self.copies if recording.url else self.recordings
            locations.check(original.bucket, original.key, f"{field}.version")
        elif recording.state is not RecordingState.REJECTED:
            raise PermanentError(
                NOT_ALLOWED_LOCATION, f"{field}.version: must be there unless the recording was rejected"
            )
        if recording.prepared:
            self.copies.check(recording.prepared.bucket, recording.prepared.key, f"{field}.prepared")
