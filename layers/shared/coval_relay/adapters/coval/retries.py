"""When the client asks again by itself: decided apart from the sleeping."""

from coval_relay.adapters.coval.error_mapping import (
    BROKEN_CONNECTION,
    TIMEOUT,
    UNAVAILABLE,
    UNREACHABLE,
    RequestKind,
)
from coval_relay.domain.errors import RelayError, RetryableError

READ_ATTEMPTS = 3
READ_BASE_SECONDS = 0.2
READ_MAX_SECONDS = 5.0
"""Attempts and waits of Coval's own clients (coval-sdk: only GETs, 3 attempts, base 0.2 s, cap 5 s)."""
PASSING = frozenset({UNAVAILABLE, UNREACHABLE, TIMEOUT, BROKEN_CONNECTION})


def pause(kind: RequestKind, error: RelayError, attempt: int, time_left: float, jitter: float) -> float | None:
    """Seconds to wait before a read is repeated; None: give up and tell the caller.

    `attempt` counts from 1, `time_left` is what may be spent on waiting (seconds), `jitter` lies in [0, 1).
    The server's word goes before the client's own wait; what would not fit into the budget is not begun.
    """
    if kind is not RequestKind.READ or not isinstance(error, RetryableError) or error.code not in PASSING:
        return None
    wait = _read_wait(error, attempt, jitter)
    return wait if wait is not None and wait <= time_left else None


def _read_wait(error: RetryableError, attempt: int, jitter: float) -> float | None:
    if attempt >= READ_ATTEMPTS:
        return None
    own = READ_BASE_SECONDS * 2 ** (attempt - 1) * (0.5 + jitter / 2)
    wait = own if error.retry_after is None else error.retry_after
    return wait if wait <= READ_MAX_SECONDS else None
