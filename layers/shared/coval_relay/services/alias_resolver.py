"""Aliases of calls: what comes under one whose call is not known yet is pending until it is.

    object under RE…   ── pending ──────────────────────┐
    event with RE…, CA… ── bind ── sends the object on ── clear
    object once more    ── bound already ────── goes to the call of CA…

An alias that is bound as the waiting ends makes no dead letter:

    the waiting ends    ── not bound ────────┐               ┌── expire: bound ── sends it on too
    event with RE…, CA…                      └── bind ── sends it on ── clear

A binding is repeated whole when its message comes again, so a death between its steps loses nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from coval_relay.domain import backoff, lifecycle
from coval_relay.domain.call_aliases import (
    IN_TIME,
    NO_RECORDING,
    Alias,
    PendingMessage,
    QueueName,
    alias_of,
    shared,
    spans_of,
)
from coval_relay.domain.call_id import checked_call_id
from coval_relay.domain.errors import (
    InvalidInputError,
    ObjectGoneError,
    ObjectReplacedError,
    PassedOverError,
    PermanentError,
    Reason,
    code_of,
)
from coval_relay.domain.log_events import LogEvent, Telemetry
from coval_relay.domain.messages import AliasesKnown, Message, PendingExpired
from coval_relay.domain.ports import Aliases, AliasTakenError
from coval_relay.services.action_runner import DONE, Outcome
from coval_relay.services.conditional_updates import Calls
from coval_relay.services.failure_reports import report_failure

MAX_CHAIN_LENGTH = 5
SHARED_RULE = "is ambiguous: two calls claim the room in this second; its own id, or an event, must say whose this is"
TAKEN = Reason("alias_taken", "A name of this call belongs to another call already; it was left there.")
ENDINGS = (PassedOverError, InvalidInputError, ObjectGoneError, ObjectReplacedError)
"""What a pending message ends by."""


def too_long() -> InvalidInputError:
    """What is raised for a chain of aliases that leads nowhere."""
    return InvalidInputError("alias", f"must lead to a call in {MAX_CHAIN_LENGTH} steps")


@dataclass(frozen=True, slots=True)
class Unresolved:
    """The call is not known yet: what waits, and under which aliases."""

    pending: PendingMessage
    aliases: tuple[Alias, ...]


@dataclass(frozen=True, slots=True)
class AliasResolver:
    """Binds aliases to calls, and follows them."""

    aliases: Aliases
    calls: Calls
    own_queue: QueueName
    send_again: Callable[[PendingMessage], None]
    to_event: Callable[[Message], str]
    from_event: Callable[[str], Message]
    telemetry: Telemetry

    def resolve(
        self, names: Sequence[str | Alias], identity: str, queue: QueueName, message: Message
    ) -> str | Unresolved:
        """The call that one of the names leads to; where none does yet, the message waits under each.

        Raises PassedOverError where an event says that it is none, and InvalidInputError for a name that leads nowhere.
        """
        pending = PendingMessage(identity, queue, self.to_event(message), self.calls.clock())
        return self._known(names) or self._wait(names, pending)

    def _known(self, names: Sequence[str | Alias]) -> str | None:
        """What one name says holds, whatever is wrong with another."""
        refused: PassedOverError | InvalidInputError | None = None
        for name in names:
            try:
                found = self._follow(name, self.aliases.target)
            except (PassedOverError, InvalidInputError) as error:
                refused = refused or error
                continue
            if isinstance(found, str):
                return found
        if refused:
            raise refused
        return None

    def _wait(self, names: Sequence[str | Alias], pending: PendingMessage) -> str | Unresolved:
        """Under each name; one may have been bound meanwhile."""
        waits: list[Alias] = []
        for name in names:
            found = self._follow(name, lambda alias: self.aliases.add_pending(alias, pending))
            if isinstance(found, str):
                return found
            waits += found
        self.telemetry(LogEvent.MESSAGE_PENDING, queue=pending.queue)
        return Unresolved(pending, tuple(waits))

    def _follow(self, target: str | Alias, look: Callable[[Alias], str | None]) -> str | tuple[Alias, ...]:
        for _ in range(MAX_CHAIN_LENGTH):
            alias = alias_of(target) if isinstance(target, str) else target
            if alias is None:
                return checked_call_id(target)
            if alias.type == NO_RECORDING:
                raise PassedOverError(alias.value)
            bound = {span: known for span in spans_of(alias) if (known := look(span))}
            if not bound:
                return spans_of(alias)
            if self._is_shared(bound):
                raise InvalidInputError("alias", f"{alias.type} {SHARED_RULE}")
            target = next(iter(bound.values()))
        raise too_long()

    def _is_shared(self, bound: Mapping[Alias, str]) -> bool:
        """Whether two calls claim a room in the same span of time, or in one that lies in the other's."""
        in_time = (span for span in bound if span.type.endswith(IN_TIME))
        return len({*bound.values()}) > 1 or any(self.aliases.target(shared(span)) for span in in_time)

    def owner(self, alias: Alias) -> str | Alias | None:
        """The call that the alias leads to, or the alias where its chain ends for now; None where it is not bound.

        Raises InvalidInputError for a chain that is too long.
        """
        end: str | Alias | None = None
        for _ in range(MAX_CHAIN_LENGTH):
            target = next(filter(None, map(self.aliases.target, spans_of(alias))), None)
            if target is None:
                return end
            end = next_alias = alias_of(target)
            if next_alias is None:
                return target
            alias = next_alias
        raise too_long()

    def bind(self, known: AliasesKnown) -> None:
        """Let these names lead to their target, and send on what waits under them.

        What waits for this function itself is due at once, and left to the sweep.
        """
        for alias in known.aliases:
            if alias.key == known.target:
                continue
            try:
                waiting = self.aliases.bind(alias, known.target)
            except AliasTakenError:
                self._note(known.target)
                if alias.type.endswith(IN_TIME):
                    self.aliases.bind(shared(alias), alias.key)
                continue
            for pending in waiting:
                if pending.queue == self.own_queue:
                    self.aliases.put_off(alias, pending, self.calls.clock())
                else:
                    self.send_again(pending)
                    self.aliases.clear(alias, pending)

    def _note(self, target: str) -> None:
        self.telemetry(LogEvent.ALIAS_TAKEN, "" if alias_of(target) else target)
        if alias_of(target) is None:
            self.calls.update(
                self.calls.get(target),
                lambda call: lifecycle.input_rejected(call, TAKEN, self.calls.clock()),
            )

    def pending_message(self, expired: PendingExpired) -> Message:
        """The message that waits; raises InvalidInputError."""
        return self.from_event(expired.pending.event)

    def finish(self, expired: PendingExpired, go_on: Callable[[], Outcome]) -> Outcome:
        """Its time is over: it goes on under another of its names, or ends; either way it waits here no longer.

        What cannot go on now is left to the sweep where it still waits here, whatever kept it, for 12 days: a message
        that waited by itself beside it would be another one with each sweep. Else this message is the only copy.
        """
        try:
            outcome = go_on()
        except ENDINGS:
            self.clear(expired)
            raise
        except Exception as error:
            if not self._is_kept(expired):
                raise
            report_failure(self.telemetry, error)
            return self._left(expired, code_of(error))
        if outcome.until is not None and self._is_kept(expired):
            return DONE
        self.clear(expired)
        return outcome

    def _left(self, expired: PendingExpired, code: str) -> Outcome:
        if self.calls.clock() - expired.pending.pending_since < backoff.EXPIRY_SECONDS:
            return DONE
        self.clear(expired)
        raise PermanentError(lifecycle.WAITED_TOO_LONG.code, lifecycle.waited_for(code).text)

    def _is_kept(self, expired: PendingExpired) -> bool:
        return any(one.identity == expired.pending.identity for one in self.aliases.waiting(expired.alias))

    def clear(self, expired: PendingExpired) -> None:
        """It waits under this alias no longer."""
        self.aliases.clear(expired.alias, expired.pending)

    def give_up(self, unknown: Unresolved, tried_rules: str) -> None:
        """Ends what has waited too long: raises InvalidInputError, so that it goes to the dead letters.

        Where a name has been bound since it was looked for, the caller goes on with it: it may be the only copy.
        """
        targets = [self.aliases.expire(alias, unknown.pending) for alias in unknown.aliases]
        if any(targets):
            return
        types = ", ".join(dict.fromkeys(alias.type for alias in unknown.aliases))
        rule = f"no call became known under its {types} in time ({tried_rules})"
        raise InvalidInputError("detail.pending.event", rule)
