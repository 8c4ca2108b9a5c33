"""The small scopes on the real code: every order of every effect; the large ones are `make scopes`."""

import pytest

from tests.scopes.catalogue import NOTHING, WIDE, Scope, pairs, run, small
from tests.scopes.use_cases import FOUND

TIMED = {"grace time", "transcript's deadline"}


@pytest.mark.parametrize("scope", small(), ids=str)
def test_every_history_keeps_the_promises(scope: Scope) -> None:
    found = run(scope)
    assert found.broken == {}
    assert found.whole


@pytest.mark.parametrize("scope", [s for s in pairs(NOTHING) if not (WIDE | TIMED) & set(s.cases)], ids=str)
def test_the_order_does_not_show_in_the_end(scope: Scope) -> None:
    assert len(run(scope).ends) == 1


@pytest.mark.parametrize("case", FOUND)
def test_what_was_found_stays_mended(case: str) -> None:
    assert run(Scope((case,), NOTHING)).broken == {}


def test_a_history_is_counted_once() -> None:
    """One recording after its call: hand-over, then attach, and nothing beside them."""
    found = run(Scope(("hand-over",), NOTHING))
    assert (found.whole, found.ends) == (True, {"text, facts, rec/call-1.wav"})
    assert found.histories == 1
