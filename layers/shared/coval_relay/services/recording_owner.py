"""Whose call a recording object is: by its key, its metadata, or its tag, in this order."""

import re
from dataclasses import dataclass

from coval_relay.domain.call import Reason
from coval_relay.domain.errors import InvalidInput
from coval_relay.domain.identifiers import checked_call_id
from coval_relay.domain.recordings import ObjectVersion, RecordingSource

GROUP = "external_conversation_id"
METADATA_KEY = "external-conversation-id"
TAG_KEY = "external_conversation_id"

GONE = Reason("object_gone", "The recording object is no longer there.")
REPLACED = Reason("object_replaced", "Another object stands in its place; that one has its own event.")


@dataclass(frozen=True, slots=True)
class RecordingOwner:
    """The operator's buckets and key rule."""

    source: RecordingSource
    buckets: tuple[str, ...]
    prefixes: tuple[str, ...]
    key_pattern: re.Pattern[str]

    def check_place(self, version: ObjectVersion) -> None:
        """Raises InvalidInput for an object that lies where this stack does not look."""
        if version.bucket not in self.buckets:
            raise InvalidInput("detail.bucket.name", "is not one of the configured recording buckets")
        if not version.key.startswith(self.prefixes):
            raise InvalidInput("detail.object.key", "has none of the configured prefixes")

    def find(self, version: ObjectVersion) -> str:
        """The call's id; raises InvalidInput where no rule finds one."""
        match = self.key_pattern.search(version.key)
        found = match.group(GROUP) if match else None
        found = found or self.source.head(version).metadata.get(METADATA_KEY)
        found = found or self.source.tags(version).get(TAG_KEY)
        if not found:
            rules = f"key pattern, metadata {METADATA_KEY}, tag {TAG_KEY}"
            raise InvalidInput("detail.object.key", f"no rule finds a call id (tried: {rules})")
        return checked_call_id(found)
