"""Use case: go on with whatever was left unfinished and is due."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from coval_relay.domain import lifecycle, pauses
from coval_relay.domain.call import TERMINAL, Call
from coval_relay.domain.call_aliases import Alias, PendingMessage
from coval_relay.domain.coval import CovalClient
from coval_relay.domain.errors import RelayError, code_of, raised_at
from coval_relay.domain.faults import waiting_event
from coval_relay.domain.lifecycle import Action, Attempt
from coval_relay.domain.log_events import LogEvent, Telemetry
from coval_relay.domain.messages import PendingExpired, Resume
from coval_relay.domain.ports import ALIAS_SHARDS, SHARDS, Aliases
from coval_relay.services.action_runner import DONE, Outcome
from coval_relay.services.call_updates import Calls
from coval_relay.services.function_queues import Queues

MAX_PER_SHARD = 200
SWEEP_SECONDS = 50
"""Not until the next sweep begins."""
GoOn = Callable[[Resume, Attempt], Outcome]
Waiting = tuple[Alias, str | None, PendingMessage]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweeper:
    """Does what its function can do itself, and sends the rest to the others, one message a call.

    Nothing may send to the queue that it consumes, so the sweep attaches by itself. A call is first written as looked
    at, then sent on: else a table that takes no writes would multiply its messages.

        a sweep     due ── due_at later, sweeps + 1 ── sends Resume(sweeps)
        another              └ not due any more ── nothing
    """

    calls: Calls
    queues: Queues
    aliases: Aliases
    coval: CovalClient
    send_again: Callable[[PendingMessage], None]
    telemetry: Telemetry

    def __call__(self, go_on: GoOn, attempt: Attempt) -> Outcome:
        """Raises the last error of those that kept a part of the table from being looked at."""
        unread: list[RelayError] = []
        ended: set[str] = set()
        count = 0
        for waiting in self._waiting(attempt.now, unread):
            count += self._safely("", partial(self._pending, waiting, attempt.now, ended))
        for call in self._due(attempt.now, unread):
            if self.calls.clock() >= attempt.now + SWEEP_SECONDS:
                break
            count += self._safely(call.external_conversation_id, partial(self._call, call, go_on, attempt))
        if count:
            self.telemetry(LogEvent.SWEEP_DONE, count=count)
        if unread:
            raise unread[-1]
        return DONE

    def _safely(self, call_id: str, step: Callable[[], int]) -> int:
        """One that fails stops no other: it comes again when it is due."""
        try:
            return step()
        except RelayError as error:
            self.telemetry(waiting_event(code_of(error)), call_id, code=code_of(error))
        except Exception as error:  # noqa: BLE001 - as at the edge: one failure must not stop the others
            self.telemetry(LogEvent.DELIVERY_FAILED, call_id, kind=type(error).__name__, where=raised_at(error))
        return 0

    # --- calls ---------------------------------------------------------------------------------------

    def _due(self, now: int, unread: list[RelayError]) -> Iterator[Call]:
        """In random order, so that no shard is always the last."""
        for shard in random.sample(range(SHARDS), SHARDS):
            try:
                yield from self.calls.store.due(shard, now, MAX_PER_SHARD)
            except RelayError as error:
                unread.append(error)

    def _call(self, due: Call, go_on: GoOn, attempt: Attempt) -> int:
        now = self.calls.clock()
        taken = self.calls.update(due, lambda seen: lifecycle.swept(seen, now))
        if taken.action is Action.DONE:
            return 0
        call = taken.call
        resume = Resume(call.external_conversation_id, sweep=call.sweeps)
        ends_here = self._ends_here(call, now)
        to_upload = lifecycle.awaits_upload(call, now) and not lifecycle.text_is_due(call, self.calls.deadlines, now)
        if to_upload and not ends_here:
            self.queues.recording(resume)
        elif call.transcript and call.state not in TERMINAL and not ends_here:
            self.queues.call_end(resume)
        else:
            closed = self.coval.wait_turn()
            outcome = go_on(resume, replace(attempt, now=now, closed_until=now + closed if closed else 0))
            if outcome.until:
                self.telemetry(waiting_event(outcome.code), call.external_conversation_id, code=outcome.code)
                self.calls.put_off(call.external_conversation_id, outcome.until)
        return 1

    def _ends_here(self, call: Call, now: int) -> bool:
        """What any function can do: the audit, and to give up."""
        return lifecycle.audit_due(call, self.calls.deadlines, now) or lifecycle.is_hopeless(call, now)

    # --- what is pending under aliases ---------------------------------------------------------------

    def _waiting(self, now: int, unread: list[RelayError]) -> Iterator[Waiting]:
        for shard in ALIAS_SHARDS:
            try:
                for alias, target, waiting in self.aliases.due(shard, now, MAX_PER_SHARD):
                    yield from ((alias, target, pending) for pending in waiting)
            except RelayError as error:
                unread.append(error)

    def _pending(self, waiting: Waiting, now: int, ended: set[str]) -> int:
        """Sent on where its alias is bound by now, else to its end, once."""
        alias, target, pending = waiting
        self.aliases.put_off(alias, pending, now + pauses.LONGEST_SECONDS)
        if target:
            self.send_again(pending)
            self.aliases.clear(alias, pending)
        elif pending.identity not in ended:
            ended.add(pending.identity)
            queue = self.queues.recording if pending.queue == "recording" else self.queues.call_end
            queue(PendingExpired(alias, pending))
        return 1
