"""Use case: send on whatever was left unfinished and is due."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from coval_relay.domain import protocol
from coval_relay.domain.aliases import Alias, Parked
from coval_relay.domain.call import TERMINAL, Call, ConversationState, RecordingState
from coval_relay.domain.errors import Permanent
from coval_relay.domain.journal import Journal, LogEvent
from coval_relay.domain.messages import ParkingExpired, Resume
from coval_relay.domain.ports import ALIAS_SHARDS, SHARDS, Aliases
from coval_relay.services.calls import Calls
from coval_relay.services.mailbox import Mailbox
from coval_relay.services.progress import DONE, Outcome, recording_of

MOST_OF_A_SHARD = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepCalls:
    """Only sends messages: whoever takes them decides on the item itself."""

    calls: Calls
    mailbox: Mailbox
    aliases: Aliases
    send_again: Callable[[Parked], None]
    parking_seconds: int
    journal: Journal

    def __call__(self) -> Outcome:
        now = self.calls.clock()
        parts = [partial(self._names, now), *(partial(self._calls, now, shard) for shard in range(SHARDS))]
        count = 0
        broken: Permanent | None = None
        for part in parts:
            try:
                count += part()
            except Permanent as error:  # an item that cannot be read stops none of the other shards
                broken = error
        if count:
            self.journal(LogEvent.SWEPT, count=count)
        if broken:
            raise broken
        return DONE

    def _calls(self, now: int, shard: int) -> int:
        count = 0
        for call in self.calls.store.due(shard, now, MOST_OF_A_SHARD):
            # Send before marking: a death in between repeats a harmless message, and loses none.
            self._send_on(call)
            self.calls.settle(call, lambda seen: protocol.swept(seen, now))
            count += 1
        return count

    def _names(self, now: int) -> int:
        """What waits under a name: sent on where the name is bound by now, else to its end, once."""
        ended: set[str] = set()
        count = 0
        for alias, target, parked in self._waiting(now):
            count += 1
            if target:
                self.send_again(parked)
                self.aliases.clear(alias, parked)
            elif parked.parked_at + self.parking_seconds <= now and parked.identity not in ended:
                ended.add(parked.identity)
                self._to_its_end(ParkingExpired(alias, parked))
        return count

    def _waiting(self, now: int) -> Iterator[tuple[Alias, str | None, Parked]]:
        broken: Permanent | None = None
        for shard in ALIAS_SHARDS:
            try:
                for alias, target, waiting in self.aliases.due(shard, now, MOST_OF_A_SHARD):
                    yield from ((alias, target, parked) for parked in waiting)
            except Permanent as error:
                broken = error
        if broken:
            raise broken

    def _to_its_end(self, expired: ParkingExpired) -> None:
        letter = {
            "call_end": self.mailbox.call_end,
            "recording": self.mailbox.recording,
            "attach": self.mailbox.attach,
        }[expired.parked.queue]
        letter(expired)

    def _send_on(self, call: Call) -> None:
        to_upload = call.state in (ConversationState.NONE, ConversationState.WAITING)
        if to_upload and call.recording_state is RecordingState.READY:
            found = recording_of(call)
            if found:
                self.mailbox.recording(found)
        to_audit = protocol.audit_due(call, self.calls.deadlines, self.calls.clock())
        if call.transcript and call.state not in TERMINAL and not to_audit:
            self.mailbox.call_end(Resume(call.external_conversation_id))
        else:
            self.mailbox.attach(Resume(call.external_conversation_id))
