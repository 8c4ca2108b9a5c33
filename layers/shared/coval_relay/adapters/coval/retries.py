"""When the client asks again by itself: decided apart from the sleeping."""

from coval_relay.adapters.coval.refusals import (
    BROKEN_CONNECTION,
    RATE_LIMITED,
    TIMEOUT,
    UNAVAILABLE,
    UNREACHABLE,
    Kind,
)
from coval_relay.domain.errors import RelayError, Retryable

READ_ATTEMPTS = 3
READ_BASE_SECONDS = 0.2
READ_LONGEST_SECONDS = 5.0
"""Attempts and waits of Coval's own clients (coval-sdk: only GETs, 3 attempts, base 0.2 s, cap 5 s)."""
WRITE_ATTEMPTS = 2
WRITE_LONGEST_SECONDS = 2.0
PASSING = frozenset({RATE_LIMITED, UNAVAILABLE, UNREACHABLE, TIMEOUT, BROKEN_CONNECTION})


def pause(kind: Kind, error: RelayError, attempt: int, budget: float, jitter: float) -> float | None:
    """Seconds to wait before the next attempt; None: give up and tell the caller.

    `attempt` counts from 1, `budget` is what may be spent on waiting (seconds), `jitter` lies in [0, 1).
    The server's word goes before the client's own wait; what would not fit into the budget is not begun.
    """
    if not isinstance(error, Retryable) or error.code not in PASSING:
        return None
    wait = _read_wait(error, attempt, jitter) if kind is Kind.READ else _write_wait(error, attempt)
    return wait if wait is not None and wait <= budget else None


def _read_wait(error: Retryable, attempt: int, jitter: float) -> float | None:
    if attempt >= READ_ATTEMPTS:
        return None
    own = READ_BASE_SECONDS * 2 ** (attempt - 1) * (0.5 + jitter / 2)
    wait = own if error.retry_after is None else error.retry_after
    return wait if wait <= READ_LONGEST_SECONDS else None


def _write_wait(error: Retryable, attempt: int) -> float | None:
    """Only what was refused unseen, and only where Coval itself said that it would be short."""
    if error.code != RATE_LIMITED or error.retry_after is None or attempt >= WRITE_ATTEMPTS:
        return None
    return error.retry_after if error.retry_after <= WRITE_LONGEST_SECONDS else None
