"""All histories of a machine: each state once, and how many ways lead on from it.

A state holds all that its future depends on (see program.py), so what was seen below an equal state need
not be seen again; the number of histories is counted exactly, as paths through the states.
"""

import sys
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.scopes.machine import Machine, Move, State

sys.setrecursionlimit(20_000)


class TooLargeError(Exception):
    """The scope has more states than were allowed."""


@dataclass
class Explored:
    """What was found: `ends` are the different last states, in words; `broken` what went wrong, and where."""

    whole: bool = True
    """False where there are more states than were allowed."""
    states: int = 0
    histories: int = 0
    ends: set[str] = field(default_factory=set)
    broken: dict[str, list[str]] = field(default_factory=dict)


@dataclass
class Explorer:
    """Depth first for the count; breadth first for the shortest story of what went wrong."""

    machine: Machine
    always: Callable[[State], list[str]]
    """What is wrong with a state that may still go on."""
    finally_: Callable[[State], list[str]]
    """What is wrong with a last state."""
    end: Callable[[State], str]
    most_states: int = 3_000_000

    def explore(self, start: State) -> Explored:
        found, counts = Explored(), dict[State, int]()
        wrong: set[str] = set()
        try:
            found.histories = self._count(start, counts, found.ends, wrong)
        except TooLargeError:
            found.whole = False
        found.states = len(counts)
        for problem in sorted(wrong):
            found.broken[problem] = self.story(start, problem)
        return found

    def _count(self, state: State, counts: dict[State, int], ends: set[str], wrong: set[str]) -> int:
        known = counts.get(state)
        if known is not None:
            assert known, "a history comes back to where it was"
            return known
        if len(counts) >= self.most_states:
            raise TooLargeError(f"more than {self.most_states:,} states")
        counts[state] = 0
        problems, steps = self._examined(state)
        wrong.update(problems)
        if not steps and not problems:
            ends.add(self.end(state))
        ways = 0
        for _, after in steps:
            ways += counts.get(after, 0) or self._count(after, counts, ends, wrong)
        counts[state] = ways = ways or 1
        return ways

    def _examined(self, state: State) -> tuple[list[str], list[tuple[Move, State]]]:
        """What is wrong with a state, and where it leads; a wrong one leads nowhere."""
        problems = self.always(state)
        if problems:
            return problems, []
        steps = self.machine.steps(state)
        return ([] if steps else self.finally_(state)), steps

    def story(self, start: State, problem: str) -> list[str]:
        """The shortest history with this problem, one line a step."""
        before: dict[State, tuple[State, Move] | None] = {start: None}
        waiting = deque([start])
        while waiting:
            state = waiting.popleft()
            problems, steps = self._examined(state)
            if problem in problems:
                return self._path(state, before)
            for move, after in steps:
                if after not in before:
                    before[after] = (state, move)
                    waiting.append(after)
        return []

    def _path(self, last: State, before: dict[State, tuple[State, Move] | None]) -> list[str]:
        lines: list[str] = []
        state = last
        while found := before[state]:
            state, move = found
            lines.append(f"{state.now % 1_000_000:>7}  {self._line(move)}")
        return lines[::-1]

    def _line(self, move: Move) -> str:
        if move.place < 0:
            return f"clock: {move.words}"
        place = self.machine.program.places[move.place]
        who = f"{place.name} ({place.message.description()})"
        if move.effect < 0:
            return f"{who}: {move.words}"
        effect = self.machine.program.pool.values[move.effect]
        arguments = ", ".join(_short(argument) for argument in effect.arguments)
        words = f"   <- {move.words}" if move.words else ""
        return f"{who}: {effect.port}.{effect.method}({arguments}){words}"


def _short(argument: object) -> str:
    text = _state_of(argument) or str(argument)
    return text if len(text) <= 90 else f"{text[:87]}..."


def _state_of(argument: object) -> str:
    """A call in short."""
    if type(argument).__name__ != "Call":
        return ""
    names = ("revision", "state", "call_end", "recording_state", "maybe_sent_at", "due_at")
    return "Call " + " ".join(f"{getattr(argument, name)}" for name in names)
