"""The real handlers as functions: from a message, and the answers that its worker has had, to its next effect.

A worker sees the world only through its ports, and every port asks the script:

    run(message, [a1, a2])  ── effect 1 → a1 ── effect 2 → a2 ── effect 3 → stop: this is what comes next

So a worker is determined by its message and its answers. Two workers with the same message and the same
answers go on in the same way; what they have in hand need not be looked at.

What a worker makes (the token of its lease, an upload's id, a copy's key) is named after its message, not
counted in the order of making: that order would tell apart states that nobody else can.
"""

import io
import json
from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from types import SimpleNamespace
from typing import Any, BinaryIO, NamedTuple
from unittest.mock import patch

from coval_relay.domain.coval import ContentType, Upload
from coval_relay.domain.log_events import LogEvent
from coval_relay.domain.messages import SOURCE
from coval_relay.domain.ports import ALIAS_SHARDS
from coval_relay.domain.s3_objects import ObjectVersion
from coval_relay.entrypoints import consumer
from coval_relay.entrypoints.consumer import DeliveryFailedError
from tests.scopes.canonical import Pool
from tests.support.aws_queues import QueuedMessage as ReceivedMessage
from tests.support.aws_queues import Queues
from tests.support.fakes import FakeClock
from tests.support.world import FUNCTION_SECONDS, Executioner, World

WAITS = "waits"
"""How a worker ends whose message has to come again."""
SWEEP = "sweep"
"""The queue of what the schedule brings."""
TOKEN = "#"
"""Stands in a token after the name of who made it."""


class QueuedMessage(NamedTuple):
    """A message in a queue; messages alike in all are the same. How often one was received changes nothing."""

    visible_at: int
    queue: str
    body: str
    sent_at: int
    hops: int = 0
    """How often work was handed on, at once, until this message came."""

    def description(self) -> str:
        """In words, for a story."""
        if self.queue == SWEEP:
            return f"sweep at {self.visible_at % 1_000_000}"
        return f"{json.loads(self.body)['detail-type']} to {self.queue}"


class Effect(NamedTuple):
    """What a worker is about to do."""

    port: str
    method: str
    arguments: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What an effect returned, or raised."""

    value: Any = None
    error: Exception | None = None


class Heard(NamedTuple):
    """An effect, and its answer; `number` is the answer's."""

    effect: Effect
    answer: Answer
    number: int


class Paused(BaseException):
    """The worker has come to an effect that was not answered yet."""


@dataclass
class Script:
    """Answers a worker from what was written down, and stops it where that ends."""

    heard: list[Heard] = field(default_factory=list)
    name: str = ""
    local: Callable[[Effect], Heard | None] = lambda _: None
    """The answer to what is no step of its own."""
    position: int = 0
    attempts: int = 0
    pending: Effect | None = None

    def ask(self, port: str, method: str, *arguments: Any) -> Any:
        if self.position == len(self.heard):
            self._go_on(Effect(port, method, arguments))
        asked, answer, _ = self.heard[self.position]
        assert asked[:2] == (port, method), "a worker is not determined by its answers alone"
        self.position += 1
        if answer.error:
            raise answer.error.with_traceback(None)
        return answer.value

    def _go_on(self, effect: Effect) -> None:
        heard = self.local(effect)
        if heard is None:
            self.pending = effect
            raise Paused
        self.heard.append(heard)

    def uuid4(self) -> SimpleNamespace:
        """In the place of the module `uuid`: a token for each attempt, the same in every run."""
        self.attempts += 1
        return SimpleNamespace(hex=f"{self.name}{TOKEN}{self.attempts}")


@dataclass
class _Port:
    script: Script
    port: str

    def __getattr__(self, method: str) -> Callable[..., Any]:
        return lambda *arguments: self.script.ask(self.port, method, *arguments)


class _Coval(_Port):
    def wait_turn(self) -> int:
        return 0

    def create_upload(self, content_type: ContentType, size: int) -> Any:
        return self.script.ask("coval", "make_upload", content_type, size, self.script.name)

    def put_audio(self, upload: Upload, chunks: Iterable[bytes], size: int) -> None:
        self.script.ask("coval", "put_audio", upload, (b"".join(chunks),), size)


class _Bucket(_Port):
    def stream(self, version: ObjectVersion) -> Iterator[bytes]:
        yield from self.script.ask("files", "stream", version)


class _Staging(_Port):
    def store(self, name: str, write: Callable[[BinaryIO], object]) -> Any:
        body = io.BytesIO()
        write(body)
        return self.script.ask("files", "store", name, body.getvalue(), self.script.name)


class _Index(_Port):
    """The calls, or the aliases: only the first shard has any."""

    def due(self, shard: int, now: int, limit: int) -> Iterator[Any]:
        if shard in (0, ALIAS_SHARDS[0]):
            yield from self.script.ask(self.port, "due", shard, now, limit)


@dataclass
class _Clock(FakeClock):
    now: int = 0
    script: Script = field(default_factory=Script)

    def __call__(self) -> int:
        now: int = self.script.ask("clock", "read")
        return now


@dataclass
class _Watches(Executioner):
    """Lets pass what the ports ask for."""

    def wrap(self, target: Any, *names: str) -> Any:
        return target

    def around(self, name: str, effect: Callable[[], Any]) -> Any:
        return effect()


@dataclass
class _Queues(Queues):
    """What is sent, or hidden, is asked for as data."""

    script: Script = field(default_factory=Script)

    def send(self, queue: str, body: str, *_: Any, **__: Any) -> None:
        self.script.ask("queue", "send", queue, body)

    def backlog(self, *_: Any) -> int:
        return 0

    def hide(self, handle: str, seconds: int, now: int) -> None:
        self.script.ask("queue", "hide", seconds)


class _Dead(list[Any]):
    def __init__(self, script: Script) -> None:
        self.script = script

    def append(self, buried: Any) -> None:
        self.script.ask("dead", "bury", *buried)


class Surroundings(NamedTuple):
    """What the answers to local effects depend on: the time, and the number of the files."""

    now: int
    files: int


class Place(NamedTuple):
    """How far a worker has come: `pending` is None where it has ended, with `problem` where it failed."""

    message: QueuedMessage
    name: str
    """Of the worker; what it makes is named so."""
    heard: tuple[Heard, ...]
    pending: Effect | None
    effect: int
    problem: str


class Program:
    """All places to which workers can come, found by running the real handlers, each once."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.local: Callable[[Effect, Surroundings], Answer | None] = lambda *_: None
        self.places: list[Place] = []
        self._messages: dict[QueuedMessage, int] = {}
        self._starts: dict[tuple[str, Surroundings], int] = {}
        self._next: dict[tuple[int, int, Surroundings], int] = {}
        self._found: dict[tuple[str, tuple[int, ...]], int] = {}
        self._script = Script()
        self._world = self._wired()

    def _wired(self) -> World:
        script = self._script
        return World(
            clock=_Clock(script=script),
            store=_Index(script, "store"),
            aliases=_Index(script, "aliases"),
            utterances=_Port(script, "utterances"),
            coval=_Coval(script, "coval"),
            bucket=_Bucket(script, "files"),
            staging=_Staging(script, "files"),
            urls=_Port(script, "links"),
            transcript_objects=_Port(script, "documents"),
            executioner=_Watches(),
            queues=_Queues(script=script, dead=_Dead(script)),
        )

    def start(self, message: QueuedMessage, taken: Container[str], around: Surroundings) -> int:
        """Where a worker begins, under a name that neither another worker nor a lease has now.

        The name of one that is gone may come again: a token is only ever compared with its owner's.
        """
        number = self._messages.setdefault(message, len(self._messages))
        name = next(name for twin in count() if (name := f"{number}.{twin}") not in taken)
        if (name, around) not in self._starts:
            self._starts[name, around] = self._reach(message, name, [], around)
        return self._starts[name, around]

    def follow(self, place: int, answer: int, around: Surroundings) -> int:
        """Where the worker comes to with this answer: to its next effect that is not local."""
        found = self._next.get((place, answer, around))
        if found is None:
            before = self.places[place]
            assert before.pending is not None
            given: Answer = self.pool.values[answer]
            heard = [*before.heard, Heard(before.pending, given, answer)]
            found = self._reach(before.message, before.name, heard, around)
            self._next[place, answer, around] = found
        return found

    def _reach(self, message: QueuedMessage, name: str, heard: list[Heard], around: Surroundings) -> int:
        script = self._script
        script.heard, script.position, script.attempts = heard, 0, 0
        script.name, script.pending, script.local = name, None, lambda effect: self._local(effect, around)
        self._world.telemetry.clear()
        problem = self._run(message)
        key = (name, tuple(one.number for one in heard))
        if key not in self._found:
            pending = self._script.pending
            number = self.pool.number(pending) if pending else -1
            self._found[key] = len(self.places)
            self.places.append(Place(message, name, tuple(heard), pending, number, problem))
        return self._found[key]

    def _local(self, effect: Effect, around: Surroundings) -> Heard | None:
        answer = self.local(effect, around)
        return Heard(effect, answer, self.pool.number(answer)) if answer else None

    def _run(self, message: QueuedMessage) -> str:
        waits = False
        with suppress(Paused, DeliveryFailedError), patch.object(consumer, "uuid", self._script):
            waits = self._deliver(message)
        return "" if self._paused() else self._failure() or WAITS * waits

    def _paused(self) -> bool:
        return self._script.pending is not None

    def _failure(self) -> str:
        """Where a handler failed, as it has reported."""
        failures = (fields for event, _, fields in self._world.telemetry if event is LogEvent.DELIVERY_FAILED)
        return next((f"{fields['kind']} at {fields['where']}" for fields in failures), "")

    def _deliver(self, message: QueuedMessage) -> bool:
        """Whether the message has to come again."""
        if message.queue == SWEEP:
            event: dict[str, Any] = {"source": SOURCE, "detail-type": "Sweep"}
            self._world.consumers["attach"](event, lambda: FUNCTION_SECONDS)
            return False
        name = self._script.name
        received = ReceivedMessage(message.queue, message.body, message.visible_at, message.sent_at, message_id=name)
        answer = self._world.consumers[message.queue]({"Records": [received.record()]}, lambda: FUNCTION_SECONDS)
        return bool(answer["batchItemFailures"])
