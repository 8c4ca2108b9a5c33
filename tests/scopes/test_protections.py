"""Each protection matters: without it the scopes find a story that breaks a promise."""

from dataclasses import replace

import pytest

from coval_relay.domain import lifecycle
from coval_relay.domain.call import Call
from coval_relay.domain.lifecycle import (
    Action,
    Attempt,
    Transition,
    claims,
    conversations,
    descriptions,
    recordings,
    resumption,
)
from coval_relay.domain.messages import AliasesKnown
from coval_relay.services.alias_resolver import AliasResolver
from coval_relay.services.submission import Submission
from tests.scopes.catalogue import NOTHING, ONE_DEATH, ONE_FAULT, ONE_JUMP, ONE_LATE, Scope, run
from tests.support.fakes import InMemoryCalls
from tests.support.in_memory import InMemoryAliases

SECOND = "P1: a second conversation in Coval"
ENDLESS = "P7: it goes on for ever"
UNREAD = "P1: POST again, and nobody has read since the last one"


class Unconditional(InMemoryCalls):
    """Writes whatever stands there."""

    def save(self, seen: Call, call: Call) -> Call:
        return super().save(self.get(seen.external_conversation_id), call)


def test_without_the_condition_on_a_write() -> None:
    found = run(Scope(("call end", "call end"), NOTHING), Unconditional)
    assert {SECOND, UNREAD} <= found.broken.keys()


def test_without_the_strong_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Submission, "_look", lambda *_: None)
    found = run(Scope(("take-over, sent",), NOTHING))
    assert found.broken.keys() == {SECOND, UNREAD}
    assert [line.split(": ", 1)[1].split("(")[0] for line in found.broken[SECOND]][-1] == "coval.submit"


def test_without_waiting_for_a_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    def at_once(_: Call, known: Call, attempt: Attempt, *, with_transcript: bool) -> Transition:
        return claims.taken_over(known, attempt, with_transcript=with_transcript)

    monkeypatch.setattr(conversations, "_ended_during_submit", at_once)
    found = run(Scope(("call end", "call end"), NOTHING))
    assert SECOND in found.broken


def test_without_remembering_that_a_submit_may_have_arrived(monkeypatch: pytest.MonkeyPatch) -> None:
    back = claims.without_lease
    monkeypatch.setattr(claims, "without_lease", lambda call, now: replace(back(call, now), maybe_sent_at=0))
    found = run(Scope(("take-over, sent",), ONE_FAULT))
    assert SECOND in found.broken


def test_without_doing_what_comes_next(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (lifecycle, resumption):
        monkeypatch.setattr(module, "next_action", lambda _: Action.DONE)
    found = run(Scope(("call end", "recording"), NOTHING))
    assert ENDLESS in found.broken


def _clearing_first(names: AliasResolver, known: AliasesKnown) -> None:
    for alias in known.aliases:
        for pending in names.aliases.bind(alias, known.target):
            names.aliases.clear(alias, pending)
            names.send_again(pending)


def test_without_sending_before_clearing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AliasResolver, "bind", _clearing_first)
    found = run(Scope(("name and pending",), ONE_DEATH))
    assert any(problem.startswith("P3") for problem in found.broken)


def test_without_asking_whether_a_name_came_as_the_waiting_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(InMemoryAliases, "expire", lambda *_: None)
    found = run(Scope(("name and pending",), ONE_JUMP))
    assert any(problem.startswith("P7: dead letter recording") for problem in found.broken)


def test_without_an_audit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resumption, "_needs_audit", lambda _: False)
    assert run(Scope(("call end",), ONE_LATE)).broken.keys() == {"P2: SUBMITTED, 2 conversations in Coval"}
    abandoned = run(Scope(("audit of a call given up",), NOTHING))
    assert abandoned.broken.keys() == {"P2: NEW, 1 conversations in Coval"}


def test_without_a_last_look(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (lifecycle, recordings):
        monkeypatch.setattr(module, "attach_abandoned", lifecycle.attach_rejected)
    found = run(Scope(("last look, attached",), NOTHING))
    assert found.broken.keys() == {"P4: attached [], Coval has audio: True"}


def test_without_the_side(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(descriptions, "with_agent_channel", lambda recording, *_: recording)
    found = run(Scope(("side becomes known",), NOTHING))
    assert found.broken.keys() == {"P9: the agent is not on channel 0"}
