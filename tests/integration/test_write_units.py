"""What a call costs in the table stays below its bar."""

import pytest

from tests.support.write_units import CALLS, measured


@pytest.mark.parametrize("name", CALLS)
def test_write_units(name: str, aws_url: str) -> None:
    assert measured(name, aws_url).writes <= CALLS[name][1]
