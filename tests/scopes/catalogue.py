"""The scopes: every pair of use cases for two workers, and some for three."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations_with_replacement

from tests.scopes.explorer import Explored, Explorer
from tests.scopes.machine import TimeLeft
from tests.scopes.use_cases import FOUND, USE_CASES, Setup
from tests.support.fakes import InMemoryCalls

NOTHING, ONE_DEATH, ONE_FAULT = TimeLeft(), TimeLeft(deaths=1), TimeLeft(faults=1)
ONE_JUMP, ONE_LATE = TimeLeft(jumps=1), TimeLeft(late=1)


@dataclass(frozen=True)
class Scope:
    """Use cases that meet, how many workers there are, and what may go wrong."""

    cases: tuple[str, ...]
    budget: TimeLeft = NOTHING
    workers: int = 2

    def __str__(self) -> str:
        allowed = [f"{count} {name}" for name, count in self.budget._asdict().items() if count]
        return f"{' + '.join(self.cases)} [{self.workers} workers{''.join(f', {one}' for one in allowed)}]"


def run(scope: Scope, store_type: type[InMemoryCalls] = InMemoryCalls, most: int = 3_000_000) -> Explored:
    setup = Setup(scope.workers, store_type, nameless="name and pending" not in scope.cases)
    for case in scope.cases:
        {**USE_CASES, **FOUND}[case](setup)
    promises = setup.promises
    promises.time_may_jump = scope.budget.jumps > 0
    explorer = Explorer(setup.machine, promises.always, promises.finally_, promises.end, most)
    return explorer.explore(setup.state._replace(budget=scope.budget))


WIDE = frozenset({"name and pending", "side becomes known", "two ranks"})
"""Use cases of two messages and many effects: with them a pair has ten thousand states and more."""
CORE = ("audit", "hand-over", "attach", "call end", "call end without text", "recording")
"""Those that meet in every test run while something goes wrong."""
THREES = (
    ("call end", "call end", "recording"),
    ("call end", "recording", "recording"),
    ("call end", "call end without text", "recording"),
    ("call end without text", "recording", "recording"),
    ("take-over, sent", "call end", "recording"),
    ("take-over, not sent", "call end without text", "recording"),
    ("grace time", "call end", "recording"),
    ("attach", "attach", "recording"),
    ("hand-over", "call end", "recording"),
    ("audit", "call end", "recording"),
    ("audit of a call given up", "call end", "recording"),
    ("last look, attached", "attach", "recording"),
    ("last look, not attached", "two ranks"),
    ("transcript's deadline", "pending transcript"),
    ("pending transcript", "recording"),
    ("call end", "two ranks"),
    ("call end without text", "two ranks"),
    ("name and pending",),
    ("side becomes known",),
)
"""What three workers meet over; a use case of two messages counts as two."""


def pairs(budget: TimeLeft) -> list[Scope]:
    """The small ones first."""
    every = [Scope(cases, budget) for cases in combinations_with_replacement(USE_CASES, 2)]
    return sorted(every, key=lambda scope: len(WIDE & set(scope.cases)))


def threes(budget: TimeLeft) -> list[Scope]:
    return [Scope(cases, budget, workers=3) for cases in THREES]


def small() -> list[Scope]:
    """Those that every test run plays."""
    quiet = [scope for scope in pairs(NOTHING) if not WIDE & set(scope.cases)]
    disturbed = [
        Scope(cases, budget)
        for budget in (ONE_DEATH, ONE_FAULT, ONE_LATE)
        for cases in combinations_with_replacement(CORE, 2)
    ]
    return [*quiet, *disturbed, Scope(("name and pending",), ONE_JUMP)]


GROUPS: dict[str, Callable[[], list[Scope]]] = {
    "small": small,
    "found": lambda: [Scope((case,), ONE_DEATH) for case in FOUND],
    "pairs": lambda: pairs(NOTHING),
    "deaths": lambda: pairs(ONE_DEATH),
    "faults": lambda: pairs(ONE_FAULT),
    "jumps": lambda: pairs(ONE_JUMP),
    "late": lambda: pairs(ONE_LATE),
    "threes": lambda: threes(NOTHING),
    "threes-deaths": lambda: threes(ONE_DEATH),
}
