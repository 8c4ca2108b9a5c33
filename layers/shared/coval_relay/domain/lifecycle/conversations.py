"""A call's end, its transcript, and Coval's answers to its submit."""

from dataclasses import replace

from coval_relay.domain import backoff
from coval_relay.domain.call import (
    SIMULATION,
    TERMINAL,
    Call,
    CallEnd,
    CallFacts,
    ConversationState,
    Description,
    DroppedTranscript,
    KnownConversation,
    RecordingState,
    TranscriptPointer,
)
from coval_relay.domain.errors import Reason
from coval_relay.domain.lifecycle import claims, descriptions, recordings, resumption
from coval_relay.domain.lifecycle.transition import (
    MAX_NOTES,
    RETRY_SECONDS,
    Action,
    Attempt,
    Transition,
    held,
    input_rejected,
)

NOTHING_TO_EVALUATE = Reason("skipped", "The call has no transcript and no recording is expected.")


# --- call end and transcript --------------------------------------------------------------------------


def call_ended(
    call: Call, kind: CallEnd, facts: CallFacts, pointer: TranscriptPointer | None, attempt: Attempt
) -> Transition:
    """A call ended: with its text in the event, with a pointer to it, with a text to come, or with none."""
    call = claims.revived(call, attempt.now)
    if call.facts is None or call.reason == claims.TRANSCRIPT_MISSING:
        call = claims.revived_without_words(call, attempt.now)
    kind = _of_all_legs(call, kind)
    with_transcript = kind is CallEnd.WITH_TRANSCRIPT or pointer is not None
    unknown = call.transcript is None or call.transcript.is_unnamed
    hopeless = kind is CallEnd.TRANSCRIPT_PENDING and call.transcript_unavailable and unknown
    known = replace(
        call,
        call_end=CallEnd.WITHOUT_TRANSCRIPT if hopeless and not with_transcript else kind,
        facts=_merged_facts(call.facts, facts, with_transcript=with_transcript),
        transcript=pointer or _still_of_use(call.transcript, kind),
        created_at=call.created_at or attempt.now,
        waiting_since=call.waiting_since or attempt.now,
    )
    if call.state in TERMINAL:
        return Transition(_note_late(call, with_transcript=with_transcript, facts=True))
    known = descriptions.described(known, attempt.now)
    if call.state is ConversationState.SUBMITTING:
        return _ended_during_submit(call, known, attempt, with_transcript=with_transcript)
    if with_transcript:
        return claims.claimed(known, attempt, with_transcript=True)
    if call.state is ConversationState.QUEUED:  # its text brings its own facts
        own = call.facts or facts
        return Transition(replace(call, facts=_marked(own, own, facts)))
    anew = known.recording is not None and known.recording.needs_preparation and known.recording != call.recording
    waiting = _noted_if_nothing_to_evaluate(replace(known, state=ConversationState.WAITING))
    return Transition(waiting, Action.REQUEUE_RECORDING if anew else Action.CONTINUE)


def _of_all_legs(call: Call, kind: CallEnd) -> CallEnd:
    """The end of a leg without words does not end the wait for those of another leg, whichever comes first."""
    awaited = call.call_end is CallEnd.TRANSCRIPT_PENDING and call.state is not ConversationState.SUBMITTING
    return CallEnd.TRANSCRIPT_PENDING if awaited and kind is CallEnd.WITHOUT_TRANSCRIPT else kind


def _still_of_use(held: TranscriptPointer | None, kind: CallEnd) -> TranscriptPointer | None:
    """Utterances that nobody has named are not, where the end brings the text itself."""
    return None if held and held.is_unnamed and kind is CallEnd.WITH_TRANSCRIPT else held


def _merged_facts(known: CallFacts | None, arrived: CallFacts, *, with_transcript: bool) -> CallFacts:
    """Of ends of several legs the first leg's facts hold, whichever came first; text brings its own.

    That the call is a simulation holds, whichever event said so.
    """
    if known is None:
        return arrived
    chosen = known if not with_transcript and known.occurred_at < arrived.occurred_at else arrived
    return _marked(chosen, arrived, known)


def _marked(chosen: CallFacts, *said: CallFacts) -> CallFacts:
    """The facts with the first mark of a simulation that was said, if any was."""
    marks = [facts.metadata[SIMULATION] for facts in said if SIMULATION in facts.metadata]
    return replace(chosen, metadata={**chosen.metadata, SIMULATION: marks[0]}) if marks else chosen


def call_described(call: Call, description: Description, now: int) -> Transition:
    """An event besides the call's end describes it, before the end or after: what was said first holds.

    While a submit is under way it is kept only: it counts where that has not been sent, or for the recording after it.
    """
    before = call.described or Description()
    merged = Description(
        status=before.status or description.status,
        direction=before.direction or description.direction,
        agent_channel=description.agent_channel if before.agent_channel is None else before.agent_channel,
    )
    known = replace(call, described=merged, created_at=call.created_at or now)
    if call.state is ConversationState.SUBMITTING:
        return Transition(known, Action.DONE)
    known = descriptions.described(known, now)
    anew = known.recording != call.recording
    if call.state in TERMINAL:
        return Transition(known, Action.CONTINUE if anew else Action.DONE)
    if anew and known.recording and known.recording.needs_preparation:
        return Transition(known, Action.REQUEUE_RECORDING)
    return Transition(known, Action.DONE if call.facts is None else Action.CONTINUE)


def _noted_if_nothing_to_evaluate(call: Call) -> Call:
    assert call.facts is not None
    hopeless = call.call_end is CallEnd.WITHOUT_TRANSCRIPT and not call.facts.recording_expected
    if not hopeless or call.recording or call.transcript or NOTHING_TO_EVALUATE in call.notes:
        return call
    return replace(call, notes=(*call.notes, NOTHING_TO_EVALUATE)[-MAX_NOTES:])


def _ended_during_submit(call: Call, known: Call, attempt: Attempt, *, with_transcript: bool) -> Transition:
    assert call.lease is not None
    if call.lease.until > attempt.now:
        return Transition(call, Action.WAIT, call.lease.until)
    if with_transcript:
        return claims.taken_over(known, attempt, with_transcript=True)
    if known.call_end is CallEnd.WITHOUT_TRANSCRIPT and not call.lease.parts.transcript:
        kept = replace(known, call_end=_stronger_call_end(call.call_end, known.call_end))
        return claims.taken_over(kept, attempt, with_transcript=False)
    return Transition(call, Action.WAIT, attempt.now + RETRY_SECONDS)


def _stronger_call_end(before: CallEnd, now: CallEnd) -> CallEnd:
    return now if before in (CallEnd.NOT_SEEN, CallEnd.WITH_TRANSCRIPT) else before


def transcript_arrived(call: Call, pointer: TranscriptPointer, attempt: Attempt) -> Transition:
    """A transcript came by itself; without the call's facts it waits for them, and for a better one."""
    call = claims.revived_without_words(claims.revived(call, attempt.now), attempt.now)
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
    if chosen.settling_until > attempt.now or not stored.has_text:
        return Transition(stored, Action.DONE)
    return claims.claimed(stored, attempt, with_transcript=True)


def _arrived_during_submit(call: Call, stored: Call, attempt: Attempt) -> Transition:
    assert call.lease is not None
    if call.lease.until > attempt.now:
        return Transition(call, Action.WAIT, call.lease.until)
    return claims.taken_over(stored, attempt, with_transcript=True)


def _better_transcript(held: TranscriptPointer | None, arrived: TranscriptPointer) -> TranscriptPointer:
    """Of transcripts of one rank the first stays: the same one comes again with every delivery."""
    return arrived if held is None or arrived.rank > held.rank else held


def transcript_unavailable(call: Call, now: int) -> Transition:
    """The announced transcript will not come; the call end, if it is still to come, need not wait for it."""
    if call.state not in (ConversationState.NEW, ConversationState.WAITING):
        return Transition(call)
    noted = replace(call, transcript_unavailable=True, created_at=call.created_at or now)
    if call.call_end is CallEnd.TRANSCRIPT_PENDING and not call.has_text:
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


# --- the answers to a submit --------------------------------------------------------------------------


def submitted(call: Call, token: str, made: KnownConversation, now: int) -> Transition:
    """Coval has the conversation: made by this attempt, or adopted because a read has found it."""
    if not claims.holds_lease(call, token):
        return claims.lease_lost(call, now)
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
        recording=recordings.recording_after_submit(call.recording, made.audio, now),
        other_recordings={**call.other_recordings, made.others: "attached"} if made.others else call.other_recordings,
    )
    after = descriptions.with_sides(after, now)
    return _note_late(after, with_transcript=due_text, facts=call.call_end is not CallEnd.NOT_SEEN)


def call_rejected(call: Call, token: str, state: ConversationState, reason: Reason, now: int) -> Transition:
    """Coval filtered or rejected the call for good; the recording that went along ends with it."""
    if not claims.holds_lease(call, token):
        return claims.lease_lost(call, now)
    assert call.lease is not None
    recording = call.recording
    if recording and call.lease.parts.recording:
        recording = recordings.rejected(recording, reason, now)
    return Transition(replace(call, state=state, lease=None, reason=reason, recording=recording))


def audio_rejected(call: Call, token: str, reason: Reason, now: int) -> Transition:
    """Coval rejected the audio: the text goes without it under the same lease."""
    if not claims.holds_lease(call, token):
        return claims.lease_lost(call, now)
    recording = recordings.rejected(call.recording, reason, now) if call.recording else None
    return _without_recording(replace(call, recording=recording), Action.CONTINUE, now)


def upload_not_found(call: Call, token: str, now: int) -> Transition:
    """Coval does not know the upload id, and a read has shown that no conversation used it up."""
    if not claims.holds_lease(call, token):
        return claims.lease_lost(call, now)
    recording = call.recording
    if recording and recording.state is RecordingState.UPLOADED:
        recording = replace(recording, state=RecordingState.READY, upload_id=None, changed_at=now)
    return _without_recording(replace(call, recording=recording), Action.REQUEUE_RECORDING, now)


def _without_recording(call: Call, otherwise: Action, now: int) -> Transition:
    assert call.lease is not None
    lease = replace(call.lease, parts=replace(call.lease.parts, recording=False))
    if lease.parts.transcript:
        return Transition(descriptions.described(replace(call, lease=lease), now), Action.SUBMIT)
    return Transition(claims.without_lease(call, now), otherwise)


def transcript_not_ready(call: Call, token: str, until: int, now: int) -> Transition:
    """The transcript is not there yet: the lease ends, the sweep looks again.

    A recording that has settled, or is to be made anew as its side is known by now, is uploaded meanwhile, to go along.
    """
    if not claims.holds_lease(call, token):
        return claims.lease_lost(call, now)
    waits = held(_with_missing_text(claims.without_lease(call, now)), until)
    return replace(waits, action=Action.UPLOAD) if resumption.awaits_upload(waits.call, now) else waits


def transcript_awaited(call: Call) -> Transition:
    """Another look has not found the transcript either: the sweep looks again."""
    return Transition(_with_missing_text(call), Action.DONE)


def _with_missing_text(call: Call) -> Call:
    return replace(call, transcript=replace(call.transcript, missing=True)) if call.transcript else call


def transcript_dropped(call: Call, token: str, reason: Reason, now: int) -> Transition:
    """The transcript cannot be sent: the call goes on as one without text, or ends where nothing else can come."""
    if not claims.holds_lease(call, token):
        return claims.lease_lost(call, now)
    noted = input_rejected(call, reason, now).call
    end = CallEnd.NOT_SEEN if call.facts is None else CallEnd.WITHOUT_TRANSCRIPT
    dropped = DroppedTranscript(reason=reason, pointer=call.transcript)
    without = replace(noted, call_end=end, transcript=None, dropped=dropped)
    if not resumption.has_more(call):
        return Transition(replace(without, state=ConversationState.REJECTED, lease=None, reason=reason))
    return Transition(claims.without_lease(without, now))


def submit_fetch_failed(call: Call, token: str, reason: Reason, now: int) -> Transition:
    """As `attach_fetch_failed`, for a submit: it has made nothing.

    Text goes at once, without it: an event's own text is with this attempt alone.
    """
    if not claims.holds_lease(call, token) or call.recording is None:
        return claims.lease_lost(call, now)
    failing = recordings.fetch_failing(call.recording, now)
    if now - failing.fetch_failing_since >= backoff.FETCH_SECONDS:
        return audio_rejected(call, token, reason, now)
    if call.lease and call.lease.parts.transcript:
        return upload_not_found(call, token, now)
    pause = backoff.of_fetch(now - failing.fetch_failing_since)
    return held(claims.without_lease(replace(call, recording=failing), now), now + pause)
