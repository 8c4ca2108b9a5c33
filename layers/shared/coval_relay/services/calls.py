"""The one way in which a call's state changes: decide on the item that was seen, write if it still stands."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from coval_relay.domain import protocol
from coval_relay.domain.call import Call
from coval_relay.domain.errors import Retryable
from coval_relay.domain.ports import CallStore, Clock, Conflict
from coval_relay.domain.protocol import Deadlines, Transition

MOST_CONFLICTS = 20


@dataclass(frozen=True, slots=True)
class Calls:
    """The calls' states, and the operator's deadlines for them."""

    store: CallStore
    clock: Clock
    deadlines: Deadlines

    def read(self, external_conversation_id: str) -> Call:
        return self.store.read(external_conversation_id)

    def settle(self, call: Call, decide: Callable[[Call], Transition]) -> Transition:
        """Decide and write; who loses a race decides again on the winner's item. Raises Retryable."""
        for _ in range(MOST_CONFLICTS):
            transition = decide(call)
            if transition.call == call:
                return transition
            try:
                written = self.store.write(call, self._scheduled(call, transition.call))
            except Conflict as conflict:
                call = conflict.current
                continue
            return replace(transition, call=written)
        raise Retryable("contention")

    def _scheduled(self, before: Call, after: Call) -> Call:
        if after.swept == before.swept:
            after = replace(after, swept=0)
        return replace(after, due_at=protocol.due_at(after, self.deadlines, self.clock()))
