"""Every step that a state allows: deliveries, effects, deaths, lost answers, the sweep, time.

A letter is delivered to a worker where fewer than `workers` are busy. A worker makes one effect a step; it
may die before any of them, and before the acknowledgement, and its letter comes back after the visibility
time-out. What no other step can notice or prevent is done at once (`QUIET`): any history in which it comes
later has the same end as one in which it comes now. Time passes to the next moment at which anything can
happen: when nothing else can, or, `jumps`
times, while letters still lie there and workers are at work (none longer than a function may run).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from coval_relay.domain.errors import OutcomeUnknown, Retryable
from tests.scopes.environment import PARTS, Environment
from tests.scopes.program import SWEEP, Answer, Effect, Letter, Program
from tests.support.world import FUNCTION_SECONDS, MOST_RECEIVES, VISIBILITY_SECONDS

SWEEP_SECONDS = 60
LOCAL = frozenset({"documents", "clock"})
"""What nobody writes in a scope, or is told at once: reading it is no step of its own."""
LOCAL_OF_FILES = frozenset({"head", "tags", "read_range", "stream", "presign"})
QUIET = frozenset({("queue", "send"), ("dead", "bury"), ("coval", "put_audio")})
"""Effects that commute with every step of others: a letter may be delivered at any time after it was sent,
and an upload's id is known to its worker only. So does the end of a worker, which only frees its place.
While time may jump they do not, because a letter's times are told from the clock."""
UNKNOWN, BUSY = OutcomeUnknown("timeout"), Retryable("unavailable")
THROTTLED = Retryable("table_throttled")


class Fault(NamedTuple):
    """How an effect can fail: carried out (by this method) or not, and what its worker is told."""

    text: str
    method: str | None
    error: Exception


LOST = "the answer is lost after it was done"
NEVER = "it is never done"
FAULTS: dict[tuple[str, str], tuple[Fault, ...]] = {
    ("coval", "submit"): (
        Fault(LOST, "submit", UNKNOWN),
        Fault("it never arrives, its sender does not know", "lose_submit", UNKNOWN),
        Fault("answered with 429", None, Retryable("rate_limited", 5.0)),
    ),
    ("coval", "attach_audio"): (
        Fault(LOST, "attach_audio", UNKNOWN),
        Fault("it never arrives, its sender does not know", None, UNKNOWN),
        Fault("answered with 503", None, BUSY),
    ),
    ("coval", "find"): (Fault(NEVER, None, BUSY),),
    ("coval", "get"): (Fault(NEVER, None, BUSY),),
    ("coval", "create_upload"): (Fault(NEVER, None, BUSY),),
    ("coval", "put_audio"): (Fault(NEVER, None, BUSY), Fault(LOST, "put_audio", BUSY)),
    ("store", "write"): (Fault(NEVER, None, THROTTLED), Fault(LOST, "write", THROTTLED)),
    ("queue", "send"): (Fault(NEVER, None, BUSY), Fault(LOST, "send", BUSY)),
    **{
        ("aliases", method): (Fault(NEVER, None, THROTTLED), Fault(LOST, method, THROTTLED))
        for method in ("park", "bind", "clear", "expire")
    },
}


class Worker(NamedTuple):
    """A function at work on a letter; `place` is one of the program's."""

    letter: Letter
    started: int
    place: int


class Budget(NamedTuple):
    """How often something may still go wrong."""

    deaths: int = 0
    faults: int = 0
    jumps: int = 0


class State(NamedTuple):
    """Everything; two equal states have the same futures. Numbers are those of the pool."""

    now: int
    store: int
    aliases: int
    coval: int
    files: int
    letters: tuple[Letter, ...] = ()
    workers: tuple[Worker, ...] = ()
    dead: tuple[str, ...] = ()
    swept_at: int = 0
    budget: Budget = Budget()


class Move(NamedTuple):
    """A step as it is told: who, what (the number of an effect, or -1), and in words."""

    who: str
    effect: int
    words: str


Step = tuple[Move, State]
Thing = TypeVar("Thing", Letter, Worker)


@dataclass
class Machine:
    """The transitions of one scope."""

    program: Program
    environment: Environment
    workers: int = 2
    nameless: bool = False
    """Whether nothing is ever parked or bound: then looking there is no step of its own."""

    def steps(self, state: State) -> list[Step]:
        """Every step that matters; none where all has come to its end."""
        if not state.budget.jumps:
            for worker in state.workers:
                if self._is_quiet(worker):
                    return list(self._work(state, worker))
        found = [*self._deliveries(state)]
        for worker in state.workers:
            found += self._work(state, worker)
        if not found:
            return [*self._time(state, state.budget)]
        if state.budget.jumps:
            found += self._time(state, state.budget._replace(jumps=state.budget.jumps - 1))
        return found

    # --- deliveries ------------------------------------------------------------------------------------

    def _deliveries(self, state: State) -> Iterator[Step]:
        if len(state.workers) >= self.workers:
            return
        alike = set()
        for letter in state.letters:
            kind = letter._replace(name="")
            if letter.visible_at <= state.now and kind not in alike:
                alike.add(kind)
                yield Move(letter.name, -1, "is delivered"), self.deliver(state, letter)
        if self._sweep_due(state):
            sweep = Letter(state.now, f"sweep at {state.now}", SWEEP, "", 0)
            yield Move("sweep", -1, "begins"), self.deliver(state._replace(swept_at=state.now), sweep)

    def _sweep_due(self, state: State) -> bool:
        if state.swept_at + SWEEP_SECONDS > state.now or any(w.letter.queue == SWEEP for w in state.workers):
            return False
        return any(moment <= state.now for moment in self.environment.due(state.store, state.aliases))

    def deliver(self, state: State, letter: Letter) -> State:
        letters = tuple(one for one in state.letters if one is not letter)
        taken = letter._replace(receives=letter.receives + 1)
        worker = self._advanced(state, Worker(taken, state.now, self.program.start(taken)))
        return state._replace(letters=letters, workers=_sorted((*state.workers, worker)))

    # --- one effect ------------------------------------------------------------------------------------

    def _work(self, state: State, worker: Worker) -> Iterator[Step]:
        place, name = self.program.places[worker.place], worker.letter.name
        if place.pending is None:
            yield (
                Move(name, -1, place.problem or "is acknowledged"),
                self._ended(state, worker, place.problem),
            )
        else:
            yield Move(name, place.effect, ""), self.work(state, worker)
        if state.budget.deaths:
            yield Move(name, place.effect, "its worker dies before"), self.die(state, worker)
        if state.budget.faults and place.pending:
            yield from self._failing(state, worker, place.pending)

    def _failing(self, state: State, worker: Worker, effect: Effect) -> Iterator[Step]:
        less = state._replace(budget=state.budget._replace(faults=state.budget.faults - 1))
        for fault in FAULTS.get(effect[:2], ()):
            after = less
            if fault.method:
                done = self.program.pool.number(effect._replace(method=fault.method))
                after = self._effect(less, worker, done)[1]
            told = self.program.pool.number(Answer(error=fault.error))
            number = self.program.places[worker.place].effect
            yield Move(worker.letter.name, number, fault.text), self._answered(after, worker, told)

    def work(self, state: State, worker: Worker) -> State:
        answer, after = self._effect(state, worker, self.program.places[worker.place].effect)
        return self._answered(after, worker, answer)

    def _answered(self, state: State, worker: Worker, answer: int) -> State:
        further = worker._replace(place=self.program.follow(worker.place, answer))
        others = _without(state.workers, worker)
        return state._replace(workers=_sorted((*others, self._advanced(state, further))))

    def _advanced(self, state: State, worker: Worker) -> Worker:
        """The worker at its next effect that others could notice."""
        while (effect := self.program.places[worker.place].pending) and self._is_local(effect):
            answer, _ = self._effect(state, worker, self.program.places[worker.place].effect)
            worker = worker._replace(place=self.program.follow(worker.place, answer))
        return worker

    def _effect(self, state: State, worker: Worker, number: int) -> tuple[int, State]:
        effect: Effect = self.program.pool.values[number]
        done = self.program.pool.number(Answer())
        if effect.port == "clock":
            return self.program.pool.number(Answer(state.now)), state
        if effect.port == "queue":
            return done, self._sent(state, worker, effect)
        if effect.port == "dead":
            words = f"{effect.arguments[0]}: {effect.arguments[2]}"
            return done, state._replace(dead=(*state.dead, words))
        part = getattr(state, effect.port) if effect.port in PARTS else 0
        answer, after = self.environment.apply(number, part, state.now)
        return answer, _with_part(state, effect.port, after)

    def _sent(self, state: State, worker: Worker, effect: Effect) -> State:
        queue, body, delay, first_sent = effect.arguments
        told = [one for one in self.program.places[worker.place].effects if one.port == "queue"]
        name = f"{worker.letter.name}/{worker.letter.receives}>{len(told) + 1}"
        hops = 0 if delay else worker.letter.hops + 1
        letter = Letter(state.now + delay, name, queue, body, first_sent or state.now, hops=hops)
        return state._replace(letters=_sorted((*state.letters, letter)))

    def _is_local(self, effect: Effect) -> bool:
        if effect.port == "aliases" and self.nameless:
            assert effect.method == "due", "something is parked after all"
            return True
        return effect.port in LOCAL or (effect.port == "files" and effect.method in LOCAL_OF_FILES)

    def _is_quiet(self, worker: Worker) -> bool:
        effect = self.program.places[worker.place].pending
        return effect is None or effect[:2] in QUIET

    # --- how a worker ends -----------------------------------------------------------------------------

    def _ended(self, state: State, worker: Worker, problem: str) -> State:
        if problem:
            return self._returned(state, worker)
        return state._replace(workers=_without(state.workers, worker))

    def die(self, state: State, worker: Worker) -> State:
        budget = state.budget._replace(deaths=state.budget.deaths - 1)
        return self._returned(state._replace(budget=budget), worker)

    def _returned(self, state: State, worker: Worker) -> State:
        """Its letter comes back, or goes to the dead letters."""
        state = state._replace(workers=_without(state.workers, worker))
        if worker.letter.queue == SWEEP:
            return state
        if worker.letter.receives >= MOST_RECEIVES:
            return state._replace(dead=(*state.dead, f"{worker.letter.queue}: received too often"))
        back = worker.letter._replace(visible_at=worker.started + VISIBILITY_SECONDS)
        return state._replace(letters=_sorted((*state.letters, back)))

    # --- time ------------------------------------------------------------------------------------------

    def _time(self, state: State, budget: Budget) -> Iterator[Step]:
        due = self.environment.due(state.store, state.aliases)
        moments = [letter.visible_at for letter in state.letters if letter.visible_at > state.now]
        moments += [max(moment, state.swept_at + SWEEP_SECONDS) for moment in due]
        then = min((moment for moment in moments if moment > state.now), default=None)
        if then is None:
            return
        if all(worker.started + FUNCTION_SECONDS >= then for worker in state.workers):
            words = f"{then - state.now} s pass"
            yield Move("clock", -1, words), state._replace(now=then, budget=budget)


def _with_part(state: State, port: str, part: int) -> State:
    changed: dict[str, Any] = {port: part} if port in PARTS else {}
    return state._replace(**changed)


def _sorted(things: tuple[Thing, ...]) -> tuple[Thing, ...]:
    return tuple(sorted(things))


def _without(workers: tuple[Worker, ...], worker: Worker) -> tuple[Worker, ...]:
    return tuple(one for one in workers if one is not worker)
