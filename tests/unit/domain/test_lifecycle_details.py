"""The state protocol in detail: whole items after an event, and what happens exactly at a limit."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from coval_relay.domain import backoff, lifecycle
from coval_relay.domain.call import (
    SIMULATION,
    Call,
    CallEnd,
    CallFacts,
    ConversationAudio,
    Description,
    DroppedTranscript,
    KnownConversation,
    Lease,
    Parts,
    Recording,
    RecordingHints,
    TranscriptPointer,
)
from coval_relay.domain.call import ConversationState as State
from coval_relay.domain.call import RecordingState as Sound
from coval_relay.domain.errors import Reason
from coval_relay.domain.lifecycle import (
    NOTHING_TO_EVALUATE,
    OLD_CALL_SECONDS,
    OTHER_RECORDING_ATTACHED,
    Action,
    Deadlines,
    Transition,
)
from coval_relay.domain.s3_objects import ObjectVersion
from tests.support.calls import AUDIO, BOTH, EARLIER, FACTS, MINE, NOW, TEXT, call, recording
from tests.support.calls import submitting as mine

REASON = Reason("code", "text")
DEADLINES = Deadlines(grace=100, transcript=200, recording=300, audit=400, resume=500)
POINTER = TranscriptPointer(bucket="b", key="k", format="canonical_v1", stored_at=NOW)
NEW = Call(external_conversation_id="c")


def ended_lease(parts: Parts = TEXT, **changes: Any) -> Call:
    return call(State.SUBMITTING, lease=Lease("other", NOW, parts), **changes)


def ended(seen: Call, kind: CallEnd = CallEnd.WITH_TRANSCRIPT, facts: CallFacts = FACTS) -> Transition:
    return lifecycle.call_ended(seen, kind, facts, None, MINE)


UPLOADED = recording(Sound.UPLOADED, upload_id="upl", url="https://a.example/", channels=2)


# --- call end ----------------------------------------------------------------------------------------


def test_the_first_event_of_a_call() -> None:
    assert ended(NEW) == Transition(
        replace(
            NEW,
            state=State.SUBMITTING,
            call_end=CallEnd.WITH_TRANSCRIPT,
            facts=FACTS,
            lease=Lease("mine", NOW + 180, TEXT),
            created_at=NOW,
            waiting_since=NOW,
        ),
        Action.SUBMIT,
    )
    waiting = replace(
        NEW,
        state=State.WAITING,
        call_end=CallEnd.TRANSCRIPT_PENDING,
        facts=FACTS,
        created_at=NOW,
        waiting_since=NOW,
    )
    assert ended(NEW, CallEnd.TRANSCRIPT_PENDING) == Transition(waiting)
    assert lifecycle.transcript_arrived(NEW, POINTER, MINE) == Transition(
        replace(NEW, transcript=POINTER, created_at=NOW), Action.DONE
    )
    assert lifecycle.transcript_unavailable(NEW, NOW) == Transition(
        replace(NEW, transcript_unavailable=True, created_at=NOW)
    )
    assert lifecycle.input_rejected(NEW, REASON, NOW) == Transition(
        replace(NEW, notes=(REASON,), created_at=NOW), Action.DONE
    )
    incoming = recording()
    assert lifecycle.recording_arrived(NEW, incoming, MINE) == Transition(
        replace(NEW, recording=replace(incoming, changed_at=NOW), created_at=NOW), Action.UPLOAD
    )


def test_later_events_leave_the_times_of_the_first() -> None:
    seen = call(State.WAITING, call_end=CallEnd.TRANSCRIPT_PENDING, facts=FACTS, waiting_since=EARLIER)
    after = (
        ended(seen),
        ended(seen, CallEnd.WITHOUT_TRANSCRIPT),
        lifecycle.transcript_arrived(seen, POINTER, MINE),
        lifecycle.transcript_unavailable(seen, NOW),
        lifecycle.input_rejected(seen, REASON, NOW),
        lifecycle.recording_arrived(seen, recording(), MINE),
    )
    times = {(transition.call.created_at, transition.call.waiting_since) for transition in after}
    assert times == {(EARLIER, EARLIER)}


def test_a_claim_without_a_call_end_dates_the_call() -> None:
    undated = call(created_at=0, transcript=replace(POINTER, stored_at=0))
    claimed = lifecycle.resume(undated, DEADLINES, MINE).call
    assert (claimed.created_at, claimed.lease) == (
        NOW,
        Lease("mine", NOW + 180, Parts(transcript=True, facts=False, recording=False)),
    )


@pytest.mark.parametrize(("late", "action"), [(0, Action.SUBMIT), (1, Action.READ_THEN_SUBMIT)])
def test_a_call_that_ended_a_day_before_it_was_seen(late: int, action: Action) -> None:
    ended_at = NOW - OLD_CALL_SECONDS - late
    assert ended(call(created_at=NOW), facts=replace(FACTS, ended_at=ended_at)).action is action


def test_without_the_calls_facts_it_may_have_been_sent_long_ago() -> None:
    uploaded = recording(Sound.UPLOADED, created_at=NOW, changed_at=0)
    assert lifecycle.resume(call(created_at=NOW, recording=uploaded), DEADLINES, MINE).action is Action.READ_THEN_SUBMIT
    text = replace(POINTER, stored_at=0)
    assert lifecycle.resume(call(created_at=NOW, transcript=text), DEADLINES, MINE).action is Action.READ_THEN_SUBMIT


SAID = Description(status="voicemail", direction="inbound", agent_channel=1)


def test_what_is_said_besides_the_end_is_part_of_the_facts() -> None:
    after = lifecycle.call_described(call(created_at=0), SAID, NOW)
    assert after == Transition(replace(call(created_at=NOW), described=SAID), Action.DONE)
    facts = replace(FACTS, metadata={"call_status": "completed"}, agent_channel=None)
    known = ended(after.call, CallEnd.WITHOUT_TRANSCRIPT, facts=facts).call.facts
    assert known == replace(facts, metadata={"direction": "inbound", "call_status": "voicemail"}, agent_channel=1)
    waiting = call(State.WAITING, facts=facts, call_end=CallEnd.WITHOUT_TRANSCRIPT)
    assert lifecycle.call_described(waiting, SAID, NOW).call.facts == known


def test_what_the_end_says_and_what_was_said_first_hold() -> None:
    facts = replace(FACTS, metadata={"call_status": "busy", "direction": "outbound"}, agent_channel=0)
    assert ended(call(described=SAID), CallEnd.WITHOUT_TRANSCRIPT, facts=facts).call.facts == facts
    other = Description(status="busy", direction="outbound", agent_channel=0)
    assert lifecycle.call_described(call(described=SAID), other, NOW).call.described == SAID
    assert lifecycle.call_described(call(described=Description()), other, NOW).call.described == other


@pytest.mark.parametrize("state", [State.SUBMITTED, State.REJECTED, State.SUBMITTING])
def test_what_is_said_too_late_changes_nothing_else(state: State) -> None:
    seen = call(state, facts=FACTS)
    assert lifecycle.call_described(seen, SAID, NOW) == Transition(replace(seen, described=SAID), Action.DONE)


def test_an_agent_channel_that_comes_after_the_recording_makes_it_anew() -> None:
    stereo = recording(Sound.UPLOADED, channels=2, upload_id="u")
    seen = call(State.WAITING, facts=FACTS, call_end=CallEnd.WITHOUT_TRANSCRIPT, recording=stereo)
    after = lifecycle.call_described(seen, SAID, NOW)
    assert after.action is Action.REQUEUE_RECORDING
    assert after.call.recording == replace(
        stereo, state=Sound.READY, upload_id=None, agent_channel=1, needs_preparation=True, changed_at=NOW
    )
    assert lifecycle.call_described(seen, Description(status="busy"), NOW).action is Action.CONTINUE


def test_who_lost_its_lease_to_nobody_comes_again() -> None:
    seen = call(State.WAITING)
    assert lifecycle.lease_released(seen, "mine", NOW) == Transition(seen, Action.WAIT, NOW + 30)
    assert lifecycle.submit_fetch_failed(mine(), "mine", REASON, NOW) == Transition(mine(), Action.WAIT, NOW + 50)


EARLY = replace(FACTS, occurred_at="2026-10-02T14:30:00.000Z")
LATE = replace(FACTS, occurred_at="2026-10-02T14:35:00.000Z")


@pytest.mark.parametrize(
    ("known", "later", "kind", "chosen"),
    [
        (EARLY, LATE, CallEnd.WITHOUT_TRANSCRIPT, EARLY),
        (LATE, EARLY, CallEnd.WITHOUT_TRANSCRIPT, EARLY),
        (EARLY, LATE, CallEnd.WITH_TRANSCRIPT, LATE),
        (LATE, EARLY, CallEnd.WITH_TRANSCRIPT, EARLY),
        (replace(EARLY, seconds=1.0), EARLY, CallEnd.WITHOUT_TRANSCRIPT, EARLY),
    ],
)
def test_of_several_ends_the_earliest_holds_unless_one_has_the_text(
    known: CallFacts, later: CallFacts, kind: CallEnd, chosen: CallFacts
) -> None:
    seen = call(State.WAITING, call_end=CallEnd.WITHOUT_TRANSCRIPT, facts=known)
    assert ended(seen, kind, later).call.facts == chosen


@pytest.mark.parametrize(
    ("known", "later", "mark"),
    [
        ({SIMULATION: "sim_1"}, {}, "sim_1"),
        ({}, {SIMULATION: "sim_2"}, "sim_2"),
        ({SIMULATION: "sim_1"}, {SIMULATION: "sim_2"}, "sim_2"),
    ],
)
def test_a_simulation_stays_one(known: dict[str, str], later: dict[str, str], mark: str) -> None:
    seen = call(State.WAITING, call_end=CallEnd.TRANSCRIPT_PENDING, facts=replace(EARLY, metadata={"a": 1, **known}))
    after = ended(seen, CallEnd.WITHOUT_TRANSCRIPT, replace(LATE, metadata={"b": 2, **later})).call
    assert after.facts == replace(EARLY, metadata={"a": 1, SIMULATION: mark})


@pytest.mark.parametrize(
    ("known", "later", "mark"),
    [
        ({SIMULATION: "sim_1"}, {}, "sim_1"),
        ({}, {SIMULATION: "sim_2"}, "sim_2"),
        ({SIMULATION: "sim_1"}, {SIMULATION: "sim_2"}, "sim_1"),
        ({}, {}, None),
    ],
)
def test_that_a_call_is_a_simulation_holds_while_its_text_waits(
    known: dict[str, str], later: dict[str, str], mark: str | None
) -> None:
    """Of another leg's end without text nothing else counts: the text brings its own facts."""
    facts = replace(LATE, metadata={"a": 1, **known})
    seen = call(State.QUEUED, call_end=CallEnd.WITH_TRANSCRIPT, facts=facts)
    marked = replace(LATE, metadata={"a": 1, **({SIMULATION: mark} if mark else {})})
    other = replace(EARLY, metadata={"b": 2, **later}, agent_channel=1)
    for kind in (CallEnd.WITHOUT_TRANSCRIPT, CallEnd.TRANSCRIPT_PENDING):
        assert ended(seen, kind, other) == Transition(replace(seen, facts=marked))


SIDED = replace(FACTS, agent_channel=1)


@pytest.mark.parametrize("state", [Sound.READY, Sound.UPLOADED, Sound.BY_URL])
def test_a_side_that_becomes_known_has_the_recording_made_anew(state: Sound) -> None:
    copy = ObjectVersion("staging", "copy", "e")
    held = recording(state, channels=2, upload_id="upl", prepared=copy)
    seen = call(State.WAITING, call_end=CallEnd.TRANSCRIPT_PENDING, recording=held)
    anew = ended(seen, CallEnd.TRANSCRIPT_PENDING, SIDED)
    assert (anew.action, anew.call.recording) == (
        Action.REQUEUE_RECORDING,
        replace(
            held,
            state=Sound.READY,
            agent_channel=1,
            upload_id=None,
            prepared=None,
            needs_preparation=True,
            changed_at=NOW,
        ),
    )


@pytest.mark.parametrize(
    ("channels", "agent_channel", "state"),
    [
        (1, 1, Sound.UPLOADED),
        (1, 0, Sound.UPLOADED),
        (2, 0, Sound.UPLOADED),
        (2, 1, Sound.READY),
        (3, 0, Sound.READY),
    ],
)
def test_only_a_wrong_side_makes_it_anew(channels: int, agent_channel: int, state: Sound) -> None:
    seen = call(recording=replace(UPLOADED, channels=channels))
    after = ended(seen, CallEnd.TRANSCRIPT_PENDING, replace(FACTS, agent_channel=agent_channel))
    assert after.call.recording is not None
    assert (after.call.recording.state, after.call.recording.agent_channel) == (state, agent_channel)
    assert after.action is (Action.REQUEUE_RECORDING if state is Sound.READY else Action.CONTINUE)


def test_what_is_to_be_made_anew_already_is_not_asked_for_twice() -> None:
    held = recording(channels=2, needs_preparation=True, agent_channel=1)
    assert ended(call(recording=held), CallEnd.TRANSCRIPT_PENDING, SIDED).action is Action.CONTINUE


@pytest.mark.parametrize(("state", "known"), [(Sound.ATTACHING, None), (Sound.ATTACHED, None), (Sound.UPLOADED, 0)])
def test_a_side_that_comes_too_late_or_was_known(state: Sound, known: int | None) -> None:
    held = recording(state, channels=2, agent_channel=known)
    assert ended(call(recording=held), CallEnd.TRANSCRIPT_PENDING, SIDED).call.recording == held


def test_an_agent_channel_that_comes_to_an_ended_lease() -> None:
    held = recording(Sound.UPLOADED, channels=2)
    anew = replace(held, state=Sound.READY, agent_channel=1, needs_preparation=True, changed_at=NOW)
    after = ended(ended_lease(AUDIO, recording=held), CallEnd.WITH_TRANSCRIPT, SIDED)
    assert (after.action, after.call.recording, after.call.lease) == (
        Action.READ_THEN_SUBMIT,
        anew,
        Lease("mine", NOW + 180, TEXT),
    )
    assert ended(ended_lease(), CallEnd.WITH_TRANSCRIPT, SIDED).call.recording is None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (CallEnd.NOT_SEEN, CallEnd.WITHOUT_TRANSCRIPT),
        (CallEnd.WITH_TRANSCRIPT, CallEnd.WITHOUT_TRANSCRIPT),
        (CallEnd.WITHOUT_TRANSCRIPT, CallEnd.WITHOUT_TRANSCRIPT),
        (CallEnd.TRANSCRIPT_PENDING, CallEnd.TRANSCRIPT_PENDING),
    ],
)
def test_an_end_without_text_takes_over_what_was_sent_without_text(before: CallEnd, after: CallEnd) -> None:
    seen = ended_lease(AUDIO, call_end=before, recording=UPLOADED)
    assert ended(seen, CallEnd.WITHOUT_TRANSCRIPT) == Transition(
        replace(
            seen,
            call_end=after,
            facts=FACTS,
            waiting_since=NOW,
            maybe_sent_at=NOW,
            lease=Lease("mine", NOW + 180, AUDIO),
        ),
        Action.READ_THEN_SUBMIT,
    )


def test_an_end_without_text_leaves_a_text_to_its_own_message() -> None:
    seen = ended_lease()
    assert ended(seen, CallEnd.WITHOUT_TRANSCRIPT) == Transition(seen, Action.WAIT, NOW + 30)
    held = mine()
    assert ended(held) == Transition(held, Action.WAIT, NOW + 50)


@pytest.mark.parametrize(
    ("kind", "expected", "held", "noted"),
    [
        (CallEnd.WITHOUT_TRANSCRIPT, False, None, True),
        (CallEnd.WITHOUT_TRANSCRIPT, True, None, False),
        (CallEnd.TRANSCRIPT_PENDING, False, None, False),
        (CallEnd.WITHOUT_TRANSCRIPT, False, recording(Sound.REJECTED), False),
    ],
)
def test_a_call_with_nothing_to_evaluate_is_noted_once(
    kind: CallEnd, expected: bool, held: Recording | None, noted: bool
) -> None:
    facts = replace(FACTS, recording_expected=expected)
    after = ended(call(recording=held), kind, facts).call
    assert after.notes == ((NOTHING_TO_EVALUATE,) if noted else ())
    assert ended(after, kind, facts).call.notes == after.notes


def test_notes_are_kept_to_twenty() -> None:
    notes = tuple(Reason("code", str(number)) for number in range(20))
    assert lifecycle.input_rejected(call(notes=notes), REASON, NOW).call.notes == (*notes[1:], REASON)
    unexpected = replace(FACTS, recording_expected=False)
    after = ended(call(notes=notes), CallEnd.WITHOUT_TRANSCRIPT, unexpected).call
    assert after.notes == (*notes[1:], NOTHING_TO_EVALUATE)


def test_a_pending_text_that_is_known_not_to_come() -> None:
    seen = call(transcript_unavailable=True)
    assert ended(seen, CallEnd.TRANSCRIPT_PENDING).call.call_end is CallEnd.WITHOUT_TRANSCRIPT
    with_pointer = replace(seen, transcript=POINTER)
    assert ended(with_pointer, CallEnd.TRANSCRIPT_PENDING).call.call_end is CallEnd.TRANSCRIPT_PENDING
    pointed = lifecycle.call_ended(seen, CallEnd.TRANSCRIPT_PENDING, FACTS, POINTER, MINE)
    assert pointed.call.call_end is CallEnd.TRANSCRIPT_PENDING
    assert ended(call(), CallEnd.TRANSCRIPT_PENDING).call.call_end is CallEnd.TRANSCRIPT_PENDING


# --- transcripts -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settling_until", "action", "due"), [(NOW, Action.SUBMIT, NOW + 500), (NOW + 1, Action.DONE, NOW + 1)]
)
def test_a_transcript_waits_for_a_better_one(settling_until: int, action: Action, due: int) -> None:
    pointer = replace(POINTER, settling_until=settling_until)
    seen = call(State.WAITING, call_end=CallEnd.TRANSCRIPT_PENDING, facts=FACTS)
    after = lifecycle.transcript_arrived(seen, pointer, MINE)
    assert (after.action, after.call.transcript) == (action, pointer)
    step = replace(seen, transcript=pointer)
    assert lifecycle.claim_next(step, Action.CLAIM_TRANSCRIPT, MINE).action is action
    assert lifecycle.due_at(step, DEADLINES, NOW) == due


@pytest.mark.parametrize(("rank", "chosen"), [(0, "first"), (1, "first"), (2, "second")])
def test_of_two_transcripts_the_first_of_the_highest_rank(rank: int, chosen: str) -> None:
    first, second = replace(POINTER, key="first", rank=1), replace(POINTER, key="second", rank=rank)
    after = lifecycle.transcript_arrived(call(transcript=first), second, MINE)
    assert after.action is Action.DONE
    assert after.call == call(transcript=first if chosen == "first" else second)


def test_a_transcript_takes_over_an_ended_lease() -> None:
    seen = ended_lease(AUDIO, call_end=CallEnd.TRANSCRIPT_PENDING, facts=FACTS)
    assert lifecycle.transcript_arrived(seen, POINTER, MINE) == Transition(
        replace(seen, transcript=POINTER, maybe_sent_at=NOW, lease=Lease("mine", NOW + 180, TEXT)),
        Action.READ_THEN_SUBMIT,
    )
    held = mine()
    assert lifecycle.transcript_arrived(held, POINTER, MINE) == Transition(held, Action.WAIT, NOW + 50)


@pytest.mark.parametrize("facts", [True, False])
def test_a_transcript_after_the_submit_is_late_alone(facts: bool) -> None:
    seen = call(State.SUBMITTED, sent=Parts(transcript=False, facts=facts, recording=True))
    assert lifecycle.transcript_arrived(seen, POINTER, MINE).call.late == ("transcript",)


@pytest.mark.parametrize("state", [State.QUEUED, State.SUBMITTING, State.SUBMITTED, State.REJECTED])
def test_an_unavailable_text_changes_nothing_where_none_is_waited_for(state: State) -> None:
    seen = mine() if state is State.SUBMITTING else call(state)
    assert lifecycle.transcript_unavailable(seen, NOW) == Transition(seen)


@pytest.mark.parametrize(
    ("transcript", "call_end", "after"),
    [
        (None, CallEnd.TRANSCRIPT_PENDING, CallEnd.WITHOUT_TRANSCRIPT),
        (POINTER, CallEnd.TRANSCRIPT_PENDING, CallEnd.TRANSCRIPT_PENDING),
        (None, CallEnd.WITHOUT_TRANSCRIPT, CallEnd.WITHOUT_TRANSCRIPT),
    ],
)
def test_an_unavailable_text_is_waited_for_no_more(
    transcript: TranscriptPointer | None, call_end: CallEnd, after: CallEnd
) -> None:
    facts = replace(FACTS, recording_expected=False)
    seen = call(State.WAITING, call_end=call_end, facts=facts, transcript=transcript)
    notes = (NOTHING_TO_EVALUATE,) if call_end is not after else ()
    assert lifecycle.transcript_unavailable(seen, NOW) == Transition(
        replace(seen, transcript_unavailable=True, call_end=after, notes=notes)
    )


def test_a_reason_that_is_noted_already() -> None:
    noted = call(notes=(REASON,))
    assert lifecycle.input_rejected(noted, REASON, NOW) == Transition(noted, Action.DONE)


# --- answers -----------------------------------------------------------------------------------------


def submitted(
    seen: Call,
    *,
    sent: Parts = TEXT,
    audio: ConversationAudio = ConversationAudio.NONE,
    others: str | None = None,
) -> Call:
    made = KnownConversation(conversation_id="conversation", sent=sent, audio=audio, others=others)
    return lifecycle.submitted(seen, "mine", made, NOW).call


def test_a_submitted_call_with_its_recording() -> None:
    seen = mine(
        BOTH,
        call_end=CallEnd.WITH_TRANSCRIPT,
        facts=FACTS,
        recording=UPLOADED,
        other_recordings={"a": "superseded"},
    )
    done = replace(
        seen,
        state=State.SUBMITTED,
        lease=None,
        conversation_id="conversation",
        sent=BOTH,
        submitted_at=NOW,
        recording=replace(UPLOADED, state=Sound.ATTACHED, url="", changed_at=NOW),
    )
    assert submitted(seen, sent=BOTH, audio=ConversationAudio.OURS) == done
    other = replace(
        UPLOADED,
        state=Sound.REJECTED,
        reason=OTHER_RECORDING_ATTACHED,
        url="",
        upload_id=None,
        changed_at=NOW,
    )
    assert submitted(seen, sent=BOTH, audio=ConversationAudio.OTHER, others="b") == replace(
        done, recording=other, other_recordings={"a": "superseded", "b": "attached"}
    )
    assert submitted(seen, sent=BOTH) == replace(done, recording=UPLOADED)


def test_a_recording_that_has_ended_stays_so() -> None:
    rejected = recording(Sound.REJECTED, reason=REASON)
    assert submitted(mine(recording=rejected), audio=ConversationAudio.OTHER).recording == rejected
    for audio in (ConversationAudio.OURS, ConversationAudio.OTHER):
        assert submitted(mine(), audio=audio).recording is None


def test_a_recording_that_coval_has_after_all_is_attached() -> None:
    rejected = recording(Sound.REJECTED, reason=REASON)
    assert submitted(mine(recording=rejected), audio=ConversationAudio.OURS).recording == replace(
        rejected, state=Sound.ATTACHED, reason=None, changed_at=NOW
    )


@pytest.mark.parametrize(
    ("parts", "call_end", "transcript", "late"),
    [
        (TEXT, CallEnd.NOT_SEEN, None, ("transcript",)),
        (AUDIO, CallEnd.WITH_TRANSCRIPT, None, ("facts", "transcript")),
        (AUDIO, CallEnd.TRANSCRIPT_PENDING, POINTER, ("facts", "transcript")),
        (AUDIO, CallEnd.NOT_SEEN, POINTER, ("transcript",)),
        (AUDIO, CallEnd.TRANSCRIPT_PENDING, None, ("facts",)),
        (AUDIO, CallEnd.NOT_SEEN, None, ()),
    ],
)
def test_what_an_adopted_conversation_lacks(
    parts: Parts, call_end: CallEnd, transcript: TranscriptPointer | None, late: tuple[str, ...]
) -> None:
    seen = mine(parts, call_end=call_end, transcript=transcript)
    assert submitted(seen, sent=Parts(transcript=False, facts=False, recording=True)).late == late


def test_nothing_is_late_for_a_call_that_was_never_sent() -> None:
    for seen in (call(State.REJECTED, sent=AUDIO), call(State.SUBMITTED)):
        assert ended(seen) == Transition(seen)


def test_a_rejected_call() -> None:
    seen = mine(BOTH, recording=UPLOADED)
    assert lifecycle.call_rejected(seen, "mine", State.REJECTED, REASON, NOW) == Transition(
        replace(
            seen,
            state=State.REJECTED,
            lease=None,
            reason=REASON,
            recording=replace(UPLOADED, state=Sound.REJECTED, reason=REASON, upload_id=None, url="", changed_at=NOW),
        )
    )
    without = mine(BOTH)
    assert lifecycle.call_rejected(without, "mine", State.FILTERED, REASON, NOW).call == replace(
        without, state=State.FILTERED, lease=None, reason=REASON
    )


def test_rejected_audio_of_a_call_that_has_none_any_more() -> None:
    assert lifecycle.audio_rejected(mine(BOTH), "mine", REASON, NOW) == Transition(mine(TEXT), Action.SUBMIT)


def test_a_lost_upload() -> None:
    seen = mine(BOTH, recording=UPLOADED)
    ready = replace(UPLOADED, state=Sound.READY, upload_id=None, changed_at=NOW)
    assert lifecycle.upload_not_found(seen, "mine", NOW) == Transition(mine(TEXT, recording=ready), Action.SUBMIT)
    pinned = recording(Sound.ATTACHING, upload_id="upl")
    assert lifecycle.upload_not_found(mine(AUDIO, recording=pinned), "mine", NOW).call.recording == pinned
    assert lifecycle.upload_not_found(mine(BOTH), "mine", NOW) == Transition(mine(TEXT), Action.SUBMIT)


def test_a_lease_that_is_given_back() -> None:
    seen = mine(call_end=CallEnd.WITH_TRANSCRIPT)
    back = replace(seen, state=State.QUEUED, lease=None)
    assert lifecycle.submit_not_sent(seen, "mine", NOW) == Transition(back, Action.WAIT, NOW + 30)
    assert lifecycle.lease_released(seen, "mine", NOW) == Transition(back)


def test_a_withdrawn_text_of_a_call_whose_end_is_unseen() -> None:
    seen = mine(transcript=POINTER)
    dropped = DroppedTranscript(reason=REASON, pointer=POINTER)
    assert lifecycle.transcript_dropped(seen, "mine", REASON, NOW) == Transition(
        call(State.REJECTED, notes=(REASON,), reason=REASON, dropped=dropped)
    )
    assert lifecycle.transcript_dropped(replace(seen, recording=UPLOADED), "mine", REASON, NOW) == Transition(
        call(notes=(REASON,), dropped=dropped, recording=UPLOADED)
    )


def test_a_submit_whose_url_could_not_be_fetched() -> None:
    linked = recording(Sound.BY_URL)
    failing = replace(linked, fetch_failing_since=NOW)
    assert lifecycle.submit_fetch_failed(mine(AUDIO, recording=linked), "mine", REASON, NOW) == Transition(
        call(recording=failing, held_until=NOW + 60), Action.DONE
    )
    last = replace(linked, fetch_failing_since=NOW - 12 * 86_400)
    abandoned = lifecycle.submit_fetch_failed(mine(BOTH, recording=last), "mine", REASON, NOW)
    assert abandoned == Transition(
        mine(TEXT, recording=replace(last, state=Sound.REJECTED, reason=REASON, changed_at=NOW)),
        Action.SUBMIT,
    )


# --- recordings --------------------------------------------------------------------------------------


def arrived(seen: Call, incoming: Recording) -> Transition:
    return lifecycle.recording_arrived(seen, incoming, MINE)


def test_the_same_recording_once_more_changes_nothing() -> None:
    for state in Sound:
        seen = call(State.SUBMITTED, recording=recording(state))
        assert arrived(seen, recording()).call == seen


def test_a_better_recording_waits_until_the_one_that_is_being_sent_is_done() -> None:
    better = recording(sort_key="3")
    held = mine(AUDIO, recording=UPLOADED)
    assert arrived(held, better) == Transition(held, Action.WAIT, NOW + 50)
    pinned = call(State.SUBMITTED, recording=recording(Sound.ATTACHING))
    assert arrived(pinned, better) == Transition(pinned, Action.WAIT, NOW + 30)
    over = ended_lease(AUDIO, recording=UPLOADED)
    assert arrived(over, better) == Transition(over, Action.WAIT, NOW + 1)


def test_a_recording_that_comes_back_is_no_longer_an_ended_one() -> None:
    seen = call(recording=recording(), other_recordings={"s3://b/k3#e": "superseded", "x": "superseded"})
    after = arrived(seen, recording(sort_key="3"))
    assert after.call == call(
        recording=recording(sort_key="3", changed_at=NOW),
        other_recordings={"x": "superseded", "s3://b/k2#e": "superseded"},
    )
    lower = call(recording=recording(), other_recordings={"s3://b/k1#e": "rejected: code"})
    assert arrived(lower, recording(sort_key="1")) == Transition(lower)


def test_audio_that_another_recording_brought_is_never_replaced() -> None:
    seen = call(State.SUBMITTED, recording=recording(Sound.REJECTED), other_recordings={"x": "attached"})
    better = recording(sort_key="3")
    after = arrived(seen, better)
    assert after == Transition(replace(seen, other_recordings={"x": "attached", better.identity: "superseded"}))


def test_outcomes_are_kept_to_a_hundred() -> None:
    other_recordings = {str(number): "superseded" for number in range(100)}
    after = arrived(
        call(recording=recording(), other_recordings=other_recordings), recording(sort_key="3")
    ).call.other_recordings
    assert list(after) == [*map(str, range(1, 100)), "s3://b/k2#e"]


def test_a_rejection_without_a_reason_counts_as_superseded() -> None:
    odd = call(recording=recording(Sound.REJECTED))
    assert arrived(odd, recording(sort_key="3")).call.other_recordings == {"s3://b/k2#e": "superseded"}
    explained = call(recording=recording(reason=REASON))
    assert arrived(explained, recording(sort_key="3")).call.other_recordings == {"s3://b/k2#e": "superseded"}


@pytest.mark.parametrize(
    ("held", "incoming", "mended"),
    [
        (recording(Sound.REJECTED, usable=False), recording(), True),
        (recording(Sound.REJECTED, usable=False), recording(Sound.REJECTED, usable=False), False),
        (recording(Sound.REJECTED), recording(), False),
        (recording(Sound.ATTACHED, usable=False), recording(), False),
    ],
)
def test_what_our_look_rejected_may_come_anew(held: Recording, incoming: Recording, mended: bool) -> None:
    after = arrived(call(recording=held), incoming)
    assert after.call.recording == (replace(incoming, changed_at=NOW) if mended else held)
    assert after.action is (Action.UPLOAD if mended else Action.CONTINUE)


GONE = recording(Sound.REJECTED, usable=False, reason=REASON)


UNFIT = replace(UPLOADED, needs_preparation=True)
REPLACEABLE = replace(UPLOADED, url="", version=ObjectVersion("b", "k2", "e"))
TO_COPY = (UNFIT, REPLACEABLE, replace(REPLACEABLE, state=Sound.BY_URL))


@pytest.mark.parametrize(
    ("held", "needs_copy"),
    [
        (UPLOADED, False),
        (UNFIT, True),
        (REPLACEABLE, True),
        (replace(REPLACEABLE, prepared=ObjectVersion("staging", "copy", "e")), False),
        (replace(REPLACEABLE, url="https://a.example/"), False),
        (replace(REPLACEABLE, version=None), False),
    ],
)
def test_what_does_not_fit_or_could_be_replaced_is_copied(held: Recording, needs_copy: bool) -> None:
    assert held.needs_copy is needs_copy


def look_again(seen: Call) -> Transition:
    return arrived(seen, GONE)


def use_in_vain(seen: Call) -> Transition:
    assert seen.recording is not None
    return lifecycle.recording_rejected(seen, seen.recording.identity, REASON, NOW)


@pytest.mark.parametrize("ended", [look_again, use_in_vain])
@pytest.mark.parametrize(
    ("state", "held", "rejected"),
    [
        (State.WAITING, recording(), True),
        (State.SUBMITTED, recording(), True),
        *((State.SUBMITTED, raw, True) for raw in TO_COPY),
        (State.SUBMITTED, UPLOADED, False),
        *((State.WAITING, raw, False) for raw in TO_COPY),
        (State.WAITING, UPLOADED, False),
        (State.SUBMITTED, recording(Sound.ATTACHED, needs_preparation=True), False),
        (State.SUBMITTED, recording(Sound.BY_URL), False),
    ],
)
def test_bytes_that_are_gone_end_what_still_needs_them(
    state: State, held: Recording, rejected: bool, ended: Callable[[Call], Transition]
) -> None:
    after = ended(call(state, recording=held)).call.recording
    gone = replace(held, state=Sound.REJECTED, reason=REASON, upload_id=None, url="", changed_at=NOW)
    assert after == (gone if rejected else held)


def test_bytes_that_are_gone_do_not_end_what_is_being_attached() -> None:
    held = recording(Sound.ATTACHING, needs_preparation=True)
    assert arrived(call(State.SUBMITTED, recording=held), GONE).call.recording == held


def test_a_look_without_a_reason_rejects_nothing() -> None:
    seen = call(State.SUBMITTED, recording=recording())
    assert arrived(seen, replace(GONE, reason=None)).call == seen
    assert arrived(seen, recording(reason=REASON)).call == seen


COPY = recording(prepared=ObjectVersion("staging", "copy", "e"), changed_at=NOW - 5, settling_until=3)


@pytest.mark.parametrize("raw", TO_COPY, ids=["unfit", "replaceable", "to be fetched"])
@pytest.mark.parametrize(
    ("state", "taken"),
    [(Sound.READY, True), (Sound.UPLOADED, True), (Sound.BY_URL, False), (Sound.ATTACHING, False)],
)
def test_the_copy_that_was_made_takes_its_place(state: Sound, taken: bool, raw: Recording) -> None:
    held = replace(raw, state=state, settling_until=2)
    after = arrived(call(State.SUBMITTED, recording=held), COPY).call
    assert after.recording == (replace(COPY, settling_until=2) if taken else held)


def test_a_copy_that_is_none_or_of_the_other_side_is_not_taken() -> None:
    held = recording(Sound.UPLOADED, needs_preparation=True, agent_channel=1)
    for incoming in (COPY, recording(needs_preparation=True, agent_channel=1)):
        seen = call(State.SUBMITTED, recording=held)
        assert arrived(seen, incoming) == Transition(seen)
    ready = recording(Sound.UPLOADED)
    assert arrived(call(State.SUBMITTED, recording=ready), COPY).call.recording == ready


def test_a_side_that_comes_with_the_recording_again() -> None:
    seen = call(State.SUBMITTED, recording=UPLOADED)
    after = arrived(seen, recording(agent_channel=1, needs_preparation=True, changed_at=NOW - 7)).call.recording
    assert after == replace(
        UPLOADED,
        state=Sound.READY,
        agent_channel=1,
        upload_id=None,
        needs_preparation=True,
        changed_at=NOW - 7,
    )
    for state in (Sound.ATTACHING, Sound.ATTACHED):
        kept = call(State.SUBMITTED, recording=recording(state))
        assert arrived(kept, recording(agent_channel=1)).call == kept


@pytest.mark.parametrize(("settling_until", "settled", "due"), [(NOW, True, NOW + 500), (NOW + 1, False, NOW + 1)])
def test_a_recording_waits_for_a_better_one(settling_until: int, settled: bool, due: int) -> None:
    incoming = recording(settling_until=settling_until, changed_at=NOW, hints=RecordingHints(several=True))
    after = arrived(call(), incoming)
    assert after.action is (Action.UPLOAD if settled else Action.DONE)
    pinned = lifecycle.attach(call(State.SUBMITTED, recording=incoming), NOW)
    assert pinned.action is (Action.ATTACH if settled else Action.DONE)
    waiting = call(State.WAITING, facts=FACTS, call_end=CallEnd.WITHOUT_TRANSCRIPT)
    linked = replace(waiting, recording=replace(incoming, state=Sound.BY_URL))
    claimed = lifecycle.claim_next(linked, Action.CLAIM_RECORDING, MINE)
    assert claimed.action is (Action.SUBMIT if settled else Action.DONE)
    for seen in (after.call, replace(linked, recording=incoming), linked, call(State.SUBMITTED, recording=incoming)):
        assert lifecycle.due_at(seen, DEADLINES, NOW) == due


def test_text_and_recording_wait_each_for_its_own_time() -> None:
    """Neither puts the other off: the text would be late, or the recording would not go along with it."""
    text = call(State.WAITING, transcript=POINTER, held_until=NOW + 30)
    for settling_until, due in ((NOW + 20, NOW + 20), (NOW + 40, NOW + 30), (NOW, NOW + 30)):
        after = arrived(text, recording(settling_until=settling_until)).call
        assert (after.held_until, lifecycle.due_at(after, DEADLINES, NOW)) == (NOW + 30, due)
        assert lifecycle.awaits_upload(after, NOW) is (settling_until == NOW)
        assert not lifecycle.text_is_due(after, DEADLINES, NOW)
        assert lifecycle.text_is_due(after, DEADLINES, NOW + 30)


@pytest.mark.parametrize(
    ("seen", "is_due"),
    [
        (call(), False),
        (call(transcript=POINTER), False),
        (call(transcript=replace(POINTER, stored_at=NOW - 199)), False),
        (call(transcript=replace(POINTER, stored_at=NOW - 200)), True),
        (call(State.WAITING, transcript=POINTER), True),
        (call(State.WAITING, transcript=replace(POINTER, settling_until=NOW + 1)), False),
        (mine(transcript=POINTER), True),
        (call(State.REJECTED, transcript=POINTER), False),
    ],
)
def test_when_a_transcript_is_to_be_tried(seen: Call, is_due: bool) -> None:
    assert lifecycle.text_is_due(seen, DEADLINES, NOW) is is_due


@pytest.mark.parametrize("state", State)
def test_a_recording_is_uploaded_before_the_submit_only(state: State) -> None:
    unsent = state in (State.NEW, State.QUEUED, State.WAITING)
    assert lifecycle.awaits_upload(call(state, recording=recording()), NOW) is unsent
    assert not lifecycle.awaits_upload(call(state, recording=UPLOADED), NOW)
    assert not lifecycle.awaits_upload(call(state), NOW)


def test_a_recording_again_takes_over_an_ended_lease() -> None:
    seen = ended_lease(AUDIO, recording=UPLOADED)
    assert arrived(seen, recording()) == Transition(
        replace(
            seen,
            maybe_sent_at=NOW,
            lease=Lease("mine", NOW + 180, Parts(transcript=False, facts=False, recording=True)),
        ),
        Action.READ_THEN_SUBMIT,
    )
    held = mine(AUDIO, recording=UPLOADED)
    assert arrived(held, recording()) == Transition(held, Action.WAIT, NOW + 50)
    over = mine(AUDIO, recording=recording(Sound.ATTACHED))
    assert arrived(over, recording()) == Transition(over)


def test_a_recording_that_was_made_ready() -> None:
    held, sent = recording(settling_until=2, agent_channel=1), recording(settling_until=9, agent_channel=1)
    seen = call(recording=held)
    assert lifecycle.recording_uploaded(seen, sent, "upl", NOW) == Transition(
        call(recording=replace(sent, state=Sound.UPLOADED, upload_id="upl", settling_until=2, changed_at=NOW))
    )
    assert lifecycle.recording_by_url(seen, sent, NOW) == Transition(
        call(recording=replace(sent, state=Sound.BY_URL, settling_until=2, changed_at=NOW))
    )
    submitting = mine(recording=held)
    assert lifecycle.recording_by_url(submitting, sent, NOW).action is Action.DONE


@pytest.mark.parametrize(
    ("state", "action"), [(State.SUBMITTED, Action.CONTINUE), (State.NEW, Action.REQUEUE_RECORDING)]
)
def test_a_recording_that_was_made_ready_for_the_wrong_side(state: State, action: Action) -> None:
    seen = call(state, recording=recording(agent_channel=1))
    assert lifecycle.recording_uploaded(seen, recording(), "upl", NOW) == Transition(seen, action)


def test_what_was_made_ready_of_a_recording_that_is_none_any_more() -> None:
    for seen in (call(), call(recording=UPLOADED), call(recording=recording(sort_key="3"))):
        assert lifecycle.recording_uploaded(seen, recording(), "new", NOW) == Transition(seen)
    held = mine()
    assert lifecycle.recording_uploaded(held, recording(), "new", NOW) == Transition(held, Action.DONE)


@pytest.mark.parametrize(
    ("state", "by_its_bytes", "by_the_attach"),
    [
        (Sound.READY, True, False),
        (Sound.ATTACHING, False, True),
        (Sound.UPLOADED, False, False),
        (Sound.BY_URL, False, False),
        (Sound.ATTACHED, False, False),
    ],
)
def test_a_rejection_counts_while_it_is_worked_on(state: Sound, by_its_bytes: bool, by_the_attach: bool) -> None:
    """Who looked at the object, or uploads it, says nothing of the copy that is being attached."""
    held = recording(state, url="https://a.example/", upload_id="upl")
    gone = replace(held, state=Sound.REJECTED, reason=REASON, url="", upload_id=None, changed_at=NOW)
    for decide, rejected in ((lifecycle.recording_rejected, by_its_bytes), (lifecycle.attach_rejected, by_the_attach)):
        after = decide(call(recording=held), held.identity, REASON, NOW)
        assert after == Transition(call(recording=gone if rejected else held))
    seen = call(recording=held)
    assert lifecycle.attach_rejected(seen, "another", REASON, NOW) == Transition(seen)


def test_a_recording_is_pinned_and_attached() -> None:
    seen = call(State.SUBMITTED, recording=UPLOADED)
    pinned = replace(UPLOADED, state=Sound.ATTACHING, changed_at=NOW)
    assert lifecycle.attach(seen, NOW) == Transition(call(State.SUBMITTED, recording=pinned), Action.ATTACH)
    again = call(State.SUBMITTED, recording=replace(pinned, changed_at=NOW - 9))
    marked = replace(pinned, changed_at=NOW - 9, maybe_attached=True)
    assert lifecycle.attach(again, NOW) == Transition(call(State.SUBMITTED, recording=marked), Action.ATTACH)
    attached = replace(pinned, state=Sound.ATTACHED, url="", upload_id=None, changed_at=NOW + 1)
    assert lifecycle.attached(again, UPLOADED.identity, NOW + 1) == Transition(
        call(State.SUBMITTED, recording=attached)
    )


@pytest.mark.parametrize("raw", TO_COPY, ids=["unfit", "replaceable", "to be fetched"])
def test_what_is_to_be_copied_is_not_pinned_but_ends_with_a_rejected_call(raw: Recording) -> None:
    seen = call(State.SUBMITTED, recording=raw)
    assert lifecycle.attach(seen, NOW) == Transition(seen)
    rejected = lifecycle.attach(call(State.REJECTED, recording=raw, reason=REASON), NOW).call.recording
    assert rejected == replace(raw, state=Sound.REJECTED, reason=REASON, url="", upload_id=None, changed_at=NOW)


def test_a_recording_of_a_call_that_was_rejected_without_a_reason() -> None:
    after = lifecycle.attach(call(State.FILTERED, recording=UPLOADED), NOW).call.recording
    assert after is not None
    assert after.reason == Reason("call_rejected", "The call itself was rejected.")


def test_a_url_that_could_not_be_fetched_for_an_attach() -> None:
    pinned = recording(Sound.ATTACHING)
    seen = call(State.SUBMITTED, recording=pinned)
    failing = replace(pinned, fetch_failing_since=NOW)
    assert lifecycle.attach_fetch_failed(seen, pinned.identity, REASON, NOW) == Transition(
        call(State.SUBMITTED, recording=failing, held_until=NOW + 60), Action.DONE
    )
    assert lifecycle.attach_fetch_failed(seen, "another", REASON, NOW) == Transition(seen)


def test_what_only_this_worker_has_pinned_is_rejected_at_once() -> None:
    pinned = recording(Sound.ATTACHING, fetch_failing_since=NOW - 12 * 86_400)
    seen = call(State.SUBMITTED, recording=pinned)
    rejected = replace(pinned, state=Sound.REJECTED, reason=REASON, changed_at=NOW)
    after = lifecycle.attach_abandoned(seen, pinned.identity, REASON, NOW)
    assert after == Transition(call(State.SUBMITTED, recording=rejected))
    assert lifecycle.attach_abandoned(seen, "another", REASON, NOW) == Transition(seen)
    assert lifecycle.attach_fetch_failed(seen, pinned.identity, REASON, NOW) == after


def test_what_another_worker_may_be_attaching_stays_pinned_until_the_last_look() -> None:
    first = call(State.SUBMITTED, recording=recording(Sound.ATTACHING, changed_at=EARLIER))
    second = lifecycle.attach(first, NOW).call
    assert second == replace(first, recording=recording(Sound.ATTACHING, changed_at=EARLIER, maybe_attached=True))
    abandoned = lifecycle.attach_abandoned(second, recording().identity, REASON, NOW).call
    held = recording(Sound.ATTACHING, maybe_attached=True, reason=REASON, changed_at=NOW)
    assert abandoned == replace(first, recording=held)
    for nothing in (
        lifecycle.attach_abandoned(abandoned, held.identity, Reason("other", "Other."), NOW + 1),
        lifecycle.attach_fetch_failed(abandoned, held.identity, REASON, NOW + 1),
        lifecycle.attach(abandoned, NOW + 1),
        lifecycle.resume(abandoned, DEADLINES, replace(MINE, now=NOW + 399)),
    ):
        assert nothing == Transition(abandoned)
    assert lifecycle.next_action(abandoned) is Action.DONE
    assert lifecycle.due_at(abandoned, DEADLINES, NOW) == NOW + 400
    newer = lifecycle.recording_arrived(abandoned, recording(identity="newer", sort_key="z"), MINE)
    assert (newer.call, newer.action) == (abandoned, Action.WAIT)
    late = replace(MINE, now=NOW + 400)
    assert lifecycle.resume(abandoned, DEADLINES, late) == Transition(abandoned, Action.CONFIRM_ATTACH)


def test_after_the_last_look() -> None:
    held = recording(Sound.ATTACHING, maybe_attached=True, reason=REASON, changed_at=EARLIER)
    seen = call(State.SUBMITTED, recording=held)
    assert lifecycle.attached(seen, held.identity, NOW).call.recording == replace(
        held, state=Sound.ATTACHED, reason=None, changed_at=NOW
    )
    assert lifecycle.attach_rejected(seen, held.identity, REASON, NOW).call.recording == replace(
        held, state=Sound.REJECTED, changed_at=NOW
    )


# --- what comes next, and the sweep ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "held", "step"),
    [
        (State.SUBMITTED, UNFIT, Action.PREPARE),
        (State.SUBMITTED, REPLACEABLE, Action.PREPARE),
        (State.SUBMITTED, UPLOADED, Action.START_ATTACH),
        (State.REJECTED, UNFIT, Action.START_ATTACH),
        (State.NEW, UNFIT, Action.DONE),
    ],
)
def test_what_is_to_be_copied_is_prepared_once_its_call_is_submitted(
    state: State, held: Recording, step: Action
) -> None:
    assert lifecycle.next_action(call(state, recording=held)) is step


@pytest.mark.parametrize("state", [Sound.BY_URL, Sound.UPLOADED])
def test_a_recording_that_can_be_sent_is_claimed_alone(state: Sound) -> None:
    seen = call(State.WAITING, call_end=CallEnd.WITHOUT_TRANSCRIPT, facts=FACTS, recording=recording(state))
    assert lifecycle.next_action(seen) is Action.CLAIM_RECORDING
    assert lifecycle.claim_next(seen, Action.CLAIM_RECORDING, MINE) == Transition(
        replace(seen, state=State.SUBMITTING, lease=Lease("mine", NOW + 180, AUDIO)), Action.SUBMIT
    )


def test_a_transcript_is_claimed_with_what_can_go_along() -> None:
    seen = call(State.WAITING, call_end=CallEnd.TRANSCRIPT_PENDING, transcript=POINTER, recording=UPLOADED)
    claimed = lifecycle.claim_next(seen, Action.CLAIM_TRANSCRIPT, MINE)
    assert claimed.call.lease == Lease("mine", NOW + 180, BOTH)
    linked = replace(seen, recording=recording(Sound.BY_URL))
    assert lifecycle.claim_next(linked, Action.CLAIM_TRANSCRIPT, MINE).call.lease == Lease("mine", NOW + 180, TEXT)


def test_resume_takes_over_what_the_dead_one_had() -> None:
    for parts in (TEXT, Parts(transcript=False, facts=False, recording=True)):
        seen = ended_lease(parts, call_end=CallEnd.NOT_SEEN, recording=UPLOADED)
        taken = lifecycle.resume(seen, DEADLINES, MINE)
        lease = Lease("mine", NOW + 180, Parts(transcript=parts.transcript, facts=False, recording=True))
        assert taken == Transition(replace(seen, maybe_sent_at=NOW, lease=lease), Action.READ_THEN_SUBMIT)


def test_a_recording_alone_is_sent_when_neither_call_end_nor_a_better_one_comes() -> None:
    for state in (Sound.UPLOADED, Sound.BY_URL):
        held = recording(state, changed_at=NOW - 100, settling_until=NOW)
        assert lifecycle.resume(call(recording=held), DEADLINES, MINE).action is Action.READ_THEN_SUBMIT
        settling = call(recording=replace(held, settling_until=NOW + 1))
        assert lifecycle.resume(settling, DEADLINES, MINE) == Transition(settling)
    assert lifecycle.resume(call(), DEADLINES, MINE) == Transition(call())


def test_deadlines_of_a_call_that_waits() -> None:
    pending = call(State.WAITING, call_end=CallEnd.TRANSCRIPT_PENDING, facts=FACTS, waiting_since=NOW - 200)
    missed = replace(
        pending,
        call_end=CallEnd.WITHOUT_TRANSCRIPT,
        dropped=DroppedTranscript(reason=lifecycle.TRANSCRIPT_MISSING),
    )
    assert lifecycle.resume(pending, DEADLINES, MINE) == Transition(missed)
    alone = replace(pending, facts=replace(FACTS, recording_expected=False))
    assert lifecycle.resume(alone, DEADLINES, MINE) == Transition(
        replace(missed, facts=alone.facts, state=State.REJECTED, reason=lifecycle.TRANSCRIPT_MISSING)
    )
    found = replace(pending, transcript=POINTER)
    assert lifecycle.resume(found, DEADLINES, MINE) == Transition(found)


SILENT = call(State.WAITING, call_end=CallEnd.WITHOUT_TRANSCRIPT, facts=FACTS, waiting_since=NOW - 300)


@pytest.mark.parametrize(
    ("seen", "missed"),
    [
        (SILENT, True),
        (replace(SILENT, waiting_since=NOW - 299), False),
        (replace(SILENT, call_end=CallEnd.TRANSCRIPT_PENDING, transcript=POINTER), False),
        (replace(SILENT, recording=recording()), False),
        (replace(SILENT, facts=None), False),
        (replace(SILENT, facts=replace(FACTS, recording_expected=False)), False),
        (replace(SILENT, recording_missed_at=5), False),
        (replace(SILENT, state=State.SUBMITTED, submitted_at=NOW - 300), True),
        (replace(SILENT, state=State.SUBMITTED, submitted_at=NOW - 299), False),
        (replace(SILENT, state=State.REJECTED), False),
    ],
)
def test_a_recording_that_never_came(seen: Call, missed: bool) -> None:
    expected = Transition(replace(seen, recording_missed_at=NOW), Action.DONE) if missed else Transition(seen)
    assert lifecycle.resume(seen, DEADLINES, MINE) == expected


def test_an_audit_is_owed_once() -> None:
    owed = call(State.SUBMITTED, maybe_sent_at=1, submitted_at=NOW - 400)
    assert lifecycle.resume(owed, DEADLINES, MINE) == Transition(owed, Action.AUDIT)
    done = lifecycle.audited(owed, 1, NOW)
    assert done == Transition(replace(owed, audited_at=NOW))
    assert lifecycle.resume(done.call, DEADLINES, MINE) == Transition(done.call)
    never = replace(owed, maybe_sent_at=0)
    assert lifecycle.resume(never, DEADLINES, MINE) == Transition(never)


@pytest.mark.parametrize("state", [State.NEW, State.QUEUED, State.WAITING, State.FILTERED, State.REJECTED])
def test_a_call_that_was_given_up_is_audited_too(state: State) -> None:
    owed = call(state, maybe_sent_at=NOW - 400)
    assert lifecycle.due_at(owed, DEADLINES, NOW) == NOW
    assert lifecycle.resume(owed, DEADLINES, MINE) == Transition(owed, Action.AUDIT)
    early = replace(owed, maybe_sent_at=NOW - 399)
    assert lifecycle.due_at(early, DEADLINES, NOW) == NOW + 1
    assert lifecycle.resume(early, DEADLINES, MINE) == Transition(early)


OWED = call(State.SUBMITTED, maybe_sent_at=1, submitted_at=NOW - 400)
ABANDONED = recording(Sound.ATTACHING, reason=REASON, maybe_attached=True, changed_at=NOW - 400)


@pytest.mark.parametrize(("sweeps", "goes_first"), [(0, True), (1, True), (2, False), (3, True), (20, False)])
@pytest.mark.parametrize(
    ("sound", "rest"),
    [(recording(changed_at=NOW), Action.CONTINUE), (ABANDONED, Action.CONFIRM_ATTACH)],
    ids=["to attach", "to confirm"],
)
def test_an_audit_that_cannot_be_done_takes_turns_with_the_rest(
    sweeps: int, goes_first: bool, sound: Recording, rest: Action
) -> None:
    seen = replace(OWED, sweeps=sweeps, recording=sound)
    assert lifecycle.audit_goes_first(seen, DEADLINES, NOW) is goes_first
    assert lifecycle.resume(seen, DEADLINES, MINE) == Transition(seen, Action.AUDIT if goes_first else rest)


@pytest.mark.parametrize("sound", [None, recording(Sound.ATTACHED), recording(Sound.REJECTED)])
def test_where_nothing_else_is_to_be_done_the_audit_has_each_turn(sound: Recording | None) -> None:
    seen = replace(OWED, sweeps=2, recording=sound)
    assert lifecycle.resume(seen, DEADLINES, MINE) == Transition(seen, Action.AUDIT)


@pytest.mark.parametrize("since", [{"submitted_at": NOW}, {"submitted_at": 0, "maybe_sent_at": NOW}])
def test_an_audit_that_could_not_be_done_for_13_days_ends_visibly(since: dict[str, Any]) -> None:
    """Never untried: where the sweep has stood still for so long, it is done first."""
    later = NOW + backoff.GIVE_UP_SECONDS
    at_last, before = replace(MINE, now=later), replace(MINE, now=later - 1)
    seen = replace(OWED, recording=recording(changed_at=later), **since)
    assert lifecycle.resume(seen, DEADLINES, at_last) == Transition(seen, Action.AUDIT)
    tried = replace(seen, sweeps=2)
    ended = replace(tried, audited_at=later, notes=(lifecycle.AUDIT_GIVEN_UP,))
    assert (lifecycle.is_hopeless(tried, later - 1), lifecycle.is_hopeless(tried, later)) == (False, True)
    assert lifecycle.resume(tried, DEADLINES, before) == Transition(tried)
    assert lifecycle.resume(tried, DEADLINES, at_last) == Transition(ended, Action.DONE)


def test_an_audit_of_an_earlier_take_over_says_nothing_of_a_later_one() -> None:
    seen = call(maybe_sent_at=NOW)
    assert lifecycle.audited(seen, NOW - 1, NOW) == Transition(seen)
    again = lifecycle.resume(ended_lease(audited_at=EARLIER), DEADLINES, MINE).call
    assert (again.maybe_sent_at, again.audited_at) == (NOW, 0)


MADE = KnownConversation(conversation_id="conversation", sent=AUDIO, audio=ConversationAudio.OURS)


@pytest.mark.parametrize("state", [State.NEW, State.QUEUED, State.WAITING, State.REJECTED])
def test_what_landed_late_is_adopted(state: State) -> None:
    rejected = recording(Sound.REJECTED, reason=REASON)
    abandoned = call(state, maybe_sent_at=7, recording=rejected, reason=REASON)
    assert lifecycle.conversation_found_late(abandoned, MADE, NOW) == Transition(
        replace(
            abandoned,
            state=State.SUBMITTED,
            conversation_id="conversation",
            sent=AUDIO,
            submitted_at=NOW,
            reason=None,
            recording=replace(rejected, state=Sound.ATTACHED, reason=None, changed_at=NOW),
        )
    )


@pytest.mark.parametrize("seen", [mine(), call(State.SUBMITTED), call(State.FILTERED)])
def test_what_landed_late_is_not_adopted_twice_nor_for_a_simulation(seen: Call) -> None:
    assert lifecycle.conversation_found_late(seen, MADE, NOW) == Transition(seen)


@pytest.mark.parametrize(("due_at", "sweeps"), [(None, 3), (NOW + 1, 3), (NOW, 4), (NOW - 1, 4)])
def test_a_sweep_counts_what_was_due(due_at: int | None, sweeps: int) -> None:
    seen = call(due_at=due_at, sweeps=3)
    action = Action.DONE if sweeps == 3 else Action.CONTINUE
    assert lifecycle.swept(seen, NOW) == Transition(replace(seen, sweeps=sweeps), action)


@pytest.mark.parametrize(
    ("seen", "due"),
    [
        (call(State.SUBMITTED, maybe_sent_at=7, audited_at=5, submitted_at=NOW), None),
        (call(State.REJECTED, maybe_sent_at=NOW), NOW + 400),
        (mine(maybe_sent_at=NOW - 600), NOW + 50),
        (SILENT, NOW),
        (replace(SILENT, waiting_since=NOW), NOW + 300),
        (replace(SILENT, waiting_since=NOW, recording=recording(Sound.REJECTED)), None),
        (call(recording=recording(Sound.BY_URL, changed_at=NOW)), NOW + 100),
        (call(recording=recording(Sound.UPLOADED, changed_at=NOW, settling_until=NOW + 150)), NOW + 150),
        (call(State.QUEUED, recording=recording(Sound.UPLOADED, changed_at=NOW)), NOW + 13 * 86_400),
        (call(State.QUEUED, recording=recording(changed_at=NOW)), NOW + 500),
        (mine(recording=recording(changed_at=EARLIER)), NOW + 50),
        (
            call(
                State.WAITING,
                call_end=CallEnd.WITHOUT_TRANSCRIPT,
                recording=recording(Sound.BY_URL, changed_at=NOW),
            ),
            NOW + 500,
        ),
        (call(transcript=POINTER, recording=recording(Sound.UPLOADED, changed_at=NOW)), NOW + 100),
        (
            call(
                State.SUBMITTED,
                maybe_sent_at=7,
                submitted_at=NOW,
                recording=recording(Sound.ATTACHING, changed_at=NOW - 200),
            ),
            NOW + 300,
        ),
        (replace(NEW, recording=recording(changed_at=0), sweeps=2), NOW + 120),
    ],
)
def test_when_the_sweep_looks(seen: Call, due: int | None) -> None:
    assert lifecycle.due_at(seen, DEADLINES, NOW) == due
