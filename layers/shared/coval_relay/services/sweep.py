"""Use case: go on with whatever was left unfinished and is due."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import takewhile
from typing import TypeVar

from coval_relay.domain import backoff, lifecycle
from coval_relay.domain.call import TERMINAL, Call
from coval_relay.domain.call_aliases import Alias, PendingMessage, QueueName
from coval_relay.domain.coval import CovalClient
from coval_relay.domain.errors import RelayError
from coval_relay.domain.faults import waiting_event
from coval_relay.domain.lifecycle import Action, Attempt
from coval_relay.domain.log_events import LogEvent, Telemetry
from coval_relay.domain.messages import PendingExpired, Resume
from coval_relay.domain.ports import ALIAS_SHARDS, SHARDS, Aliases
from coval_relay.services.action_runner import DONE, MAX_HOPS, Outcome
from coval_relay.services.conditional_updates import Calls
from coval_relay.services.failure_reports import report_failure
from coval_relay.services.function_queues import InternalMessage, Queues

MAX_PER_SHARD = 200
MAX_BACKLOG = 10
"""Behind more than that the sweep adds nothing to a queue: its last message of the same call may lie there still."""
MAX_SENT = 1000
"""To one queue in one sweep."""
SWEEP_SECONDS = 50
"""Not until the next sweep begins; half of it at most for what is pending, or many strange objects hold up calls."""
T = TypeVar("T")
GoOn = Callable[[Resume, Attempt], Outcome]
Waiting = tuple[Alias, str | None, PendingMessage]
Backlog = Callable[[QueueName], int]


@dataclass(slots=True)
class _Room:
    """How many messages more the queues take in this sweep; each is asked once, when it is first sent to."""

    backlog: Backlog
    left: dict[QueueName, int] = field(default_factory=dict)

    def taken(self, queue: QueueName) -> bool:
        if queue not in self.left:
            self.left[queue] = MAX_SENT if self.backlog(queue) <= MAX_BACKLOG else 0
        self.left[queue] -= 1
        return self.left[queue] >= 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweeper:
    """Does what its function can do itself, and sends the rest to the others, one message a call.

    Nothing may send to the queue that it consumes, so the sweep attaches by itself. A call is first written as looked
    at, then sent on: else a table that takes no writes would multiply its messages.

        a sweep     due ── due_at later, sweeps + 1 ── sends Resume(sweeps)
        another              └ not due any more ── nothing

    Where a queue is long the call comes again after a pause, which does not grow as nothing was tried: else it would
    have a message of each sweep there. So what the sweep does itself hands nothing over, but leaves it to the next one.
    """

    calls: Calls
    queues: Queues
    aliases: Aliases
    coval: CovalClient
    backlog: Backlog
    send_again: Callable[[PendingMessage], None]
    telemetry: Telemetry

    def __call__(self, go_on: GoOn, attempt: Attempt) -> Outcome:
        """Reports each sweep, for one that is missing is an alarm.

        Raises the last error of those that kept a part of the table from being looked at.
        """
        unread: list[RelayError] = []
        ended: set[str] = set()
        count, room = 0, _Room(self.backlog)
        for waiting in self._in_time(self._waiting(attempt.now, unread), attempt.now + SWEEP_SECONDS // 2):
            count += self._safely(partial(self._pending, waiting, attempt.now, ended, room))
        for call in self._in_time(self._due(attempt.now, unread), attempt.now + SWEEP_SECONDS):
            count += self._safely(partial(self._call, call, go_on, attempt, room), call)
        self.telemetry(LogEvent.SWEEP_DONE, count=count)
        if unread:
            raise unread[-1]
        return DONE

    def _in_time(self, found: Iterator[T], until: int) -> Iterator[T]:
        return takewhile(lambda _: self.calls.clock() < until, found)

    def _safely(self, step: Callable[[], int], call: Call | None = None) -> int:
        """One that fails stops no other: it comes again when it is due."""
        try:
            return step()
        except Exception as error:  # noqa: BLE001 - as at the edge: one failure must not stop the others
            age = {"age_seconds": backoff.tried_for(call.sweeps + 1)} if call else {}
            report_failure(self.telemetry, error, call.external_conversation_id if call else "", **age)
        return 0

    # --- calls ---------------------------------------------------------------------------------------

    def _due(self, now: int, unread: list[RelayError]) -> Iterator[Call]:
        """In random order, so that no shard is always the last."""
        for shard in random.sample(range(SHARDS), SHARDS):
            try:
                yield from self.calls.store.due(shard, now, MAX_PER_SHARD)
            except RelayError as error:
                unread.append(error)

    def _call(self, due: Call, go_on: GoOn, attempt: Attempt, room: _Room) -> int:
        now = self.calls.clock()
        queue = self._queue_of(lifecycle.swept(due, now).call, now)
        if queue != "attach" and not room.taken(queue):
            self.calls.update(due, lambda seen: lifecycle.put_off(seen, now, now))
            return 1
        taken = self.calls.update(due, lambda seen: lifecycle.swept(seen, now))
        if taken.action is Action.DONE:
            return 0
        if queue == "attach":
            self._goes_on_here(taken.call, go_on, replace(attempt, now=now, hops=MAX_HOPS))
        else:
            self._send(queue, _resume(taken.call))
        return 1

    def _queue_of(self, call: Call, now: int) -> QueueName:
        """Whose work it is; any function can audit, and give up."""
        if lifecycle.audit_goes_first(call, self.calls.deadlines, now) or lifecycle.is_hopeless(call, now):
            return "attach"
        to_upload = lifecycle.awaits_upload(call, now) and not lifecycle.text_is_due(call, self.calls.deadlines, now)
        if to_upload or lifecycle.next_action(call) is Action.PREPARE:
            return "recording"
        return "call_end" if call.transcript and call.state not in TERMINAL else "attach"

    def _goes_on_here(self, call: Call, go_on: GoOn, attempt: Attempt) -> None:
        closed = self.coval.wait_turn()
        outcome = go_on(_resume(call), replace(attempt, closed_until=attempt.now + closed if closed else 0))
        if outcome.until:
            call_id, age = call.external_conversation_id, backoff.tried_for(call.sweeps)
            self.telemetry(waiting_event(outcome.code), call_id, code=outcome.code, age_seconds=age)
            self.calls.put_off(call_id, outcome.until)

    # --- what is pending under aliases ---------------------------------------------------------------

    def _waiting(self, now: int, unread: list[RelayError]) -> Iterator[Waiting]:
        for shard in ALIAS_SHARDS:
            try:
                for alias, target, waiting in self.aliases.due(shard, now, MAX_PER_SHARD):
                    yield from ((alias, target, pending) for pending in waiting)
            except RelayError as error:
                unread.append(error)

    def _pending(self, waiting: Waiting, now: int, ended: set[str], room: _Room) -> int:
        """Sent on where its alias is bound by now; else to its end, once, and where there is room for it."""
        alias, target, pending = waiting
        self.aliases.put_off(alias, pending, now + backoff.LONGEST_SECONDS)
        if target:
            self.send_again(pending)
            self.aliases.clear(alias, pending)
        elif pending.identity not in ended and room.taken(pending.queue):
            ended.add(pending.identity)
            self._send(pending.queue, PendingExpired(alias, pending))
        return 1

    def _send(self, queue: QueueName, message: InternalMessage) -> None:
        send = self.queues.recording if queue == "recording" else self.queues.call_end
        send(message)


def _resume(call: Call) -> Resume:
    return Resume(call.external_conversation_id, sweep=call.sweeps)
