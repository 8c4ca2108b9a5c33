"""A thousand random histories: whatever repeats, fails or dies, every call ends once, whole, told truly.

A failing seed is a whole story: `tests.support.chaos.play(seed)` plays it again.
"""

import pytest

from tests.support.chaos import faults_of, play

HISTORIES, BLOCK = 1000, 50


@pytest.mark.parametrize("first", range(0, HISTORIES, BLOCK))
def test_histories(first: int) -> None:
    broken = {seed: found for seed in range(first, first + BLOCK) if (found := faults_of(play(seed)))}
    assert broken == {}
