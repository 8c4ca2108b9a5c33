"""Use case: send on whatever was left unfinished and is due."""

from dataclasses import dataclass

from coval_relay.domain import protocol
from coval_relay.domain.call import TERMINAL, Call, ConversationState, RecordingState
from coval_relay.domain.journal import Journal, LogEvent
from coval_relay.domain.messages import Resume
from coval_relay.domain.ports import SHARDS
from coval_relay.services.calls import Calls
from coval_relay.services.mailbox import Mailbox
from coval_relay.services.progress import DONE, Outcome, recording_of

MOST_OF_A_SHARD = 200


@dataclass(frozen=True, slots=True)
class SweepCalls:
    """Only sends messages: whoever takes them decides on the item itself."""

    calls: Calls
    mailbox: Mailbox
    journal: Journal

    def __call__(self) -> Outcome:
        now, count = self.calls.clock(), 0
        for shard in range(SHARDS):
            for call in self.calls.store.due(shard, now, MOST_OF_A_SHARD):
                # Send before marking: a death in between repeats a harmless message, and loses none.
                self._send_on(call)
                self.calls.settle(call, lambda seen: protocol.swept(seen, now))
                count += 1
        if count:
            self.journal(LogEvent.SWEPT, count=count)
        return DONE

    def _send_on(self, call: Call) -> None:
        to_upload = call.state in (ConversationState.NONE, ConversationState.WAITING)
        if to_upload and call.recording_state is RecordingState.READY:
            found = recording_of(call)
            if found:
                self.mailbox.recording(found)
        if call.transcript and call.state not in TERMINAL:
            self.mailbox.call_end(Resume(call.external_conversation_id))
        else:
            self.mailbox.attach(Resume(call.external_conversation_id))
