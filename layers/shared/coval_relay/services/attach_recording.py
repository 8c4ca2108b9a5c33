"""Use case: a recording goes to a conversation that exists; and whatever is left unfinished goes on."""

from collections.abc import Callable
from dataclasses import dataclass

from coval_relay.domain import lifecycle
from coval_relay.domain.call import Call, ConversationState, Reason, Recording
from coval_relay.domain.coval import AUDIO_FETCH_FAILED, CONFLICT, NOT_FOUND, CovalClient
from coval_relay.domain.errors import InvalidInputError, PermanentError, RetryableError, UnknownOutcomeError
from coval_relay.domain.lifecycle import RETRY_SECONDS, Action, Attempt, NextStep, Transition
from coval_relay.domain.locations import RecordingLocations
from coval_relay.domain.log_events import LogEvent, Telemetry
from coval_relay.domain.messages import (
    AttachRecording as AttachMessage,
)
from coval_relay.domain.messages import (
    Message,
    RecordingReady,
    Resume,
    Sweep,
)
from coval_relay.domain.s3_objects import ObjectGoneError, ObjectReplacedError, RecordingObjects
from coval_relay.domain.submit_request import is_ours
from coval_relay.services.calls import Calls
from coval_relay.services.object_matcher import lost
from coval_relay.services.progress import DONE, Outcome, Progress, live, newly_superseded, signed_url
from coval_relay.services.queues import Queues
from coval_relay.services.sweep import Sweeper

MAX_EXTRA_CONVERSATIONS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachRecording:
    """Pins the recording, PATCHes its URL, and believes a 409 only after a GET."""

    calls: Calls
    locations: RecordingLocations
    source: RecordingObjects
    coval: CovalClient
    progress: Progress
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

    # --- what came -----------------------------------------------------------------------------------

    def _arrived(self, call_id: str, recording: Recording, attempt: Attempt) -> Outcome:
        self.locations.check_recording(recording)  # else what cannot be read would be tried again and again

        def decide(seen: Call) -> Transition:
            return _then_attach(lifecycle.recording_arrived(seen, recording, attempt), attempt.now)

        call = self.calls.get(call_id)
        transition = self.calls.update(call, decide)
        for _ in range(newly_superseded(call, transition.call)):
            self.telemetry(LogEvent.RECORDING_SUPERSEDED, call_id)
        return self._carry_out(transition, attempt)

    def _resume(self, resume: Resume, attempt: Attempt) -> Outcome:
        def decide(seen: Call) -> Transition:
            return _then_attach(lifecycle.resume(seen, self.calls.deadlines, attempt), attempt.now)

        call = self.calls.get(resume.external_conversation_id)
        transition = self.calls.update(call, decide)
        if transition.call.recording_missed_at and not call.recording_missed_at:
            self.telemetry(LogEvent.RECORDING_MISSING, call.external_conversation_id)
        return self._carry_out(transition, attempt)

    # --- attaching -----------------------------------------------------------------------------------

    def _carry_out(self, transition: Transition, attempt: Attempt) -> Outcome:
        if transition.action is Action.ATTACH:
            transition = self._attach(transition.call, attempt)
        elif transition.action is Action.AUDIT:
            transition = self._audit(transition.call)
        elif transition.action is Action.CONFIRM_ATTACH:
            transition = self._last_look(transition.call)
        return self.progress.go(transition, attempt)

    def _attach(self, call: Call, attempt: Attempt) -> Transition:
        assert call.recording is not None
        assert call.conversation_id is not None
        identity = call.recording.identity
        try:
            url = signed_url(self.source, call.recording)
            if attempt.is_over(self.calls.clock()):
                return Transition(call, Action.WAIT, self.calls.clock() + RETRY_SECONDS)
            self.coval.attach_audio(call.conversation_id, url)
        except (ObjectGoneError, ObjectReplacedError) as error:
            return self._give_up(call, identity, lost(error))
        except UnknownOutcomeError:
            return Transition(call, Action.WAIT, self.calls.clock() + RETRY_SECONDS)
        except RetryableError as error:
            return self._not_now(call, identity, error)
        except PermanentError as error:
            if error.status is None:
                raise  # S3's refusal, not Coval's: for the operator to mend
            return self._rejected(call, identity, error)
        return self._attached(call, identity)

    def _attached(self, call: Call, identity: str) -> Transition:
        self.telemetry(LogEvent.RECORDING_ATTACHED, call.external_conversation_id)
        return self.calls.update(call, lambda seen: lifecycle.attached(seen, identity, self.calls.clock()))

    def _rejected(self, call: Call, identity: str, error: PermanentError) -> Transition:
        assert call.conversation_id is not None
        if error.status in (NOT_FOUND, CONFLICT):
            conversation = self.coval.get(call.conversation_id)
            if error.status == CONFLICT and conversation and conversation.has_audio:
                return self._attached(call, identity)
            if conversation:
                return Transition(call, Action.WAIT, self.calls.clock() + RETRY_SECONDS)
        return self._give_up(call, identity, Reason(error.code, error.reason))

    def _give_up(self, call: Call, identity: str, reason: Reason) -> Transition:
        now = self.calls.clock()
        return self._failed(call, lambda seen: lifecycle.attach_abandoned(seen, identity, reason, now))

    def _failed(self, call: Call, decide: Callable[[Call], Transition]) -> Transition:
        updated = self.calls.update(call, decide)
        recording = updated.call.recording
        if recording and recording.reason and not recording.abandoned:
            code = recording.reason.code
            self.telemetry(LogEvent.RECORDING_REJECTED, call.external_conversation_id, code=code)
        return updated

    def _last_look(self, call: Call) -> Transition:
        """An earlier PATCH of this recording may have been carried out unseen: look before refusing it."""
        assert call.recording is not None
        assert call.recording.reason is not None
        assert call.conversation_id is not None
        identity, reason = call.recording.identity, call.recording.reason
        conversation = self.coval.get(call.conversation_id)
        if conversation and conversation.has_audio:
            return self._attached(call, identity)
        now = self.calls.clock()
        return self._failed(call, lambda seen: lifecycle.recording_rejected(seen, identity, reason, now))

    def _not_now(self, call: Call, identity: str, error: RetryableError) -> Transition:
        if error.code != AUDIO_FETCH_FAILED:
            raise error
        now = self.calls.clock()
        return self._failed(call, lambda seen: lifecycle.attach_fetch_failed(seen, identity, now))

    # --- audit ---------------------------------------------------------------------------------------

    def _audit(self, call: Call) -> Transition:
        """Delete what a POST made that landed after the read that should have seen it.

        Of a simulation that is whatever there is: it landed before anybody had told that it is one. What
        somebody else has submitted under the call's id stays.
        """
        simulated = call.state is ConversationState.FILTERED
        if call.conversation_id is None and not simulated:
            return self.progress.look_late(call)
        for _ in range(MAX_EXTRA_CONVERSATIONS):
            found = live(self.coval.find(call.external_conversation_id))
            names = [one.conversation_id for one in found if is_ours(one.metadata)]
            extras = [name for name in names if name != call.conversation_id]
            if not extras or not (simulated or call.conversation_id in names or self._ours_is_live(call)):
                break
            self.coval.delete(extras[-1])
            self.telemetry(LogEvent.EXTRA_CONVERSATION_DELETED, call.external_conversation_id)
        return self.calls.update(
            call, lambda seen: lifecycle.audited(seen, call.maybe_sent_at, self.calls.clock())
        )

    def _ours_is_live(self, call: Call) -> bool:
        """Somebody may have deleted ours in Coval: then what is left is not for us to delete."""
        assert call.conversation_id is not None
        ours = self.coval.get(call.conversation_id)
        return ours is not None and bool(live([ours]))


def _then_attach(transition: Transition, now: int) -> Transition:
    """The second step at once where the first one ends in it: one write for both."""
    if transition.action is Action.CONTINUE and lifecycle.next_step(transition.call) is NextStep.ATTACH:
        return lifecycle.attach(transition.call, now)
    return transition
