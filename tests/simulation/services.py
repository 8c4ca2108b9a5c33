"""What surrounds the functions, simulated: the table, S3, the staging bucket, links, and Coval."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, BinaryIO, ClassVar, TypeVar
from urllib.parse import parse_qs, urlsplit

from coval_relay.domain.call import Call
from coval_relay.domain.call_aliases import Alias, PendingMessage
from coval_relay.domain.coval import ContentType, Conversation, Filtered, Upload
from coval_relay.domain.errors import (
    AudioFetchError,
    NotReadyError,
    ObjectGoneError,
    ObjectReplacedError,
    PermanentError,
    RetryableError,
)
from coval_relay.domain.ports import ConflictError
from coval_relay.domain.s3_objects import ObjectHead, ObjectVersion
from coval_relay.domain.submit_request import STAMP
from coval_relay.domain.transcript import Utterance
from tests.simulation.stage import Stage
from tests.support.events import etag
from tests.support.fakes import FakeCoval, FakeTranscriptObjects, InMemoryCalls
from tests.support.in_memory import InMemoryAliases, InMemoryUrls, InMemoryUtterances

T = TypeVar("T")
SIGNED_SECONDS, UPLOAD_URL_SECONDS, UPLOAD_SECONDS = 3600, 300, 7 * 86_400
SIGNATURE, UPLOAD_TOKEN = "MARKED-signature", "MARKED-upload-token"
LAG_SECONDS = 300
"""So far back are Coval's default reads."""
LANDS_LATE_SECONDS = 60 + 1 + 120 - 10
"""A POST that lands so long after its worker began lands after the lease, as the fastest clock has it."""


# --- DynamoDB ----------------------------------------------------------------------------------------


@dataclass
class Table(InMemoryCalls):
    """The calls' items: conditional writes, strongly consistent reads, an index that may be stale."""

    stage: Stage = field(kw_only=True)
    written: Callable[[Call, Call], None] = lambda _, __: None
    older: dict[str, Call] = field(default_factory=dict)
    conditional: ClassVar[bool] = True

    def get(self, external_conversation_id: str) -> Call:
        return self.stage.effect("calls.get", lambda: self.item(external_conversation_id))

    def item(self, name: str) -> Call:
        return self.items.get(name) or Call(external_conversation_id=name)

    def save(self, seen: Call, call: Call) -> Call:
        return self.stage.effect("calls.save", lambda: self._write(seen, call), lambda: _summary(call))

    def _write(self, seen: Call, call: Call) -> Call:
        name = seen.external_conversation_id
        before = self.item(name)
        if self.conditional and before.revision != seen.revision:
            raise ConflictError(before)
        written = replace(call, revision=before.revision + 1)
        self.items[name], self.older[name] = written, before
        self.written(before, written)
        return written

    def due(self, shard: int, now: int, limit: int) -> Iterator[Call]:
        if shard:
            return iter(())
        return iter(self.stage.effect("calls.due", lambda: self._due(now, limit)))

    def _due(self, now: int, limit: int) -> list[Call]:
        """The index is eventually consistent: now and then it still has what was there before."""
        stale = self.stage.interleaves and self.stage.chance.random() < 0.1
        found = {**self.items, **self.older}.values() if stale else self.items.values()
        return [call for call in found if call.due_at is not None and call.due_at <= now][:limit]


def _summary(call: Call) -> str:
    recording = call.recording
    text = f"{call.external_conversation_id} {call.state} {call.call_end}"
    if recording:
        text += f", recording {recording.state} {recording.identity.rpartition('/')[2][:24]}"
    flags = (
        ("read first", call.maybe_sent_at),
        ("text object", call.transcript),
        (f"late {call.late}", call.late),
    )
    return ", ".join([text, *(name for name, is_so in flags if is_so), f"due {call.due_at}"])


@dataclass
class Aliases(InMemoryAliases):
    """The aliases' items."""

    stage: Stage = field(kw_only=True)

    def target(self, alias: Alias) -> str | None:
        return self.stage.effect("aliases.target", lambda: super(Aliases, self).target(alias))

    def add_pending(self, alias: Alias, pending: PendingMessage) -> str | None:
        adding = super().add_pending
        return self.stage.effect("aliases.add_pending", lambda: adding(alias, pending), lambda: alias.key)

    def bind(self, alias: Alias, target: str) -> tuple[PendingMessage, ...]:
        binding = super().bind
        text = f"{alias.key} to {target}"
        return self.stage.effect("aliases.bind", lambda: binding(alias, target), lambda: text)

    def clear(self, alias: Alias, pending: PendingMessage) -> None:
        clearing = super().clear
        self.stage.effect("aliases.clear", lambda: clearing(alias, pending), lambda: alias.key)

    def expire(self, alias: Alias, pending: PendingMessage) -> str | None:
        return self.stage.effect("aliases.expire", lambda: self._expire(alias, pending), lambda: alias.key)

    def _expire(self, alias: Alias, pending: PendingMessage) -> str | None:
        InMemoryAliases.clear(self, alias, pending)
        return self._item(alias).target

    def due(self, shard: int, now: int, limit: int) -> Iterator[tuple[Alias, str | None, tuple[PendingMessage, ...]]]:
        return iter(list(super().due(shard, now, limit)))


@dataclass
class Utterances(InMemoryUtterances):
    """The utterances' items."""

    stage: Stage = field(kw_only=True)

    def add(self, call_id: str, utterances: Any) -> None:
        adding = super().add
        self.stage.effect("utterances.add", lambda: adding(call_id, utterances))

    def get_all(self, call_id: str) -> tuple[Utterance, ...]:
        reading = super().get_all
        return self.stage.effect("utterances.get_all", lambda: reading(call_id))


# --- S3 and links ------------------------------------------------------------------------------------


@dataclass
class Bucket:
    """Recordings and copies of them; with `versioned` an object that was replaced can still be had."""

    stage: Stage
    versioned: bool = False
    pinned: ClassVar[bool] = True
    objects: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    versions: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    metadata: dict[str, dict[str, str]] = field(default_factory=dict)
    unreachable: int = 0
    """How many of Coval's next fetches fail."""
    serial: int = 0

    def put(self, key: str, content: bytes, metadata: Mapping[str, str] | None = None) -> str | None:
        """Returns the version's id, where the bucket has versions."""
        self.serial += 1
        version = f"v{self.serial}" if self.versioned else None
        self.objects[key] = (etag(content), content)
        self.metadata[key] = dict(metadata or {})
        if version:
            self.versions[version] = (key, content)
        return version

    def delete(self, key: str) -> None:
        """With all its versions, as an operator does who has to."""
        self.objects.pop(key, None)
        self.versions = {version: kept for version, kept in self.versions.items() if kept[0] != key}

    def content(self, version: ObjectVersion) -> bytes:
        if version.version_id in self.versions:
            return self.versions[version.version_id][1]
        if version.key not in self.objects or version.version_id:
            raise ObjectGoneError
        found, content = self.objects[version.key]
        if self.pinned and version.etag and found != version.etag:
            raise ObjectReplacedError
        return content

    def head(self, version: ObjectVersion) -> ObjectHead:
        content = self.stage.effect("s3.head", lambda: self.content(version), lambda: version.key)
        kept = None if version.bucket == "staging" else version.version_id
        return ObjectHead(len(content), etag(content), kept, self.metadata.get(version.key, {}))

    def tags(self, version: ObjectVersion) -> Mapping[str, str]:
        self.content(version)
        return {}

    def read_range(self, version: ObjectVersion, start: int, length: int) -> bytes:
        return self.content(version)[start : start + length]

    def stream(self, version: ObjectVersion) -> Iterator[bytes]:
        yield self.stage.effect("s3.read", lambda: self.content(version), lambda: version.key)

    def presign(self, version: ObjectVersion) -> str:
        query = f"version={version.version_id or ''}&until={self.stage.clock.now + SIGNED_SECONDS}"
        return f"https://{version.bucket}.test/{version.key}?{query}&signature={SIGNATURE}"

    def fetched(self, url: str) -> bytes:
        """What Coval gets by a presigned URL, which pins no ETag; raises the error that Coval answers."""
        parts, query = urlsplit(url), parse_qs(urlsplit(url).query)
        version = query.get("version", [None])[0]
        try:
            if self.unreachable or int(query["until"][0]) < self.stage.clock.now:
                self.unreachable = max(0, self.unreachable - 1)
                raise ObjectGoneError
            return self.content(ObjectVersion("", parts.path[1:], "", version))
        except ObjectGoneError:
            raise AudioFetchError("Audio URL not found (404)") from None


@dataclass
class StagingBucket:
    """The stack's own copies; they lie beside the recordings."""

    bucket: Bucket
    serial: int = 0

    def store(self, name: str, write: Callable[[BinaryIO], object]) -> tuple[ObjectVersion, int]:
        return self.bucket.stage.effect("staging.store", lambda: self._store(name, write))

    def _store(self, name: str, write: Callable[[BinaryIO], object]) -> tuple[ObjectVersion, int]:
        sink = _Sink()
        write(sink)  # type: ignore[arg-type]
        content = b"".join(sink.parts)
        self.serial += 1
        key = f"{name}/{self.serial:08d}"
        self.bucket.objects[key] = (etag(content), content)
        return ObjectVersion("staging", key, etag(content)), len(content)


class _Sink:
    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def writelines(self, chunks: Iterable[bytes]) -> None:
        self.parts.extend(chunks)


@dataclass
class Hosts(InMemoryUrls):
    """Where links lead; what was taken away is denied."""

    stage: Stage = field(kw_only=True)

    def stream(self, url: str) -> Iterator[bytes]:
        opened = super().stream
        yield from self.stage.effect("link.get", lambda: list(opened(url)))


@dataclass
class TranscriptBucket(FakeTranscriptObjects):
    """Transcript objects."""

    stage: Stage = field(kw_only=True)

    def fetch(self, bucket: str, key: str, max_bytes: int) -> bytes:
        return self.stage.effect("s3.transcript", lambda: self._content(key), lambda: key)

    def _content(self, key: str) -> bytes:
        if key not in self.transcript_objects:
            raise NotReadyError("document_missing")
        return self.transcript_objects[key]


# --- Coval -------------------------------------------------------------------------------------------


@dataclass
class Held:
    """A conversation in Coval."""

    name: str
    call_id: str
    request: dict[str, Any]
    audio: bytes | None
    created: int
    made_at: int
    late: bool
    """It was made after its sender's lease had ended."""
    deleted: bool = False

    @property
    def conversation(self) -> Conversation:
        return Conversation(
            conversation_id=self.name,
            external_conversation_id=self.call_id,
            status="IN_PROGRESS",
            has_audio=self.audio is not None,
            create_time=f"{self.created:012d}",
            metadata=self.request["metadata"],
        )


@dataclass
class SimulatedCoval:
    """Submits are not idempotent, audio is one-shot, uploads are used once and end."""

    stage: Stage
    bucket: Bucket
    strong: ClassVar[bool] = True
    held: dict[str, Held] = field(default_factory=dict)
    uploads: dict[str, tuple[int, bytes | None]] = field(default_factory=dict)
    conflicts: int = 0
    """How many PATCHes are answered with 409 although the conversation has no audio."""
    took_audio: Callable[[Held], None] = lambda _: None
    serial: int = 0

    def wait_turn(self) -> int:
        """This one is never left alone: what a gate holds back, other tests show."""
        return 0

    def live(self, call_id: str) -> list[Held]:
        return [held for held in self.held.values() if held.call_id == call_id and not held.deleted]

    # --- submit

    def submit(self, body: bytes) -> Conversation | Filtered:
        began = self.stage.current.started if self.stage.current else 0
        request = json.loads(body)
        text = f"{request['external_conversation_id']} with {request['metadata'][STAMP] or 'nothing'}"
        return self.stage.effect("coval.submit", lambda: self._submit(request, began), lambda: text)

    def _submit(self, request: dict[str, Any], began: int) -> Conversation | Filtered:
        if str(request["metadata"].get("coval_simulation_id", "")).startswith("sim_"):
            return Filtered("coval_simulation", request["metadata"]["coval_simulation_id"])
        if not request.keys() & {"transcript", "upload_id", "audio_url"}:
            raise PermanentError("INVALID_ARGUMENT", "Missing required input data", "transcript", 400)
        audio = self._audio_of(request)
        self.serial += 1
        name, late = f"conversation{self.serial}", self.stage.clock.now - began > LANDS_LATE_SECONDS
        call_id = request["external_conversation_id"]
        made = Held(name, call_id, request, audio, self.serial, self.stage.clock.now, late)
        others = self.live(call_id)
        self.held[name] = made
        if others and not any(one.late for one in (*others, made)):
            self.stage.breaks(f"P1: a second conversation of {call_id} was made while its sender had the lease")
        if audio is not None:
            self.took_audio(made)
        return made.conversation

    def _audio_of(self, request: dict[str, Any]) -> bytes | None:
        upload_id, audio = request.get("upload_id"), None
        if upload_id:
            made_at, audio = self.uploads.get(upload_id, (0, None))
            if audio is None or made_at + UPLOAD_SECONDS < self.stage.clock.now:
                raise PermanentError("NOT_FOUND", f"Upload not found: {upload_id}", "upload_id", 404)
        elif request.get("audio_url"):
            audio = self.bucket.fetched(request["audio_url"])
        if audio is not None and b"rejected" in audio:
            raise PermanentError("INVALID_ARGUMENT", "Audio file is empty.", "audio_url", 400)
        if upload_id:
            del self.uploads[upload_id]
        return audio

    # --- audio

    def attach_audio(self, conversation_id: str, audio_url: str) -> Conversation:
        text = f"{conversation_id} {urlsplit(audio_url).path}"
        return self.stage.effect("coval.attach", lambda: self._attach(conversation_id, audio_url), lambda: text)

    def _attach(self, name: str, url: str) -> Conversation:
        held = self.held.get(name)
        if held is None or held.deleted:
            raise PermanentError("NOT_FOUND", "Conversation not found", None, 404)
        if held.audio is not None or self.conflicts:
            self.conflicts -= held.audio is None
            raise PermanentError("ALREADY_EXISTS", "Audio already attached", "audio", 409)
        audio = self.bucket.fetched(url)
        if b"rejected" in audio:
            raise PermanentError("INVALID_ARGUMENT", "Audio file is empty.", "audio_url", 400)
        held.audio = audio
        self.took_audio(held)
        return held.conversation

    def create_upload(self, content_type: ContentType, size: int) -> Upload:
        return self.stage.effect("coval.create_upload", lambda: self._create(content_type, size))

    def _create(self, content_type: ContentType, size: int) -> Upload:
        self.serial += 1
        name, ends = f"upl_{self.serial:026d}", self.stage.clock.now + UPLOAD_URL_SECONDS
        url = f"https://uploads.test/{name}?token={UPLOAD_TOKEN}"
        return Upload(name, url, datetime.fromtimestamp(ends, UTC), size, content_type)

    def put_audio(self, upload: Upload, chunks: Iterable[bytes], size: int) -> None:
        self.stage.effect("coval.put_audio", lambda: self._put(upload, chunks, size))

    def _put(self, upload: Upload, chunks: Iterable[bytes], size: int) -> None:
        content = b"".join(chunks)
        if upload.expires_at.timestamp() < self.stage.clock.now or len(content) != size:
            raise RetryableError("upload_put_failed")
        self.uploads[upload.upload_id] = (self.stage.clock.now, content)

    # --- reads, and an end

    def get(self, conversation_id: str) -> Conversation | None:
        held = self.stage.effect("coval.get", lambda: self.held.get(conversation_id))
        return held.conversation if held and not held.deleted else None

    def find(self, external_conversation_id: str) -> list[Conversation]:
        found = self.stage.effect("coval.find", lambda: self.live(external_conversation_id))
        newest = self.stage.clock.now - (0 if self.strong else LAG_SECONDS)
        return [held.conversation for held in found if held.made_at <= newest][:2]

    def delete(self, conversation_id: str) -> None:
        self.stage.effect("coval.delete", lambda: self._delete(conversation_id), lambda: conversation_id)

    def _delete(self, name: str) -> None:
        if name in self.held:
            self.held[name].deleted = True

    agents = FakeCoval.agents
    get_agent = FakeCoval.get_agent
