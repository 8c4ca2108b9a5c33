"""Workers that really interleave: each invocation in a thread of its own, one at a time, as the seed says.

A worker runs until its next effect. There the stage may let another one go first, kill it, put it to sleep,
or fail the effect before or after it was carried out. One seed gives one order.
"""

import heapq
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from threading import Lock, Thread
from typing import TypeVar

from coval_relay.domain.errors import RetryableError, UnknownOutcomeError
from tests.support.fakes import FakeClock
from tests.support.world import FUNCTION_SECONDS, Killed

T = TypeVar("T")
UNSURE = ("coval.submit", "coval.attach", "coval.delete")
"""Requests whose lost answer leaves open whether they were carried out."""
KEEPS_BATON = 0.5


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to the nth effect of this name."""

    effect: str
    nth: int
    kind: str
    seconds: int = 0

    def __str__(self) -> str:
        return f"the {self.nth}. {self.effect}: {self.kind}" + f" {self.seconds} s" * bool(self.seconds)


class Player(Thread):
    """A thread that plays one worker after the other, and only while it holds the baton."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._go, self._without_lease = Lock(), Lock()
        self._go.acquire()
        self._without_lease.acquire()
        self.task: Callable[[], None] = lambda: None
        self.start()

    def run(self) -> None:
        while True:
            self._go.acquire()
            self.task()
            self._without_lease.release()

    def go_on(self) -> None:
        """Called by the stage: returns when the worker has given the baton back."""
        self._go.release()
        self._without_lease.acquire()

    def give_back(self) -> None:
        self._without_lease.release()
        self._go.acquire()


@dataclass(eq=False)
class Worker:
    """One invocation of a function; `skew` is how far its clock is off, in seconds."""

    name: str
    started: int
    skew: int
    player: Player
    asleep_until: int = 0
    frozen: bool = False
    """Its machine was paused, once: even its function's time-out does not end it."""
    ended: bool = False
    error: BaseException | None = None


@dataclass
class Clock(FakeClock):
    """The true time, and what the running worker takes for it."""

    skew: int = 0

    def __call__(self) -> int:
        return self.now + self.skew


@dataclass
class Stage:
    """Who may go on, and what befalls whom."""

    chance: random.Random
    faults: Sequence[Fault] = ()
    interleaves: bool = True
    verbose: bool = False
    clock: Clock = field(default_factory=Clock)
    workers: list[Worker] = field(default_factory=list)
    current: Worker | None = None
    story: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    """Promises that were seen broken."""
    waiting: Callable[[], bool] = lambda: False
    """Whether anything but the workers could go on now."""
    counts: Counter[str] = field(default_factory=Counter)
    later: list[tuple[int, int, str, Callable[[], object]]] = field(default_factory=list)
    idle: list[Player] = field(default_factory=list)
    _serial: Iterator[int] = field(default_factory=count)
    _begun: int = 0

    def __post_init__(self) -> None:
        self._due = {(fault.effect, fault.nth): fault for fault in self.faults}
        self._began = self.clock.now

    # --- workers -------------------------------------------------------------------------------------

    def begin(self, task: Callable[[], None]) -> Worker:
        player = self.idle.pop() if self.idle else Player()
        skew = self.chance.randint(-3, 3) if self.interleaves else 0
        self._begun += 1
        worker = Worker(f"worker {self._begun}", self.clock.now, skew, player)
        player.task = lambda: self._play(worker, task)
        self.workers.append(worker)
        return worker

    def _play(self, worker: Worker, task: Callable[[], None]) -> None:
        try:
            task()
        except BaseException as error:  # noqa: BLE001 - handed to the stage, which raises it
            worker.error = error
        worker.ended = True

    def go_on(self, worker: Worker) -> None:
        """Let the worker run to where it gives the baton back, or to its end."""
        self.current, self.clock.skew = worker, worker.skew
        worker.player.go_on()
        self.current, self.clock.skew = None, 0
        if worker.ended:
            self.workers.remove(worker)
            self.idle.append(worker.player)
            if worker.error and not isinstance(worker.error, Killed):
                raise worker.error

    def awake(self) -> list[Worker]:
        return [worker for worker in self.workers if worker.asleep_until <= self.clock.now]

    def remaining(self) -> float:
        assert self.current is not None
        return max(0.0, self.current.started + FUNCTION_SECONDS - self.clock.now)

    # --- effects -------------------------------------------------------------------------------------

    def effect(self, name: str, do: Callable[[], T], described: Callable[[], str] = str) -> T:
        """Carry it out when it is this worker's turn, unless a fault has it otherwise."""
        worker = self.current
        if worker is None:
            return do()
        self.counts[name] += 1
        fault = self._due.get((name, self.counts[name]))
        self._turn(worker)
        if fault is None:
            return self._done(name, do, described)
        self.log(f"! {fault}")
        return self._faulty(worker, fault, do, described)

    def _faulty(self, worker: Worker, fault: Fault, do: Callable[[], T], described: Callable[[], str]) -> T:
        kind = fault.kind
        if kind == "dies before it":
            raise Killed(fault.effect)
        if kind in ("takes", "freezes") and not worker.frozen:
            worker.asleep_until, worker.frozen = self.clock.now + fault.seconds, kind == "freezes"
            self._turn(worker)
        if kind in ("is throttled", "is unclear and not done"):
            raise self._error(fault, unsure=kind != "is throttled")
        if kind == "lands later":
            self.at(self.clock.now + fault.seconds, f"{fault.effect} lands late", do)
            raise self._error(fault, unsure=True)
        result = self._done(fault.effect, do, described)
        if kind == "dies after it":
            raise Killed(fault.effect)
        if kind == "is done, its answer lost":
            raise self._error(fault, unsure=True)
        return result

    def _error(self, fault: Fault, *, unsure: bool) -> Exception:
        if unsure and fault.effect in UNSURE:
            return UnknownOutcomeError("timeout")
        return RetryableError("unavailable", fault.seconds if fault.kind == "is throttled" else None)

    def _done(self, name: str, do: Callable[[], T], described: Callable[[], str]) -> T:
        if not self.verbose:
            return do()
        try:
            result = do()
        except Exception as error:
            self.log(f"{name} {described()} → {type(error).__name__} {getattr(error, 'code', '')}")
            raise
        self.log(f"{name} {described()}{_answer(result)}")
        return result

    def _turn(self, worker: Worker) -> None:
        """Wait for the baton; whose time is up by then is dead."""
        while worker.asleep_until > self.clock.now or self._gives_way(worker):
            worker.player.give_back()
            if worker.asleep_until <= self.clock.now:
                break
        if worker.frozen or self.clock.now - worker.started <= FUNCTION_SECONDS:
            return
        self.log("its time is up")
        raise Killed("time-out")

    def _gives_way(self, worker: Worker) -> bool:
        if not self.interleaves or (len(self.awake()) < 2 and not self.waiting()):
            return False
        return self.chance.random() > KEEPS_BATON

    # --- time ----------------------------------------------------------------------------------------

    def at(self, moment: int, name: str, do: Callable[[], object]) -> None:
        heapq.heappush(self.later, (moment, next(self._serial), name, do))

    def happen(self) -> None:
        """Do what was put off until now."""
        while self.later and self.later[0][0] <= self.clock.now:
            _, _, name, do = heapq.heappop(self.later)
            self.log(name)
            try:
                do()
            except Exception as error:  # noqa: BLE001 - nobody is left to hear it
                self.log(f"    in vain: {error}")

    def log(self, line: str) -> None:
        if self.verbose:
            who = self.current.name if self.current else "world"
            self.story.append(f"{self.clock.now - self._began:>7} s  {who:<9} {line}")

    def breaks(self, promise: str) -> None:
        if promise not in self.broken:
            self.broken.append(promise)
            self.log(f"*** {promise}")


def _answer(result: object) -> str:
    return f" → {result}" if isinstance(result, str | int) else ""
