"""When the client asks again by itself."""

import pytest

from coval_relay.adapters.coval.refusals import Kind
from coval_relay.adapters.coval.retries import pause
from coval_relay.domain.errors import OutcomeUnknown, Permanent, RelayError, Retryable

RATE_LIMITED, UNAVAILABLE = Retryable("rate_limited"), Retryable("unavailable")


@pytest.mark.parametrize(
    ("error", "attempt", "budget", "jitter", "seconds"),
    [
        (UNAVAILABLE, 1, 9.0, 0.0, 0.1),
        (UNAVAILABLE, 1, 9.0, 0.5, 0.15),
        (UNAVAILABLE, 2, 9.0, 0.0, 0.2),
        (UNAVAILABLE, 3, 9.0, 0.0, None),
        (UNAVAILABLE, 1, 0.09, 0.0, None),
        (UNAVAILABLE, 1, -5.0, 0.0, None),
        (Retryable("unavailable", 4.0), 1, 9.0, 0.0, 4.0),
        (Retryable("unavailable", 0.0), 1, 9.0, 0.0, 0.0),
        (Retryable("rate_limited", 5.0), 2, 5.0, 0.0, 5.0),
        (Retryable("rate_limited", 5.0), 2, 4.9, 0.0, None),
        (Retryable("rate_limited", 6.0), 1, 99.0, 0.0, None),
        (Retryable("unreachable"), 1, 9.0, 0.0, 0.1),
        (Retryable("timeout"), 1, 9.0, 0.0, 0.1),
        (Retryable("broken_connection"), 1, 9.0, 0.0, 0.1),
        (Retryable("unauthenticated"), 1, 9.0, 0.0, None),
        (Retryable("permission_denied"), 1, 9.0, 0.0, None),
        (Retryable("no_time_left"), 1, 9.0, 0.0, None),
        (Permanent("NOT_FOUND", "m"), 1, 9.0, 0.0, None),
    ],
)
def test_reads(error: RelayError, attempt: int, budget: float, jitter: float, seconds: float | None) -> None:
    assert pause(Kind.READ, error, attempt, budget, jitter) == (
        None if seconds is None else pytest.approx(seconds)
    )


@pytest.mark.parametrize("kind", [Kind.EFFECT, Kind.HARMLESS])
@pytest.mark.parametrize(
    ("error", "attempt", "budget", "seconds"),
    [
        (Retryable("rate_limited", 2.0), 1, 9.0, 2.0),
        (Retryable("rate_limited", 2.0), 1, 1.9, None),
        (Retryable("rate_limited", 2.0), 2, 9.0, None),
        (Retryable("rate_limited", 2.1), 1, 9.0, None),
        (RATE_LIMITED, 1, 9.0, None),
        (Retryable("unavailable", 1.0), 1, 9.0, None),
        (Retryable("unreachable"), 1, 9.0, None),
        (OutcomeUnknown("timeout"), 1, 9.0, None),
        (Permanent("NOT_FOUND", "m"), 1, 9.0, None),
    ],
)
def test_writes(kind: Kind, error: RelayError, attempt: int, budget: float, seconds: float | None) -> None:
    assert pause(kind, error, attempt, budget, 0.0) == seconds
