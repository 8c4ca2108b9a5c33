"""Whole calls in memory: the usual way, every order, and a death before and after every remote effect."""

import itertools

import pytest

from coval_relay.domain.errors import RetryableError
from tests.support.scenarios import SCENARIOS, Scenario, outcome
from tests.support.world import Executioner, World


def played(scenario: Scenario, executioner: Executioner | None = None) -> World:
    world = World(executioner=executioner or Executioner())
    scenario.play(world)
    world.run()
    return world


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_a_call_ends_as_expected(scenario: Scenario) -> None:
    world = played(scenario)
    assert outcome(world) == scenario.expected
    assert world.dead == []


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_death_at_any_effect_changes_nothing_in_the_end(scenario: Scenario, after: bool) -> None:
    effects = played(scenario).executioner.count
    assert effects > 0
    for at in range(1, effects + 1):
        executioner = Executioner(at=at, after=after)
        world = played(scenario, executioner)
        where = f"died {'after' if after else 'before'} effect {at}: {executioner.names[at - 1]}"
        assert outcome(world) == scenario.expected, where
        assert world.dead == [], where


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_table_or_queue_that_fails_once_changes_nothing_in_the_end(scenario: Scenario, after: bool) -> None:
    names = played(scenario).executioner.names
    for at, name in enumerate(names, 1):
        if name == "save" or name.startswith(("send_", "again_")):
            world = played(scenario, Executioner(at=at, after=after, error=RetryableError))
            assert outcome(world) == scenario.expected, f"{name} {at}"
            assert world.dead == []


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_two_deaths_change_nothing_in_the_end(scenario: Scenario) -> None:
    effects = played(scenario).executioner.count
    for at, after in itertools.product(range(1, effects + 1), (False, True)):
        executioner = Executioner(at=at, after=after)
        world = World(executioner=executioner)
        scenario.play(world)
        world.run(hours=0.01)
        executioner.at = executioner.count + 1
        world.run()
        assert outcome(world) == scenario.expected, f"{at} {after} {executioner.names}"
