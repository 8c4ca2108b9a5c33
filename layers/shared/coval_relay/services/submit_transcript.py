"""Use case: a call has ended, or its transcript came."""

from dataclasses import dataclass

from coval_relay.domain import protocol
from coval_relay.domain.call import Call
from coval_relay.domain.errors import InvalidInput
from coval_relay.domain.journal import Journal, LogEvent
from coval_relay.domain.messages import CallEnded, Message, Resume, TranscriptArrived
from coval_relay.domain.protocol import NOTHING_TO_EVALUATE, Attempt
from coval_relay.services.calls import Calls
from coval_relay.services.progress import Outcome, Progress


@dataclass(frozen=True, slots=True)
class SubmitTranscript:
    """Claims the call and submits its text at once; without text it keeps the facts for the recording."""

    calls: Calls
    progress: Progress
    journal: Journal

    def __call__(self, message: Message, attempt: Attempt) -> Outcome:
        match message:
            case CallEnded():
                return self._call_ended(message, attempt)
            case TranscriptArrived():
                return self._transcript_arrived(message, attempt)
            case Resume():
                return self._resume(message, attempt)
        raise InvalidInput("detail-type", "is not one that this function takes")

    def _call_ended(self, ended: CallEnded, attempt: Attempt) -> Outcome:
        self.journal(LogEvent.CALL_END_RECEIVED, ended.external_conversation_id, kind=ended.kind.value)
        transition = self.calls.settle(
            Call(external_conversation_id=ended.external_conversation_id),
            lambda call: protocol.call_ended(call, ended.kind, ended.facts, ended.pointer, attempt),
        )
        if NOTHING_TO_EVALUATE in transition.call.notes:
            self.journal(LogEvent.CALL_SKIPPED, ended.external_conversation_id)
        return self.progress.go(transition, attempt, ended.transcript)

    def _transcript_arrived(self, arrived: TranscriptArrived, attempt: Attempt) -> Outcome:
        self.journal(LogEvent.TRANSCRIPT_RECEIVED, arrived.external_conversation_id)
        transition = self.calls.settle(
            Call(external_conversation_id=arrived.external_conversation_id),
            lambda call: protocol.transcript_arrived(call, arrived.pointer, attempt),
        )
        return self.progress.go(transition, attempt)

    def _resume(self, resume: Resume, attempt: Attempt) -> Outcome:
        call = self.calls.read(resume.external_conversation_id)
        transition = self.calls.settle(
            call, lambda seen: protocol.resume(seen, self.calls.deadlines, attempt)
        )
        return self.progress.go(transition, attempt)
