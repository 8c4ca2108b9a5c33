"""The three functions around one table, with queues on an injected clock: a worker can die anywhere."""

import contextlib
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from coval_relay.adapters import relay_messages
from coval_relay.adapters.conversion import PyAvConversion
from coval_relay.adapters.lambda_events import FIRST_SENT
from coval_relay.bootstrap.edge import translator
from coval_relay.bootstrap.rules import key_rule_in_short
from coval_relay.domain.aliases import Parked
from coval_relay.domain.call import Reason
from coval_relay.domain.journal import LogEvent
from coval_relay.domain.key_rules import KeyRule, Kind, Rulebook
from coval_relay.domain.messages import SOURCE
from coval_relay.domain.places import Places, RecordingPlaces
from coval_relay.domain.ports import ALIAS_SHARDS
from coval_relay.domain.protocol import Deadlines
from coval_relay.intake import Intake
from coval_relay.platforms import registry
from coval_relay.platforms.platform import Choices
from coval_relay.services.attach_recording import AttachRecording
from coval_relay.services.calls import Calls
from coval_relay.services.mailbox import Mailbox
from coval_relay.services.names import Names
from coval_relay.services.object_owner import ObjectOwner
from coval_relay.services.preparing import Preparing
from coval_relay.services.progress import Progress
from coval_relay.services.submit_transcript import SubmitTranscript
from coval_relay.services.sweep import SweepCalls
from coval_relay.services.transcripts import TranscriptFiles
from coval_relay.services.upload_recording import UploadRecording
from tests.support.fakes import FakeBucket, FakeClock, FakeCoval, FakeDocuments, InMemoryCalls
from tests.support.in_memory import InMemoryAliases, InMemoryFragments, InMemoryLinks, InMemoryStaging

FUNCTION_SECONDS = 60
VISIBILITY_SECONDS = 6 * FUNCTION_SECONDS
MOST_RECEIVES = 5
DEADLINES = Deadlines(grace=600, transcript=1800, recording=86_400, audit=600, resume=900, settle=60)
PARKING_SECONDS = 7200
CHOICES = Choices(
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
class Letter:
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
    fragments: Any = field(default_factory=InMemoryFragments)
    coval: Any = field(default_factory=FakeCoval)
    bucket: Any = field(default_factory=FakeBucket)
    staging: Any = None
    links: Any = field(default_factory=InMemoryLinks)
    documents: Any = field(default_factory=FakeDocuments)
    executioner: Executioner = field(default_factory=Executioner)
    oversize: Any = "truncate"
    max_payload_bytes: int = 256_000
    key_pattern: str = r"^rec/(?P<external_conversation_id>[^/]+)\.(?:wav|mp3)$"
    transcript_key_pattern: str = r"^(?P<external_conversation_id>[^/]+)\.json$"
    platforms: tuple[str, ...] = ()
    choices: Choices = CHOICES
    prefixes: tuple[str, ...] = ("rec/", "odd/")
    letters: list[Letter] = field(default_factory=list)
    dead: list[tuple[str, str, Reason | None]] = field(default_factory=list)
    journal: list[tuple[LogEvent, str, dict[str, str | int]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.aliases = self.aliases or InMemoryAliases(self.clock, PARKING_SECONDS, DEADLINES.resume)
        self.staging = self.staging or InMemoryStaging(self.bucket)
        watch = self.executioner.wrap
        coval = watch(self.coval, "submit", "attach_audio", "delete", "create_upload", "put_audio")
        self.names = watch(self.aliases, "park", "bind", "clear", "expire")
        self.calls = Calls(watch(self.store, "write"), self.clock, DEADLINES)
        self.intakes = {
            "call_end": self._submit_transcript(coval),
            "recording": self._upload_recording(coval),
            "attach": self._attach_recording(coval),
        }

    # --- wiring --------------------------------------------------------------------------------------

    def _mailbox(self) -> Mailbox:
        def letter(queue: str) -> Any:
            return lambda message: self.executioner.around(
                f"send_{queue}", lambda: self.send(queue, relay_messages.to_event(message))
            )

        return Mailbox(call_end=letter("call_end"), recording=letter("recording"), attach=letter("attach"))

    def _report(self, event: LogEvent, external_conversation_id: str = "", **fields: str | int) -> None:
        self.journal.append((event, external_conversation_id, fields))

    def _progress(self, coval: Any, **options: Any) -> Progress:
        return Progress(
            calls=self.calls,
            coval=coval,
            mailbox=self._mailbox(),
            journal=self._report,
            max_payload_bytes=self.max_payload_bytes,
            oversize=self.oversize,
            **options,
        )

    def _submit_transcript(self, coval: Any) -> Intake:
        files = TranscriptFiles(
            documents=self.documents,
            web=self.links,
            fragments=self.fragments,
            parse=partial(registry.parse_transcript, choices=self.choices),
            next_page=registry.next_page,
            clock=self.clock,
            settle_seconds=DEADLINES.settle,
        )
        service = SubmitTranscript(
            calls=self.calls,
            owner=self._owner("transcript", self.transcript_key_pattern, ("transcripts",), ("",)),
            names=self._names(),
            fragments=self.executioner.wrap(self.fragments, "add"),
            progress=self._progress(coval, transcripts=files),
            mailbox=self._mailbox(),
            journal=self._report,
        )
        return self._intake("call_end", service)

    def _owner(
        self, kind: Kind, pattern: str, buckets: tuple[str, ...], prefixes: tuple[str, ...]
    ) -> ObjectOwner:
        own: tuple[KeyRule, ...] = (key_rule_in_short(pattern, kind),) if pattern else ()
        book: Rulebook = registry.rulebook(self.platforms, self.choices, own, "")
        return ObjectOwner(
            kind=kind,
            rulebook=lambda: book,
            buckets=buckets,
            prefixes=prefixes,
            clock=self.clock,
            sidecar_seconds=DEADLINES.settle,
            source=self.bucket if kind == "recording" else None,
        )

    def _names(self) -> Names:
        return Names(
            aliases=self.names,
            calls=self.calls,
            send_again=self._send_again,
            to_event=relay_messages.to_text,
            from_event=relay_messages.from_text,
            journal=self._report,
        )

    def _send_again(self, parked: Parked) -> None:
        self.executioner.around(f"send_{parked.queue}", lambda: self.send(parked.queue, parked.event))

    def _upload_recording(self, coval: Any) -> Intake:
        staging = self.executioner.wrap(self.staging, "store")
        service = UploadRecording(
            calls=self.calls,
            owner=self._owner("recording", self.key_pattern, ("recordings",), self.prefixes),
            names=self._names(),
            preparing=Preparing(self.bucket, self.links, staging, PyAvConversion()),
            coval=coval,
            progress=self._progress(coval, source=self.bucket),
            mailbox=self._mailbox(),
            journal=self._report,
        )
        return self._intake("recording", service)

    def _attach_recording(self, coval: Any) -> Intake:
        sweep = SweepCalls(
            calls=self.calls,
            mailbox=self._mailbox(),
            aliases=self.names,
            send_again=self._send_again,
            parking_seconds=PARKING_SECONDS,
            journal=self._report,
        )
        service = AttachRecording(
            calls=self.calls,
            places=RecordingPlaces(
                recordings=Places("configured recording", ("recordings",), self.prefixes),
                copies=Places("stack's own", ("staging",)),
            ),
            source=self.bucket,
            coval=coval,
            progress=self._progress(coval, source=self.bucket),
            mailbox=self._mailbox(),
            sweep=sweep,
            journal=self._report,
        )
        return self._intake("attach", service)

    def _intake(self, queue: str, service: Callable[..., Any]) -> Intake:
        def again(body: str, delay: int, first_sent: int) -> None:
            self.letters.append(Letter(queue, body, self.clock.now + delay, first_sent))

        return Intake(
            translate=translator(self.choices, self.clock),
            service=service,
            calls=self.calls,
            own_queue=lambda *a: self.executioner.around(f"again_{queue}", lambda: again(*a)),
            dead_letters=lambda body, reason: self.dead.append((queue, body, reason)),
            journal=self._report,
            request_seconds=30,
            processing_seconds=120,
        )

    # --- time passes ---------------------------------------------------------------------------------

    def send(self, queue: str, event: Any, delay: int = 0) -> None:
        body = event if isinstance(event, str) else json.dumps(event)
        self.letters.append(Letter(queue, body, self.clock.now + delay, self.clock.now))

    def deliver(self, letter: Letter) -> None:
        """Hand one message to its function; a death or a failure brings it back after the visibility."""
        self.letters.remove(letter)
        letter.receives += 1
        try:
            answer = self.intakes[letter.queue]({"Records": [letter.record()]}, lambda: FUNCTION_SECONDS)
            failed = bool(answer["batchItemFailures"])
        except Killed:
            failed = True
        if failed:
            letter.visible_at = self.clock.now + VISIBILITY_SECONDS
            if letter.receives >= MOST_RECEIVES:
                self.dead.append((letter.queue, letter.body, None))
            else:
                self.letters.append(letter)

    def sweep(self) -> None:
        with contextlib.suppress(Killed):
            self.intakes["attach"]({"source": SOURCE, "detail-type": "Sweep"}, lambda: FUNCTION_SECONDS)

    def run(self, hours: float = 12) -> None:
        """Let time pass, minute by minute where nothing is due sooner, until all is quiet."""
        end = self.clock.now + int(hours * 3600)
        while self.clock.now < end:
            due = sorted(
                (x for x in self.letters if x.visible_at <= self.clock.now), key=lambda x: x.visible_at
            )
            if due:
                self.deliver(due[0])
                continue
            self.sweep()
            if any(x.visible_at <= self.clock.now for x in self.letters):
                continue
            moments = [x.visible_at for x in self.letters]
            moments += [c.due_at for c in self.every_call() if c.due_at is not None]
            moments += [parked.parked_at + PARKING_SECONDS for parked in self.every_parked()]
            if not moments:
                return
            self.clock.now = max(self.clock.now + 1, min(moments))

    def every_call(self) -> list[Any]:
        far = self.clock.now + 10**9
        return [call for shard in range(8) for call in self.store.due(shard, far, 1000)]

    def events(self) -> list[str]:
        return [event.name for event, _, _ in self.journal]

    def every_parked(self) -> list[Parked]:
        far = self.clock.now + 10**9
        due = (told for shard in ALIAS_SHARDS for told in self.aliases.due(shard, far, 1000))
        return [parked for _, _, waiting in due for parked in waiting]
