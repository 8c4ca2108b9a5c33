"""Use case: a recording goes to a conversation that exists; and whatever is left unfinished goes on."""

from dataclasses import dataclass

from coval_relay.domain import lifecycle
from coval_relay.domain.call import Call, Recording
from coval_relay.domain.errors import InvalidInputError
from coval_relay.domain.lifecycle import Action, Attempt, Transition
from coval_relay.domain.locations import RecordingLocations
from coval_relay.domain.log_events import LogEvent, Telemetry
from coval_relay.domain.messages import AttachRecording as AttachMessage
from coval_relay.domain.messages import Message, RecordingReady, Resume, Sweep
from coval_relay.services.calls import Calls, newly_superseded
from coval_relay.services.queues import Queues
from coval_relay.services.sweep import Sweeper
from coval_relay.services.worker import DONE, Outcome, Worker


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachRecording:
    """Takes a late recording in, or resumes a call, and lets the worker go on with it."""

    calls: Calls
    locations: RecordingLocations
    worker: Worker
    queues: Queues
    sweep: Sweeper
    telemetry: Telemetry

    def __call__(self, message: Message, attempt: Attempt) -> Outcome:
        match message:
            case AttachMessage():
                return self._arrived(message.external_conversation_id, message.recording, attempt)
            case Resume():
                return self._resume(message, attempt)
            case RecordingReady():
                # Only the function of the recordings can look at it, and make it fit.
                self.queues.recording(message)
                return DONE
            case Sweep():
                return self.sweep()
        raise InvalidInputError("detail-type", "is not one that this function takes")

    def _arrived(self, call_id: str, recording: Recording, attempt: Attempt) -> Outcome:
        self.locations.check_recording(recording)  # else what cannot be read would be tried again and again

        def decide(seen: Call) -> Transition:
            return _then_attach(lifecycle.recording_arrived(seen, recording, attempt), attempt.now)

        call = self.calls.get(call_id)
        transition = self.calls.update(call, decide)
        for _ in range(newly_superseded(call, transition.call)):
            self.telemetry(LogEvent.RECORDING_SUPERSEDED, call_id)
        return self.worker.run(transition, attempt)

    def _resume(self, resume: Resume, attempt: Attempt) -> Outcome:
        def decide(seen: Call) -> Transition:
            return _then_attach(lifecycle.resume(seen, self.calls.deadlines, attempt), attempt.now)

        call = self.calls.get(resume.external_conversation_id)
        transition = self.calls.update(call, decide)
        if transition.call.recording_missed_at and not call.recording_missed_at:
            self.telemetry(LogEvent.RECORDING_MISSING, call.external_conversation_id)
        return self.worker.run(transition, attempt)


def _then_attach(transition: Transition, now: int) -> Transition:
    """The second step at once where the first one ends in it: one write for both."""
    if transition.action is Action.CONTINUE and lifecycle.next_action(transition.call) is Action.START_ATTACH:
        return lifecycle.attach(transition.call, now)
    return transition
