"""Use case: a recording goes to a conversation that exists; and whatever is left unfinished goes on."""

from collections.abc import Callable
from dataclasses import dataclass

from coval_relay.domain import protocol
from coval_relay.domain.call import Call, ConversationState, Reason, Recording
from coval_relay.domain.coval import AUDIO_FETCH_FAILED, CONFLICT, NOT_FOUND, CovalClient
from coval_relay.domain.errors import InvalidInput, OutcomeUnknown, Permanent, Retryable
from coval_relay.domain.journal import Journal, LogEvent
from coval_relay.domain.messages import (
    AttachRecording as AttachMessage,
)
from coval_relay.domain.messages import (
    Message,
    RecordingReady,
    Resume,
    Sweep,
)
from coval_relay.domain.payload import is_ours
from coval_relay.domain.places import RecordingPlaces
from coval_relay.domain.protocol import RETRY_SECONDS, Attempt, Next, Then, Transition
from coval_relay.domain.recordings import ObjectGone, ObjectReplaced, RecordingSource
from coval_relay.services.calls import Calls
from coval_relay.services.mailbox import Mailbox
from coval_relay.services.object_owner import lost
from coval_relay.services.progress import DONE, Outcome, Progress, live, newly_superseded, signed_url
from coval_relay.services.sweep import SweepCalls

MOST_EXTRA_CONVERSATIONS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachRecording:
    """Pins the recording, PATCHes its URL, and believes a 409 only after a GET."""

    calls: Calls
    places: RecordingPlaces
    source: RecordingSource
    coval: CovalClient
    progress: Progress
    mailbox: Mailbox
    sweep: SweepCalls
    journal: Journal

    def __call__(self, message: Message, attempt: Attempt) -> Outcome:
        match message:
            case AttachMessage():
                return self._arrived(message.external_conversation_id, message.recording, attempt)
            case Resume():
                return self._resume(message, attempt)
            case RecordingReady():
                # Only the function of the recordings can look at it, and make it fit.
                self.mailbox.recording(message)
                return DONE
            case Sweep():
                return self.sweep()
        raise InvalidInput("detail-type", "is not one that this function takes")

    # --- what came -----------------------------------------------------------------------------------

    def _arrived(self, call_id: str, recording: Recording, attempt: Attempt) -> Outcome:
        self.places.check_recording(recording)  # else what cannot be read would be tried again and again

        def decide(seen: Call) -> Transition:
            return _then_attach(protocol.recording_arrived(seen, recording, attempt), attempt.now)

        call = self.calls.read(call_id)
        transition = self.calls.settle(call, decide)
        for _ in range(newly_superseded(call, transition.call)):
            self.journal(LogEvent.RECORDING_SUPERSEDED, call_id)
        return self._carry_out(transition, attempt)

    def _resume(self, resume: Resume, attempt: Attempt) -> Outcome:
        def decide(seen: Call) -> Transition:
            return _then_attach(protocol.resume(seen, self.calls.deadlines, attempt), attempt.now)

        call = self.calls.read(resume.external_conversation_id)
        transition = self.calls.settle(call, decide)
        if transition.call.recording_missed_at and not call.recording_missed_at:
            self.journal(LogEvent.RECORDING_MISSING, call.external_conversation_id)
        return self._carry_out(transition, attempt)

    # --- attaching -----------------------------------------------------------------------------------

    def _carry_out(self, transition: Transition, attempt: Attempt) -> Outcome:
        if transition.then is Then.ATTACH:
            transition = self._attach(transition.call, attempt)
        elif transition.then is Then.AUDIT:
            transition = self._audit(transition.call)
        elif transition.then is Then.LAST_LOOK:
            transition = self._last_look(transition.call)
        return self.progress.go(transition, attempt)

    def _attach(self, call: Call, attempt: Attempt) -> Transition:
        assert call.recording is not None
        assert call.conversation_id is not None
        identity = call.recording.identity
        try:
            url = signed_url(self.source, call.recording)
            if attempt.is_over(self.calls.clock()):
                return Transition(call, Then.WAIT, self.calls.clock() + RETRY_SECONDS)
            self.coval.attach_audio(call.conversation_id, url)
        except (ObjectGone, ObjectReplaced) as error:
            return self._give_up(call, identity, lost(error))
        except OutcomeUnknown:
            return Transition(call, Then.WAIT, self.calls.clock() + RETRY_SECONDS)
        except Retryable as error:
            return self._not_now(call, identity, error)
        except Permanent as error:
            if error.status is None:
                raise  # S3's refusal, not Coval's: for the operator to mend
            return self._refused(call, identity, error)
        return self._attached(call, identity)

    def _attached(self, call: Call, identity: str) -> Transition:
        self.journal(LogEvent.RECORDING_ATTACHED, call.external_conversation_id)
        return self.calls.settle(call, lambda seen: protocol.attached(seen, identity, self.calls.clock()))

    def _refused(self, call: Call, identity: str, error: Permanent) -> Transition:
        assert call.conversation_id is not None
        if error.status in (NOT_FOUND, CONFLICT):
            conversation = self.coval.get(call.conversation_id)
            if error.status == CONFLICT and conversation and conversation.has_audio:
                return self._attached(call, identity)
            if conversation:
                return Transition(call, Then.WAIT, self.calls.clock() + RETRY_SECONDS)
        return self._give_up(call, identity, Reason(error.code, error.reason))

    def _give_up(self, call: Call, identity: str, reason: Reason) -> Transition:
        now = self.calls.clock()
        return self._failed(call, lambda seen: protocol.attach_given_up(seen, identity, reason, now))

    def _failed(self, call: Call, decide: Callable[[Call], Transition]) -> Transition:
        settled = self.calls.settle(call, decide)
        recording = settled.call.recording
        if recording and recording.reason and not recording.given_up:
            code = recording.reason.code
            self.journal(LogEvent.RECORDING_REFUSED, call.external_conversation_id, code=code)
        return settled

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
        return self._failed(call, lambda seen: protocol.recording_refused(seen, identity, reason, now))

    def _not_now(self, call: Call, identity: str, error: Retryable) -> Transition:
        if error.code != AUDIO_FETCH_FAILED:
            raise error
        now = self.calls.clock()
        return self._failed(call, lambda seen: protocol.attach_fetch_failed(seen, identity, now))

    # --- audit ---------------------------------------------------------------------------------------

    def _audit(self, call: Call) -> Transition:
        """Delete what a POST made that landed after the read that should have seen it.

        Of a simulation that is whatever there is: it landed before anybody had told that it is one. What
        somebody else has submitted under the call's id stays.
        """
        simulated = call.state is ConversationState.FILTERED
        if call.conversation_id is None and not simulated:
            return self.progress.look_late(call)
        for _ in range(MOST_EXTRA_CONVERSATIONS):
            found = live(self.coval.find(call.external_conversation_id))
            names = [one.conversation_id for one in found if is_ours(one.metadata)]
            extras = [name for name in names if name != call.conversation_id]
            if not extras or not (simulated or call.conversation_id in names or self._ours_is_live(call)):
                break
            self.coval.delete(extras[-1])
            self.journal(LogEvent.EXTRA_CONVERSATION_DELETED, call.external_conversation_id)
        return self.calls.settle(
            call, lambda seen: protocol.audited(seen, call.maybe_sent_at, self.calls.clock())
        )

    def _ours_is_live(self, call: Call) -> bool:
        """Somebody may have deleted ours in Coval: then what is left is not for us to delete."""
        assert call.conversation_id is not None
        ours = self.coval.get(call.conversation_id)
        return ours is not None and bool(live([ours]))


def _then_attach(transition: Transition, now: int) -> Transition:
    """The second step at once where the first one ends in it: one write for both."""
    if transition.then is Then.FOLLOW and protocol.next_step(transition.call) is Next.ATTACH:
        return protocol.attach(transition.call, now)
    return transition
