"""What a call asks for next when nobody is working on it, and when the sweep looks."""

import sys
from dataclasses import replace

from coval_relay.domain import backoff
from coval_relay.domain.call import (
    TERMINAL,
    UNFINISHED,
    Call,
    CallEnd,
    ConversationState,
    DroppedTranscript,
    Recording,
    RecordingState,
    TranscriptPointer,
)
from coval_relay.domain.errors import Reason
from coval_relay.domain.lifecycle import claims, recordings
from coval_relay.domain.lifecycle.transition import (
    RETRY_SECONDS,
    Action,
    Attempt,
    Deadlines,
    Transition,
    held,
    input_rejected,
)

AUDIT_GIVEN_UP = Reason("audit_given_up", "For 13 days nothing could show whether Coval has the call twice.")

# --- what comes next ---------------------------------------------------------------------------------


def next_action(call: Call) -> Action:
    """What the item asks for when nobody is working on it."""
    recording = call.recording_state
    if call.state in TERMINAL:
        if call.recording is None or recording not in UNFINISHED or call.recording.abandoned:
            return Action.DONE
        to_prepare = call.recording.needs_copy and call.state is ConversationState.SUBMITTED
        return Action.PREPARE if to_prepare else Action.START_ATTACH
    if call.state is not ConversationState.WAITING:
        return Action.DONE
    if call.has_text:
        return Action.CLAIM_TRANSCRIPT
    is_sendable = recording in (RecordingState.UPLOADED, RecordingState.BY_URL)
    if call.call_end is CallEnd.WITHOUT_TRANSCRIPT and is_sendable:
        return Action.CLAIM_RECORDING
    return Action.DONE


def claim_next(call: Call, action: Action, attempt: Attempt) -> Transition:
    """Claim what `next_action` asked for, where it still asks for it."""
    if next_action(call) is not action:
        return Transition(call)
    with_transcript = action is Action.CLAIM_TRANSCRIPT
    awaited = call.transcript if with_transcript else call.recording
    if awaited and awaited.settling_until > attempt.now:
        return Transition(call, Action.DONE)
    return claims.claimed(call, attempt, with_transcript=with_transcript)


def resume(call: Call, deadlines: Deadlines, attempt: Attempt, sweep: int | None = None) -> Transition:
    """The call was found unfinished: do what its deadlines ask for. What an earlier sweep has sent is stale."""
    if call.revision == 0 or call.held_until > attempt.now or sweep not in (None, call.sweeps):
        return Transition(call, Action.DONE)
    if call.state is ConversationState.SUBMITTING:
        return _resume_submit(call, attempt)
    if audit_goes_first(call, deadlines, attempt.now):
        return Transition(call, Action.AUDIT)
    rest = _resume_rest(call, deadlines, attempt)
    step = next_action(call) if rest == Transition(call) else rest.action
    is_idle = rest.call == call and step is Action.DONE
    return Transition(call, Action.AUDIT) if is_idle and _audit_due(call, deadlines, attempt.now) else rest


def _resume_rest(call: Call, deadlines: Deadlines, attempt: Attempt) -> Transition:
    """What is to be done besides the audit."""
    if is_hopeless(call, attempt.now):
        return _given_up(call, attempt.now)
    if call.state is ConversationState.NEW:
        return _resume_without_call_end(call, deadlines, attempt)
    return _resume_deadlines(call, deadlines, attempt.now)


def is_hopeless(call: Call, now: int) -> bool:
    """Whether it, or its audit, has waited for so long that it ends."""
    return _gives_up_at(call) <= now or _audit_is_hopeless(call, now)


def _gives_up_at(call: Call) -> int:
    """When nothing can be hoped for any more: each message of the call has ended before."""
    if call.state in TERMINAL:
        recording = call.recording
        since = recording.changed_at if recording and not recording.abandoned else 0
        return since + backoff.GIVE_UP_SECONDS if since else sys.maxsize
    changed_at = call.recording.changed_at if call.recording else call.created_at
    return max(call.created_at, call.waiting_since, changed_at) + backoff.GIVE_UP_SECONDS


def _given_up(call: Call, now: int) -> Transition:
    """Ends visibly what has waited too long: the call that was not submitted, or only its recording, or its audit."""
    if _audit_is_hopeless(call, now):
        noted = input_rejected(call, AUDIT_GIVEN_UP, now).call
        return Transition(replace(noted, audited_at=now), Action.DONE)
    recording = call.recording
    if recording and recording.state in UNFINISHED:
        recording = recordings.rejected(recording, claims.WAITED_TOO_LONG, now)
    ended = replace(call, recording=recording)
    if call.state not in TERMINAL:
        ended = replace(ended, state=ConversationState.REJECTED, reason=claims.WAITED_TOO_LONG)
    return Transition(ended, Action.DONE)


def _resume_submit(call: Call, attempt: Attempt) -> Transition:
    assert call.lease is not None
    if call.lease.until > attempt.now:
        return Transition(call, Action.DONE)
    return claims.taken_over(call, attempt, with_transcript=call.lease.parts.transcript)


def _resume_deadlines(call: Call, deadlines: Deadlines, now: int) -> Transition:
    if call.state is ConversationState.WAITING and _transcript_overdue(call, deadlines, now):
        return Transition(_transcript_missed(call))
    if call.recording and call.recording.abandoned and call.recording.changed_at + deadlines.audit <= now:
        return Transition(call, Action.CONFIRM_ATTACH)
    if _recording_overdue(call, deadlines, now):
        return Transition(_recording_missed(call, now), Action.DONE)
    return Transition(call)


def _transcript_missed(call: Call) -> Call:
    """What was announced never came: the call is its recording, or ends where none can come."""
    without = replace(call, call_end=CallEnd.WITHOUT_TRANSCRIPT)
    if call.transcript:
        return without  # utterances speak for it
    dropped = call.dropped or DroppedTranscript(reason=claims.TRANSCRIPT_MISSING)
    without = replace(without, dropped=dropped)
    if has_more(call):
        return without
    return replace(without, state=ConversationState.REJECTED, reason=dropped.reason)


def has_more(call: Call) -> bool:
    """Whether a call without its transcript can still be evaluated: by its recording."""
    expected = call.facts is not None and call.facts.recording_expected and not call.recording_missed_at
    return expected or call.recording_state in UNFINISHED


def _recording_missed(call: Call, now: int) -> Call:
    """It never came: the call is its text only, or ends where that cannot be sent."""
    missed = replace(call, recording_missed_at=now)
    if not _is_without_words(call) or call.dropped is None:
        return missed
    return replace(missed, state=ConversationState.REJECTED, reason=call.dropped.reason)


def _is_without_words(call: Call) -> bool:
    """Whether its text cannot be sent, and no other is announced."""
    unsent = call.state in (ConversationState.NEW, ConversationState.WAITING)
    announced = call.call_end is CallEnd.TRANSCRIPT_PENDING or call.transcript is not None
    return unsent and call.dropped is not None and not announced


def _resume_without_call_end(call: Call, deadlines: Deadlines, attempt: Attempt) -> Transition:
    if call.transcript:
        overdue = call.transcript.stored_at + deadlines.transcript <= attempt.now
        return claims.claimed(call, attempt, with_transcript=True) if overdue else Transition(call)
    if _recording_overdue(call, deadlines, attempt.now):
        return Transition(_recording_missed(call, attempt.now), Action.DONE)
    is_sendable = call.recording_state in (RecordingState.UPLOADED, RecordingState.BY_URL)
    if is_sendable and call.recording and _grace_ends_at(call.recording, deadlines) <= attempt.now:
        return claims.claimed(call, attempt, with_transcript=False)
    return Transition(call)


def _grace_ends_at(recording: Recording, deadlines: Deadlines) -> int:
    return max(recording.changed_at + deadlines.grace, recording.settling_until)


def _transcript_overdue(call: Call, deadlines: Deadlines, now: int) -> bool:
    pending = call.call_end is CallEnd.TRANSCRIPT_PENDING and not call.has_text
    return pending and call.waiting_since + deadlines.transcript <= now


def _recording_overdue(call: Call, deadlines: Deadlines, now: int) -> bool:
    return _recording_is_expected(call) and _ended_at(call) + deadlines.recording <= now


def _recording_is_expected(call: Call) -> bool:
    """Whether its deadline counts; without words any recording is waited for, a better one than was rejected too."""
    if _is_without_words(call):
        return not call.recording_missed_at and call.recording_state in (None, RecordingState.REJECTED)
    expected = call.facts is not None and call.facts.recording_expected and not call.recording_missed_at
    silent = call.state is ConversationState.WAITING and call.call_end is CallEnd.WITHOUT_TRANSCRIPT
    return expected and call.recording is None and (silent or call.state is ConversationState.SUBMITTED)


def _ended_at(call: Call) -> int:
    return call.submitted_at or call.waiting_since or call.created_at


# --- audits ------------------------------------------------------------------------------------------


def _audit_due(call: Call, deadlines: Deadlines, now: int) -> bool:
    """Whether it is time to look what came of a submit that was taken over."""
    return _needs_audit(call) and _audit_at(call, deadlines) <= now


def audit_goes_first(call: Call, deadlines: Deadlines, now: int) -> bool:
    """Whether the audit is due, and has its turn: where it cannot be done, each second sweep goes on without it."""
    has_turn = call.sweeps == 0 or call.sweeps % 2 == 1
    return has_turn and _audit_due(call, deadlines, now)


def _audit_is_hopeless(call: Call, now: int) -> bool:
    return _needs_audit(call) and max(call.submitted_at, call.maybe_sent_at) + backoff.GIVE_UP_SECONDS <= now


def _needs_audit(call: Call) -> bool:
    return call.state is not ConversationState.SUBMITTING and call.maybe_sent_at > 0 and not call.audited_at


def _audit_at(call: Call, deadlines: Deadlines) -> int:
    return max(call.submitted_at, call.maybe_sent_at) + deadlines.audit


def audited(call: Call, maybe_sent_at: int, now: int) -> Transition:
    """Nothing more of what was taken over at `maybe_sent_at` is to be found in Coval."""
    return Transition(replace(call, audited_at=now) if call.maybe_sent_at == maybe_sent_at else call)


# --- when the sweep looks ----------------------------------------------------------------------------


def swept(call: Call, now: int) -> Transition:
    """The sweep takes the call on, where it is still due; written first, so that no other sweep does."""
    if call.due_at is None or call.due_at > now:
        return Transition(call, Action.DONE)
    return Transition(replace(call, sweeps=call.sweeps + 1))


def put_off(call: Call, until: int, now: int) -> Transition:
    """What was brought back cannot be done now: the sweep tries again at `until`, unless it does so earlier already."""
    until = max(until, now + _pause(max(call.sweeps, 1), call) - backoff.SWEEP_LATE_SECONDS)
    if call.due_at is None or now < call.due_at <= until:
        return Transition(call, Action.DONE)
    return held(call, until)


def left_to_sweep(call: Call, until: int, now: int) -> Transition:
    """The sweep looks again at `until`; where it has looked in vain before, after its own growing pause at least."""
    return held(call, max(until, now + _pause(call.sweeps - 1, call)))


def progress(call: Call) -> tuple[object, ...]:
    """What differs once a call has got anywhere: a claim, or giving it back, does not count, so pauses outlast them."""
    state = call.state if call.state in TERMINAL else None
    recording = call.recording
    known = (recording.identity, recording.state, recording.prepared, recording.agent_channel) if recording else None
    text = call.transcript and replace(call.transcript, stored_at=0, settling_until=0, missing=False)  # may come again
    return state, call.call_end, call.facts, call.described, text, known, call.audited_at


def due_at(call: Call, deadlines: Deadlines, now: int) -> int | None:
    """When the sweep has to look at this call; None where nothing is left to do."""
    moments = [*_conversation_due(call, deadlines, now), *_recording_due(call, deadlines, now)]
    if _needs_audit(call):
        moments.append(_audit_at(call, deadlines))
    if not moments:
        return None
    is_held = call.held_until > now
    rested = call.held_until if is_held else max(min(moments), now + _pause(call.sweeps, call))
    return min([rested, *_settling(call, now), *_text_given_up(call, deadlines, now)])


def _pause(sweeps: int, call: Call) -> int:
    """How long the call rests after so many sweeps without progress."""
    if sweeps <= 0:
        return 0
    awaits_text = call.transcript is not None and call.transcript.missing
    longest = backoff.MISSING_TEXT_LONGEST_SECONDS if awaits_text else backoff.LONGEST_SECONDS
    return backoff.of_sweep(sweeps - 1, longest)


def _settling(call: Call, now: int) -> list[int]:
    """When the recording settles, which no hold puts off: it is uploaded meanwhile, to go along with the text."""
    recording = call.recording
    if recording is None or not _is_to_upload(call):
        return []
    return [recording.settling_until] if recording.settling_until > now else []


def _text_given_up(call: Call, deadlines: Deadlines, now: int) -> list[int]:
    """When a transcript that is not there is waited for no longer, which no pause puts off."""
    if call.state is not ConversationState.WAITING or call.transcript is None or not call.transcript.missing:
        return []
    return [] if missing_text_overdue(call, deadlines, now) else [_text_given_up_at(call, deadlines)]


def missing_text_overdue(call: Call, deadlines: Deadlines, now: int) -> bool:
    """Whether a transcript that is not there has been waited for long enough."""
    return _text_given_up_at(call, deadlines) <= now


def _text_given_up_at(call: Call, deadlines: Deadlines) -> int:
    assert call.transcript is not None
    return (call.waiting_since or call.transcript.stored_at) + deadlines.transcript


def _is_to_upload(call: Call) -> bool:
    unsent = call.state not in TERMINAL and call.state is not ConversationState.SUBMITTING
    return unsent and call.recording_state is RecordingState.READY


def awaits_upload(call: Call, now: int) -> bool:
    """Whether the recording has settled, and nobody has uploaded it yet."""
    return _is_to_upload(call) and not _settling(call, now)


def text_is_due(call: Call, deadlines: Deadlines, now: int) -> bool:
    """Whether the transcript is to be tried now; while it is not, the recording can be uploaded."""
    if call.transcript is None or not call.has_text or call.state in TERMINAL:
        return False
    if call.state is ConversationState.NEW:
        return call.transcript.stored_at + deadlines.transcript <= now
    return max(call.transcript.settling_until, call.held_until) <= now


def _conversation_due(call: Call, deadlines: Deadlines, now: int) -> list[int]:
    if call.lease:
        return [call.lease.until]
    if call.state is ConversationState.QUEUED:
        return [_gives_up_at(call)]
    if call.state is ConversationState.NEW and call.transcript:
        return [call.transcript.stored_at + deadlines.transcript]
    if call.state is ConversationState.WAITING and call.transcript and call.has_text:
        return [_text_due(call.transcript, deadlines, now)]
    if call.state is ConversationState.WAITING and call.call_end is CallEnd.TRANSCRIPT_PENDING:
        return [call.waiting_since + deadlines.transcript]
    return []


def _text_due(text: TranscriptPointer, deadlines: Deadlines, now: int) -> int:
    if text.settling_until > now:
        return text.settling_until
    return now + RETRY_SECONDS if text.missing else text.stored_at + deadlines.resume


def _recording_due(call: Call, deadlines: Deadlines, now: int) -> list[int]:
    recording = call.recording
    if _recording_is_expected(call):
        return [_ended_at(call) + deadlines.recording]
    if recording is None:
        return []
    is_sendable = recording.state in (RecordingState.UPLOADED, RecordingState.BY_URL)
    if is_sendable and call.state is ConversationState.NEW:
        return [_grace_ends_at(recording, deadlines)]
    to_attach = call.state in TERMINAL and recording.state in UNFINISHED
    to_submit = is_sendable and next_action(call) is Action.CLAIM_RECORDING
    if not (to_attach or to_submit or _is_to_upload(call)):
        return []
    rest = deadlines.audit if recording.abandoned else deadlines.resume
    return [recording.settling_until if recording.settling_until > now else recording.changed_at + rest]
