"""What the simulation has found stays mended."""

import pytest

from tests.simulation.findings import FOUND
from tests.simulation.history import play
from tests.simulation.seeds import told


@pytest.mark.parametrize("name", FOUND)
def test_it_is_mended(name: str) -> None:
    assert play(FOUND[name]).broken == (), told(FOUND[name])
