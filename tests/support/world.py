"""The three functions around one table, with queues on an injected clock: a worker can die anywhere."""

import contextlib
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from coval_relay.adapters.audio import PyAvConverter
from coval_relay.adapters.aws import queue_messages
from coval_relay.adapters.aws.lambda_events import FIRST_SENT
from coval_relay.domain.aliases import PendingMessage
from coval_relay.domain.call import Reason
from coval_relay.domain.key_rules import KeyRule, KeyRuleSet, ObjectKind
from coval_relay.domain.lifecycle import Deadlines
from coval_relay.domain.locations import AllowedLocations, RecordingLocations
from coval_relay.domain.log_events import LogEvent
from coval_relay.domain.messages import SOURCE
from coval_relay.domain.ports import ALIAS_SHARDS
from coval_relay.entrypoints.consumer import Consumer
from coval_relay.entrypoints.lambda_handler import translator
from coval_relay.entrypoints.rules import key_rule_in_short
from coval_relay.platforms import registry
from coval_relay.platforms.shared.contract import PlatformOptions
from coval_relay.services.alias_resolver import AliasResolver
from coval_relay.services.attach_recording import AttachRecording
from coval_relay.services.calls import Calls
from coval_relay.services.object_matcher import ObjectMatcher
from coval_relay.services.progress import Progress
from coval_relay.services.queues import Queues
from coval_relay.services.recording_preparer import RecordingPreparer
from coval_relay.services.submit_transcript import SubmitTranscript
from coval_relay.services.sweep import Sweeper
from coval_relay.services.transcript_loader import TranscriptLoader
from coval_relay.services.upload_recording import UploadRecording
from tests.support.fakes import FakeBucket, FakeClock, FakeCoval, FakeTranscriptObjects, InMemoryCalls
from tests.support.in_memory import InMemoryAliases, InMemoryStaging, InMemoryUrls, InMemoryUtterances

FUNCTION_SECONDS = 60
VISIBILITY_SECONDS = 6 * FUNCTION_SECONDS
MAX_RECEIVES = 5
DEADLINES = Deadlines(grace=600, transcript=1800, recording=86_400, audit=600, resume=900, update=60)
PENDING_SECONDS = 7200
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
        self.names = watch(self.aliases, "add_pending", "bind", "clear", "expire")
        self.calls = Calls(watch(self.store, "save"), self.clock, DEADLINES)
        self.consumers = {
            "call_end": self._submit_transcript(coval),
            "recording": self._upload_recording(coval),
            "attach": self._attach_recording(coval),
        }

    # --- wiring --------------------------------------------------------------------------------------

    def _queues(self) -> Queues:
        def message(queue: str) -> Any:
            return lambda message: self.executioner.around(
                f"send_{queue}", lambda: self.send(queue, queue_messages.to_event(message))
            )

        return Queues(call_end=message("call_end"), recording=message("recording"), attach=message("attach"))

    def _report(self, event: LogEvent, external_conversation_id: str = "", **fields: str | int) -> None:
        self.telemetry.append((event, external_conversation_id, fields))

    def _progress(self, coval: Any, **options: Any) -> Progress:
        return Progress(
            calls=self.calls,
            coval=coval,
            queues=self._queues(),
            telemetry=self._report,
            max_payload_bytes=self.max_payload_bytes,
            oversize=self.oversize,
            **options,
        )

    def _submit_transcript(self, coval: Any) -> Consumer:
        files = TranscriptLoader(
            transcript_objects=self.transcript_objects,
            web=self.urls,
            utterances=self.utterances,
            parse=partial(registry.parse_transcript, options=self.options),
            next_page=registry.next_page,
            clock=self.clock,
            settling_seconds=DEADLINES.update,
        )
        service = SubmitTranscript(
            calls=self.calls,
            matcher=self._matcher("transcript", self.transcript_key_pattern, ("transcripts",), ("",)),
            resolver=self._resolver(),
            utterances=self.executioner.wrap(self.utterances, "add"),
            progress=self._progress(coval, transcripts=files),
            queues=self._queues(),
            telemetry=self._report,
        )
        return self._consumer("call_end", service)

    def _matcher(
        self, kind: ObjectKind, pattern: str, buckets: tuple[str, ...], prefixes: tuple[str, ...]
    ) -> ObjectMatcher:
        own: tuple[KeyRule, ...] = (key_rule_in_short(pattern, kind),) if pattern else ()
        book: KeyRuleSet = registry.key_rule_set(self.platforms, self.options, own, "")
        return ObjectMatcher(
            kind=kind,
            key_rule_set=lambda: book,
            buckets=buckets,
            prefixes=prefixes,
            clock=self.clock,
            sidecar_seconds=DEADLINES.update,
            source=self.bucket if kind == "recording" else None,
        )

    def _resolver(self) -> AliasResolver:
        return AliasResolver(
            aliases=self.names,
            calls=self.calls,
            send_again=self._send_again,
            to_event=queue_messages.to_text,
            from_event=queue_messages.from_text,
            telemetry=self._report,
        )

    def _send_again(self, pending: PendingMessage) -> None:
        self.executioner.around(f"send_{pending.queue}", lambda: self.send(pending.queue, pending.event))

    def _upload_recording(self, coval: Any) -> Consumer:
        staging = self.executioner.wrap(self.staging, "store")
        service = UploadRecording(
            calls=self.calls,
            matcher=self._matcher("recording", self.key_pattern, ("recordings",), self.prefixes),
            resolver=self._resolver(),
            preparer=RecordingPreparer(self.bucket, self.urls, staging, PyAvConverter()),
            coval=coval,
            progress=self._progress(coval, source=self.bucket),
            queues=self._queues(),
            telemetry=self._report,
        )
        return self._consumer("recording", service)

    def _attach_recording(self, coval: Any) -> Consumer:
        sweep = Sweeper(
            calls=self.calls,
            queues=self._queues(),
            aliases=self.names,
            send_again=self._send_again,
            pending_seconds=PENDING_SECONDS,
            telemetry=self._report,
        )
        service = AttachRecording(
            calls=self.calls,
            locations=RecordingLocations(
                recordings=AllowedLocations("configured recording", ("recordings",), self.prefixes),
                copies=AllowedLocations("stack's own", ("staging",)),
            ),
            source=self.bucket,
            coval=coval,
            progress=self._progress(coval, source=self.bucket),
            queues=self._queues(),
            sweep=sweep,
            telemetry=self._report,
        )
        return self._consumer("attach", service)

    def _consumer(self, queue: str, service: Callable[..., Any]) -> Consumer:
        def again(body: str, delay: int, first_sent: int) -> None:
            self.queued.append(QueuedMessage(queue, body, self.clock.now + delay, first_sent))

        return Consumer(
            translate=translator(self.options, self.clock),
            service=service,
            calls=self.calls,
            own_queue=lambda *a: self.executioner.around(f"again_{queue}", lambda: again(*a)),
            dead_letters=lambda body, reason: self.dead.append((queue, body, reason)),
            telemetry=self._report,
            request_seconds=30,
            processing_seconds=120,
        )

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
            due = sorted(
                (x for x in self.queued if x.visible_at <= self.clock.now), key=lambda x: x.visible_at
            )
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
