"""The three functions around one table, with queues on an injected clock: a worker can die anywhere."""

import contextlib
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from coval_relay.adapters.audio import PyAvConverter
from coval_relay.configuration.document import Configuration
from coval_relay.domain.call_aliases import PendingMessage, QueueName
from coval_relay.domain.errors import PermanentError, Reason
from coval_relay.domain.lifecycle import Deadlines
from coval_relay.domain.log_events import LogEvent
from coval_relay.domain.messages import SOURCE
from coval_relay.domain.ports import ALIAS_SHARDS
from coval_relay.entrypoints import composition
from coval_relay.entrypoints.consumer import Consumer, DeliveryFailedError
from coval_relay.platforms.shared.contract import PlatformOptions
from coval_relay.settings import (
    AttachRecordingSettings,
    SubmitTranscriptSettings,
    UploadRecordingSettings,
)
from tests.support.aws_queues import QueuedMessage, Queues
from tests.support.fakes import FakeBucket, FakeClock, FakeCoval, FakeTranscriptObjects, InMemoryCalls
from tests.support.in_memory import (
    InMemoryAliases,
    InMemoryRejectedEvents,
    InMemoryStaging,
    InMemoryUrls,
    InMemoryUtterances,
)

FUNCTION_SECONDS = 60
DEADLINES = Deadlines(grace=5400, transcript=7200, recording=86_400, audit=600, resume=900, settling=60)
PENDING_SECONDS = 14_400
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
    key_rules: tuple[dict[str, Any], ...] = ()
    """The operator's own, as relay.toml holds them."""
    rejected_events: InMemoryRejectedEvents | None = None
    executioner: Executioner = field(default_factory=Executioner)
    oversize: Any = "truncate"
    max_payload_bytes: int = 256_000
    key_pattern: str = r"^rec/(?P<external_conversation_id>[^/]+)\.(?:wav|mp3)$"
    transcript_key_pattern: str = r"^(?P<external_conversation_id>[^/]+)\.json$"
    platforms: tuple[str, ...] = ()
    deadlines: Deadlines = DEADLINES
    options: PlatformOptions = OPTIONS
    prefixes: tuple[str, ...] = ("rec/", "odd/")
    queues: Queues = field(default_factory=Queues)
    running: Counter[str] = field(default_factory=Counter)
    """The chain that the function which runs belongs to."""
    telemetry: list[tuple[LogEvent, str, dict[str, str | int]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.aliases = self.aliases or InMemoryAliases(PENDING_SECONDS)
        self.staging = self.staging or InMemoryStaging(self.bucket)
        watch = self.executioner.wrap
        coval = watch(self.coval, "submit", "attach_audio", "delete", "create_upload", "put_audio")
        self.consumers = {
            "call_end": self.submit_transcript(coval),
            "recording": self.upload_recording(coval),
            "attach": self.attach_recording(coval),
        }

    # --- wiring --------------------------------------------------------------------------------------

    def _settings(self, **more: Any) -> dict[str, Any]:
        """The world's settings, as the environment of every function would hold them."""
        return {**dict.fromkeys(NAMES, "-"), "bucket_owner": "111122223333", "platforms": self.platforms, **more}

    @cached_property
    def configuration(self) -> Configuration:
        """Its configuration, as relay.toml would hold it."""
        options = self.options
        waits = {f"{name}_seconds": getattr(self.deadlines, name) for name in DEADLINES.__annotations__}
        calls = {
            "agent_ids": options.agent_ids,
            "default_agent_id": options.default_agent_id,
            "tags": options.tags,
            "metrics": options.metrics,
            "oversize_transcript": self.oversize,
            "estimated_times": options.estimated_times,
            "redaction": "redacted" if options.redacted else "original",
        }
        read = Configuration.model_validate(
            {
                "coval": {"base_url": "https://coval.test"},
                "calls": calls,
                "platforms": self._platform_choices(),
                "links": {"recording_hosts": options.recording_hosts, "transcript_hosts": options.transcript_hosts},
                "deadlines": {**waits, "pending_seconds": PENDING_SECONDS},
                "key_rules": [*self._short_rules(), *self.key_rules],
            }
        )
        small = read.calls.model_copy(update={"max_payload_bytes": self.max_payload_bytes})
        return read.model_copy(update={"calls": small})

    def _platform_choices(self) -> dict[str, dict[str, Any]]:
        channels, separate = self.options.agent_channels, self.options.separate_transcripts
        return {
            name: {"agent_channel": channels.get(name), "separate_transcripts": name in separate}
            for name in {*channels, *separate}
        }

    def _short_rules(self) -> list[dict[str, Any]]:
        patterns: dict[str, str] = {"recording": self.key_pattern, "transcript": self.transcript_key_pattern}
        return [{"name": f"own_{kind}", "kind": kind, "pattern": one} for kind, one in patterns.items() if one]

    def submit_transcript(self, coval: Any) -> Consumer:
        settings = SubmitTranscriptSettings(
            **self._settings(
                transcript_buckets=self.options.transcript_buckets,
                transcript_prefixes=self.options.transcript_prefixes,
            )
        )
        return composition.submit_transcript(settings, self.configuration, _Adapters(self, "call_end", coval))

    def upload_recording(self, coval: Any) -> Consumer:
        settings = UploadRecordingSettings(**self._recording_settings())
        return composition.upload_recording(settings, self.configuration, _Adapters(self, "recording", coval))

    def attach_recording(self, coval: Any) -> Consumer:
        settings = AttachRecordingSettings(**self._recording_settings())
        return composition.attach_recording(settings, self.configuration, _Adapters(self, "attach", coval))

    def _recording_settings(self) -> dict[str, Any]:
        return self._settings(
            recording_buckets=("recordings",), recording_prefixes=self.prefixes, staging_bucket="staging"
        )

    def _report(self, event: LogEvent, external_conversation_id: str = "", **fields: str | int) -> None:
        self.telemetry.append((event, external_conversation_id, fields))

    # --- time passes ---------------------------------------------------------------------------------

    @property
    def queued(self) -> list[QueuedMessage]:
        return self.queues.messages

    @property
    def dead(self) -> list[tuple[str, str, Reason | None]]:
        return self.queues.dead

    def send(self, queue: str, event: Any, delay: int = 0) -> None:
        """An event from outside: it begins a chain."""
        body = event if isinstance(event, str) else json.dumps(event)
        self.queues.send(queue, body, self.clock.now, delay=delay)

    def deliver(self, message: QueuedMessage) -> None:
        """Hand one message to its function; a death or a failure brings it back when its visibility ends."""
        chain = self.queues.receive(message, self.clock.now)
        if chain is None:
            return
        self.running = chain
        try:
            answer = self.consumers[message.queue]({"Records": [message.record()]}, lambda: FUNCTION_SECONDS)
            failed = bool(answer["batchItemFailures"])
        except Killed:
            failed = True
        self.queues.end(message, failed=failed)

    def sweep(self) -> None:
        self.running = Counter({"attach": 1})
        with contextlib.suppress(Killed, DeliveryFailedError):
            self.consumers["attach"]({"source": SOURCE, "detail-type": "Sweep"}, lambda: FUNCTION_SECONDS)

    def run(self, hours: float = 12) -> None:
        """Let time pass, minute by minute where nothing is due sooner, until all is quiet."""
        end = self.clock.now + int(hours * 3600)
        while self.clock.now < end:
            due = self.queues.visible(self.clock.now)
            if due:
                self.deliver(due[0])
                continue
            self.sweep()
            if self.queues.visible(self.clock.now):
                continue
            moments = [x.visible_at for x in self.queued]
            moments += [c.due_at for c in self.every_call() if c.due_at is not None]
            moments += [pending.pending_since + PENDING_SECONDS for pending in self.all_pending()]
            if not moments:
                return
            later = [moment for moment in moments if moment > self.clock.now]
            overdue = [self.clock.now + 60] if len(later) < len(moments) else []  # the next sweep's
            self.clock.now = min(later + overdue)

    def every_call(self) -> list[Any]:
        far = self.clock.now + 10**9
        return [call for shard in range(8) for call in self.store.due(shard, far, 1000)]

    def events(self) -> list[str]:
        return [event.name for event, _, _ in self.telemetry]

    def all_pending(self) -> list[PendingMessage]:
        far = self.clock.now + 10**9
        due = (one for shard in ALIAS_SHARDS for one in self.aliases.due(shard, far, 1000))
        return [pending for _, _, waiting in due for pending in waiting]


class _Adapters:
    """One function's adapters: the world's parts, each remote effect watched by the executioner."""

    def __init__(self, world: World, queue: QueueName, coval: Any) -> None:
        watch = world.executioner.wrap
        self._world, self._queue = world, queue
        self.clock, self.telemetry, self.coval = world.clock, world._report, coval
        self.chance = lambda: 0.5
        self.store = watch(world.store, "save")
        self.aliases = watch(world.aliases, "add_pending", "bind", "clear", "expire")
        self.utterances = watch(world.utterances, "add")
        self.transcript_objects, self.transcript_urls = world.transcript_objects, world.urls
        self.recordings, self.recording_urls = world.bucket, world.urls
        self.staging = watch(world.staging, "store")
        self.converter = PyAvConverter()

    def rejected_events(self, queue: QueueName) -> Any:
        kept = self._world.rejected_events
        return None if kept is None else kept.of(queue)

    def send(self, queue: QueueName, body: str) -> None:
        assert queue != self._queue, "a function must not send to the queue that it consumes"
        world = self._world
        world.executioner.around(
            f"send_{queue}", lambda: world.queues.send(queue, body, world.clock.now, world.running)
        )

    def backlog(self, queue: QueueName) -> int:
        return int(self._world.queues.backlog(queue, self._world.clock.now))

    def webhook_body(self, name: str) -> bytes:
        if name not in self._world.webhook_bodies:
            raise PermanentError("webhook_body_gone", "The body of the webhook is no longer in S3.")
        return self._world.webhook_bodies[name]

    def hide(self, handle: str, seconds: int) -> None:
        world = self._world
        world.executioner.around(f"hide_{self._queue}", lambda: world.queues.hide(handle, seconds, world.clock.now))

    def bury(self, body: str, reason: Reason) -> None:
        self._world.dead.append((self._queue, body, reason))
