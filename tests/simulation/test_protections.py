"""Each protection matters: without it, the simulation sees a promise broken."""

import pytest

from tests.simulation.findings import FOUND
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
    "what_has_no_version_is_fetched_where_it_lies": {"P4", "P9"},
    "maybe_sent_is_cleared": {"P1"},
    "no_audit": {"P1"},
    "pending_is_not_conditional": {"P3"},
    "binding_clears_before_it_sends": {"P3"},
    "side_is_ignored_during_upload": {"P9"},
    "pinned_can_be_replaced": {"P4"},
    "old_call_is_not_read_first": {"P1"},
    "given_up_calls_are_not_audited": {"P1"},
    "no_last_look": {"P4"},
    "who_was_held_up_sends": {"P1"},
}
"""Which promises the first failing history breaks."""
SELDOM = {
    "given_up_calls_are_not_audited": "a submit lands late, when its call was given up",
    "no_last_look": "an attach lands late, when its recording was given up",
    "what_has_no_version_is_fetched_where_it_lies": "a recording is replaced while Coval fetches it",
    "who_was_held_up_sends": "a worker that was held up sends long after another one took over",
}
"""Protections that one in ten thousand histories needs: by the story that was found first."""


@pytest.mark.parametrize("name", SELDOM)
def test_a_found_story_notices_that_a_protection_is_gone(name: str) -> None:
    with without(name):
        broken = play(FOUND[SELDOM[name]]).broken
    assert {promise[:2] for promise in broken} == KINDS[name], broken


@pytest.mark.parametrize("name", sorted(MUTATIONS.keys() - SELDOM.keys()))
def test_the_simulation_notices_that_a_protection_is_gone(name: str) -> None:
    with without(name):
        found = next((seed, played.broken) for seed in range(MOST_SEEDS) if (played := play(draw(seed))).broken)
    seed, broken = found
    assert {promise[:2] for promise in broken} <= KINDS[name], found
    assert play(draw(seed)).broken == (), "it breaks with the protection too"
