"""Use case: send on whatever was left unfinished and is due."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from coval_relay.domain import lifecycle
from coval_relay.domain.aliases import Alias, PendingMessage
from coval_relay.domain.call import TERMINAL, Call, ConversationState, RecordingState
from coval_relay.domain.errors import PermanentError
from coval_relay.domain.log_events import LogEvent, Telemetry
from coval_relay.domain.messages import PendingExpired, Resume
from coval_relay.domain.ports import ALIAS_SHARDS, SHARDS, Aliases
from coval_relay.services.calls import Calls
from coval_relay.services.queues import Queues
from coval_relay.services.worker import DONE, Outcome, recording_message

MAX_PER_SHARD = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweeper:
    """Only sends messages: whoever takes them decides on the item itself."""

    calls: Calls
    queues: Queues
    aliases: Aliases
    send_again: Callable[[PendingMessage], None]
    telemetry: Telemetry

    def __call__(self) -> Outcome:
        now = self.calls.clock()
        parts = [partial(self._names, now), *(partial(self._calls, now, shard) for shard in range(SHARDS))]
        count = 0
        broken: PermanentError | None = None
        for part in parts:
            try:
                count += part()
            except PermanentError as error:  # an item that cannot be read stops none of the other shards
                broken = error
        if count:
            self.telemetry(LogEvent.SWEEP_DONE, count=count)
        if broken:
            raise broken
        return DONE

    def _calls(self, now: int, shard: int) -> int:
        count = 0
        for call in self.calls.store.due(shard, now, MAX_PER_SHARD):
            # Send before marking: a death in between repeats a harmless message, and loses none.
            self._send_on(call)
            self.calls.update(call, lambda seen: lifecycle.sweeps(seen, now))
            count += 1
        return count

    def _names(self, now: int) -> int:
        """What has waited too long under an alias: sent on where it is bound by now, else to its end, once."""
        ended: set[str] = set()
        count = 0
        for alias, target, pending in self._waiting(now):
            count += 1
            if target:
                self.send_again(pending)
                self.aliases.clear(alias, pending)
            elif pending.identity not in ended:
                ended.add(pending.identity)
                self._to_its_end(PendingExpired(alias, pending))
        return count

    def _waiting(self, now: int) -> Iterator[tuple[Alias, str | None, PendingMessage]]:
        broken: PermanentError | None = None
        for shard in ALIAS_SHARDS:
            try:
                for alias, target, waiting in self.aliases.due(shard, now, MAX_PER_SHARD):
                    yield from ((alias, target, pending) for pending in waiting)
            except PermanentError as error:
                broken = error
        if broken:
            raise broken

    def _to_its_end(self, expired: PendingExpired) -> None:
        send = {
            "call_end": self.queues.call_end,
            "recording": self.queues.recording,
            "attach": self.queues.attach,
        }[expired.pending.queue]
        send(expired)

    def _send_on(self, call: Call) -> None:
        to_upload = call.state in (ConversationState.NEW, ConversationState.WAITING)
        if to_upload and call.recording_state is RecordingState.READY:
            found = recording_message(call)
            if found:
                self.queues.recording(found)
        to_audit = lifecycle.audit_due(call, self.calls.deadlines, self.calls.clock())
        if call.transcript and call.state not in TERMINAL and not to_audit:
            self.queues.call_end(Resume(call.external_conversation_id))
        else:
            self.queues.attach(Resume(call.external_conversation_id))
