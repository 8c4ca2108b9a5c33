"""Carries a call as far as it can go now: does what a transition asks for, then what the item asks for next.

Each function can do a part of it. What it cannot do goes to the queue of the function that can:

    submit_transcript   transcripts ── submit
    upload_recording    audio ── upload ── submit
    attach_recording    attach · submit what was uploaded
"""

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, assert_never

from coval_relay.domain import lifecycle
from coval_relay.domain.call import SORT_KEY_SEPARATOR, Call, RecordingState
from coval_relay.domain.coval import CIRCUIT_OPEN
from coval_relay.domain.lifecycle import BUSY, Action, Attempt, Transition
from coval_relay.domain.messages import ObjectCreated, RecordingFound, Resume
from coval_relay.domain.transcript import Transcript
from coval_relay.services.conditional_updates import Calls
from coval_relay.services.function_queues import Queues, SendMessage
from coval_relay.services.late_submit_audit import Audit
from coval_relay.services.recording_attachment import Attachment
from coval_relay.services.submission import Submission

if TYPE_CHECKING:  # submit_transcript uploads nothing, and its cold start is spared the reading of audio
    from coval_relay.domain.audio import AudioFacts
    from coval_relay.services.upload import Upload

MAX_HOPS = 8
"""Lambda stops a function's 17th invocation of one chain: long before, the sweep begins a new one."""
MAX_STEPS = 50
"""Far more than a call takes; where rules lead in a circle, the worker would be paid for to its timeout."""


class EndlessCallError(RuntimeError):
    """The rules of a call lead in a circle."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a message ends: done, or to come again at `until` (epoch seconds), and what it waits for."""

    until: int | None = None
    code: str = field(default=BUSY, compare=False)
    call: Call | None = field(default=None, compare=False)
    """The call as it stands then, where the message was about one."""


DONE = Outcome()


@dataclass(frozen=True, slots=True)
class Content:
    """What the message itself brought: its transcript, or the audio that was inspected of one recording."""

    transcript: Transcript | None = None
    audio: "AudioFacts | None" = None
    audio_of: str = ""
    """Identity of the recording that the audio is of: another one may have been chosen meanwhile."""

    def audio_for(self, call: Call) -> "AudioFacts | None":
        return self.audio if call.recording and call.recording.identity == self.audio_of else None


AT_COVAL = frozenset(
    {Action.UPLOAD, Action.PREPARE, Action.START_ATTACH, Action.ATTACH, Action.CONFIRM_ATTACH, Action.AUDIT}
)
"""What asks Coval, or is paid work for it: not while Coval is left alone."""
NO_CONTENT = Content()


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionRunner:
    """One function's way through a call; what is None it has no permission for."""

    calls: Calls
    queues: Queues
    submission: Submission
    audit: Audit
    upload: "Upload | None" = None
    attachment: Attachment | None = None

    def run(self, transition: Transition, attempt: Attempt, content: Content = NO_CONTENT) -> Outcome:
        """Act, follow, act again, until nothing is left that can be done here and now. Raises EndlessCallError."""
        for _ in range(MAX_STEPS):
            if transition.action is Action.DONE:
                return Outcome(call=transition.call)
            if transition.action is Action.WAIT:
                return Outcome(transition.until, transition.code, transition.call)
            transition = self._act(transition, attempt, content)
        raise EndlessCallError

    def _act(self, transition: Transition, attempt: Attempt, content: Content) -> Transition:  # noqa: C901, PLR0911, PLR0912 - one case a kind
        call, audio = transition.call, content.audio_for(transition.call)
        if attempt.is_closed and transition.action in AT_COVAL:
            return Transition(call, Action.WAIT, attempt.closed_until, CIRCUIT_OPEN)
        match transition.action:
            case Action.DONE | Action.WAIT:
                return transition
            case Action.CONTINUE:
                return Transition(call, lifecycle.next_action(call))
            case Action.CLAIM_TRANSCRIPT | Action.CLAIM_RECORDING:
                return self._claim(call, transition.action, attempt)
            case Action.SUBMIT | Action.READ_THEN_SUBMIT:
                return self.submission.submit(transition, attempt, content.transcript)
            case Action.UPLOAD if self.upload and audio:
                return self.upload(transition, audio)
            case Action.PREPARE if self.upload and audio:
                return self.upload.make_copy(transition, audio)
            case Action.UPLOAD | Action.PREPARE:
                return self._handed_over(call, self.queues.recording, attempt)
            case Action.REQUEUE_RECORDING:
                return self._handed_over(call, self.queues.recording, attempt, Action.CONTINUE)
            case Action.START_ATTACH | Action.ATTACH | Action.CONFIRM_ATTACH if self.attachment:
                return self.attachment(transition, attempt)
            case Action.START_ATTACH | Action.ATTACH | Action.CONFIRM_ATTACH:
                return self._handed_over(call, self.queues.attach, attempt)
            case Action.AUDIT:
                return self.audit(call)
            case _:
                assert_never(transition.action)

    def _claim(self, call: Call, action: Action, attempt: Attempt) -> Transition:
        if action is Action.CLAIM_TRANSCRIPT and not self.submission.transcripts:
            return self._handed_over(call, self.queues.call_end, attempt)
        uploaded = call.recording_state is RecordingState.UPLOADED
        if action is Action.CLAIM_RECORDING and not (self.submission.recordings or uploaded):
            return self._handed_over(call, self.queues.attach, attempt)
        if action is Action.CLAIM_TRANSCRIPT and not attempt.is_closed and not self.submission.is_at_hand(call):
            return self._awaited(call, attempt)
        return self.calls.update(call, lambda seen: lifecycle.claim_next(seen, action, attempt))

    def _awaited(self, call: Call, attempt: Attempt) -> Transition:
        """The text is not there yet: its recording is uploaded meanwhile. Of several such messages the last counts."""
        awaited = self.calls.update(call, lifecycle.transcript_awaited)
        if lifecycle.awaits_upload(awaited.call, self.calls.clock()):
            call_id, sweeps = call.external_conversation_id, awaited.call.sweeps
            self.queues.recording(Resume(call_id, sweep=sweeps, hops=attempt.hops + 1))
        return awaited

    def _handed_over(self, call: Call, send: SendMessage, attempt: Attempt, action: Action = Action.DONE) -> Transition:
        """To the function that can; after many hand-overs it is left to the sweep, which begins a new chain."""
        if attempt.hops >= MAX_HOPS:
            self.calls.leave_to_sweep(call.external_conversation_id)
        else:
            send(Resume(call.external_conversation_id, hops=attempt.hops + 1))
        return Transition(call, action)


def recording_found(call: Call) -> RecordingFound | None:
    """The call's recording, as if it came again."""
    recording = call.recording
    if recording is None or not (recording.version or recording.url):
        return None
    found = RecordingFound(
        external_conversation_id=call.external_conversation_id,
        url=recording.url,
        created_at=recording.created_at,
        hints=recording.hints,
    )
    if recording.url or recording.version is None:
        return found
    created = ObjectCreated(
        version=recording.version,
        size=recording.size,
        sort_key=recording.sort_key.rpartition(SORT_KEY_SEPARATOR)[2],
        created_at=recording.created_at,
    )
    return replace(found, created=created)
