"""Other names of calls: what comes under one whose call is not known yet is parked until it is.

    object under RE…   ── park ─────────────────────────┐
    event with RE…, CA… ── bind ── sends the object on ── clear
    object once more    ── not parked: bound ── goes to the call of CA…

A name that comes as the waiting ends makes no dead letter:

    the waiting ends    ── park: not bound ──┐               ┌── expire: bound ── sends it on too
    event with RE…, CA…                      └── bind ── sends it on ── clear

A binding is repeated whole when its message comes again, so a death between its steps loses nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from coval_relay.domain import protocol
from coval_relay.domain.aliases import Alias, Parked, QueueName, alias_of
from coval_relay.domain.call import Reason
from coval_relay.domain.errors import InvalidInput
from coval_relay.domain.identifiers import checked_call_id
from coval_relay.domain.journal import Journal, LogEvent
from coval_relay.domain.messages import AliasesKnown, Message, ParkingExpired
from coval_relay.domain.ports import Aliases, AliasTaken
from coval_relay.services.calls import Calls

LONGEST_CHAIN = 5
TAKEN = Reason("alias_taken", "A name of this call belongs to another call already; it was left there.")


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody has told the call yet: what waits, and under which names."""

    parked: Parked
    waits_under: tuple[Alias, ...]


@dataclass(frozen=True, slots=True)
class Names:
    """Binds names to calls, and follows them."""

    aliases: Aliases
    calls: Calls
    send_again: Callable[[Parked], None]
    to_event: Callable[[Message], str]
    from_event: Callable[[str], Message]
    journal: Journal

    def owner(
        self, names: Sequence[str | Alias], identity: str, queue: QueueName, message: Message
    ) -> str | Unknown:
        """The call that one of the names leads to; where none does yet, the message waits under each."""
        parked = Parked(identity, queue, self.to_event(message), self.calls.clock())
        waits: list[Alias] = []
        for name in names:
            found = self._follow(name, parked)
            if isinstance(found, str):
                return found
            waits.append(found)
        self.journal(LogEvent.PARKED, queue=queue)
        return Unknown(parked, tuple(waits))

    def _follow(self, target: str | Alias, parked: Parked) -> str | Alias:
        for _ in range(LONGEST_CHAIN):
            alias = alias_of(target) if isinstance(target, str) else target
            if alias is None:
                return checked_call_id(target)
            bound = self.aliases.park(alias, parked)
            if bound is None:
                return alias
            target = bound
        raise InvalidInput("alias", f"must lead to a call in {LONGEST_CHAIN} steps")

    def bind(self, known: AliasesKnown) -> None:
        """Let these names lead to their target, and send on what waits under them."""
        for alias in known.aliases:
            if alias.key == known.target:
                continue
            try:
                waiting = self.aliases.bind(alias, known.target)
            except AliasTaken:
                self._note(known.target)
                continue
            for parked in waiting:
                self.send_again(parked)
                self.aliases.clear(alias, parked)

    def _note(self, target: str) -> None:
        self.journal(LogEvent.ALIAS_TAKEN, "" if alias_of(target) else target)
        if alias_of(target) is None:
            self.calls.settle(
                self.calls.read(target),
                lambda call: protocol.input_refused(call, TAKEN, self.calls.clock()),
            )

    def waiting(self, expired: ParkingExpired) -> Message:
        """The message that waits; raises InvalidInput."""
        return self.from_event(expired.parked.event)

    def found_after_all(self, expired: ParkingExpired) -> None:
        """Under another of its names it has found its call: it need not wait under this one."""
        self.aliases.clear(expired.alias, expired.parked)

    def give_up(self, unknown: Unknown, tried: str) -> None:
        """What has waited too long goes to the dead letters: raises InvalidInput.

        It goes on instead where a name has been bound since it was looked for.
        """
        targets = [self.aliases.expire(alias, unknown.parked) for alias in unknown.waits_under]
        if any(targets):
            return self.send_again(unknown.parked)
        types = ", ".join(alias.type for alias in unknown.waits_under)
        rule = f"no call became known under its {types} in time (tried: {tried})"
        raise InvalidInput("detail.parked.event", rule)
