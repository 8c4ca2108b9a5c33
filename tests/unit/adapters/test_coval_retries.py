"""When the client asks again by itself."""

import pytest

from coval_relay.adapters.coval.error_mapping import RequestKind
from coval_relay.adapters.coval.retries import pause
from coval_relay.domain.errors import PermanentError, RelayError, RetryableError, UnknownOutcomeError

UNAVAILABLE = RetryableError("unavailable")


@pytest.mark.parametrize(
    ("error", "attempt", "time_left", "jitter", "seconds"),
    [
        (UNAVAILABLE, 1, 9.0, 0.0, 0.1),
        (UNAVAILABLE, 1, 9.0, 0.5, 0.15),
        (UNAVAILABLE, 2, 9.0, 0.0, 0.2),
        (UNAVAILABLE, 3, 9.0, 0.0, None),
        (UNAVAILABLE, 1, 0.09, 0.0, None),
        (UNAVAILABLE, 1, -5.0, 0.0, None),
        (RetryableError("unavailable", 4.0), 1, 9.0, 0.0, 4.0),
        (RetryableError("unavailable", 0.0), 1, 9.0, 0.0, 0.0),
        (RetryableError("unavailable", 5.0), 2, 5.0, 0.0, 5.0),
        (RetryableError("unavailable", 5.0), 2, 4.9, 0.0, None),
        (RetryableError("unavailable", 6.0), 1, 99.0, 0.0, None),
        (RetryableError("rate_limited", 1.0), 1, 99.0, 0.0, None),
        (RetryableError("unreachable"), 1, 9.0, 0.0, 0.1),
        (RetryableError("timeout"), 1, 9.0, 0.0, 0.1),
        (RetryableError("broken_connection"), 1, 9.0, 0.0, 0.1),
        (RetryableError("unauthenticated"), 1, 9.0, 0.0, None),
        (RetryableError("permission_denied"), 1, 9.0, 0.0, None),
        (RetryableError("no_time_left"), 1, 9.0, 0.0, None),
        (PermanentError("NOT_FOUND", "m"), 1, 9.0, 0.0, None),
    ],
)
def test_reads(error: RelayError, attempt: int, time_left: float, jitter: float, seconds: float | None) -> None:
    assert pause(RequestKind.READ, error, attempt, time_left, jitter) == (
        None if seconds is None else pytest.approx(seconds)
    )


@pytest.mark.parametrize("kind", [RequestKind.EFFECT, RequestKind.HARMLESS])
@pytest.mark.parametrize("error", [UNAVAILABLE, RetryableError("unreachable"), UnknownOutcomeError("timeout")])
def test_nothing_but_a_read_is_repeated(kind: RequestKind, error: RelayError) -> None:
    assert pause(kind, error, 1, 9.0, 0.0) is None
