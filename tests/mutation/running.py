"""A pytest plugin: all tests are collected once, then each mutant lives and dies in a process of its own.

collect ── fork: run all, note which test enters which function
        ├─ fork: mutant 1, the tests that enter its function, until one fails
        └─ fork: mutant 2 …
"""

import os
import pickle
import resource
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from types import CodeType, FrameType
from typing import Any

import pytest
from hypothesis import Phase, settings

from tests.mutation.mutants import Mutant, target_of

KILLED, SURVIVED, UNTESTED, ENDLESS = "killed", "survived", "untested", "endless"
SLOWER = 5
"""So many times its CPU seconds, and SPARE_SECONDS, may a test take before its mutant counts as endless."""
SPARE_SECONDS = 2.0
MAX_BYTES = 3 * 1024**3
Place = tuple[str, str]
"""Module and function."""
Tests = list[tuple[float, int]]
"""CPU seconds and numbers of tests, the quickest first."""


@dataclass
class MutantRunner:
    """The plugin; `verdicts` by the mutant's name."""

    mutants: Sequence[Mutant]
    workers: int
    verdicts: dict[str, str] = field(default_factory=dict)
    sound: bool = False

    def pytest_collection_finish(self) -> None:
        settings.register_profile(
            "mutation",
            database=None,
            deadline=None,
            derandomize=True,
            phases=(Phase.explicit, Phase.generate),
        )
        settings.load_profile("mutation")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if session.testsfailed:
            return True  # of the collection: pytest shows what is wrong
        entered = _baseline(session, {(mutant.module, mutant.function) for mutant in self.mutants})
        show("")  # after the dots
        self.sound = entered is not None
        if entered is not None:
            for mutant, verdict in self._judged(session, entered):
                self.verdicts[mutant.name] = verdict
                show(f"{len(self.verdicts):>5}/{len(self.mutants)} {verdict:<9} {mutant.name}")
        return True

    def _judged(self, session: pytest.Session, entered: dict[Place, Tests]) -> Iterator[tuple[Mutant, str]]:
        running: dict[int, Mutant] = {}
        for mutant in self.mutants:
            tests = entered.get((mutant.module, mutant.function), [])
            if not tests:
                yield mutant, UNTESTED
                continue
            if len(running) == self.workers:
                yield _ended(running)
            running[_forked(session, mutant, tests)] = mutant
        while running:
            yield _ended(running)


def show(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _ended(running: dict[int, Mutant]) -> tuple[Mutant, str]:
    child, status = os.wait()
    if os.WIFSIGNALED(status):
        verdict = ENDLESS if os.WTERMSIG(status) == signal.SIGPROF else KILLED
    else:
        verdict = SURVIVED if os.WEXITSTATUS(status) == 0 else KILLED
    return running.pop(child), verdict


def _forked(session: pytest.Session, mutant: Mutant, tests: Tests) -> int:
    child = os.fork()
    if child:
        return child
    _silence()
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_DATA, (MAX_BYTES, MAX_BYTES))
    mutant.live()
    for seconds, number in tests:
        signal.setitimer(signal.ITIMER_PROF, SPARE_SECONDS + SLOWER * seconds)
        _run(session, session.items[number])
        if session.testsfailed:
            os._exit(1)
    os._exit(0)


def _run(session: pytest.Session, item: pytest.Item) -> None:
    try:
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
    except BaseException:  # noqa: BLE001 - whatever the mutant makes of it, it was seen
        session.testsfailed += 1


def _silence() -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)


# --- the tests without a mutant ----------------------------------------------------------------------


def _baseline(session: pytest.Session, places: set[Place]) -> dict[Place, Tests] | None:
    """Tests by the functions that they enter, the quickest first; None where one fails."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        with os.fdopen(writing, "wb") as pipe:
            pickle.dump(_entered(session, places), pipe)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        found: dict[Place, Tests] | None = pickle.loads(pipe.read())  # noqa: S301 - our own child's
    os.waitpid(child, 0)
    return found


def _entered(session: pytest.Session, places: set[Place]) -> dict[Place, Tests] | None:
    place_of: dict[CodeType, Place] = {target_of(*place).__code__: place for place in places}
    found: dict[Place, Tests] = {}
    for index, item in enumerate(session.items):
        seen: set[Place] = set()

        def notice(frame: FrameType, *_: Any, seen: set[Place] = seen) -> None:
            if place := place_of.get(frame.f_code):
                seen.add(place)

        started = time.process_time()
        sys.settrace(notice)
        _run(session, item)
        sys.settrace(None)
        if session.testsfailed:
            show(f"fails without a mutant: {item.nodeid}")
            return None
        for place in seen:
            found.setdefault(place, []).append((time.process_time() - started, index))
    return {place: sorted(tests) for place, tests in found.items()}
