"""The three functions as fleets of execution environments, each with a gate of its own, on an injected clock.

What one invocation does is done at once, while the clock goes on as far as it waits in place; the next one begins where
the earliest environment is free and a message can be seen.
"""

import heapq
import itertools
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from coval_relay.adapters.coval import Gate, HttpCovalClient
from coval_relay.domain.call_aliases import QueueName
from coval_relay.domain.errors import RetryableError
from coval_relay.domain.log_events import LogEvent
from coval_relay.domain.messages import SOURCE
from coval_relay.entrypoints.consumer import Consumer, DeliveryFailedError
from coval_relay.entrypoints.lambda_handler import waiting
from tests.outages.coval_over_http import TIMEOUT_SECONDS, CovalOverHttp
from tests.support.aws_queues import QueuedMessage, Queues
from tests.support.fakes import FakeClock
from tests.support.world import FUNCTION_SECONDS, World

SWEEP_SECONDS = 60
WORKERS: dict[QueueName, int] = {"call_end": 10, "recording": 5, "attach": 5}
QUEUES: tuple[QueueName, ...] = ("call_end", "recording", "attach")


@dataclass
class FleetQueues(Queues):
    """The queues of many thousand messages, each by when it can be seen."""

    waiting: dict[str, list[tuple[int, int, QueuedMessage]]] = field(default_factory=dict)
    under_way: QueuedMessage | None = None
    """What an invocation has been given; None for the sweep's."""
    causes: dict[str, str] = field(default_factory=dict)
    """By message id: the event that a message is, or goes on with; or the sweep of its call."""
    live: Counter[str] = field(default_factory=Counter)
    """Messages of each cause that have not ended."""
    serial: Any = field(default_factory=itertools.count)

    def send(self, queue: str, body: str, now: int, chain: Counter[str] | None = None, delay: int = 0) -> None:
        message = QueuedMessage(queue, body, now + delay, now + delay, chain=Counter(chain or {}))
        self.causes[message.message_id] = cause = self._cause(message, own=chain is not None)
        self.live[cause] += 1
        self.put(message)

    def _cause(self, message: QueuedMessage, *, own: bool) -> str:
        """An object that was pending goes on for itself; that an event has named one is a message of its own."""
        if not own:
            return message.message_id
        if (kind := json.loads(message.body)["detail-type"]) in OF_AN_OBJECT:
            return f"{kind} {_place_of(message.body)}"
        return self.causes[self.under_way.message_id] if self.under_way else f"sweep of {_call_of(message.body)}"

    def put(self, message: QueuedMessage) -> None:
        heapq.heappush(self.waiting.setdefault(message.queue, []), (message.visible_at, next(self.serial), message))

    def backlog(self, queue: str, now: int) -> int:
        return sum(visible_at <= now for visible_at, _, _ in self.waiting.get(queue, ()))

    def forget(self, message: QueuedMessage) -> None:
        self.live[self.causes[message.message_id]] -= 1

    def by_handle(self, handle: str) -> QueuedMessage | None:
        return self.under_way if self.under_way and self.under_way.handle == handle else None

    def left(self) -> list[QueuedMessage]:
        return [message for waiting in self.waiting.values() for _, _, message in waiting]


NAMED = "Object Named"
OF_AN_OBJECT = ("Object Pending", NAMED)


def _place_of(body: str) -> str:
    detail = json.loads(body)["detail"]
    return str(detail.get("version", detail)["key"])


def _call_of(body: str) -> str:
    """Of a message of the functions' own."""
    return str(json.loads(body)["detail"].get("external_conversation_id", ""))


@dataclass
class _Effects:
    """Takes the place of the executioner: nobody dies here, but sending may be denied."""

    denied: Callable[[], str]

    def wrap(self, target: Any, *names: str) -> Any:
        return target

    def around(self, name: str, effect: Callable[[], Any]) -> Any:
        if self.denied() == "sqs" and name.startswith("send_"):
            raise RetryableError("sqs_AccessDenied")
        return effect()


@dataclass
class _World(World):
    """Remembers when what was reported."""

    reported: list[tuple[int, LogEvent, str]] = field(default_factory=list)

    def _report(self, event: LogEvent, external_conversation_id: str = "", **_: str | int) -> None:
        self.reported.append((self.clock.now, event, external_conversation_id))


@dataclass(eq=False)
class _Environment:
    """One execution environment."""

    consumer: Consumer | None = None
    deadline: int = 0


def _half() -> float:
    """No jitter, where it goes both ways."""
    return 0.5


@dataclass
class _ApiKey:
    denied: Callable[[], str]

    def get(self) -> str:
        if self.denied() == "secretsmanager":
            raise RetryableError("secretsmanager_AccessDeniedException")
        return "key"

    def refresh(self) -> str:
        return self.get()


class Fleet:
    """All environments around one world; `denied` names the AWS service that denies everything now, or is empty."""

    def __init__(
        self,
        fault: Callable[[], str],
        denied: Callable[[], str],
        clock: FakeClock,
        parts: dict[str, Any],
        workers: dict[QueueName, int] = WORKERS,
    ) -> None:
        self.clock, self._denied = clock, denied
        self.http = CovalOverHttp(clock, fault)
        self.queues = FleetQueues()
        outside: dict[str, Any] = {"coval": self.http.coval, "queues": self.queues, "executioner": _Effects(denied)}
        self.world = _World(clock=clock, **outside, **parts)
        self._free: dict[QueueName, list[tuple[int, int, _Environment]]] = {
            queue: [(clock.now, n, self._environment(queue)) for n in range(workers[queue])] for queue in QUEUES
        }
        self._sweep_at = clock.now + SWEEP_SECONDS
        self.most_live = 0
        """Most messages at once that an event was or has led to, or the sweep of a call, seen between invocations."""

    def _environment(self, queue: QueueName) -> _Environment:
        environment = _Environment()
        build = {
            "call_end": self.world.submit_transcript,
            "recording": self.world.upload_recording,
            "attach": self.world.attach_recording,
        }[queue]
        environment.consumer = build(self._client(environment))
        return environment

    def _client(self, environment: _Environment) -> HttpCovalClient:
        gate = Gate(
            lambda code, seconds: self.world._report(LogEvent.CIRCUIT_OPENED, code=code, seconds=seconds),
            lambda: float(self.clock.now),
            _half,
        )
        return HttpCovalClient(
            base_url="https://coval.test",
            path_family="conversations",
            api_key=_ApiKey(self._denied),
            timeout_seconds=TIMEOUT_SECONDS,
            time_left=lambda: environment.deadline - self.clock.now,
            gate=gate,
            sleep=self._sleep,
            jitter=_half,
            now=lambda: float(self.clock.now),
            http=httpx.Client(transport=httpx.MockTransport(self.http)),
        )

    def _sleep(self, seconds: float) -> None:
        self.clock.now += max(round(seconds), 1)

    # --- time passes ---------------------------------------------------------------------------------

    def run(self, until: int) -> None:
        """Let time pass."""
        while True:
            start, queue = min((self._next(queue), queue) for queue in QUEUES)
            if self._sweep_at <= min(start, until):
                self._sweep()
            elif start > until:
                return
            else:
                self._deliver(queue, start)

    def _next(self, queue: QueueName) -> int:
        """When a worker of this queue begins with its next message."""
        waiting = self.queues.waiting.get(queue)
        return max(waiting[0][0], self._free[queue][0][0]) if waiting else 1 << 60

    def _deliver(self, queue: QueueName, start: int) -> None:
        _, _, message = heapq.heappop(self.queues.waiting[queue])
        _, name, environment = heapq.heappop(self._free[queue])
        self.clock.now = start
        self.queues.denied = self._denied() == "visibility"
        chain = self.queues.receive(message, start)
        if chain is not None:
            self.queues.under_way, self.world.running = message, chain
            answer = self._invoke(environment, {"Records": [message.record()]})
            failed = bool(answer["batchItemFailures"])
            self.queues.end(message, failed=failed)
            if failed:
                self.queues.put(message)
            self._count({self.queues.causes[message.message_id]})
        heapq.heappush(self._free[queue], (self.clock.now + 1, name, environment))

    def _count(self, causes: set[str]) -> None:
        """But for what tells of a name: each receive of an event does, it is done at once, and never waits."""
        counted = (self.queues.live[cause] for cause in causes if not cause.startswith(NAMED))
        self.most_live = max(self.most_live, *counted, 0)

    def _sweep(self) -> None:
        free, name, environment = heapq.heappop(self._free["attach"])
        self.clock.now = max(self._sweep_at, free)
        self._sweep_at += SWEEP_SECONDS
        self.world.running, self.queues.under_way = Counter({"attach": 1}), None
        try:
            self._invoke(environment, {"source": SOURCE, "detail-type": "Sweep"})
        except DeliveryFailedError:
            self.world._report(LogEvent.DELIVERY_FAILED)
        self._count(set(self.queues.live))
        heapq.heappush(self._free["attach"], (self.clock.now + 1, name, environment))

    def _invoke(self, environment: _Environment, payload: Any) -> dict[str, Any]:
        assert environment.consumer is not None
        environment.deadline = self.clock.now + FUNCTION_SECONDS
        consumer = environment.consumer
        if self._denied() == "ssm":  # as an environment has it that has read no configuration yet
            consumer = waiting(consumer, RetryableError("ssm_AccessDeniedException"))
        return consumer(payload, lambda: environment.deadline - self.clock.now)
