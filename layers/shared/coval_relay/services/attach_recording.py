"""Use case: a recording goes to a conversation that exists; and whatever is left unfinished goes on."""

from dataclasses import dataclass

from coval_relay.domain import lifecycle
from coval_relay.domain.call import Call
from coval_relay.domain.errors import InvalidInputError
from coval_relay.domain.lifecycle import Action, Attempt, Transition
from coval_relay.domain.log_events import Telemetry
from coval_relay.domain.messages import Message, RecordingReady, Resume, Sweep
from coval_relay.services.action_runner import DONE, ActionRunner, Outcome
from coval_relay.services.conditional_updates import Calls, newly_missed
from coval_relay.services.function_queues import Queues
from coval_relay.services.sweep import Sweeper


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachRecording:
    """Resumes a call, and lets the actions follow; the sweep does so with all that are due."""

    calls: Calls
    actions: ActionRunner
    queues: Queues
    sweep: Sweeper
    telemetry: Telemetry

    def __call__(self, message: Message, attempt: Attempt) -> Outcome:
        match message:
            case Resume():
                return self._resume(message, attempt)
            case RecordingReady():
                # Only the function of the recordings can look at it, and make it fit.
                self.queues.recording(message)
                return DONE
            case Sweep():
                return self.sweep(self._resume, attempt)
        raise InvalidInputError("detail-type", "is not one that this function takes")

    def _resume(self, resume: Resume, attempt: Attempt) -> Outcome:
        def decide(seen: Call) -> Transition:
            resumed = lifecycle.resume(seen, self.calls.deadlines, attempt, resume.sweep)
            return _then_attach(resumed, attempt)

        call = self.calls.get(resume.external_conversation_id)
        transition = self.calls.update(call, decide)
        for event, fields in newly_missed(call, transition.call):
            self.telemetry(event, call.external_conversation_id, **fields)
        return self.actions.run(transition, attempt)


def _then_attach(transition: Transition, attempt: Attempt) -> Transition:
    """The second step at once where the first one ends in it: one write for both."""
    wanted = transition.action is Action.CONTINUE and not attempt.is_closed
    if wanted and lifecycle.next_action(transition.call) is Action.START_ATTACH:
        return lifecycle.attach(transition.call, attempt.now)
    return transition
