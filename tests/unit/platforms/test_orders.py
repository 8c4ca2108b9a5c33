"""Every platform's call: whatever comes first, twice or later, one conversation comes of it, and it is whole.

Delays stay within the times that the operator gives: the grace of a recording without a call, and the
settling of several recordings or transcripts of one call. What comes after that is superseded by design.
"""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coval_relay.platforms.registry import PLATFORMS
from tests.unit.platforms.calls import CALLS, Part, PlatformCall, outcome, played

SAMPLES = settings().max_examples // 5 * 2
Order = list[tuple[Part, int]]


def in_some_order(call: PlatformCall) -> st.SearchStrategy[Order]:
    """Each part once or twice, at any moments within its time, in any order where moments are the same."""
    parts = st.tuples(*(_times(part) for part in call.parts)).map(lambda times: [x for some in times for x in some])
    return parts.flatmap(st.permutations)


def _times(part: Part) -> st.SearchStrategy[Order]:
    moments = st.lists(st.integers(0, part.within), min_size=1, max_size=2)
    return moments.map(lambda times: [(part, moment) for moment in times])


@pytest.mark.parametrize("call", CALLS, ids=str)
def test_sent_at_once(call: PlatformCall) -> None:
    ended = outcome(played(call, [(part, 0) for part in call.parts]))
    assert replace(ended, sides=call.ended.sides) == call.ended
    assert ended.sides[0] in call.ended.sides


@pytest.mark.hypothesis
@pytest.mark.parametrize("call", CALLS, ids=str)
def test_any_order_any_repetition_any_delay_within_the_times(call: PlatformCall) -> None:
    @settings(max_examples=SAMPLES)
    @given(in_some_order(call))
    def check(order: Order) -> None:
        ended = outcome(played(call, order))
        assert replace(ended, sides=call.ended.sides) == call.ended
        assert ended.sides[0] in call.ended.sides

    check()


def test_no_platform_is_left_out() -> None:
    assert {call.platform for call in CALLS} == {listing.name for listing in PLATFORMS}
