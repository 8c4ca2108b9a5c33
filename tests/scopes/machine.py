"""Every step that a state allows: deliveries, effects, deaths, lost answers, the sweep, time.

A message is delivered to a worker where fewer than `workers` are busy. A worker makes one effect a step; it
may die before any of them, and before the acknowledgement, and its message comes back after the visibility
time-out. Time passes to the next moment at which anything can happen: when nothing else can, or, `jumps`
times, while messages still lie there and workers are at work (none longer than a function may run).

A frozen worker (`late` times) stands still in the middle of a request to Coval: its message comes back, others
go on, and within `LATE_SECONDS` the request lands. Then the worker goes on, or is long dead.

What is left out, and why nothing is lost by it:

QUIET      An effect that no other step can notice, prevent or be prevented by is done at once: every history
           in which it comes later leads to the same state as one in which it comes now. A message may be
           delivered at any time after it was sent; an upload's id and a copy's key are known to their maker
           alone, and named after it. A worker's end only frees its place. Its death or fault there is tried
           there, and commutes likewise.
deliveries A delivery is one step with the worker's first effect: till then the worker has only taken a
           place, and read what does not change. Whoever is delivered and waits may as well be delivered
           when it acts. Not the sweep: its beginning alone puts the next one off.
names      Messages have none, workers and what they make are called after messages (see program.py).
swept_at   When the last sweep was is forgotten once it no longer delays the next one.

Where time may jump, a moment lies between two steps: then a delivery is a step of its own, and quiet is
only what is neither given the time nor followed by a look at the clock.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from coval_relay.domain.errors import RetryableError, UnknownOutcomeError
from tests.scopes.environment import Environment
from tests.scopes.program import SWEEP, Answer, Effect, Place, Program, QueuedMessage, Surroundings
from tests.support.aws_queues import VISIBILITY_SECONDS
from tests.support.world import FUNCTION_SECONDS

SWEEP_SECONDS = 60
LATE_SECONDS = 600
"""A request lands within the time after which a call that was taken over is audited."""
LOCAL_OF_FILES = frozenset({"head", "tags", "read_range", "stream", "presign"})
TIMELESS = frozenset({("coval", "make_upload"), ("coval", "put_audio"), ("files", "store"), ("dead", "bury")})
QUIET = TIMELESS | {("queue", "send"), ("queue", "hide")}
MAY_BE_LATE = {("coval", "submit"): "submit_late", ("coval", "attach_audio"): "attach_audio"}
"""Requests that change something in Coval, and how they do it late."""
UNKNOWN, BUSY = UnknownOutcomeError("timeout"), RetryableError("unavailable")
THROTTLED = RetryableError("table_throttled")


class Fault(NamedTuple):
    """How an effect can fail: carried out (by this method) or not, and what its worker gets."""

    text: str
    method: str | None
    error: Exception


LOST = "the answer is lost after it was done"
NEVER = "it is never done"
FAULTS: dict[tuple[str, str], tuple[Fault, ...]] = {
    ("coval", "submit"): (
        Fault(LOST, "submit", UNKNOWN),
        Fault("it never arrives, its sender does not know", "lose_submit", UNKNOWN),
        Fault("answered with 429", None, RetryableError("rate_limited", 5.0)),
    ),
    ("coval", "attach_audio"): (
        Fault(LOST, "attach_audio", UNKNOWN),
        Fault("it never arrives, its sender does not know", None, UNKNOWN),
        Fault("answered with 503", None, BUSY),
    ),
    ("coval", "find"): (Fault(NEVER, None, BUSY),),
    ("coval", "get"): (Fault(NEVER, None, BUSY),),
    ("coval", "make_upload"): (Fault(NEVER, None, BUSY),),
    ("coval", "put_audio"): (Fault(NEVER, None, BUSY), Fault(LOST, "put_audio", BUSY)),
    ("store", "save"): (Fault(NEVER, None, THROTTLED), Fault(LOST, "save", THROTTLED)),
    ("queue", "send"): (Fault(NEVER, None, BUSY), Fault(LOST, "send", BUSY)),
    ("queue", "hide"): (Fault(NEVER, None, BUSY),),
    **{
        ("aliases", method): (Fault(NEVER, None, THROTTLED), Fault(LOST, method, THROTTLED))
        for method in ("add_pending", "bind", "clear", "expire")
    },
}


class Worker(NamedTuple):
    """A function at work on a message; `place` is one of the program's."""

    started: int
    place: int
    thawed: bool = False
    """Whether it was frozen: its message has come back already."""
    back_at: int = 0
    """When its message comes back, should it not be acknowledged."""


class Frozen(NamedTuple):
    """A worker in the middle of a request that lands before `until`."""

    until: int
    worker: Worker


class TimeLeft(NamedTuple):
    """How often something may still go wrong."""

    deaths: int = 0
    faults: int = 0
    jumps: int = 0
    late: int = 0


class State(NamedTuple):
    """Everything; two equal states have the same futures. Numbers are those of the pool."""

    now: int
    store: int
    aliases: int
    coval: int
    files: int
    queued: tuple[QueuedMessage, ...] = ()
    workers: tuple[Worker, ...] = ()
    frozen: tuple[Frozen, ...] = ()
    dead: tuple[str, ...] = ()
    swept_at: int = 0
    budget: TimeLeft = TimeLeft()


class Move(NamedTuple):
    """A step as it is shown: whose (a place, or -1 for the clock), what (an effect, or -1), and in words."""

    place: int
    effect: int
    words: str


Step = tuple[Move, State]
Thing = TypeVar("Thing", QueuedMessage, Worker, Frozen, str)


@dataclass
class Machine:
    """The transitions of one scope."""

    program: Program
    environment: Environment
    workers: int = 2
    nameless: bool = False
    """Whether nothing is ever pending or bound: then looking there is no step of its own."""

    def __post_init__(self) -> None:
        self._done = self.program.pool.number(Answer())
        self.program.local = self._local

    def steps(self, state: State) -> list[Step]:
        """Every step that matters; none where all has come to its end."""
        for worker in state.workers:
            if self._is_quiet(state, worker):
                return list(self._work(state, worker))
        found = [*self._deliveries(state)]
        for worker in state.workers:
            found += self._work(state, worker)
        if not found:
            found += self._time(state, state.budget)
        elif state.budget.jumps:
            found += self._time(state, state.budget._replace(jumps=state.budget.jumps - 1))
        for frozen in state.frozen:
            found += self._lands(state, frozen)
        return found

    # --- deliveries ------------------------------------------------------------------------------------

    def _deliveries(self, state: State) -> Iterator[Step]:
        if len(state.workers) >= self.workers:
            return
        for message in dict.fromkeys(state.queued):
            if message.visible_at <= state.now:
                rest = state._replace(queued=_without(state.queued, message))
                after, worker = self.deliver(rest, message)
                if state.budget.jumps or self._place(worker).pending is None:
                    yield Move(worker.place, -1, "is delivered"), after
                else:
                    yield from self._work(after, worker, first=True)
        if self._sweep_due(state):
            sweep = QueuedMessage(state.now, SWEEP, "", 0)
            after, worker = self.deliver(state._replace(swept_at=state.now), sweep)
            yield Move(worker.place, -1, "begins"), after

    def _sweep_due(self, state: State) -> bool:
        if state.swept_at + SWEEP_SECONDS > state.now or any(
            self._place(w).message.queue == SWEEP for w in state.workers
        ):
            return False
        return any(moment <= state.now for moment in self.environment.due(state.store, state.aliases))

    def deliver(self, state: State, message: QueuedMessage) -> tuple[State, Worker]:
        """A worker begins with this message, which is not in its queue any more."""
        busy = [*state.workers, *(frozen.worker for frozen in state.frozen)]
        names = {self._place(worker).name for worker in busy} | self.environment.leaseholders(state.store)
        worker = Worker(
            state.now, self.program.start(message, names, _around(state)), back_at=state.now + VISIBILITY_SECONDS
        )
        workers = _sorted((*state.workers, worker))
        return state._replace(workers=workers), worker

    # --- one effect ------------------------------------------------------------------------------------

    def _work(self, state: State, worker: Worker, *, first: bool = False) -> Iterator[Step]:
        place, begins = self._place(worker), "is delivered" if first else ""
        if place.pending is None:
            yield Move(worker.place, -1, place.problem or "is acknowledged"), self.ended(state, worker)
        else:
            yield Move(worker.place, place.effect, begins), self.work(state, worker)
        if worker.thawed:
            return
        if state.budget.deaths:
            yield Move(worker.place, place.effect, "its worker dies before"), self.die(state, worker)
        if state.budget.faults and place.pending:
            yield from self._failing(state, worker, place.pending)
        if state.budget.late and place.pending and place.pending[:2] in MAY_BE_LATE:
            yield Move(worker.place, place.effect, "its worker is frozen in it"), self._freeze(state, worker)

    def _failing(self, state: State, worker: Worker, effect: Effect) -> Iterator[Step]:
        less = state._replace(budget=state.budget._replace(faults=state.budget.faults - 1))
        for fault in FAULTS.get(effect[:2], ()):
            after = self._by(less, worker, effect, fault.method)[1] if fault.method else less
            answer = self.program.pool.number(Answer(error=fault.error))
            number = self._place(worker).effect
            yield Move(worker.place, number, fault.text), self._answered(after, worker, answer)

    def work(self, state: State, worker: Worker) -> State:
        answer, after = self._effect(state, worker, self._place(worker).effect)
        return self._answered(after, worker, answer, self._place(worker).pending)

    def _answered(self, state: State, worker: Worker, answer: int, done: Effect | None = None) -> State:
        further = worker._replace(place=self.program.follow(worker.place, answer, _around(state)))
        if done and done[:2] == ("queue", "hide"):
            further = further._replace(back_at=state.now + done.arguments[0])
        return state._replace(workers=_sorted((*_without(state.workers, worker), further)))

    def _by(self, state: State, worker: Worker, effect: Effect, method: str) -> tuple[int, State]:
        """The effect, carried out in another way."""
        return self._effect(state, worker, self.program.pool.number(effect._replace(method=method)))

    def _effect(self, state: State, worker: Worker, number: int) -> tuple[int, State]:
        effect: Effect = self.program.pool.values[number]
        if effect.port == "queue":
            return self._done, self._sent(state, worker, effect)
        if effect.port == "dead":
            words = f"{effect.arguments[0]}: {effect.arguments[2]}"
            return self._done, state._replace(dead=_sorted((*state.dead, words)))
        part = getattr(state, effect.port)
        answer, after = self.environment.apply(number, part, state.now)
        return answer, state if after == part else _with_part(state, effect.port, after)

    def _sent(self, state: State, worker: Worker, effect: Effect) -> State:
        if effect.method == "hide":
            return state
        queue, body = effect.arguments
        hops = self._place(worker).message.hops + 1
        message = QueuedMessage(state.now, queue, body, state.now, hops=hops)
        return state._replace(queued=_sorted((*state.queued, message)))

    def _local(self, effect: Effect, around: Surroundings) -> Answer | None:
        """The answer to what nobody writes in a scope, or is known at once: asking is no step of its own."""
        if effect.port == "clock":
            return Answer(around.now)
        if effect.port == "aliases" and self.nameless:
            assert effect.method in ("due", "target", "bind"), "something waits under a name after all"
            return Answer(None if effect.method == "target" else [])
        if effect.port == "documents" or (effect.port == "files" and effect.method in LOCAL_OF_FILES):
            return self.environment.read(effect, around.files)
        return None

    def _is_quiet(self, state: State, worker: Worker) -> bool:
        place = self._place(worker)
        if place.pending is None:
            return True
        if not state.budget.jumps:
            return place.pending[:2] in QUIET
        return place.pending[:2] in TIMELESS and not self._looks_at_the_clock(state, worker)

    def _looks_at_the_clock(self, state: State, worker: Worker) -> bool:
        """Whether the worker reads the clock between its pending effect and the next one."""
        place = self._place(worker)
        answer = self._effect(state, worker, place.effect)[0]
        after = self.program.places[self.program.follow(worker.place, answer, _around(state))]
        return any(heard.effect.port == "clock" for heard in after.heard[len(place.heard) :])

    def _place(self, worker: Worker) -> Place:
        return self.program.places[worker.place]

    # --- how a worker ends -----------------------------------------------------------------------------

    def ended(self, state: State, worker: Worker) -> State:
        if self._place(worker).problem and not worker.thawed:
            return self._returned(state, worker)
        return state._replace(workers=_without(state.workers, worker))

    def die(self, state: State, worker: Worker) -> State:
        budget = state.budget._replace(deaths=state.budget.deaths - 1)
        return self._returned(state._replace(budget=budget), worker)

    def _returned(self, state: State, worker: Worker) -> State:
        """Its message comes back."""
        message = self._place(worker).message
        state = state._replace(workers=_without(state.workers, worker))
        if message.queue == SWEEP:
            return state
        back = message._replace(visible_at=worker.back_at)
        return state._replace(queued=_sorted((*state.queued, back)))

    # --- late requests ---------------------------------------------------------------------------------

    def _freeze(self, state: State, worker: Worker) -> State:
        effect = self._place(worker).pending
        assert effect is not None
        if effect.method == "submit":
            state = self._by(state, worker, effect, "lose_submit")[1]
        budget = state.budget._replace(late=state.budget.late - 1)
        frozen = Frozen(state.now + LATE_SECONDS, worker._replace(thawed=True))
        frozen_ones = _sorted((*state.frozen, frozen))
        return self._returned(state._replace(budget=budget, frozen=frozen_ones), worker)

    def _lands(self, state: State, frozen: Frozen) -> Iterator[Step]:
        worker = frozen.worker
        place = self._place(worker)
        assert place.pending is not None
        answer, after = self._by(state, worker, place.pending, MAY_BE_LATE[place.pending[:2]])
        after = after._replace(frozen=_without(after.frozen, frozen))
        yield Move(worker.place, place.effect, "lands late, its worker is dead"), after
        thawed = after._replace(workers=(*after.workers, worker))
        yield Move(worker.place, place.effect, "lands late"), self._answered(thawed, worker, answer)

    # --- time ------------------------------------------------------------------------------------------

    def _time(self, state: State, budget: TimeLeft) -> Iterator[Step]:
        due = self.environment.due(state.store, state.aliases)
        moments = [message.visible_at for message in state.queued if message.visible_at > state.now]
        moments += [max(moment, state.swept_at + SWEEP_SECONDS) for moment in due]
        then = min((moment for moment in moments if moment > state.now), default=None)
        if then is None or any(frozen.until < then for frozen in state.frozen):
            return
        if all(worker.started + FUNCTION_SECONDS >= then for worker in state.workers):
            swept_at = state.swept_at if state.swept_at + SWEEP_SECONDS > then else 0
            words = f"{then - state.now} s pass"
            yield Move(-1, -1, words), state._replace(now=then, budget=budget, swept_at=swept_at)


def _around(state: State) -> Surroundings:
    return Surroundings(state.now, state.files)


def _with_part(state: State, port: str, part: int) -> State:
    changed: dict[str, Any] = {port: part}
    return state._replace(**changed)


def _sorted(things: tuple[Thing, ...]) -> tuple[Thing, ...]:
    return tuple(sorted(things)) if len(things) > 1 else things


def _without(things: tuple[Thing, ...], thing: Thing) -> tuple[Thing, ...]:
    """One less of them; of those alike it does not matter which."""
    at = things.index(thing)
    return things[:at] + things[at + 1 :]
