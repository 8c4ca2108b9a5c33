"""Who may submit a call: a lease is claimed, taken over when it has ended, and given back."""

from dataclasses import replace

from coval_relay.domain.call import TERMINAL, Call, CallEnd, ConversationState, Lease, Parts, Recording, RecordingState
from coval_relay.domain.coval import CIRCUIT_OPEN
from coval_relay.domain.errors import AUDIO_FETCH_FAILED, Reason
from coval_relay.domain.lifecycle import descriptions
from coval_relay.domain.lifecycle.transition import RETRY_SECONDS, Action, Attempt, Transition

OLD_CALL_SECONDS = 86_400
"""A call that ended this long before it was first seen may have been sent under an item that is gone."""
TRANSCRIPT_MISSING = Reason("transcript_missing", "The transcript never came, or the function may not read it.")
WAITED_TOO_LONG = Reason("waited_too_long", "What the call waited for did not come within 13 days.")
IN_VAIN = frozenset({WAITED_TOO_LONG.code, AUDIO_FETCH_FAILED})
"""Why a recording has ended with which nothing is wrong: what it needs was not there, and may be now."""


def waited_for(code: str) -> Reason:
    """Why a message ends: it has waited for 12 days for what the code says."""
    return Reason(WAITED_TOO_LONG.code, f"It has waited for 12 days: {code}.")


def claimed(call: Call, attempt: Attempt, *, with_transcript: bool) -> Transition:
    """The attempt gets the lease, for the parts that can go now; it reads first where Coval may know the call."""
    if attempt.is_closed:
        return Transition(without_lease(call, attempt.now), Action.WAIT, attempt.closed_until, CIRCUIT_OPEN)
    linked = call.recording_state is RecordingState.BY_URL and not with_transcript
    uploaded = call.recording_state is RecordingState.UPLOADED
    parts = Parts(transcript=with_transcript, facts=call.call_end is not CallEnd.NOT_SEEN, recording=uploaded or linked)
    lease = Lease(attempt.token, attempt.lease_until, parts)
    leased = replace(
        call,
        state=ConversationState.SUBMITTING,
        lease=lease,
        created_at=call.created_at or attempt.now,
        transcript=call.transcript and replace(call.transcript, missing=False),
        dropped=None if with_transcript else call.dropped,
    )
    read_first = leased.maybe_sent_at or _may_be_known(leased)
    return Transition(leased, Action.READ_THEN_SUBMIT if read_first else Action.SUBMIT)


def taken_over(call: Call, attempt: Attempt, *, with_transcript: bool) -> Transition:
    """The attempt gets a lease that has ended: its owner may have sent, and is looked after by an audit."""
    taken = descriptions.described(replace(call, maybe_sent_at=attempt.now, audited_at=0), attempt.now)
    return claimed(taken, attempt, with_transcript=with_transcript)


def _may_be_known(call: Call) -> bool:
    """Whether Coval may have the call from long ago: its item is gone, and an event of it came again.

    Without the call's facts nothing says how old it is: the date of an object is that of its last copy.
    """
    return call.facts is None or call.created_at - call.facts.ended_at > OLD_CALL_SECONDS


def without_lease(call: Call, now: int) -> Call:
    """The state without a lease, by the facts at hand: with what was said of it while the lease lasted."""
    state = {
        CallEnd.NOT_SEEN: ConversationState.NEW,
        CallEnd.WITH_TRANSCRIPT: ConversationState.QUEUED,
        CallEnd.WITHOUT_TRANSCRIPT: ConversationState.WAITING,
        CallEnd.TRANSCRIPT_PENDING: ConversationState.WAITING,
    }[call.call_end]
    return descriptions.described(replace(call, state=state, lease=None), now)


def holds_lease(call: Call, token: str) -> bool:
    """Whether the attempt of this token still has the lease."""
    return call.lease is not None and call.lease.token == token


def lease_lost(call: Call, now: int) -> Transition:
    """What the former owner of a lease does when it finds another one's work."""
    if call.state in TERMINAL:
        return Transition(call)
    return Transition(call, Action.WAIT, call.lease.until if call.lease else now + RETRY_SECONDS)


def submit_not_sent(call: Call, token: str, now: int) -> Transition:
    """Known not to have been sent: the lease ends at once, the message comes again."""
    if not holds_lease(call, token):
        return lease_lost(call, now)
    return Transition(without_lease(call, now), Action.WAIT, now + RETRY_SECONDS)


def lease_released(call: Call, token: str, now: int) -> Transition:
    """A take-over found nothing in Coval and has not the text that is due: that comes with its message."""
    if not holds_lease(call, token):
        return lease_lost(call, now)
    return Transition(without_lease(call, now))


def has_given_up(call: Call) -> bool:
    """Whether it has waited too long, or only its recording, the call being submitted."""
    return WAITED_TOO_LONG in (call.reason, call.recording and call.recording.reason)


def revived(call: Call, now: int) -> Call:
    """What waited in vain goes on where an event of it comes after all, from the dead letters for one."""
    in_vain = call.reason == WAITED_TOO_LONG or _ended_in_vain(call.recording)
    return _brought_back(call, now) if in_vain else call


def _ended_in_vain(recording: Recording | None) -> bool:
    if recording is None or recording.state is not RecordingState.REJECTED or recording.reason is None:
        return False
    return recording.reason.code in IN_VAIN


def is_wordless(call: Call) -> bool:
    """Whether it was rejected because its text cannot be sent, and it had nothing else."""
    rejected = call.state is ConversationState.REJECTED
    return rejected and call.dropped is not None and call.reason == call.dropped.reason


def revived_without_words(call: Call, now: int) -> Call:
    """It goes on where it gets after all what it had not: a recording, for one."""
    return replace(_brought_back(call, now), recording_missed_at=0) if is_wordless(call) else call


def reopened(call: Call, revision: int, now: int) -> Transition:
    """The operator sends a rejected call again: its event follows, or the sweep goes on with what the item has.

    So it is with a recording that has waited in vain. Only as the operator saw it: what was rejected anew meanwhile
    stays so.
    """
    return Transition(_brought_back(_with_words(call), now) if call.revision == revision else call, Action.DONE)


def _with_words(call: Call) -> Call:
    """Its text is tried again, and its recording waited for again."""
    if not is_wordless(call) or call.dropped is None:
        return call
    pointer = call.dropped.pointer
    call_end = call.call_end if pointer else CallEnd.WITH_TRANSCRIPT
    return replace(call, call_end=call_end, transcript=pointer, dropped=None, recording_missed_at=0)


def _brought_back(call: Call, now: int) -> Call:
    """As if it had not been rejected; a recording that ended with it is looked at anew, if it can still be had."""
    rejected = call.state is ConversationState.REJECTED
    recording = call.recording
    with_call = rejected and recording is not None and recording.reason == call.reason
    if recording and (with_call or _ended_in_vain(recording)) and (recording.version or recording.url):
        call = replace(call, recording=_unprepared(recording, now), held_until=0)
    return replace(without_lease(call, now), reason=None, waiting_since=now, held_until=0) if rejected else call


def _unprepared(recording: Recording, now: int) -> Recording:
    """To be made ready anew: the staging bucket may have forgotten its copy."""
    to_prepare = recording.needs_preparation or recording.prepared is not None
    again = replace(recording, state=RecordingState.READY, prepared=None, needs_preparation=to_prepare)
    return replace(again, reason=None, fetch_failing_since=0, changed_at=now)
