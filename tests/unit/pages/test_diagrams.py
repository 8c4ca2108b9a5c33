"""The diagrams of docs/architecture.md: every step that calls take is drawn, between states that exist."""

import re

import pytest

from coval_relay.domain.call import Call, ConversationState, RecordingState
from tests.support.fakes import InMemoryCalls
from tests.support.scenarios import SCENARIOS, Scenario
from tests.support.world import Executioner, World
from tests.unit.pages.markdown import PROJECT, Page

STEP = re.compile(r"^    (\S+) --> (\S+?)(?:: .*)?$", re.MULTILINE)
OUTSIDE = "[*]"


def drawn(number: int) -> set[tuple[str, str]]:
    diagrams = [
        block for block in Page(PROJECT / "docs" / "architecture.md").blocks("mermaid") if "stateDiagram" in block
    ]
    return {(begin, end) for begin, end in STEP.findall(diagrams[number])}


class Watched(InMemoryCalls):
    """Notes each step of a call's state, and of its recording's."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: tuple[set[tuple[str, str]], set[tuple[str, str]]] = (set(), set())

    def save(self, seen: Call, call: Call) -> Call:
        self.steps[0].add((seen.state.value, call.state.value))
        if call.recording_state:
            self.steps[1].add(((seen.recording_state or OUTSIDE), call.recording_state.value))
        return super().save(seen, call)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
@pytest.mark.parametrize("dies_at", [None, 1, 2])
def test_every_step_of_a_call_is_drawn(scenario: Scenario, dies_at: int | None) -> None:
    store = Watched()
    world = World(store=store, executioner=Executioner(at=dies_at, after=True))
    scenario.play(world)
    world.run()
    for number, steps in enumerate(store.steps):
        assert {(begin, end) for begin, end in steps if begin != end} <= drawn(number)


@pytest.mark.parametrize(("number", "states"), [(0, ConversationState), (1, RecordingState)])
def test_the_states_that_are_drawn_are_those_that_exist(
    number: int, states: type[ConversationState | RecordingState]
) -> None:
    assert {state for step in drawn(number) for state in step} - {OUTSIDE} == {state.value for state in states}
