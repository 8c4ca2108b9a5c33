"""A little of `make fuzz` in each test run: what changes make of the samples, chosen by Hypothesis."""

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coval_relay.domain.errors import InvalidInputError
from tests.fuzz.boundaries import BOUNDARIES
from tests.fuzz.boundary import PHONE, SECRET, Boundary, Fault, outcome_of
from tests.fuzz.coval_responses import judged_answer
from tests.fuzz.loop import Finding, explored

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")
"""Python has its own words for some patterns of key rules."""

SLOW = {"conversion": 10, "deliveries": 60, "events": 60}
"""Examples of boundaries where one input takes longer."""


@pytest.mark.parametrize("boundary", BOUNDARIES, ids=lambda boundary: boundary.name)
def test_the_seeds_are_handled(boundary: Boundary) -> None:
    for seed in boundary.seeds():
        assert boundary.judge(seed)


@pytest.mark.parametrize("boundary", BOUNDARIES, ids=lambda boundary: boundary.name)
def test_whatever_comes_over_a_border_is_handled(boundary: Boundary) -> None:
    seeds = boundary.seeds()

    @settings(max_examples=SLOW.get(boundary.name, 120), suppress_health_check=list(HealthCheck))
    @given(st.sampled_from(range(len(seeds))), st.randoms(use_true_random=False), st.integers(1, 3))
    def handled(seed: int, random: Random, times: int) -> None:
        data = seeds[seed]
        for _ in range(times):
            data = boundary.mutated(random, data, seeds)
        assert boundary.judge(data)

    handled()


# --- the loop itself ---------------------------------------------------------------------------------


def number_boundary(judge: Callable[[Any], str]) -> Boundary:
    return Boundary(
        name="numbers",
        seeds=lambda: [1],
        mutated=lambda random, _, __: random.randint(0, 9),
        judge=judge,
        share=1,
    )


def test_a_finding_is_counted_by_its_cause_and_keeps_its_input() -> None:
    def judge(number: int) -> str:
        if number == 7:
            raise KeyError(number)
        if number == 8:
            raise Fault("eight")
        return "odd" if number % 2 else "even"

    report = explored(number_boundary(judge), 400, seed=1)
    assert report.outcomes.keys() == {"odd", "even"}
    assert sum(report.outcomes.values()) + report.unhandled == report.inputs == 400
    causes = {where: finding.data for where, finding in report.findings.items()}
    assert causes == {"KeyError at test_boundaries.py judge": 7, "Fault at test_boundaries.py judge eight": 8}


def test_an_input_that_takes_too_long_is_a_finding() -> None:
    def endless(_: int) -> str:
        while True:
            pass

    boundary = Boundary(
        name="endless",
        seeds=lambda: [1],
        mutated=lambda _, data, __: data,
        judge=endless,
        share=1,
        seconds=0.05,
    )
    (finding,) = explored(boundary, 1, seed=1).findings.values()
    assert isinstance(finding, Finding)
    assert finding.where.startswith("TooSlowError")


def test_what_reaches_a_new_line_is_kept() -> None:
    """The status decides which lines of the client run: the seed alone reaches few of them."""
    statuses = [200, 401, 404, 429, 500]

    boundary = Boundary(
        name="statuses",
        seeds=lambda: [["get", 200, {}, {}]],
        mutated=lambda random, _, __: ["get", random.choice(statuses), {}, {}],
        judge=judged_answer,
        share=1,
    )
    assert 2 <= explored(boundary, 60, seed=1).kept <= len(statuses)


@pytest.mark.parametrize("secret", [SECRET, PHONE])
def test_an_error_that_contains_a_secret_is_a_fault(secret: str) -> None:
    def rejected() -> None:
        raise InvalidInputError("detail", f"is not {secret}")

    with pytest.raises(Fault, match="contains a secret"):
        outcome_of(rejected)
