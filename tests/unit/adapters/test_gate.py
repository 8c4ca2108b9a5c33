"""When Coval is left alone: each line of the gate's docstring, and what must not move it."""

from dataclasses import dataclass, field

import pytest

from coval_relay.adapters.coval import error_mapping
from coval_relay.adapters.coval.gate import FAILURES_IN_A_ROW, OPENING, Gate
from coval_relay.domain.errors import (
    AudioFetchError,
    PermanentError,
    RelayError,
    RetryableError,
    UnknownOutcomeError,
)

DOWN = RetryableError(error_mapping.UNAVAILABLE)
BUSY = RetryableError(error_mapping.RATE_LIMITED, 2.0)


@dataclass
class Door:
    """A gate with a clock of the test's own; `chance` 0.5 is no jitter where it goes both ways."""

    chance: float = 0.5
    now: float = 1000.0
    opened: list[tuple[str, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.gate = Gate(lambda code, seconds: self.opened.append((code, seconds)), self._clock, lambda: self.chance)

    def _clock(self) -> float:
        return self.now

    def fail(self, times: int = 1, error: RelayError = DOWN, operation: str = "POST") -> None:
        for _ in range(times):
            self.gate.failed(operation, error)


@pytest.fixture
def door() -> Door:
    return Door()


# --- 429


def test_a_busy_coval_is_waited_for_as_long_as_it_says(door: Door) -> None:
    door.chance = 0.0
    door.fail(error=BUSY)
    assert (door.gate.busy_for(), door.gate.closed_for(), door.opened) == (2.0, 0.0, [])
    door.now += 1.5
    assert door.gate.busy_for() == 0.5
    door.now += 1.5
    assert door.gate.busy_for() == 0.0


@pytest.mark.parametrize(("chance", "seconds"), [(0.0, 10.0), (0.5, 12.5), (0.999, 14.995)])
def test_that_wait_is_jittered_upward_only(chance: float, seconds: float) -> None:
    door = Door(chance)
    door.fail(error=RetryableError(error_mapping.RATE_LIMITED, 10.0))
    assert door.gate.busy_for() == pytest.approx(seconds)


def test_a_busy_coval_that_does_not_say_how_long(door: Door) -> None:
    door.chance = 0.0
    door.fail(error=RetryableError(error_mapping.RATE_LIMITED))
    assert door.gate.busy_for() == 1.0
    door.fail(error=RetryableError(error_mapping.RATE_LIMITED, 0.0))
    assert door.gate.busy_for() == 0.0


def test_the_wait_grows_where_few_requests_get_through_in_between() -> None:
    """Else many workers would ask in vain, each every second."""
    door, waits = Door(chance=0.0), []
    for answers in (0, 3, 0, 0, 4, 4, 4, 4, 0):
        for _ in range(answers):
            door.gate.passed("POST")
        door.fail(error=RetryableError(error_mapping.RATE_LIMITED, 1.0))
        waits.append(door.gate.busy_for())
    assert waits == [1, 2, 4, 6, 3, 1.5, 1, 1, 2]


@pytest.mark.parametrize(("asked", "second"), [(0.0, 0.0), (2.0, 4.0), (5.0, 6.0), (60.0, 60.0)])
def test_it_grows_up_to_six_seconds_and_is_never_shorter_than_asked(asked: float, second: float) -> None:
    door = Door(chance=0.0)
    door.fail(2, RetryableError(error_mapping.RATE_LIMITED, asked))
    assert door.gate.busy_for() == second


def test_a_minute_of_nothing_but_429_opens_the_gate(door: Door) -> None:
    for _ in range(60):
        door.fail(error=BUSY)
        door.now += 1
    assert door.opened == []
    door.fail(error=BUSY)
    assert door.opened == [("rate_limited", 15)]
    assert door.gate.closed_for() == 15.0


@pytest.mark.parametrize("other", ["an answer", "another failure"])
def test_a_429_among_other_answers_does_not(door: Door, other: str) -> None:
    for _ in range(4):
        door.fail(error=BUSY)
        door.now += 50
        if other == "an answer":
            door.gate.passed("GET")
        else:
            door.fail(error=DOWN)
            door.gate.failed("POST", PermanentError("C", "m", status=400))
    assert door.opened == []


def test_an_answer_ends_the_wait(door: Door) -> None:
    door.fail(error=BUSY)
    door.gate.passed("GET")
    assert door.gate.busy_for() == 0.0


# --- 5xx, 401, 403, time-outs


@pytest.mark.parametrize("code", sorted(OPENING))
@pytest.mark.parametrize("kind", [RetryableError, UnknownOutcomeError])
def test_three_failures_in_a_row_open_the_gate(
    door: Door, code: str, kind: type[RetryableError | UnknownOutcomeError]
) -> None:
    door.fail(FAILURES_IN_A_ROW - 1, kind(code))
    assert (door.opened, door.gate.closed_for()) == ([], 0.0)
    door.gate.check()
    door.fail(1, kind(code))
    assert (door.opened, door.gate.closed_for()) == ([(code, 15)], 15.0)
    with pytest.raises(RetryableError) as caught:
        door.gate.check()
    assert caught.value == RetryableError("circuit_open", 15.0)


def test_what_opens_the_gate_is_what_an_outage_or_a_wrong_setting_gives() -> None:
    wrong_settings = {"unauthenticated", "permission_denied", "no_such_path", "quota_exceeded"}
    assert {*wrong_settings, "unavailable", "timeout"} < OPENING
    assert not {"rate_limited", "agent_unknown", "metrics_unknown", "precondition_failed"} & OPENING


def test_they_are_counted_for_each_operation(door: Door) -> None:
    for operation in ("POST", "GET", "PATCH"):
        door.fail(2, operation=operation)
    assert door.opened == []
    door.fail(operation="GET")
    assert door.opened == [("unavailable", 15)]


def test_an_answer_in_between_begins_the_row_anew(door: Door) -> None:
    door.fail(2)
    door.gate.passed("POST")
    door.fail(2)
    assert door.opened == []


def test_an_answer_to_another_operation_does_not(door: Door) -> None:
    """Reads may go on while every submit fails."""
    door.fail(2)
    door.gate.passed("GET")
    door.fail(1)
    assert door.opened == [("unavailable", 15)]


@pytest.mark.parametrize(
    "error",
    [
        PermanentError("INVALID_ARGUMENT", "m", status=400),
        AudioFetchError("Audio URL not found"),
        RetryableError("agent_unknown"),
    ],
)
def test_a_rejection_says_that_coval_works(door: Door, error: RelayError) -> None:
    door.fail(2)
    door.fail(1, error)
    door.fail(2)
    assert door.opened == []


# --- open


def test_after_that_one_request_is_let_through_to_see(door: Door) -> None:
    assert not door.gate.is_half_open
    door.fail(3)
    assert not door.gate.is_half_open
    door.now += 15
    assert door.gate.is_half_open
    door.gate.check()


def test_each_time_is_a_quarter_of_how_long_it_has_failed(door: Door) -> None:
    """So of an outage's length at most a quarter is lost after it, however short it was."""
    door.fail(3)
    for _ in range(15):
        door.now += door.gate.closed_for()
        door.fail()
    assert [seconds for _, seconds in door.opened] == [
        *(15, 15, 15, 15, 15, 19, 23, 29, 37, 46, 57, 72, 89, 112),
        *(120, 120),
    ]


@pytest.mark.parametrize("error", [BUSY, RetryableError("unauthenticated"), UnknownOutcomeError("timeout")])
def test_a_probe_fails_by_whatever_opens(door: Door, error: RelayError) -> None:
    door.fail(3)
    door.now += 100
    door.fail(1, error, "GET")
    assert door.gate.closed_for() == 25.0


def test_a_probe_that_gets_through_closes_the_gate(door: Door) -> None:
    door.fail(3)
    door.now += 15
    door.gate.passed("POST")
    assert not door.gate.is_half_open
    door.fail(2)
    assert door.gate.closed_for() == 0.0
    door.now += 1000
    door.fail(1)
    assert [seconds for _, seconds in door.opened] == [15, 15]


def test_after_an_outage_every_operation_s_count_begins_anew(door: Door) -> None:
    door.fail(3, operation="GET")
    door.now += 15
    door.gate.passed("POST")
    door.fail(2, operation="GET")
    assert len(door.opened) == 1
    door.fail(1, operation="GET")
    assert len(door.opened) == 2


@pytest.mark.parametrize(("chance", "seconds"), [(0.0, 12.0), (0.5, 15.0), (0.999, 17.994)])
def test_the_time_is_jittered_both_ways(chance: float, seconds: float) -> None:
    """Else all environments would come back at once."""
    door = Door(chance)
    door.fail(3)
    assert door.gate.closed_for() == pytest.approx(seconds)


def test_an_outage_costs_requests_in_proportion_to_its_length(door: Door) -> None:
    """waiting.md's bar: a request each two minutes, and fifteen to begin with."""
    asked = 0
    outage = 3 * 3600
    while door.now < 1000 + outage:
        if door.gate.closed_for():
            door.now += 1
            continue
        asked += 1
        door.fail()
    assert asked <= outage / 120 + 15
