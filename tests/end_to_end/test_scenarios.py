"""The demonstration's scenarios: each function under its own role, Coval and the items as expected."""

from collections.abc import Mapping

import pytest

from local.demo.runner import Run
from local.demo.scenarios import SCENARIOS, Ending, Scenario
from local.demo.timeline import Timeline
from local.stack.stack import Stack

SECONDS = 600


@pytest.fixture(scope="module")
def endings(stack: Stack) -> Mapping[str, Ending]:
    return Run(stack, SCENARIOS, Timeline(width=30)).play(SECONDS)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_a_call_ends_as_expected(scenario: Scenario, endings: Mapping[str, Ending]) -> None:
    assert endings[scenario.name] == scenario.expected
