"""The state protocol: every rule about what may happen to a call, and nothing else.

Each event is a function from the call as it was seen to a Transition: the call as it shall be, and what
to do then. Nothing here reads a clock or sends anything. A transition is written under the condition that
the item still has the revision it was decided on; whoever loses that race decides again on the item that
won:

    worker A   ── decides on r7 ── writes r8 if r7 ✓
    worker B   ──── decides on r7 ─────── writes r8 if r7 ✗ ── gets r8 ── decides on r8 ──

Sending is not idempotent on Coval's side. So a call is sent by whoever holds its lease, a lease outlives
the last request that its owner can make, and who takes over an ended lease reads before it sends:

    owner      claim ──── POST ─ ─ ─ (dies)      lease ends
    successor                                        │ take over ── strong read ── POST or adopt
"""

import sys
from dataclasses import dataclass, field, replace
from enum import StrEnum

from coval_relay.domain import pauses
from coval_relay.domain.call import (
    CALL_STATUS,
    COMPLETED,
    SIMULATION,
    TERMINAL,
    UNFINISHED,
    Call,
    CallEnd,
    CallFacts,
    ConversationAudio,
    ConversationState,
    Description,
    KnownConversation,
    Lease,
    Parts,
    Recording,
    RecordingState,
    TranscriptPointer,
)
from coval_relay.domain.coval import CIRCUIT_OPEN
from coval_relay.domain.errors import Reason

OLD_CALL_SECONDS = 86_400
"""A call that ended this long before it was first seen may have been sent under an item that is gone."""
STEREO = 2
MAX_NOTES = 20
MAX_OTHER_RECORDINGS = 100
MAX_CONVERSIONS = 5
NEVER_CONVERTED = Reason("never_converted", "Five conversions of the recording were begun, and none came to its end.")
RETRY_SECONDS = 30
OTHER_RECORDING_ATTACHED = Reason("superseded", "Coval has another recording of this call, and takes one only.")
MISNAMED = Reason("misnamed", "By its key this recording seemed to be this call's; an event said too late whose it is.")
NOTHING_TO_EVALUATE = Reason("skipped", "The call has no transcript and no recording is expected.")
WAITED_TOO_LONG = Reason("waited_too_long", "What the call waited for did not come within 13 days.")


class Action(StrEnum):
    """What a worker does after the write; `services/action_runner.py` carries each of them out."""

    DONE = "done"
    WAIT = "wait"
    """Something outside the call is not ready: the same message has to come again."""
    CONTINUE = "continue"
    """Do what the item asks for next: see `next_action`."""
    CLAIM_TRANSCRIPT = "claim_transcript"
    """Submit the transcript that the item points to."""
    CLAIM_RECORDING = "claim_recording"
    """Submit the recording without a transcript."""
    SUBMIT = "submit"
    READ_THEN_SUBMIT = "read_then_submit"
    """As SUBMIT, after a strong read has shown that nothing was made."""
    UPLOAD = "upload"
    PREPARE = "prepare"
    """Make of the recording what Coval can fetch."""
    REQUEUE_RECORDING = "requeue_recording"
    """Let the recording be looked at again: Coval no longer has the upload, or the agent is on another channel."""
    START_ATTACH = "start_attach"
    ATTACH = "attach"
    AUDIT = "audit"
    CONFIRM_ATTACH = "confirm_attach"
    """See whether an abandoned recording was attached after all."""


BUSY = "lease_or_busy"
"""What waits where nothing else is said: another worker is at the call."""


@dataclass(frozen=True, slots=True)
class Transition:
    """The call as it shall be, what to do then, and for WAIT until when (epoch seconds) and for what."""

    call: Call
    action: Action = Action.CONTINUE
    until: int = 0
    code: str = field(default=BUSY, compare=False)
    """For people only; decisions are the same whatever it is."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One delivery's right to try: a fresh token, and how long its lease would last."""

    token: str
    lease_until: int
    now: int
    closed_until: int = 0
    """Until then Coval is left alone: nothing is claimed, so that no lease covers a wait."""
    hops: int = 0
    """How many functions have handed the work on since an event, or the sweep, began it."""

    @property
    def is_closed(self) -> bool:
        return self.closed_until > self.now

    def is_over(self, now: int) -> bool:
        """Whether another worker may have taken over: whoever was held up so long sends nothing any more."""
        return now >= self.lease_until


@dataclass(frozen=True, slots=True)
class Deadlines:
    """The operator's times, in seconds."""

    grace: int
    transcript: int
    recording: int
    audit: int
    resume: int
    settling: int = 0
    """How long a recording waits for a better one, where the platform may send several."""


# --- claiming, and giving back -----------------------------------------------------------------------


def held(call: Call, until: int) -> Transition:
    """The call waits in its item for something of its own: the sweep brings it back."""
    return Transition(replace(call, held_until=until), Action.DONE)


def _revived(call: Call, now: int) -> Call:
    """What waited too long goes on where an event of it comes after all, from the dead letters for one."""
    return _brought_back(call, now) if call.reason == WAITED_TOO_LONG else call


def reopened(call: Call, revision: int, now: int) -> Transition:
    """The operator sends a rejected call again: its event follows, or the sweep goes on with what the item has.

    Only as the operator saw it: what was rejected anew meanwhile stays so.
    """
    return Transition(_brought_back(call, now) if call.revision == revision else call, Action.DONE)


def _brought_back(call: Call, now: int) -> Call:
    """As if it had not been rejected; a recording that ended with it is looked at anew, if it can still be had."""
    if call.state is not ConversationState.REJECTED:
        return call
    recording = call.recording
    if recording and recording.reason == call.reason and (recording.version or recording.url):
        recording = replace(recording, state=RecordingState.READY, reason=None, changed_at=now)
    return replace(_without_lease(call), reason=None, recording=recording, waiting_since=now, held_until=0)


def _claim(call: Call, attempt: Attempt, *, with_transcript: bool) -> Transition:
    if attempt.is_closed:
        return Transition(_without_lease(call), Action.WAIT, attempt.closed_until, CIRCUIT_OPEN)
    linked = call.recording_state is RecordingState.BY_URL and not with_transcript
    uploaded = call.recording_state is RecordingState.UPLOADED
    parts = Parts(transcript=with_transcript, facts=call.call_end is not CallEnd.NOT_SEEN, recording=uploaded or linked)
    lease = Lease(attempt.token, attempt.lease_until, parts)
    claimed = replace(
        call,
        state=ConversationState.SUBMITTING,
        lease=lease,
        created_at=call.created_at or attempt.now,
        transcript=call.transcript and replace(call.transcript, missing=False),
    )
    read_first = claimed.maybe_sent_at or _may_be_known(claimed)
    return Transition(claimed, Action.READ_THEN_SUBMIT if read_first else Action.SUBMIT)


def _take_over(call: Call, attempt: Attempt, *, with_transcript: bool) -> Transition:
    return _claim(replace(call, maybe_sent_at=attempt.now, audited_at=0), attempt, with_transcript=with_transcript)


def _may_be_known(call: Call) -> bool:
    """Whether Coval may have the call from long ago: its item is gone, and an event of it came again.

    Without the call's facts nothing says how old it is: the date of an object is that of its last copy.
    """
    return call.facts is None or call.created_at - call.facts.ended_at > OLD_CALL_SECONDS


def _without_lease(call: Call) -> Call:
    """The state without a lease, by the facts at hand."""
    state = {
        CallEnd.NOT_SEEN: ConversationState.NEW,
        CallEnd.WITH_TRANSCRIPT: ConversationState.QUEUED,
        CallEnd.WITHOUT_TRANSCRIPT: ConversationState.WAITING,
        CallEnd.TRANSCRIPT_PENDING: ConversationState.WAITING,
    }[call.call_end]
    return replace(call, state=state, lease=None)


def _holds_lease(call: Call, token: str) -> bool:
    return call.lease is not None and call.lease.token == token


def _lease_lost(call: Call, now: int) -> Transition:
    """What the former owner of a lease does when it finds another one's work."""
    if call.state in TERMINAL:
        return Transition(call)
    return Transition(call, Action.WAIT, call.lease.until if call.lease else now + RETRY_SECONDS)


# --- call end and transcript -------------------------------------------------------------------------


def call_ended(
    call: Call, kind: CallEnd, facts: CallFacts, pointer: TranscriptPointer | None, attempt: Attempt
) -> Transition:
    """A call ended: with its text in the event, with a pointer to it, with a text to come, or with none."""
    call = _revived(call, attempt.now)
    with_transcript = kind is CallEnd.WITH_TRANSCRIPT or pointer is not None
    hopeless = kind is CallEnd.TRANSCRIPT_PENDING and call.transcript_unavailable and call.transcript is None
    known = replace(
        call,
        call_end=CallEnd.WITHOUT_TRANSCRIPT if hopeless and not with_transcript else kind,
        facts=_described(_merged_facts(call.facts, facts, with_transcript=with_transcript), call.described),
        transcript=pointer or call.transcript,
        created_at=call.created_at or attempt.now,
        waiting_since=call.waiting_since or attempt.now,
    )
    if call.state in TERMINAL:
        return Transition(_note_late(call, with_transcript=with_transcript, facts=True))
    if call.state is ConversationState.SUBMITTING:
        return _ended_during_submit(call, known, attempt, with_transcript=with_transcript)
    if known.recording and known.facts:
        known = replace(known, recording=_with_agent_channel(known.recording, known.facts.agent_channel, attempt.now))
    if with_transcript:
        return _claim(known, attempt, with_transcript=True)
    if call.state is ConversationState.QUEUED:
        return Transition(call)
    anew = known.recording is not None and known.recording.needs_preparation and known.recording != call.recording
    waiting = _noted_if_nothing_to_evaluate(replace(known, state=ConversationState.WAITING))
    return Transition(waiting, Action.REQUEUE_RECORDING if anew else Action.CONTINUE)


def _merged_facts(known: CallFacts | None, arrived: CallFacts, *, with_transcript: bool) -> CallFacts:
    """Of ends of several legs the first leg's facts hold, whichever came first; text brings its own.

    That the call is a simulation holds, whichever event said so.
    """
    if known is None:
        return arrived
    chosen = known if not with_transcript and known.occurred_at < arrived.occurred_at else arrived
    marks = [facts.metadata[SIMULATION] for facts in (arrived, known) if SIMULATION in facts.metadata]
    return replace(chosen, metadata={**chosen.metadata, SIMULATION: marks[0]}) if marks else chosen


def call_described(call: Call, description: Description, now: int) -> Transition:
    """An event besides the call's end describes it, before the end or after: what was said first holds."""
    before = call.described or Description()
    merged = Description(
        status=before.status or description.status,
        direction=before.direction or description.direction,
        agent_channel=description.agent_channel if before.agent_channel is None else before.agent_channel,
    )
    known = replace(call, described=merged, created_at=call.created_at or now)
    if call.facts is None or call.state in TERMINAL or call.state is ConversationState.SUBMITTING:
        return Transition(known, Action.DONE)
    known = replace(known, facts=_described(call.facts, merged))
    if known.recording is None:
        return Transition(known)
    recording = _with_agent_channel(known.recording, merged.agent_channel, now)
    anew = recording.needs_preparation and recording != known.recording
    return Transition(replace(known, recording=recording), Action.REQUEUE_RECORDING if anew else Action.CONTINUE)


def _described(facts: CallFacts, description: Description | None) -> CallFacts:
    """The facts with what they lack; that a call was completed says less than who answered it."""
    if description is None:
        return facts
    way = {"direction": description.direction} if description.direction else {}
    metadata = {**way, **facts.metadata}
    if description.status and metadata.get(CALL_STATUS) in (None, COMPLETED):
        metadata[CALL_STATUS] = description.status
    channel = description.agent_channel if facts.agent_channel is None else facts.agent_channel
    return replace(facts, metadata=metadata, agent_channel=channel)


def _with_agent_channel(recording: Recording, channel: int | None, now: int) -> Recording:
    """The agent's channel from another event, where the recording came without one.

    What was prepared for an unknown channel is prepared anew:

        recording ── uploaded as it is ──┐
        call end, agent on channel 1 ────┴─ READY again ── swapped ── uploaded
    """
    waiting = (RecordingState.READY, RecordingState.UPLOADED, RecordingState.BY_URL)
    if channel is None or recording.agent_channel is not None or recording.state not in waiting:
        return recording
    known = replace(recording, agent_channel=channel)
    if recording.channels == 1 or (channel == 0 and recording.channels == STEREO):
        return known
    return replace(
        known,
        state=RecordingState.READY,
        upload_id=None,
        prepared=None,
        needs_preparation=True,
        changed_at=now,
    )


def _noted_if_nothing_to_evaluate(call: Call) -> Call:
    assert call.facts is not None
    hopeless = call.call_end is CallEnd.WITHOUT_TRANSCRIPT and not call.facts.recording_expected
    if not hopeless or call.recording or NOTHING_TO_EVALUATE in call.notes:
        return call
    return replace(call, notes=(*call.notes, NOTHING_TO_EVALUATE)[-MAX_NOTES:])


def _ended_during_submit(call: Call, known: Call, attempt: Attempt, *, with_transcript: bool) -> Transition:
    assert call.lease is not None
    if call.lease.until > attempt.now:
        return Transition(call, Action.WAIT, call.lease.until)
    if known.recording and known.facts:
        known = replace(known, recording=_with_agent_channel(known.recording, known.facts.agent_channel, attempt.now))
    if with_transcript:
        return _take_over(known, attempt, with_transcript=True)
    if known.call_end is CallEnd.WITHOUT_TRANSCRIPT and not call.lease.parts.transcript:
        kept = replace(known, call_end=_stronger_call_end(call.call_end, known.call_end))
        return _take_over(kept, attempt, with_transcript=False)
    return Transition(call, Action.WAIT, attempt.now + RETRY_SECONDS)


def _stronger_call_end(before: CallEnd, now: CallEnd) -> CallEnd:
    return now if before in (CallEnd.NOT_SEEN, CallEnd.WITH_TRANSCRIPT) else before


def transcript_arrived(call: Call, pointer: TranscriptPointer, attempt: Attempt) -> Transition:
    """A transcript came by itself; without the call's facts it waits for them, and for a better one."""
    call = _revived(call, attempt.now)
    chosen = _better_transcript(call.transcript, pointer)
    stored = replace(call, transcript=chosen, created_at=call.created_at or attempt.now)
    if call.state in TERMINAL:
        return Transition(_note_late(call, with_transcript=True, facts=False))
    if call.state is ConversationState.QUEUED:
        return Transition(call)
    if call.state is ConversationState.SUBMITTING:
        return _arrived_during_submit(call, stored, attempt)
    if call.call_end is CallEnd.NOT_SEEN:
        return Transition(call if chosen == call.transcript else stored, Action.DONE)
    if chosen.settling_until > attempt.now:
        return Transition(stored, Action.DONE)
    return _claim(stored, attempt, with_transcript=True)


def _arrived_during_submit(call: Call, stored: Call, attempt: Attempt) -> Transition:
    assert call.lease is not None
    if call.lease.until > attempt.now:
        return Transition(call, Action.WAIT, call.lease.until)
    return _take_over(stored, attempt, with_transcript=True)


def _better_transcript(held: TranscriptPointer | None, arrived: TranscriptPointer) -> TranscriptPointer:
    """Of transcripts of one rank the first stays: the same one comes again with every delivery."""
    return arrived if held is None or arrived.rank > held.rank else held


def transcript_unavailable(call: Call, now: int) -> Transition:
    """The announced transcript will not come; the call end, if it is still to come, need not wait for it."""
    if call.state not in (ConversationState.NEW, ConversationState.WAITING):
        return Transition(call)
    noted = replace(call, transcript_unavailable=True, created_at=call.created_at or now)
    if call.call_end is CallEnd.TRANSCRIPT_PENDING and call.transcript is None:
        noted = _noted_if_nothing_to_evaluate(replace(noted, call_end=CallEnd.WITHOUT_TRANSCRIPT))
    return Transition(noted)


def _note_late(call: Call, *, with_transcript: bool, facts: bool) -> Call:
    """What came after the submit is recorded, never sent."""
    if call.state is not ConversationState.SUBMITTED or call.sent is None:
        return call
    late = set(call.late)
    if with_transcript and not call.sent.transcript:
        late.add("transcript")
    if facts and not call.sent.facts:
        late.add("facts")
    return replace(call, late=tuple(sorted(late)))


def input_rejected(call: Call, reason: Reason, now: int) -> Transition:
    """An event about this call broke a rule: the reason stays on the item, the state is as it was."""
    if reason in call.notes:
        return Transition(call, Action.DONE)
    notes = (*call.notes, reason)[-MAX_NOTES:]
    return Transition(replace(call, notes=notes, created_at=call.created_at or now), Action.DONE)


# --- the answers to a submit -------------------------------------------------------------------------


def submitted(call: Call, token: str, made: KnownConversation, now: int) -> Transition:
    """Coval has the conversation: made by this attempt, or adopted because a read has found it."""
    if not _holds_lease(call, token):
        return _lease_lost(call, now)
    return Transition(_submitted(call, made, now))


def conversation_found_late(call: Call, made: KnownConversation, now: int) -> Transition:
    """The audit of a call that was given up has found what an earlier attempt made of it after all.

    owner      claim ──── POST ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ (lands)
    successor           lease ends ── take over ── strong read ── given up        audit ── adopts
    """
    if call.state in (ConversationState.SUBMITTING, ConversationState.SUBMITTED, ConversationState.FILTERED):
        return Transition(call)
    return Transition(_submitted(call, made, now))


def _submitted(call: Call, made: KnownConversation, now: int) -> Call:
    due_text = call.lease is not None and call.lease.parts.transcript
    due_text = due_text or call.call_end is CallEnd.WITH_TRANSCRIPT or call.transcript is not None
    after = replace(
        call,
        state=ConversationState.SUBMITTED,
        lease=None,
        conversation_id=made.conversation_id,
        sent=made.sent,
        submitted_at=now,
        reason=None,
        recording=_recording_after_submit(call.recording, made.audio, now),
        other_recordings={**call.other_recordings, made.others: "attached"} if made.others else call.other_recordings,
    )
    return _note_late(after, with_transcript=due_text, facts=call.call_end is not CallEnd.NOT_SEEN)


def _recording_after_submit(recording: Recording | None, audio: ConversationAudio, now: int) -> Recording | None:
    """Audio is attached once: what another recording of the call took, this one cannot have."""
    if recording is not None and audio is ConversationAudio.OURS:
        return replace(recording, state=RecordingState.ATTACHED, url="", reason=None, changed_at=now)
    if recording is None or recording.state not in UNFINISHED:
        return recording
    return _rejected(recording, OTHER_RECORDING_ATTACHED, now) if audio is ConversationAudio.OTHER else recording


def call_rejected(call: Call, token: str, state: ConversationState, reason: Reason, now: int) -> Transition:
    """Coval filtered or rejected the call for good; the recording that went along ends with it."""
    if not _holds_lease(call, token):
        return _lease_lost(call, now)
    assert call.lease is not None
    recording = call.recording
    if recording and call.lease.parts.recording:
        recording = _rejected(recording, reason, now)
    return Transition(replace(call, state=state, lease=None, reason=reason, recording=recording))


def audio_rejected(call: Call, token: str, reason: Reason, now: int) -> Transition:
    """Coval rejected the audio: the text goes without it under the same lease."""
    if not _holds_lease(call, token):
        return _lease_lost(call, now)
    recording = _rejected(call.recording, reason, now) if call.recording else None
    return _without_recording(replace(call, recording=recording), Action.CONTINUE)


def upload_not_found(call: Call, token: str, now: int) -> Transition:
    """Coval does not know the upload id, and a read has shown that no conversation used it up."""
    if not _holds_lease(call, token):
        return _lease_lost(call, now)
    recording = call.recording
    if recording and recording.state is RecordingState.UPLOADED:
        recording = replace(recording, state=RecordingState.READY, upload_id=None, changed_at=now)
    return _without_recording(replace(call, recording=recording), Action.REQUEUE_RECORDING)


def _without_recording(call: Call, otherwise: Action) -> Transition:
    assert call.lease is not None
    lease = replace(call.lease, parts=replace(call.lease.parts, recording=False))
    if lease.parts.transcript:
        return Transition(replace(call, lease=lease), Action.SUBMIT)
    return Transition(_without_lease(call), otherwise)


def _rejected(recording: Recording, reason: Reason, now: int) -> Recording:
    return replace(recording, state=RecordingState.REJECTED, reason=reason, upload_id=None, url="", changed_at=now)


def submit_not_sent(call: Call, token: str, now: int) -> Transition:
    """Known not to have been sent: the lease ends at once, the message comes again."""
    if not _holds_lease(call, token):
        return _lease_lost(call, now)
    return Transition(_without_lease(call), Action.WAIT, now + RETRY_SECONDS)


def transcript_not_ready(call: Call, token: str, until: int, now: int) -> Transition:
    """The transcript is not there yet: the lease ends, the sweep looks again."""
    if not _holds_lease(call, token):
        return _lease_lost(call, now)
    return held(_with_missing_text(_without_lease(call)), until)


def transcript_awaited(call: Call) -> Transition:
    """Another look has not found the transcript either: the sweep looks again."""
    return Transition(_with_missing_text(call), Action.DONE)


def _with_missing_text(call: Call) -> Call:
    return replace(call, transcript=replace(call.transcript, missing=True)) if call.transcript else call


def lease_released(call: Call, token: str, now: int) -> Transition:
    """A take-over found nothing in Coval and has not the text that is due: that comes with its message."""
    if not _holds_lease(call, token):
        return _lease_lost(call, now)
    return Transition(_without_lease(call))


def transcript_dropped(call: Call, token: str, reason: Reason, now: int) -> Transition:
    """The transcript cannot be sent: the call goes on as one without text."""
    if not _holds_lease(call, token):
        return _lease_lost(call, now)
    noted = input_rejected(call, reason, now).call
    end = CallEnd.NOT_SEEN if call.facts is None else CallEnd.WITHOUT_TRANSCRIPT
    return Transition(_without_lease(replace(noted, call_end=end, transcript=None)))


# --- recordings --------------------------------------------------------------------------------------


def recording_arrived(call: Call, arrived: Recording, attempt: Attempt) -> Transition:
    """A recording came for this call: READY, BY_URL, or REJECTED by our own look at it."""
    call = _revived(call, attempt.now)
    current = call.recording
    arrived = _with_agent_channel(arrived, call.facts.agent_channel if call.facts else None, attempt.now)
    if current is None or _replaces_unusable(arrived, current):
        return _choose(call, arrived, attempt)
    if arrived.identity == current.identity:
        return _redelivered(_inspected_again(call, current, arrived, attempt.now), attempt)
    if arrived.identity in call.other_recordings and _rank(arrived) < _rank(current):
        return Transition(call)
    has_audio = current.state is RecordingState.ATTACHED or "attached" in call.other_recordings.values()
    if has_audio or _rank(arrived) < _rank(current):
        return Transition(_with_other(call, arrived))
    if _is_locked(call):
        until = call.lease.until if call.lease else attempt.now + RETRY_SECONDS
        return Transition(call, Action.WAIT, max(until, attempt.now + 1))
    return _choose(_with_other(call, current), arrived, attempt)


def recording_of_another_call(call: Call, identity: str, now: int) -> Transition:
    """An event says that the recording is another call's than its key suggests; too late once it is under way."""
    noted = input_rejected(call, MISNAMED, now).call
    recording = call.recording
    if recording is None or recording.identity != identity:
        return Transition(call, Action.DONE)
    if _is_locked(call) or recording.state is RecordingState.ATTACHED:
        return Transition(noted, Action.DONE)
    others = {**call.other_recordings, identity: "another call's"}
    return Transition(replace(call, recording=None, other_recordings=others), Action.DONE)


def _replaces_unusable(arrived: Recording, current: Recording) -> bool:
    """What we rejected by its look is good after all: a link that had ended came anew, for one."""
    if arrived.identity != current.identity or current.state is not RecordingState.REJECTED:
        return False
    return arrived.usable and not current.usable


def _inspected_again(call: Call, current: Recording, arrived: Recording, now: int) -> Call:
    if arrived.reason and not arrived.usable and _needs_its_bytes(call, current):
        return replace(call, recording=_rejected(current, arrived.reason, now))
    return _with_prepared_copy(call, current, arrived)


def _needs_its_bytes(call: Call, current: Recording) -> bool:
    """Whether nothing can come of the recording any more without what another look found unusable or gone."""
    needs_copy = call.state in TERMINAL and current.needs_copy
    return current.state is RecordingState.READY or (current.state is RecordingState.UPLOADED and needs_copy)


def _with_prepared_copy(call: Call, current: Recording, arrived: Recording) -> Call:
    """The copy that Coval can take was made, or the agent's channel became known."""
    current = _with_agent_channel(current, arrived.agent_channel, arrived.changed_at)
    made = current.needs_copy and not arrived.needs_copy and arrived.agent_channel == current.agent_channel
    if made and arrived.usable and current.state in (RecordingState.READY, RecordingState.UPLOADED):
        current = replace(arrived, settling_until=current.settling_until)
    return call if current == call.recording else replace(call, recording=current)


def _rank(recording: Recording) -> tuple[bool, str, str]:
    """Of two of one second the names decide: else each would displace the other for ever."""
    return recording.usable, recording.sort_key, recording.identity


def _is_locked(call: Call) -> bool:
    submitting = call.lease is not None and call.lease.parts.recording
    return submitting or call.recording_state is RecordingState.ATTACHING


def _choose(call: Call, arrived: Recording, attempt: Attempt) -> Transition:
    after = replace(
        call,
        recording=replace(arrived, changed_at=attempt.now),
        created_at=call.created_at or attempt.now,
        other_recordings={k: v for k, v in call.other_recordings.items() if k != arrived.identity},
    )
    return _to_upload(after, attempt) or Transition(after)


def _to_upload(call: Call, attempt: Attempt) -> Transition | None:
    """Upload now, or when no better recording can be expected any more."""
    recording = call.recording
    if recording is None or recording.state is not RecordingState.READY or call.state in TERMINAL:
        return None
    return Transition(call, Action.DONE if recording.settling_until > attempt.now else Action.UPLOAD)


def _redelivered(call: Call, attempt: Attempt) -> Transition:
    if uploading := _to_upload(call, attempt):
        return uploading
    if call.state is not ConversationState.SUBMITTING or call.recording_state not in UNFINISHED:
        return Transition(call)
    assert call.lease is not None
    if call.lease.parts.transcript:
        return Transition(call, Action.DONE)
    if call.lease.until > attempt.now:
        return Transition(call, Action.WAIT, call.lease.until)
    return _take_over(call, attempt, with_transcript=False)


def _with_other(call: Call, recording: Recording) -> Call:
    ending = "superseded"
    if recording.state is RecordingState.REJECTED and recording.reason:
        ending = f"rejected: {recording.reason.code}"
    other_recordings = {**call.other_recordings, recording.identity: ending}
    return replace(call, other_recordings=dict(list(other_recordings.items())[-MAX_OTHER_RECORDINGS:]))


def _is_ready(call: Call, identity: str) -> bool:
    return (
        call.recording is not None
        and call.recording.identity == identity
        and call.recording.state is RecordingState.READY
    )


def recording_uploaded(call: Call, sent: Recording, upload_id: str, now: int) -> Transition:
    """Coval holds the bytes; another recording, or another side, may have been chosen meanwhile."""
    uploaded = replace(sent, state=RecordingState.UPLOADED, upload_id=upload_id)
    return _prepared(call, uploaded, now)


def recording_by_url(call: Call, prepared: Recording, now: int) -> Transition:
    """The copy that Coval can take is too large for an upload: it will be fetched by URL."""
    return _prepared(call, replace(prepared, state=RecordingState.BY_URL), now)


def conversion_begun(call: Call, identity: str, now: int) -> Transition:
    """Written before native code gets the recording: it may take the whole worker along, again and again."""
    recording = call.recording
    if recording is None or recording.identity != identity or recording.state not in UNFINISHED:
        return Transition(call)
    if recording.conversions >= MAX_CONVERSIONS:
        return Transition(replace(call, recording=_rejected(recording, NEVER_CONVERTED, now)))
    return Transition(
        replace(call, recording=replace(recording, conversions=recording.conversions + 1)), Action.PREPARE
    )


def conversion_survived(call: Call, identity: str) -> Transition:
    """It failed, and the worker lives to say so: an outage or a denial ends no recording, only death counts."""
    recording = call.recording
    if recording is None or recording.identity != identity or not recording.conversions:
        return Transition(call)
    return Transition(replace(call, recording=replace(recording, conversions=recording.conversions - 1)))


def copy_made(call: Call, copy: Recording, now: int) -> Transition:
    """A copy that Coval can take stands in the staging bucket; on the item before it is used, it is not made twice."""
    current = call.recording
    if current is None or current.identity != copy.identity or not current.needs_copy:
        return Transition(call)
    if current.state not in (RecordingState.READY, RecordingState.UPLOADED, RecordingState.BY_URL):
        return Transition(call)
    if current.agent_channel != copy.agent_channel:
        return Transition(call, Action.REQUEUE_RECORDING)
    made = replace(copy, settling_until=current.settling_until, changed_at=now)
    return Transition(replace(call, recording=made))


def _prepared(call: Call, recording: Recording, now: int) -> Transition:
    action = Action.DONE if call.state is ConversationState.SUBMITTING else Action.CONTINUE
    current = call.recording
    if current is None or not _is_ready(call, recording.identity):
        return Transition(call, action)
    if current.agent_channel != recording.agent_channel:
        return Transition(call, Action.CONTINUE if call.state in TERMINAL else Action.REQUEUE_RECORDING)
    ready = replace(recording, settling_until=current.settling_until, changed_at=now)
    return Transition(replace(call, recording=ready), action)


def recording_rejected(call: Call, identity: str, reason: Reason, now: int) -> Transition:
    """The recording can not be had or not be used; says so where it is still the chosen one."""
    if call.recording is None or call.recording.identity != identity:
        return Transition(call)
    if call.recording.state not in (RecordingState.READY, RecordingState.ATTACHING):
        return Transition(call)
    return Transition(replace(call, recording=_rejected(call.recording, reason, now)))


def attach(call: Call, now: int) -> Transition:
    """Lock the recording before the one-shot PATCH, so that none can replace it under way."""
    if call.recording is None or call.recording.state not in UNFINISHED or call.recording.abandoned:
        return Transition(call)
    if call.state is ConversationState.SUBMITTED and call.recording.needs_copy:
        return Transition(call)
    if call.state is ConversationState.SUBMITTED:
        if call.recording.settling_until > now:
            return Transition(call, Action.DONE)
        return Transition(replace(call, recording=_attaching(call.recording, now)), Action.ATTACH)
    if call.state in TERMINAL:
        reason = call.reason or Reason("call_rejected", "The call itself was rejected.")
        return Transition(replace(call, recording=_rejected(call.recording, reason, now)))
    return Transition(call)


def _attaching(recording: Recording, now: int) -> Recording:
    if recording.state is RecordingState.ATTACHING:
        return replace(recording, maybe_attached=True)
    return replace(recording, state=RecordingState.ATTACHING, changed_at=now)


def attached(call: Call, identity: str, now: int) -> Transition:
    """The PATCH was answered with 200, or with 409 and a GET that shows audio."""
    if call.recording is None or call.recording.identity != identity:
        return Transition(call)
    if call.recording.state is not RecordingState.ATTACHING:
        return Transition(call)
    done = replace(
        call.recording,
        state=RecordingState.ATTACHED,
        url="",
        upload_id=None,
        reason=None,
        changed_at=now,
    )
    return Transition(replace(call, recording=done))


def attach_abandoned(call: Call, identity: str, reason: Reason, now: int) -> Transition:
    """The recording cannot be sent any more; where another PATCH may be under way it stays locked until then.

    Else the next recording's 409 would be taken for its own:

        worker A   lock ── PATCH ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ (lands)
        worker B          locked already ── abandoned           confirm ── attached, or rejected
    """
    recording = call.recording
    if recording is None or recording.identity != identity or recording.abandoned:
        return Transition(call)
    if recording.state is not RecordingState.ATTACHING or not recording.maybe_attached:
        return recording_rejected(call, identity, reason, now)
    return Transition(replace(call, recording=replace(recording, reason=reason, changed_at=now)))


def attach_fetch_failed(call: Call, identity: str, reason: Reason, now: int) -> Transition:
    """Coval could not fetch the recording's URL; fresh ones are tried for a day, then it ends with Coval's words."""
    if call.recording is None or call.recording.identity != identity or call.recording.abandoned:
        return Transition(call)
    failing = _fetch_failing(call.recording, now)
    if now - failing.fetch_failing_since >= pauses.FETCH_SECONDS:
        return attach_abandoned(call, identity, reason, now)
    return held(replace(call, recording=failing), now + pauses.of_fetch(now - failing.fetch_failing_since))


def submit_fetch_failed(call: Call, token: str, reason: Reason, now: int) -> Transition:
    """As `attach_fetch_failed`, for a submit that named the URL: it has made nothing."""
    if not _holds_lease(call, token) or call.recording is None:
        return _lease_lost(call, now)
    failing = _fetch_failing(call.recording, now)
    if now - failing.fetch_failing_since >= pauses.FETCH_SECONDS:
        return audio_rejected(call, token, reason, now)
    pause = pauses.of_fetch(now - failing.fetch_failing_since)
    return held(_without_lease(replace(call, recording=failing)), now + pause)


def _fetch_failing(recording: Recording, now: int) -> Recording:
    return replace(recording, fetch_failing_since=recording.fetch_failing_since or now)


# --- what comes next, and when the sweep looks -------------------------------------------------------


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
    if call.transcript:
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
    return _claim(call, attempt, with_transcript=with_transcript)


def resume(call: Call, deadlines: Deadlines, attempt: Attempt, sweep: int | None = None) -> Transition:
    """The call was found unfinished: do what its deadlines ask for. What an earlier sweep has sent is stale."""
    if call.revision == 0 or call.held_until > attempt.now or sweep not in (None, call.sweeps):
        return Transition(call, Action.DONE)
    if call.state is ConversationState.SUBMITTING:
        return _resume_submit(call, attempt)
    if audit_due(call, deadlines, attempt.now):
        return Transition(call, Action.AUDIT)
    if is_hopeless(call, attempt.now):
        return _given_up(call, attempt.now)
    if call.state is ConversationState.NEW:
        return _resume_without_call_end(call, deadlines, attempt)
    return _resume_deadlines(call, deadlines, attempt.now)


def is_hopeless(call: Call, now: int) -> bool:
    """Whether it has waited for so long that it ends."""
    return _gives_up_at(call) <= now


def _gives_up_at(call: Call) -> int:
    """When nothing can be hoped for any more: each message of the call has ended before."""
    if call.state in TERMINAL:
        recording = call.recording
        since = recording.changed_at if recording and not recording.abandoned else 0
        return since + pauses.GIVE_UP_SECONDS if since else sys.maxsize
    since = max(call.created_at, call.waiting_since, call.recording.changed_at if call.recording else 0)
    return since + pauses.GIVE_UP_SECONDS


def _given_up(call: Call, now: int) -> Transition:
    """Ends visibly what has waited too long: the call that was not submitted, or only its recording."""
    recording = call.recording
    if recording and recording.state in UNFINISHED:  # its URL stays: it may be revived
        recording = replace(_rejected(recording, WAITED_TOO_LONG, now), url=recording.url)
    ended = replace(call, recording=recording)
    if call.state not in TERMINAL:
        ended = replace(ended, state=ConversationState.REJECTED, lease=None, reason=WAITED_TOO_LONG)
    return Transition(ended, Action.DONE)


def _resume_submit(call: Call, attempt: Attempt) -> Transition:
    assert call.lease is not None
    if call.lease.until > attempt.now:
        return Transition(call, Action.DONE)
    return _take_over(call, attempt, with_transcript=call.lease.parts.transcript)


def _resume_deadlines(call: Call, deadlines: Deadlines, now: int) -> Transition:
    if call.state is ConversationState.WAITING and _transcript_overdue(call, deadlines, now):
        return Transition(replace(call, call_end=CallEnd.WITHOUT_TRANSCRIPT))
    if call.recording and call.recording.abandoned and call.recording.changed_at + deadlines.audit <= now:
        return Transition(call, Action.CONFIRM_ATTACH)
    if _recording_overdue(call, deadlines, now):
        return Transition(replace(call, recording_missed_at=now), Action.DONE)
    return Transition(call)


def _resume_without_call_end(call: Call, deadlines: Deadlines, attempt: Attempt) -> Transition:
    if call.transcript:
        overdue = call.transcript.stored_at + deadlines.transcript <= attempt.now
        return _claim(call, attempt, with_transcript=True) if overdue else Transition(call)
    is_sendable = call.recording_state in (RecordingState.UPLOADED, RecordingState.BY_URL)
    if is_sendable and call.recording and _grace_ends_at(call.recording, deadlines) <= attempt.now:
        return _claim(call, attempt, with_transcript=False)
    return Transition(call)


def _grace_ends_at(recording: Recording, deadlines: Deadlines) -> int:
    return max(recording.changed_at + deadlines.grace, recording.settling_until)


def _transcript_overdue(call: Call, deadlines: Deadlines, now: int) -> bool:
    pending = call.call_end is CallEnd.TRANSCRIPT_PENDING and call.transcript is None
    return pending and call.waiting_since + deadlines.transcript <= now


def audit_due(call: Call, deadlines: Deadlines, now: int) -> bool:
    """Whether it is time to look what came of a submit that was taken over."""
    return _needs_audit(call) and _audit_at(call, deadlines) <= now


def _needs_audit(call: Call) -> bool:
    return call.state is not ConversationState.SUBMITTING and call.maybe_sent_at > 0 and not call.audited_at


def _audit_at(call: Call, deadlines: Deadlines) -> int:
    return max(call.submitted_at, call.maybe_sent_at) + deadlines.audit


def _recording_overdue(call: Call, deadlines: Deadlines, now: int) -> bool:
    return _recording_is_expected(call) and _ended_at(call) + deadlines.recording <= now


def _recording_is_expected(call: Call) -> bool:
    expected = call.facts is not None and call.facts.recording_expected and not call.recording_missed_at
    silent = call.state is ConversationState.WAITING and call.call_end is CallEnd.WITHOUT_TRANSCRIPT
    return expected and call.recording is None and (silent or call.state is ConversationState.SUBMITTED)


def _ended_at(call: Call) -> int:
    return call.submitted_at or call.waiting_since


def audited(call: Call, maybe_sent_at: int, now: int) -> Transition:
    """Nothing more of what was taken over at `maybe_sent_at` is to be found in Coval."""
    return Transition(replace(call, audited_at=now) if call.maybe_sent_at == maybe_sent_at else call)


def swept(call: Call, now: int) -> Transition:
    """The sweep takes the call on, where it is still due; written first, so that no other sweep does."""
    if call.due_at is None or call.due_at > now:
        return Transition(call, Action.DONE)
    return Transition(replace(call, sweeps=call.sweeps + 1))


def put_off(call: Call, until: int, now: int) -> Transition:
    """What was brought back cannot be done now: the sweep tries again at `until`, unless it does so earlier already."""
    until = max(until, now + _pause(max(call.sweeps, 1), call))
    if call.due_at is None or now < call.due_at <= until:
        return Transition(call, Action.DONE)
    return held(call, until)


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
    return min([rested, *_settling(call, now)])


def _pause(sweeps: int, call: Call) -> int:
    """How long the call rests after so many sweeps without progress."""
    if not sweeps:
        return 0
    awaits_text = call.transcript is not None and call.transcript.missing
    longest = pauses.MISSING_TEXT_LONGEST_SECONDS if awaits_text else pauses.LONGEST_SECONDS
    return pauses.of_sweep(sweeps - 1, longest)


def _settling(call: Call, now: int) -> list[int]:
    """When the recording settles, which no hold puts off: it is uploaded meanwhile, to go along with the text."""
    settles_at = call.recording.settling_until if call.recording and _is_to_upload(call) else 0
    return [settles_at] if settles_at > now else []


def _is_to_upload(call: Call) -> bool:
    unsent = call.state not in TERMINAL and call.state is not ConversationState.SUBMITTING
    return unsent and call.recording_state is RecordingState.READY


def awaits_upload(call: Call, now: int) -> bool:
    """Whether the recording has settled, and nobody has uploaded it yet."""
    return _is_to_upload(call) and not _settling(call, now)


def text_is_due(call: Call, deadlines: Deadlines, now: int) -> bool:
    """Whether the transcript is to be tried now; while it is not, the recording can be uploaded."""
    if call.transcript is None or call.state in TERMINAL:
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
    if call.state is ConversationState.WAITING and call.transcript:
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
    if recording is None:
        return [_ended_at(call) + deadlines.recording] if _recording_is_expected(call) else []
    is_sendable = recording.state in (RecordingState.UPLOADED, RecordingState.BY_URL)
    if is_sendable and call.state is ConversationState.NEW:
        return [_grace_ends_at(recording, deadlines)]
    to_attach = call.state in TERMINAL and recording.state in UNFINISHED
    to_submit = is_sendable and next_action(call) is Action.CLAIM_RECORDING
    if not (to_attach or to_submit or _is_to_upload(call)):
        return []
    rest = deadlines.audit if recording.abandoned else deadlines.resume
    return [recording.settling_until if recording.settling_until > now else recording.changed_at + rest]
