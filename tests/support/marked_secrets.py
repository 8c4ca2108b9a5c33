"""Secrets that are known again wherever they turn up, and a world that carries them everywhere."""

import json
import re
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from coval_relay.adapters.aws import telemetry
from coval_relay.domain.coval import ContentType, Upload
from coval_relay.domain.log_events import LogEvent
from coval_relay.domain.s3_objects import ObjectHead, ObjectVersion
from coval_relay.entrypoints.consumer import DeliveryFailedError, dead_letter_attributes
from tests.support.fakes import FakeBucket, FakeCoval, FakeTranscriptObjects
from tests.support.in_memory import InMemoryUrls
from tests.support.world import World

PHONE = "+15550100002"
ROOM = f"room-{PHONE}"
"""A call's id as LiveKit makes them."""
WORD, TOKEN, SIGNATURE = "hushword", "hushtoken", "hushsignature"
METADATA, COVALS_WORD = "hushmetadata", "hushquoted"
API_KEY, PASSWORD = "hushkey", "hushpassword"
SECRETS = (PHONE[1:], "555) 010", WORD, TOKEN, SIGNATURE, METADATA, COVALS_WORD, API_KEY, PASSWORD)
MARKS: Mapping[str, str] = {
    "call-1": ROOM,
    "Thanks for calling Acme.": f"My {WORD} is {PHONE}, +1 (555) 010-0002.",
    "token=secret": f"token={TOKEN}",
    "autumn": f"{METADATA} {PHONE}",
}
"""What stands in the tests' own events, and the secret in its place."""


def marked(text: str) -> str:
    for plain, secret in MARKS.items():
        text = text.replace(plain, secret)
    return text


def unmarked(text: str) -> str:
    for plain, secret in MARKS.items():
        text = text.replace(secret, plain)
    return text


def leaks(text: str, secrets: tuple[str, ...] = SECRETS) -> list[str]:
    """The secrets in a text, or in what its JSON strings mean; case is no hiding place."""
    seen = f"{text}\n{_unescaped(text)}".lower()
    return [secret for secret in secrets if secret.lower() in seen]


def _unescaped(text: str) -> str:
    return re.sub(r"\\u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)), text).replace("\\", "")


# --- parts that hold the secrets ---------------------------------------------------------------------


@dataclass
class MarkedBucket(FakeBucket):
    """Objects under the marked keys; the URLs that it signs are marked."""

    def _content(self, version: ObjectVersion) -> bytes:
        return super()._content(replace(version, key=unmarked(version.key)))

    def head(self, version: ObjectVersion) -> ObjectHead:
        head = super().head(replace(version, key=unmarked(version.key)))
        return replace(head, metadata={name: marked(value) for name, value in head.metadata.items()})

    def presign(self, version: ObjectVersion) -> str:
        return f"https://{version.bucket}.test/{version.key}?X-Amz-Signature={SIGNATURE}"


@dataclass
class MarkedTranscriptObjects(FakeTranscriptObjects):
    def fetch(self, bucket: str, key: str, max_bytes: int) -> bytes:
        return marked(super().fetch(bucket, unmarked(key), max_bytes).decode()).encode()


@dataclass
class MarkedUrls(InMemoryUrls):
    def stream(self, url: str) -> Iterator[bytes]:
        return super().stream(unmarked(url))


@dataclass
class MarkedCoval(FakeCoval):
    def create_upload(self, content_type: ContentType, size: int) -> Upload:
        upload = super().create_upload(content_type, size)
        return replace(upload, upload_url=f"{upload.upload_url}?X-Amz-Signature={SIGNATURE}")


@dataclass
class MarkedWorld(World):
    """Reports to the real log and the real metrics what happens, of calls full of secrets."""

    coval: Any = field(default_factory=MarkedCoval)
    bucket: Any = field(default_factory=MarkedBucket)
    urls: Any = field(default_factory=MarkedUrls)
    transcript_objects: Any = field(default_factory=MarkedTranscriptObjects)
    tracebacks: list[str] = field(default_factory=list)
    """Of the sweeps that failed: Lambda logs them."""

    def send(self, queue: str, event: Any, delay: int = 0) -> None:
        super().send(queue, marked(event if isinstance(event, str) else json.dumps(event)), delay)

    def _report(self, event: LogEvent, external_conversation_id: str = "", **fields: str | int) -> None:
        super()._report(event, external_conversation_id, **fields)
        telemetry.report(event, external_conversation_id, **fields)

    def sweep(self) -> None:
        try:
            super().sweep()
        except DeliveryFailedError as error:
            self.tracebacks += traceback.format_exception(error)

    def attributes(self) -> str:
        """Those of all dead letters."""
        reasons = [reason for _, _, reason in self.dead if reason]
        return "\n".join(json.dumps(dead_letter_attributes(reason)) for reason in reasons)
