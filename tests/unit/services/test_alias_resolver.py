"""Where aliases lead, and what becomes of a message whose waiting under one ends."""

from collections.abc import Callable
from typing import Any

import pytest

from coval_relay.domain import backoff
from coval_relay.domain.call_aliases import IN_TIME, NO_RECORDING, Alias, PendingMessage, shared
from coval_relay.domain.errors import InvalidInputError, NotReadyError, PassedOverError, PermanentError, RetryableError
from coval_relay.domain.log_events import LogEvent
from coval_relay.domain.messages import PendingExpired, Resume
from coval_relay.services.action_runner import DONE, Outcome
from coval_relay.services.alias_resolver import MAX_CHAIN_LENGTH, SHARED_RULE, AliasResolver, Unresolved
from tests.support.world import World

LEG, ROOM = Alias("leg", "L1"), Alias("room", "R1")
MESSAGE = Resume("call-1")
SECOND = Alias(f"room{IN_TIME}", "R1@2026-10-02T14:31:38")
MINUTE = Alias(f"room{IN_TIME}", "R1@2026-10-02T14:31")
SINCE = 1000
PENDING = PendingMessage("x", "recording", "{}", SINCE)
EXPIRED = PendingExpired(LEG, PENDING)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def resolver(world: World) -> AliasResolver:
    service: Any = world.consumers["recording"].service
    found: AliasResolver = service.resolver
    return found


def resolved(resolver: AliasResolver, *names: str | Alias) -> str | Unresolved:
    return resolver.resolve(names, "x", "recording", MESSAGE)


def unused(*_: object) -> None:
    raise AssertionError("nothing waits here")


# --- where a name leads ------------------------------------------------------------------------------


def test_what_is_known_makes_nothing_wait(world: World, resolver: AliasResolver, monkeypatch: Any) -> None:
    world.aliases.bind(LEG, ROOM.key)
    world.aliases.bind(ROOM, "call-1")
    monkeypatch.setattr(world.aliases, "add_pending", unused)
    assert resolved(resolver, Alias("other", "O"), LEG) == "call-1"
    assert resolved(resolver, "call-2") == "call-2"


def test_what_is_not_known_waits_under_each_name(world: World, resolver: AliasResolver) -> None:
    world.aliases.bind(LEG, ROOM.key)
    unknown = resolved(resolver, LEG, SECOND)
    assert isinstance(unknown, Unresolved)
    spans = (MINUTE, Alias(SECOND.type, f"{MINUTE.value}:3"), SECOND)
    assert (unknown.pending.identity, unknown.aliases) == ("x", (ROOM, *spans))
    assert [alias for alias in (LEG, ROOM, *spans) if world.aliases.waiting(alias)] == [ROOM, *spans]


def test_a_name_that_is_bound_meanwhile(world: World, resolver: AliasResolver, monkeypatch: Any) -> None:
    world.aliases.bind(LEG, "call-1")
    monkeypatch.setattr(world.aliases, "target", lambda _: None)
    assert resolved(resolver, LEG) == "call-1"


def test_what_an_event_says_is_no_recording(world: World, resolver: AliasResolver) -> None:
    world.aliases.bind(LEG, Alias(NO_RECORDING, "one_side").key)
    with pytest.raises(PassedOverError) as passed:
        resolved(resolver, LEG)
    assert passed.value == PassedOverError("one_side")


@pytest.mark.parametrize("again", [False, True])
def test_a_room_that_two_calls_claim(world: World, resolver: AliasResolver, again: bool) -> None:
    world.aliases.bind(MINUTE, "call-1")
    if again:
        world.aliases.bind(shared(MINUTE), MINUTE.key)
    else:
        world.aliases.bind(SECOND, "call-2")
    with pytest.raises(InvalidInputError) as ambiguous:
        resolved(resolver, SECOND)
    assert ambiguous.value == InvalidInputError("alias", f"{SECOND.type} {SHARED_RULE}")


def test_a_room_that_one_call_claims_twice(world: World, resolver: AliasResolver) -> None:
    for span in (MINUTE, SECOND):
        world.aliases.bind(span, "call-1")
    assert resolved(resolver, SECOND) == "call-1"


def test_names_that_lead_in_a_circle(world: World, resolver: AliasResolver) -> None:
    world.aliases.bind(LEG, ROOM.key)
    world.aliases.bind(ROOM, LEG.key)
    with pytest.raises(InvalidInputError) as endless:
        resolved(resolver, LEG)
    assert endless.value == InvalidInputError("alias", f"must lead to a call in {MAX_CHAIN_LENGTH} steps")
    with pytest.raises(InvalidInputError, match="must lead to a call"):
        resolver.owner(LEG)


def test_a_name_that_leads_nowhere_is_passed_over_for_one_that_leads_to_a_call(
    world: World, resolver: AliasResolver
) -> None:
    world.aliases.bind(SECOND, "call-2")
    world.aliases.bind(shared(SECOND), SECOND.key)
    world.aliases.bind(LEG, Alias(NO_RECORDING, "one_side").key)
    with pytest.raises(InvalidInputError, match=SHARED_RULE):
        resolved(resolver, ROOM, SECOND, LEG)
    with pytest.raises(PassedOverError):
        resolved(resolver, ROOM, LEG, SECOND)
    assert world.all_pending() == []  # what is refused waits nowhere
    world.aliases.bind(ROOM, "call-1")
    assert resolved(resolver, SECOND, LEG, ROOM) == "call-1"


def test_whose_an_alias_is(world: World, resolver: AliasResolver) -> None:
    assert resolver.owner(LEG) is None
    world.aliases.bind(LEG, ROOM.key)
    assert resolver.owner(LEG) == ROOM
    world.aliases.bind(ROOM, "call-1")
    assert (resolver.owner(LEG), resolver.owner(ROOM)) == ("call-1", "call-1")


# --- when its waiting ends ---------------------------------------------------------------------------


def fails(error: Exception) -> Callable[[], Outcome]:
    def go_on() -> Outcome:
        raise error

    return go_on


@pytest.mark.parametrize("error", [RetryableError("busy"), NotReadyError("document_missing")])
def test_the_only_copy_is_tried_again(world: World, resolver: AliasResolver, error: Exception) -> None:
    other = PendingMessage("another one's", "recording", "{}", 0)
    world.aliases.add_pending(LEG, other)
    with pytest.raises(type(error)):
        resolver.finish(EXPIRED, fails(error))
    assert world.aliases.waiting(LEG) == (other,)


DENIED = PermanentError("access_denied", "S3 denied it.")
KEPT_BY: dict[str, tuple[Callable[[], Outcome], list[LogEvent]]] = {
    "busy": (fails(RetryableError("busy")), [LogEvent.MESSAGE_WAITING]),
    "not there": (fails(NotReadyError("document_missing")), [LogEvent.MESSAGE_WAITING]),
    "denied": (fails(DENIED), [LogEvent.OPERATOR_NEEDED]),
    "later": (lambda: Outcome(7), []),
}


@pytest.mark.parametrize("kept_by", KEPT_BY)
def test_what_still_waits_is_left_to_the_sweep(world: World, resolver: AliasResolver, kept_by: str) -> None:
    """And is reported: else each sweep would leave another message that waits."""
    go_on, reported = KEPT_BY[kept_by]
    world.clock.now = SINCE + backoff.EXPIRY_SECONDS - 1
    world.aliases.add_pending(LEG, PENDING)
    assert resolver.finish(EXPIRED, go_on) == DONE
    assert (world.aliases.waiting(LEG), [event for event, _, _ in world.telemetry]) == ((PENDING,), reported)


def test_what_is_unforeseen_is_reported_by_its_kind_and_place(world: World, resolver: AliasResolver) -> None:
    world.clock.now = SINCE
    world.aliases.add_pending(LEG, PENDING)
    assert resolver.finish(EXPIRED, fails(ZeroDivisionError("call-1's words"))) == DONE
    ((event, call_id, fields),) = world.telemetry
    assert (event, call_id, fields["kind"]) == (LogEvent.DELIVERY_FAILED, "", "ZeroDivisionError")
    assert set(fields) == {"kind", "where"}


def test_after_twelve_days_it_ends(world: World, resolver: AliasResolver) -> None:
    world.clock.now = SINCE + backoff.EXPIRY_SECONDS
    world.aliases.add_pending(LEG, PENDING)
    with pytest.raises(PermanentError) as ended:
        resolver.finish(EXPIRED, fails(DENIED))
    assert ended.value == PermanentError("waited_too_long", "It has waited for 12 days: access_denied.")
    assert world.aliases.waiting(LEG) == ()


@pytest.mark.parametrize(("is_kept", "outcome"), [(True, DONE), (False, DONE), (False, Outcome(7))])
def test_what_went_on_waits_no_longer(world: World, resolver: AliasResolver, is_kept: bool, outcome: Outcome) -> None:
    if is_kept:
        world.aliases.add_pending(LEG, PENDING)
    assert resolver.finish(EXPIRED, lambda: outcome) == outcome
    assert world.aliases.waiting(LEG) == ()
