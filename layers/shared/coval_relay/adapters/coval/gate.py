"""Leaves a Coval alone that is busy, denies the key, or fails: one gate for each execution environment.

    429            wait in place while the invocation's time allows it, longer where few requests get through
                   between two of them; 60 s of nothing else open the gate
    5xx 401 403    three in a row of one operation open the gate, and so do time-outs, a wrong path, a quota used up
    open           a quarter of how long it has failed, 15 s to 120 s; then one request is let through to see

So an outage costs requests in proportion to its length, not to the number of calls.
"""

import random
import time
from collections import Counter
from collections.abc import Callable
from typing import Protocol

from coval_relay.adapters.coval import error_mapping
from coval_relay.domain.coval import CIRCUIT_OPEN
from coval_relay.domain.errors import RelayError, RetryableError

FAILURES_IN_A_ROW = 3
BUSY_SECONDS = 60.0
SHORTEST_OPEN_SECONDS = 15.0
LONGEST_OPEN_SECONDS = 120.0
SPREAD = 0.2
DEFAULT_BUSY_SECONDS = 1.0
"""Where a 429 does not say how long."""
ANSWERS_BETWEEN = 4
"""So many requests should get through between two 429: else each of many workers asks in vain each second."""
LONGEST_BUSY_SECONDS = 6.0
"""Most that a 429 is waited for of one's own accord."""
OPENING = frozenset(
    {
        error_mapping.UNAUTHENTICATED,
        error_mapping.PERMISSION_DENIED,
        error_mapping.NO_SUCH_PATH,
        error_mapping.QUOTA_EXCEEDED,
        error_mapping.UNAVAILABLE,
        error_mapping.UNREACHABLE,
        error_mapping.TIMEOUT,
        error_mapping.BROKEN_CONNECTION,
        error_mapping.UNREADABLE,
    }
)


class OnOpen(Protocol):
    """Called when the circuit has opened, with the error before it and the seconds that it stays open."""

    def __call__(self, code: str, seconds: int) -> None: ...


class Gate:
    """What is known of Coval's health; `clock` is monotonic, in seconds, `chance` lies in [0, 1)."""

    def __init__(
        self,
        on_open: OnOpen,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._on_open = on_open
        self._clock = clock
        self._chance = chance
        self._failures: Counter[str] = Counter()
        self._open_until = 0.0
        self._failing_since: float | None = None
        self._busy_since: float | None = None
        self._busy_until = 0.0
        self._patience = 1.0
        self._answers = ANSWERS_BETWEEN

    @property
    def is_half_open(self) -> bool:
        """Whether the next request is the one that is let through to see."""
        return self._failing_since is not None and self.closed_for() == 0

    def closed_for(self) -> float:
        """Seconds for which Coval is still left alone."""
        return max(self._open_until - self._clock(), 0.0)

    def busy_for(self) -> float:
        """Seconds for which Coval has asked to wait, jittered upward only."""
        return max(self._busy_until - self._clock(), 0.0)

    def check(self) -> None:
        """Raises RetryableError while Coval is left alone."""
        if rest := self.closed_for():
            raise RetryableError(CIRCUIT_OPEN, rest)

    def passed(self, operation: str) -> None:
        """Coval has answered this operation as one that works does; after an outage all counts begin anew."""
        del self._failures[operation]
        self._answers += 1
        if self._failing_since is not None:
            self._failures.clear()
        self._failing_since = None
        self._busy_since = None
        self._busy_until = 0.0

    def failed(self, operation: str, error: RelayError) -> None:
        """Count an error of Coval's: whatever says nothing of its health counts as an answer."""
        code = getattr(error, "code", "")
        if code == error_mapping.RATE_LIMITED:
            return self._busy(getattr(error, "retry_after", None))
        if code not in OPENING:
            return self.passed(operation)
        self._busy_since = None
        self._failures[operation] += 1
        if self._failing_since is not None or self._failures[operation] >= FAILURES_IN_A_ROW:
            self._open(code)
        return None

    def _busy(self, retry_after: float | None) -> None:
        now = self._clock()
        self._busy_since = now if self._busy_since is None else self._busy_since
        wait = self._patient(DEFAULT_BUSY_SECONDS if retry_after is None else retry_after)
        self._busy_until = now + wait * (1 + self._chance() / 2)
        if self._failing_since is not None or now - self._busy_since >= BUSY_SECONDS:
            self._open(error_mapping.RATE_LIMITED)

    def _patient(self, asked: float) -> float:
        """How long to wait: what Coval asks for at least, and longer where too few requests get through in between."""
        is_crowded = self._answers < ANSWERS_BETWEEN
        self._patience = min(self._patience * 2, LONGEST_BUSY_SECONDS) if is_crowded else max(self._patience / 2, 1.0)
        self._answers = 0
        return max(asked, min(asked * self._patience, LONGEST_BUSY_SECONDS))

    def _open(self, code: str) -> None:
        now = self._clock()
        self._failing_since = now if self._failing_since is None else self._failing_since
        quarter = min(max((now - self._failing_since) / 4, SHORTEST_OPEN_SECONDS), LONGEST_OPEN_SECONDS)
        seconds = quarter * (1 - SPREAD + 2 * SPREAD * self._chance())
        self._open_until = now + seconds
        self._on_open(code, round(seconds))
