"""Looks what became of a submit that was taken over: it may have landed after the read that looked for it."""

from dataclasses import dataclass

from coval_relay.domain import lifecycle
from coval_relay.domain.call import Call, ConversationState
from coval_relay.domain.coval import CovalClient
from coval_relay.domain.lifecycle import Transition
from coval_relay.domain.log_events import LogEvent, Telemetry
from coval_relay.domain.submit_request import is_ours
from coval_relay.services.conditional_updates import Calls
from coval_relay.services.submission import Submission, live

MAX_EXTRA_CONVERSATIONS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """Adopts what landed late where nothing else was sent, else deletes it.

    Of a simulation that is whatever there is: it landed before anybody knew that it is one. What somebody
    else has submitted under the call's id stays.
    """

    calls: Calls
    coval: CovalClient
    submission: Submission
    telemetry: Telemetry

    def __call__(self, call: Call) -> Transition:
        simulated = call.state is ConversationState.FILTERED
        if call.conversation_id is None and not simulated:
            return self.submission.adopt_late(call)
        for _ in range(MAX_EXTRA_CONVERSATIONS):
            found = live(self.coval.find(call.external_conversation_id))
            names = [one.conversation_id for one in found if is_ours(one.metadata)]
            extras = [name for name in names if name != call.conversation_id]
            if not extras or not (simulated or call.conversation_id in names or self._ours_is_live(call)):
                break
            self.coval.delete(extras[-1])
            self.telemetry(LogEvent.EXTRA_CONVERSATION_DELETED, call.external_conversation_id)
        return self.calls.update(call, lambda seen: lifecycle.audited(seen, call.maybe_sent_at, self.calls.clock()))

    def _ours_is_live(self, call: Call) -> bool:
        """Somebody may have deleted ours in Coval: then what is left is not for us to delete."""
        assert call.conversation_id is not None
        ours = self.coval.get(call.conversation_id)
        return ours is not None and bool(live([ours]))
