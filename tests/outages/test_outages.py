"""What an outage costs, and that it costs no call: a few short ones (`make outages` plays the long ones)."""

import pytest

from tests.outages.fleet import WORKERS
from tests.outages.outages import COVAL_FAULTS, DAY, HOUR, KINDS, MINUTE, Outage, begun, broken, ended, play, vanished


@pytest.mark.parametrize("kind", KINDS)
def test_an_outage_of_ten_minutes(kind: str) -> None:
    assert broken(play(Outage(kind, 10 * MINUTE), 8)) == []


@pytest.mark.parametrize("kind", ["503", "table"])
def test_an_outage_of_three_hours(kind: str) -> None:
    assert broken(play(Outage(kind, 3 * HOUR), 8)) == []


@pytest.mark.parametrize("kind", COVAL_FAULTS)
def test_an_outage_costs_requests_by_its_length_and_not_by_its_calls(kind: str) -> None:
    """A request each two minutes and fifteen to begin with; of 429 one a second for a minute."""
    outage = Outage(kind, HOUR)
    played = begun(outage, 40, arriving=10 * MINUTE)
    played.fleet.run(played.outside.ends)
    each = outage.seconds / 120 + 15 + (60 if kind == "429" else 0)
    assert played.requests <= sum(WORKERS.values()) * each


def test_thirteen_days_end_visibly() -> None:
    assert vanished(ended(Outage("401", 13 * DAY + 12 * HOUR), 2)) == []
