"""In-memory stand-ins for the ports; the store is proven by the same tests as DynamoDB's."""

import copy
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, BinaryIO

from coval_relay.domain.audio import ReadRange
from coval_relay.domain.call import Call
from coval_relay.domain.coval import Agent, ContentType, Conversation, Filtered, Upload
from coval_relay.domain.errors import NotReadyError, ObjectGoneError, ObjectReplacedError, PermanentError
from coval_relay.domain.ports import ConflictError
from coval_relay.domain.raw_audio import RawAudio
from coval_relay.domain.s3_objects import ObjectHead, ObjectVersion
from tests.support.events import etag


@dataclass
class FakeClock:
    now: int = 1_790_951_800

    def __call__(self) -> int:
        return self.now


@dataclass
class InMemoryCalls:
    """The CallStore in a dict; one table, one shard of the index."""

    items: dict[str, Call] = field(default_factory=dict)

    def get(self, external_conversation_id: str) -> Call:
        return self.items.get(external_conversation_id, Call(external_conversation_id=external_conversation_id))

    def save(self, seen: Call, call: Call) -> Call:
        current = self.get(seen.external_conversation_id)
        if current.revision != seen.revision:
            raise ConflictError(current)
        written = replace(call, revision=seen.revision + 1)
        self.items[seen.external_conversation_id] = written
        return written

    def due(self, shard: int, now: int, limit: int) -> Iterator[Call]:
        if shard == 0:
            yield from [c for c in self.items.values() if c.due_at is not None and c.due_at <= now][:limit]


@dataclass
class FakeCoval:
    """Coval as the services see it: submits are not idempotent, audio is one-shot, uploads are used once."""

    conversations: dict[str, dict[str, Any]] = field(default_factory=dict)
    uploads: dict[str, bytes | None] = field(default_factory=dict)
    errors: list[tuple[str, Exception, bool]] = field(default_factory=list)
    """(method, error, whether the call is carried out before it fails), each used once."""
    calls: list[str] = field(default_factory=list)
    serial: int = 0

    def _fault(self, method: str, *, after: bool) -> None:
        for index, (name, error, carried_out) in enumerate(self.errors):
            if name == method and carried_out is after:
                del self.errors[index]
                raise error

    def wait_turn(self) -> int:
        """This one is never left alone."""
        return 0

    def submit(self, body: bytes) -> Conversation | Filtered:
        self.calls.append("submit")
        self._fault("submit", after=False)
        request = json.loads(body)
        if str(request.get("metadata", {}).get("coval_simulation_id", "")).startswith("sim_"):
            return Filtered("coval_simulation", request["metadata"]["coval_simulation_id"])
        if not request.keys() & {"transcript", "upload_id", "audio_url"}:
            raise PermanentError("INVALID_ARGUMENT", "Missing required input data", "transcript", 400)
        audio = request.get("audio_url")
        if upload_id := request.get("upload_id"):
            audio = self.uploads.pop(upload_id, None)
            if audio is None:
                raise PermanentError("NOT_FOUND", f"Upload not found: {upload_id}", "upload_id", 404)
        if isinstance(audio, bytes) and b"rejected" in audio:
            raise PermanentError("INVALID_ARGUMENT", "Audio file is empty.", "audio_url", 400)
        self.serial += 1
        made = f"conversation{self.serial:012d}"
        self.conversations[made] = {**request, "audio": audio, "created": self.serial}
        self._fault("submit", after=True)
        return self._conversation(made)

    def _conversation(self, name: str) -> Conversation:
        held = self.conversations[name]
        return Conversation(
            conversation_id=name,
            external_conversation_id=held["external_conversation_id"],
            status="IN_PROGRESS",
            has_audio=held["audio"] is not None,
            create_time=f"{held['created']:012d}",
            metadata=held["metadata"],
        )

    def attach_audio(self, conversation_id: str, audio_url: str) -> Conversation:
        self.calls.append("attach")
        self._fault("attach", after=False)
        if conversation_id not in self.conversations:
            raise PermanentError("NOT_FOUND", "Conversation not found", None, 404)
        held = self.conversations[conversation_id]
        if held["audio"] is not None:
            raise PermanentError("ALREADY_EXISTS", "Audio already attached", "audio", 409)
        if "rejected" in audio_url:
            raise PermanentError("INVALID_ARGUMENT", "Audio file is empty.", "audio_url", 400)
        held["audio"] = audio_url
        self._fault("attach", after=True)
        return self._conversation(conversation_id)

    def get(self, conversation_id: str) -> Conversation | None:
        self.calls.append("get")
        self._fault("get", after=False)
        return self._conversation(conversation_id) if conversation_id in self.conversations else None

    def find(self, external_conversation_id: str) -> list[Conversation]:
        self.calls.append("find")
        self._fault("find", after=False)
        return list(self.conversations_of(external_conversation_id))[:2]

    def conversations_of(self, external_conversation_id: str) -> Iterator[Conversation]:
        for name, held in self.conversations.items():
            if held["external_conversation_id"] == external_conversation_id:
                yield self._conversation(name)

    def delete(self, conversation_id: str) -> None:
        self.calls.append("delete")
        self._fault("delete", after=False)
        self.conversations.pop(conversation_id, None)

    def create_upload(self, content_type: ContentType, size: int) -> Upload:
        self.calls.append("create_upload")
        self._fault("create_upload", after=False)
        self.serial += 1
        name = f"upl_{self.serial:026d}"
        return Upload(name, f"https://uploads.test/{name}", datetime(2099, 1, 1, tzinfo=UTC), size, content_type)

    def put_audio(self, upload: Upload, chunks: Iterable[bytes], size: int) -> None:
        self.calls.append("put_audio")
        self._fault("put_audio", after=False)
        self.uploads[upload.upload_id] = b"".join(chunks)

    def agents(self) -> Iterator[Agent]:
        return iter(())

    def get_agent(self, agent_id: str) -> Agent | None:
        return None


@dataclass
class FakeBucket:
    """The recording bucket: key → (etag, content); every read is pinned to the version asked for."""

    objects: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    metadata: dict[str, dict[str, str]] = field(default_factory=dict)
    tagging: dict[str, dict[str, str]] = field(default_factory=dict)

    def put(self, key: str, content: bytes) -> None:
        self.objects[key] = (etag(content), content)

    def _content(self, version: ObjectVersion) -> bytes:
        if version.key not in self.objects:
            raise ObjectGoneError
        etag, content = self.objects[version.key]
        if version.etag and etag != version.etag:
            raise ObjectReplacedError
        return content

    def head(self, version: ObjectVersion) -> ObjectHead:
        content = self._content(version)
        etag = self.objects[version.key][0]
        return ObjectHead(len(content), etag, None, self.metadata.get(version.key, {}))

    def tags(self, version: ObjectVersion) -> Mapping[str, str]:
        self._content(version)
        return self.tagging.get(version.key, {})

    def read_range(self, version: ObjectVersion, start: int, length: int) -> bytes:
        return self._content(version)[start : start + length]

    def stream(self, version: ObjectVersion) -> Iterator[bytes]:
        yield self._content(version)

    def presign(self, version: ObjectVersion) -> str:
        return f"https://{version.bucket}.test/{version.key}?signature=secret"


@dataclass
class FakeTranscriptObjects:
    """The transcript bucket."""

    transcript_objects: dict[str, bytes] = field(default_factory=dict)

    def fetch(self, bucket: str, key: str, max_bytes: int) -> bytes:
        if key not in self.transcript_objects:
            raise NotReadyError("document_missing")
        return copy.copy(self.transcript_objects[key])


@dataclass
class FakeConverter:
    """The AudioConverter: a conversion whose outcome is known, and what happens while it runs."""

    outcome: bytes | Exception
    meanwhile: Callable[[], object] = lambda: None

    def __call__(
        self, size: int, read: ReadRange, sink: BinaryIO, *, agent_channel: int | None, raw: RawAudio | None = None
    ) -> ContentType:
        self.meanwhile()
        if isinstance(self.outcome, Exception):
            raise self.outcome
        sink.write(self.outcome)
        return "audio/wav"
