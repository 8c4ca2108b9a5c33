"""Two small scopes of those in tests/scopes: every order of every effect, with a death or a late landing."""

import pytest

from tests.scopes.catalogue import ONE_DEATH, ONE_LATE, Scope, run


@pytest.mark.parametrize(
    "scope", [Scope(("call end", "recording"), ONE_DEATH), Scope(("call end", "call end"), ONE_LATE)], ids=str
)
def test_every_history_keeps_the_promises(scope: Scope) -> None:
    found = run(scope)
    assert (found.broken, found.whole) == ({}, True)
