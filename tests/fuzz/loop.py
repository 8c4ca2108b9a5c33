"""The loop that coverage guides: what reaches a new line of the product is kept, and changed further."""

import resource
import signal
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from types import CodeType, FrameType
from typing import Any, Final

import coval_relay
from tests.fuzz.boundary import Boundary

PACKAGE = str(Path(str(coval_relay.__file__)).parent)
LATEST = 40
"""Every other input comes from the last so many that were kept."""
ALWAYS_TRACED = 2_000
TRACED_LATER = 20
"""Once so many inputs are through, only every twentieth is traced: tracing takes most of the time."""
MOST_GROWTH: Final = 256 * 1024**2
"""Bytes that one input may need."""


class TooSlowError(Exception):
    """An input took more of the processor's time than it may."""


class TooLargeError(Exception):
    """An input took more memory than it may."""


@dataclass
class Lines:
    """The product's lines that nothing has reached yet; `fresh` says that one of them was reached."""

    left: dict[CodeType, set[int]] = field(default_factory=dict)
    reached: int = 0
    fresh: bool = False

    @contextmanager
    def watched(self) -> Iterator[None]:
        self.fresh = False
        sys.settrace(self._call)
        try:
            yield
        finally:
            sys.settrace(None)

    def _call(self, frame: FrameType, event: str, _: Any) -> Any:
        code = frame.f_code
        left = self.left.get(code)
        if left is None:
            left = self.left[code] = _lines_of(code)
        return self._line if left else None

    def _line(self, frame: FrameType, event: str, _: Any) -> Any:
        left = self.left[frame.f_code]
        if event == "line" and frame.f_lineno in left:
            left.discard(frame.f_lineno)
            self.reached += 1
            self.fresh = True
        return self._line


def _lines_of(code: CodeType) -> set[int]:
    if not code.co_filename.startswith(PACKAGE):
        return set()
    return {line for _, _, line in code.co_lines() if line is not None} - {code.co_firstlineno}


@dataclass(frozen=True)
class Finding:
    """An input that was not handled; `where` the same for all of one cause."""

    where: str
    data: Any
    trace: str


@dataclass
class Report:
    """What became of a boundary's inputs."""

    boundary: str
    inputs: int = 0
    seconds: float = 0.0
    kept: int = 0
    lines: int = 0
    slowest: float = 0.0
    outcomes: dict[str, int] = field(default_factory=dict)
    findings: dict[str, Finding] = field(default_factory=dict)
    unhandled: int = 0

    def add(self, outcome: str | Finding) -> None:
        self.inputs += 1
        if isinstance(outcome, str):
            self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1
        else:
            self.unhandled += 1
            self.findings.setdefault(outcome.where, outcome)


def explored(boundary: Boundary, inputs: int, seed: int) -> Report:
    """The seeds first, then what changes make of them."""
    random = Random(f"{boundary.name} {seed}")  # noqa: S311 - must be the same each time
    lines, report = Lines(), Report(boundary.name)
    corpus, started = list(boundary.seeds()), time.perf_counter()
    seeds = len(corpus)
    for number in range(inputs):
        made = number >= seeds
        data = boundary.mutated(random, _parent(random, corpus), corpus) if made else corpus[number]
        if number < ALWAYS_TRACED or number % TRACED_LATER == 0:
            with lines.watched():
                outcome = tried(boundary, data, report)
            if lines.fresh and made:
                corpus.append(data)
                report.kept += 1
        else:
            outcome = tried(boundary, data, report)
        report.add(outcome)
    report.seconds, report.lines = time.perf_counter() - started, lines.reached
    return report


def _parent(random: Random, corpus: Sequence[Any]) -> Any:
    return random.choice(corpus[-LATEST:] if random.random() < 0.5 else corpus)


def tried(boundary: Boundary, data: Any, report: Report) -> str | Finding:
    """The outcome; an error that no boundary declares, too much time or memory are findings."""
    memory, started = _peak(), time.process_time()
    try:
        with _limited(boundary.seconds):
            outcome = boundary.judge(data)
        if _peak() - memory > MOST_GROWTH:
            raise TooLargeError
    except Exception as error:  # noqa: BLE001 - whatever is raised here is a finding
        frames = traceback.extract_tb(error.__traceback__)
        inner = [frame for frame in frames if frame.filename.startswith(PACKAGE)] or frames
        where = f"{type(error).__name__} at {Path(inner[-1].filename).name} {inner[-1].name}"
        where += f" {str(error)[:80]}" if isinstance(error, AssertionError) else ""
        return Finding(where, data, "".join(traceback.format_exception(error)))
    report.slowest = max(report.slowest, time.process_time() - started)
    return outcome


@contextmanager
def _limited(seconds: float) -> Iterator[None]:
    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise TooSlowError

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _peak() -> int:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
