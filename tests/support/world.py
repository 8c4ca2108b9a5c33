"""The three functions around one table, with queues on an injected clock: a worker can die anywhere."""

import contextlib
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from coval_relay.adapters.audio import PyAvConverter
from coval_relay.adapters.aws.lambda_events import FIRST_SENT
from coval_relay.domain.aliases import PendingMessage, QueueName
from coval_relay.domain.errors import PermanentError, Reason
from coval_relay.domain.key_rules import KeyRule
from coval_relay.domain.lifecycle import Deadlines
from coval_relay.domain.log_events import LogEvent
from coval_relay.domain.messages import SOURCE
from coval_relay.domain.ports import ALIAS_SHARDS
from coval_relay.entrypoints import composition
from coval_relay.entrypoints.consumer import Consumer
from coval_relay.platforms.shared.contract import PlatformOptions
from coval_relay.settings import (
    AttachRecordingSettings,
    SubmitTranscriptSettings,
    UploadRecordingSettings,
)
from tests.support.fakes import FakeBucket, FakeClock, FakeCoval, FakeTranscriptObjects, InMemoryCalls
from tests.support.in_memory import InMemoryAliases, InMemoryStaging, InMemoryUrls, InMemoryUtterances

FUNCTION_SECONDS = 60
VISIBILITY_SECONDS = 6 * FUNCTION_SECONDS
MAX_RECEIVES = 5
DEADLINES = Deadlines(grace=600, transcript=1800, recording=86_400, audit=600, resume=900, settling=60)
PENDING_SECONDS = 7200
NAMES = (
    "table_name", "queue_url", "dead_letter_queue_url", "call_end_queue_url", "recording_queue_url",
    "attach_queue_url", "coval_api_key_secret_arn",
)  # fmt: skip
"""Settings that the adapters of a world do not need."""
OPTIONS = PlatformOptions(
    transcript_buckets=("transcripts",),
    transcript_hosts=("media.example.com",),
    recording_hosts=("media.example.com",),
)


class Killed(BaseException):
    """The worker died; nothing in the product catches this."""


@dataclass
class Executioner:
    """Lets a worker die just before or just after its n-th remote effect."""

    at: int | None = None
    after: bool = False
    error: type[BaseException] = Killed
    count: int = 0
    names: list[str] = field(default_factory=list)

    def wrap(self, target: Any, *names: str) -> Any:
        return _Watched(self, target, names)

    def around(self, name: str, effect: Callable[[], Any]) -> Any:
        self.count += 1
        self.names.append(name)
        mine = self.count == self.at
        if mine and not self.after:
            raise self.error(name)
        result = effect()
        if mine:
            raise self.error(name)
        return result


class _Watched:
    def __init__(self, executioner: Executioner, target: Any, names: tuple[str, ...]) -> None:
        self._executioner, self._target, self._names = executioner, target, names

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._target, name)
        if name not in self._names:
            return attribute
        return lambda *a, **k: self._executioner.around(name, lambda: attribute(*a, **k))


@dataclass
class QueuedMessage:
    """A message in a queue."""

    queue: str
    body: str
    visible_at: int
    first_sent: int
    receives: int = 0
    message_id: str = field(default_factory=lambda: uuid.uuid4().hex)

    def record(self) -> dict[str, Any]:
        return {
            "eventSource": "aws:sqs",
            "messageId": self.message_id,
            "body": self.body,
            "attributes": {"SentTimestamp": str(self.first_sent * 1000)},
            "messageAttributes": {FIRST_SENT: {"stringValue": str(self.first_sent)}},
        }


@dataclass
class World:
    """Everything that one scenario needs; `store`, `coval`, `bucket` and their like may be real ones."""

    clock: FakeClock = field(default_factory=FakeClock)
    store: Any = field(default_factory=InMemoryCalls)
    aliases: Any = None
    utterances: Any = field(default_factory=InMemoryUtterances)
    coval: Any = field(default_factory=FakeCoval)
    bucket: Any = field(default_factory=FakeBucket)
    staging: Any = None
    urls: Any = field(default_factory=InMemoryUrls)
    transcript_objects: Any = field(default_factory=FakeTranscriptObjects)
    webhook_bodies: dict[str, bytes] = field(default_factory=dict)
    executioner: Executioner = field(default_factory=Executioner)
    oversize: Any = "truncate"
    max_payload_bytes: int = 256_000
    key_pattern: str = r"^rec/(?P<external_conversation_id>[^/]+)\.(?:wav|mp3)$"
    transcript_key_pattern: str = r"^(?P<external_conversation_id>[^/]+)\.json$"
    platforms: tuple[str, ...] = ()
    options: PlatformOptions = OPTIONS
    prefixes: tuple[str, ...] = ("rec/", "odd/")
    queued: list[QueuedMessage] = field(default_factory=list)
    dead: list[tuple[str, str, Reason | None]] = field(default_factory=list)
    telemetry: list[tuple[LogEvent, str, dict[str, str | int]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.aliases = self.aliases or InMemoryAliases(self.clock, PENDING_SECONDS, DEADLINES.resume)
        self.staging = self.staging or InMemoryStaging(self.bucket)
        watch = self.executioner.wrap
        coval = watch(self.coval, "submit", "attach_audio", "delete", "create_upload", "put_audio")
        self.consumers = {
            "call_end": self._submit_transcript(coval),
            "recording": self._upload_recording(coval),
            "attach": self._attach_recording(coval),
        }

    # --- wiring --------------------------------------------------------------------------------------

    def _settings(self, **more: Any) -> dict[str, Any]:
        """The world's choices, as the environment of every function would hold them."""
        options = self.options
        return {
            **dict.fromkeys(NAMES, "-"),
            "coval_base_url": "https://coval.test",
            "bucket_owner": "111122223333",
            "grace_seconds": DEADLINES.grace,
            "transcript_deadline_seconds": DEADLINES.transcript,
            "recording_deadline_seconds": DEADLINES.recording,
            "audit_delay_seconds": DEADLINES.audit,
            "resume_seconds": DEADLINES.resume,
            "settling_seconds": DEADLINES.settling,
            "pending_seconds": PENDING_SECONDS,
            "platforms": self.platforms,
            "agent_ids": options.agent_ids,
            "default_agent_id": options.default_agent_id,
            "tags": options.tags,
            "metrics": options.metrics,
            "transcript_url_hosts": options.transcript_hosts,
            "recording_url_hosts": options.recording_hosts,
            "agent_channels": options.agent_channels,
            "separate_transcripts": options.separate_transcripts,
            "redaction": "redacted" if options.redacted else "original",
            "estimated_times": options.estimated_times,
            **more,
        }

    def _submit_transcript(self, coval: Any) -> Consumer:
        settings = SubmitTranscriptSettings(
            **self._settings(
                transcript_buckets=self.options.transcript_buckets,
                transcript_prefixes=self.options.transcript_prefixes,
                transcript_key_pattern=self.transcript_key_pattern,
                oversize_transcript=self.oversize,
            )
        ).model_copy(update={"max_payload_bytes": self.max_payload_bytes})
        return composition.submit_transcript(settings, _Adapters(self, "call_end", coval))

    def _upload_recording(self, coval: Any) -> Consumer:
        settings = UploadRecordingSettings(**self._recording_settings(recording_key_pattern=self.key_pattern))
        return composition.upload_recording(settings, _Adapters(self, "recording", coval))

    def _attach_recording(self, coval: Any) -> Consumer:
        settings = AttachRecordingSettings(**self._recording_settings())
        return composition.attach_recording(settings, _Adapters(self, "attach", coval))

    def _recording_settings(self, **more: Any) -> dict[str, Any]:
        return self._settings(
            recording_buckets=("recordings",),
            recording_prefixes=self.prefixes,
            staging_bucket="staging",
            **more,
        )

    def _report(self, event: LogEvent, external_conversation_id: str = "", **fields: str | int) -> None:
        self.telemetry.append((event, external_conversation_id, fields))

    # --- time passes ---------------------------------------------------------------------------------

    def send(self, queue: str, event: Any, delay: int = 0) -> None:
        body = event if isinstance(event, str) else json.dumps(event)
        self.queued.append(QueuedMessage(queue, body, self.clock.now + delay, self.clock.now))

    def deliver(self, message: QueuedMessage) -> None:
        """Hand one message to its function; a death or a failure brings it back after the visibility."""
        self.queued.remove(message)
        message.receives += 1
        try:
            answer = self.consumers[message.queue]({"Records": [message.record()]}, lambda: FUNCTION_SECONDS)
            failed = bool(answer["batchItemFailures"])
        except Killed:
            failed = True
        if failed:
            message.visible_at = self.clock.now + VISIBILITY_SECONDS
            if message.receives >= MAX_RECEIVES:
                self.dead.append((message.queue, message.body, None))
            else:
                self.queued.append(message)

    def sweep(self) -> None:
        with contextlib.suppress(Killed):
            self.consumers["attach"]({"source": SOURCE, "detail-type": "Sweep"}, lambda: FUNCTION_SECONDS)

    def run(self, hours: float = 12) -> None:
        """Let time pass, minute by minute where nothing is due sooner, until all is quiet."""
        end = self.clock.now + int(hours * 3600)
        while self.clock.now < end:
            due = sorted((x for x in self.queued if x.visible_at <= self.clock.now), key=lambda x: x.visible_at)
            if due:
                self.deliver(due[0])
                continue
            self.sweep()
            if any(x.visible_at <= self.clock.now for x in self.queued):
                continue
            moments = [x.visible_at for x in self.queued]
            moments += [c.due_at for c in self.every_call() if c.due_at is not None]
            moments += [pending.pending_since + PENDING_SECONDS for pending in self.all_pending()]
            if not moments:
                return
            self.clock.now = max(self.clock.now + 1, min(moments))

    def every_call(self) -> list[Any]:
        far = self.clock.now + 10**9
        return [call for shard in range(8) for call in self.store.due(shard, far, 1000)]

    def events(self) -> list[str]:
        return [event.name for event, _, _ in self.telemetry]

    def all_pending(self) -> list[PendingMessage]:
        far = self.clock.now + 10**9
        due = (told for shard in ALIAS_SHARDS for told in self.aliases.due(shard, far, 1000))
        return [pending for _, _, waiting in due for pending in waiting]


class _Adapters:
    """One function's adapters: the world's parts, each remote effect watched by the executioner."""

    def __init__(self, world: World, queue: QueueName, coval: Any) -> None:
        watch = world.executioner.wrap
        self._world, self._queue = world, queue
        self.clock, self.telemetry, self.coval = world.clock, world._report, coval
        self.store = watch(world.store, "save")
        self.aliases = watch(world.aliases, "add_pending", "bind", "clear", "expire")
        self.utterances = watch(world.utterances, "add")
        self.transcript_objects, self.transcript_urls = world.transcript_objects, world.urls
        self.recordings, self.recording_urls = world.bucket, world.urls
        self.staging = watch(world.staging, "store")
        self.converter = PyAvConverter()
        self.stored_key_rules = tuple[KeyRule, ...]

    def send(self, queue: QueueName, body: str) -> None:
        self._world.executioner.around(f"send_{queue}", lambda: self._world.send(queue, body))

    def webhook_body(self, name: str) -> bytes:
        if name not in self._world.webhook_bodies:
            raise PermanentError("webhook_body_gone", "The body of the webhook is no longer in S3.")
        return self._world.webhook_bodies[name]

    def wait(self, body: str, delay_seconds: int, first_sent: int) -> None:
        world = self._world
        waiting = QueuedMessage(self._queue, body, world.clock.now + delay_seconds, first_sent)
        world.executioner.around(f"again_{self._queue}", lambda: world.queued.append(waiting))

    def bury(self, body: str, reason: Reason) -> None:
        self._world.dead.append((self._queue, body, reason))
