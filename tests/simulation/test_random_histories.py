"""A thousand random histories: whatever repeats, fails, dies or meets, every promise holds at every step.

A failing seed is shown whole by `make simulate-seed SEED=…`, and shortened by `make simulate`.
"""

import pytest

from tests.simulation.history import play
from tests.simulation.seeds import described
from tests.simulation.shrinking import shrunk
from tests.simulation.stories import draw

HISTORIES, BLOCK = 1000, 50


@pytest.mark.parametrize("first", range(0, HISTORIES, BLOCK))
def test_histories(first: int) -> None:
    broken = {seed: found for seed in range(first, first + BLOCK) if (found := play(draw(seed)).broken)}
    assert broken == {}, described(shrunk(draw(min(broken))))


def test_a_seed_is_one_history() -> None:
    for seed in range(0, HISTORIES, 100):
        story = draw(seed)
        assert (draw(seed), play(story, verbose=True)) == (story, play(story, verbose=True))
