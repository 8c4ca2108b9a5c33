"""What goes wrong during a load run: workers die, functions are throttled, Coval and AWS fail."""

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from local.load.aws_faults import Shares
from local.load.emulator_control import FUNCTIONS, FaultProxy, Functions, Killer
from local.load.settings import Pace
from local.simulator import AdminClient

COVAL_FAULTS: tuple[Mapping[str, Any], ...] = (
    {"kind": "cut"},
    {"kind": "cut", "after_bytes": 10_000},
    {"kind": "drip", "bytes": 32, "seconds": 0.1},
    {"kind": "delay", "seconds": 3.0},
    {"kind": "garbage"},
    {"kind": "garbage", "perform": True},
    {"kind": "timeout_before", "seconds": 5.0},
    {"kind": "timeout_after_accept", "seconds": 5.0},
    {"kind": "status", "status": 500},
    {"kind": "status", "status": 502, "perform": True},
    {"kind": "status", "status": 503, "headers": {"Retry-After": "2"}},
)
ALWAYS = 1_000_000
LOOK_SECONDS = 1.0
OVERLOAD = {"kind": "status", "status": 429, "headers": {"Retry-After": "1"}, "body": {"message": "Limit Exceeded"}}
"""How an outage begins, once: on a slow machine nothing else may reach a limit."""
OUTAGE = {"kind": "status", "status": 503, "body": {"message": "Service Unavailable"}}
CALM, USUAL = Shares(), Shares(throttled=0.01, cut=0.005, lost=0.005)
STORM = Shares(throttled=0.3, cut=0.15, lost=0.15)
UPLOAD_URL_SECONDS = 3600.0

_CHANCE = random.SystemRandom()


@dataclass
class Disturbances:
    """Each in a thread of its own, from entering to leaving; then all is well again."""

    killer: Killer
    functions: Functions
    proxy: FaultProxy
    coval: AdminClient
    pace: Pace
    counts: Counter[str] = field(default_factory=Counter)
    _over: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)
    _failures: list[BaseException] = field(default_factory=list)

    def __enter__(self) -> Self:
        self.proxy.fail(USUAL)
        self._fail_coval()
        pace = self.pace
        for seconds, disturb in (
            (LOOK_SECONDS, self.killer.look),
            (pace.kill, self._kill),
            (pace.throttle, self._throttle),
            (pace.storm, self._storm),
            (pace.expiry, self._expire),
        ):
            thread = threading.Thread(target=self._repeat, args=(seconds, disturb), daemon=True)
            self._threads.append(thread)
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()
        self.proxy.fail(CALM)
        self.coval.clear_faults()
        if self._failures and error is None:
            raise self._failures[0]

    @contextmanager
    def outage(self) -> Iterator[None]:
        """Let Coval answer 429 once, and then 503 to everything."""
        self.coval.clear_faults()
        self.coval.add_fault(dict(OVERLOAD))
        self.coval.add_fault(dict(OUTAGE), times=ALWAYS)
        try:
            yield
        finally:
            self.coval.clear_faults()
            self._fail_coval()

    def outage_is_felt(self) -> bool:
        """Whether a request has met each answer of the outage."""
        return all(fault["left"] < fault["times"] for fault in self.coval.faults())

    def _fail_coval(self) -> None:
        """A share of the requests, however many there are: faults in a row would pile up while Coval is left alone."""
        for fault in COVAL_FAULTS:
            self.coval.add_fault(dict(fault), times=ALWAYS, share=self.pace.coval_faults / len(COVAL_FAULTS))

    def _repeat(self, seconds: float, disturb: Callable[[], object]) -> None:
        try:
            while not self._over.wait(seconds):
                disturb()
        except BaseException as failure:  # noqa: BLE001 -- handed to the thread that leaves
            self._failures.append(failure)

    # --- one of each ---------------------------------------------------------------------------------

    def _kill(self) -> None:
        self.counts["workers killed"] += self.killer.kill_one()

    def _throttle(self) -> None:
        function = _CHANCE.choice(FUNCTIONS)
        self.functions.throttle(function)
        self.counts["functions throttled"] += 1
        self._over.wait(self.pace.throttled)
        self.functions.release(function)

    def _storm(self) -> None:
        self.proxy.fail(STORM)
        self.counts["AWS storms"] += 1
        self._over.wait(self.pace.storming)
        self.proxy.fail(USUAL)

    def _expire(self) -> None:
        """Uploads that are begun now have a URL that has ended already."""
        self.coval.configure(upload_url_seconds=-1.0)
        self.counts["expiries"] += 1
        self._over.wait(self.pace.expired)
        self.coval.configure(upload_url_seconds=UPLOAD_URL_SECONDS)
