"""Each protection matters: without it, the simulation sees a promise broken."""

import pytest

from tests.simulation.history import play
from tests.simulation.mutations import MUTATIONS, without
from tests.simulation.stories import draw

MOST_SEEDS = 3000
KINDS = {
    "no_lease_wait": {"P1"},
    "no_strong_read": {"P1"},
    "read_is_not_strong": {"P1"},
    "unconditional_write": {"P1", "P2"},
    "loser_does_not_look": {"P1"},
    "conflict_is_believed": {"P4"},
    "no_etag_pin": {"P4"},
    "maybe_sent_is_cleared": {"P1"},
    "no_audit": {"P1"},
    "parking_is_not_conditional": {"P3"},
    "binding_clears_before_it_sends": {"P3"},
    "side_is_ignored_during_upload": {"P9"},
    "pinned_can_be_replaced": {"P4"},
    "old_call_is_not_read_first": {"P1"},
}
"""Which promises the first failing history breaks."""


@pytest.mark.parametrize("name", MUTATIONS)
def test_the_simulation_notices_that_a_protection_is_gone(name: str) -> None:
    with without(name):
        found = next(
            (seed, played.broken) for seed in range(MOST_SEEDS) if (played := play(draw(seed))).broken
        )
    seed, broken = found
    assert {promise[:2] for promise in broken} <= KINDS[name], found
    assert play(draw(seed)).broken == (), "it breaks with the protection too"
