"""The simulation in small: what it has found stays mended, and a few of its histories."""

import pytest

from tests.simulation.findings import FOUND
from tests.simulation.history import play
from tests.simulation.mutations import without
from tests.simulation.seeds import described
from tests.simulation.stories import draw

HISTORIES = 40


@pytest.mark.parametrize("name", FOUND)
def test_it_is_mended(name: str) -> None:
    assert play(FOUND[name]).broken == (), described(FOUND[name])


def test_some_histories() -> None:
    broken = [seed for seed in range(HISTORIES) if play(draw(seed)).broken]
    assert broken == [], described(draw(broken[0]))


def test_it_notices_that_a_protection_is_gone() -> None:
    with without("unconditional_write"):
        assert any(play(draw(seed)).broken for seed in range(HISTORIES))
