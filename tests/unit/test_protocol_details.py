"""The state protocol to the letter: whole items after an event, and what happens exactly at a limit."""

from dataclasses import replace
from typing import Any

import pytest

from coval_relay.domain import protocol
from coval_relay.domain.call import (
    SIMULATION,
    Audio,
    Call,
    CallEnd,
    Facts,
    Lease,
    Made,
    Parts,
    Reason,
    Recording,
    Traits,
    TranscriptPointer,
)
from coval_relay.domain.call import ConversationState as State
from coval_relay.domain.call import RecordingState as Sound
from coval_relay.domain.protocol import (
    FETCH_FAILED,
    NOTHING_TO_EVALUATE,
    OLD_CALL_SECONDS,
    OTHER_ATTACHED,
    Attempt,
    Deadlines,
    Next,
    Then,
    Transition,
)
from coval_relay.domain.recordings import ObjectVersion

NOW = 1_000_000
MINE = Attempt("mine", NOW + 180, NOW)
REASON = Reason("code", "text")
DEADLINES = Deadlines(grace=100, transcript=200, recording=300, audit=400, resume=500)
FACTS = Facts(occurred_at="2026-10-02T14:31:07.000Z", ended_at=NOW - 60, agent_channel=None)
POINTER = TranscriptPointer(bucket="b", key="k", format="canonical_v1", stored_at=NOW)
TEXT, AUDIO = Parts(text=True, facts=True, recording=False), Parts(text=False, facts=True, recording=True)
BOTH = Parts(text=True, facts=True, recording=True)
NEW = Call(external_conversation_id="c")
EARLIER = NOW - 1000


def call(state: State = State.NONE, **changes: Any) -> Call:
    return replace(NEW, **{"revision": 1, "state": state, "created_at": EARLIER, **changes})


def recording(state: Sound = Sound.READY, order: str = "2", **changes: Any) -> Recording:
    version = ObjectVersion("b", f"k{order}", "e", "v")
    made = Recording(
        identity=f"s3://b/k{order}#e", order=order, created_at=EARLIER, state=state, version=version
    )
    return replace(made, **changes)


def mine(parts: Parts = TEXT, **changes: Any) -> Call:
    return call(State.SUBMITTING, lease=Lease("mine", NOW + 50, parts), **changes)


def ended_lease(parts: Parts = TEXT, **changes: Any) -> Call:
    return call(State.SUBMITTING, lease=Lease("other", NOW, parts), **changes)


def ended(seen: Call, kind: CallEnd = CallEnd.WITH_TEXT, facts: Facts = FACTS) -> Transition:
    return protocol.call_ended(seen, kind, facts, None, MINE)


UPLOADED = recording(Sound.UPLOADED, upload_id="upl", url="https://a.example/", channels=2)


# --- call end ----------------------------------------------------------------------------------------


def test_the_first_event_of_a_call() -> None:
    assert ended(NEW) == Transition(
        replace(
            NEW,
            state=State.SUBMITTING,
            call_end=CallEnd.WITH_TEXT,
            facts=FACTS,
            lease=Lease("mine", NOW + 180, TEXT),
            created_at=NOW,
            waiting_since=NOW,
        ),
        Then.SUBMIT,
    )
    waiting = replace(
        NEW,
        state=State.WAITING,
        call_end=CallEnd.TEXT_PENDING,
        facts=FACTS,
        created_at=NOW,
        waiting_since=NOW,
    )
    assert ended(NEW, CallEnd.TEXT_PENDING) == Transition(waiting)
    assert protocol.transcript_arrived(NEW, POINTER, MINE) == Transition(
        replace(NEW, transcript=POINTER, created_at=NOW), Then.DONE
    )
    assert protocol.transcript_unavailable(NEW, NOW) == Transition(
        replace(NEW, text_unavailable=True, created_at=NOW)
    )
    assert protocol.input_refused(NEW, REASON, NOW) == Transition(
        replace(NEW, notes=(REASON,), created_at=NOW), Then.DONE
    )
    told = recording()
    assert protocol.recording_arrived(NEW, told, MINE) == Transition(
        replace(NEW, recording=replace(told, changed_at=NOW), created_at=NOW), Then.UPLOAD
    )


def test_later_events_leave_the_times_of_the_first() -> None:
    seen = call(State.WAITING, call_end=CallEnd.TEXT_PENDING, facts=FACTS, waiting_since=EARLIER)
    after = (
        ended(seen),
        ended(seen, CallEnd.WITHOUT_TEXT),
        protocol.transcript_arrived(seen, POINTER, MINE),
        protocol.transcript_unavailable(seen, NOW),
        protocol.input_refused(seen, REASON, NOW),
        protocol.recording_arrived(seen, recording(), MINE),
    )
    times = {(transition.call.created_at, transition.call.waiting_since) for transition in after}
    assert times == {(EARLIER, EARLIER)}


def test_a_claim_without_a_call_end_dates_the_call() -> None:
    undated = call(created_at=0, transcript=replace(POINTER, stored_at=0))
    claimed = protocol.resume(undated, DEADLINES, MINE).call
    assert (claimed.created_at, claimed.lease) == (
        NOW,
        Lease("mine", NOW + 180, Parts(text=True, facts=False, recording=False)),
    )


@pytest.mark.parametrize(("late", "then"), [(0, Then.SUBMIT), (1, Then.READ_FIRST)])
def test_a_call_that_ended_a_day_before_it_was_seen(late: int, then: Then) -> None:
    ended_at = NOW - OLD_CALL_SECONDS - late
    assert ended(call(created_at=NOW), facts=replace(FACTS, ended_at=ended_at)).then is then
    told = recording(Sound.UPLOADED, created_at=ended_at, changed_at=0)
    assert protocol.resume(call(created_at=NOW, recording=told), DEADLINES, MINE).then is then


def test_a_copied_recording_may_have_been_sent_long_ago() -> None:
    told = recording(Sound.UPLOADED, created_at=NOW, copied=True, changed_at=0)
    assert protocol.resume(call(created_at=NOW, recording=told), DEADLINES, MINE).then is Then.READ_FIRST


def test_who_lost_its_lease_to_nobody_comes_again() -> None:
    seen = call(State.WAITING)
    assert protocol.released(seen, "mine", NOW) == Transition(seen, Then.WAIT, NOW + 30)
    assert protocol.submit_fetch_failed(mine(), "mine", NOW) == Transition(mine(), Then.WAIT, NOW + 50)


EARLY = replace(FACTS, occurred_at="2026-10-02T14:30:00.000Z")
LATE = replace(FACTS, occurred_at="2026-10-02T14:35:00.000Z")


@pytest.mark.parametrize(
    ("known", "told", "kind", "chosen"),
    [
        (EARLY, LATE, CallEnd.WITHOUT_TEXT, EARLY),
        (LATE, EARLY, CallEnd.WITHOUT_TEXT, EARLY),
        (EARLY, LATE, CallEnd.WITH_TEXT, LATE),
        (LATE, EARLY, CallEnd.WITH_TEXT, EARLY),
        (replace(EARLY, seconds=1.0), EARLY, CallEnd.WITHOUT_TEXT, EARLY),
    ],
)
def test_of_several_ends_the_earliest_holds_unless_one_has_the_text(
    known: Facts, told: Facts, kind: CallEnd, chosen: Facts
) -> None:
    seen = call(State.WAITING, call_end=CallEnd.WITHOUT_TEXT, facts=known)
    assert ended(seen, kind, told).call.facts == chosen


@pytest.mark.parametrize(
    ("known", "told", "mark"),
    [
        ({SIMULATION: "sim_1"}, {}, "sim_1"),
        ({}, {SIMULATION: "sim_2"}, "sim_2"),
        ({SIMULATION: "sim_1"}, {SIMULATION: "sim_2"}, "sim_2"),
    ],
)
def test_a_simulation_stays_one(known: dict[str, str], told: dict[str, str], mark: str) -> None:
    seen = call(
        State.WAITING, call_end=CallEnd.TEXT_PENDING, facts=replace(EARLY, metadata={"a": 1, **known})
    )
    after = ended(seen, CallEnd.WITHOUT_TEXT, replace(LATE, metadata={"b": 2, **told})).call
    assert after.facts == replace(EARLY, metadata={"a": 1, SIMULATION: mark})


SIDED = replace(FACTS, agent_channel=1)


@pytest.mark.parametrize("state", [Sound.READY, Sound.UPLOADED, Sound.LINKED])
def test_a_side_that_becomes_known_has_the_recording_made_anew(state: Sound) -> None:
    copy = ObjectVersion("staging", "copy", "e")
    held = recording(state, channels=2, upload_id="upl", prepared=copy)
    seen = call(State.WAITING, call_end=CallEnd.TEXT_PENDING, recording=held)
    anew = ended(seen, CallEnd.TEXT_PENDING, SIDED)
    assert (anew.then, anew.call.recording) == (
        Then.UPLOAD_AGAIN,
        replace(
            held,
            state=Sound.READY,
            agent_channel=1,
            upload_id=None,
            prepared=None,
            unprepared=True,
            changed_at=NOW,
        ),
    )


@pytest.mark.parametrize(
    ("channels", "told", "state"),
    [
        (1, 1, Sound.UPLOADED),
        (1, 0, Sound.UPLOADED),
        (2, 0, Sound.UPLOADED),
        (2, 1, Sound.READY),
        (3, 0, Sound.READY),
    ],
)
def test_only_a_wrong_side_makes_it_anew(channels: int, told: int, state: Sound) -> None:
    seen = call(recording=replace(UPLOADED, channels=channels))
    after = ended(seen, CallEnd.TEXT_PENDING, replace(FACTS, agent_channel=told))
    assert after.call.recording is not None
    assert (after.call.recording.state, after.call.recording.agent_channel) == (state, told)
    assert after.then is (Then.UPLOAD_AGAIN if state is Sound.READY else Then.FOLLOW)


def test_what_is_to_be_made_anew_already_is_not_asked_for_twice() -> None:
    held = recording(channels=2, unprepared=True, agent_channel=1)
    assert ended(call(recording=held), CallEnd.TEXT_PENDING, SIDED).then is Then.FOLLOW


@pytest.mark.parametrize(
    ("state", "known"), [(Sound.PINNED, None), (Sound.ATTACHED, None), (Sound.UPLOADED, 0)]
)
def test_a_side_that_comes_too_late_or_was_known(state: Sound, known: int | None) -> None:
    held = recording(state, channels=2, agent_channel=known)
    assert ended(call(recording=held), CallEnd.TEXT_PENDING, SIDED).call.recording == held


def test_a_side_that_is_told_to_an_ended_lease() -> None:
    held = recording(Sound.UPLOADED, channels=2)
    anew = replace(held, state=Sound.READY, agent_channel=1, unprepared=True, changed_at=NOW)
    after = ended(ended_lease(AUDIO, recording=held), CallEnd.WITH_TEXT, SIDED)
    assert (after.then, after.call.recording, after.call.lease) == (
        Then.READ_FIRST,
        anew,
        Lease("mine", NOW + 180, TEXT),
    )
    assert ended(ended_lease(), CallEnd.WITH_TEXT, SIDED).call.recording is None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (CallEnd.UNSEEN, CallEnd.WITHOUT_TEXT),
        (CallEnd.WITH_TEXT, CallEnd.WITHOUT_TEXT),
        (CallEnd.WITHOUT_TEXT, CallEnd.WITHOUT_TEXT),
        (CallEnd.TEXT_PENDING, CallEnd.TEXT_PENDING),
    ],
)
def test_an_end_without_text_takes_over_what_was_sent_without_text(before: CallEnd, after: CallEnd) -> None:
    seen = ended_lease(AUDIO, call_end=before, recording=UPLOADED)
    assert ended(seen, CallEnd.WITHOUT_TEXT) == Transition(
        replace(
            seen,
            call_end=after,
            facts=FACTS,
            waiting_since=NOW,
            maybe_sent_at=NOW,
            lease=Lease("mine", NOW + 180, AUDIO),
        ),
        Then.READ_FIRST,
    )


def test_an_end_without_text_leaves_a_text_to_its_own_message() -> None:
    seen = ended_lease()
    assert ended(seen, CallEnd.WITHOUT_TEXT) == Transition(seen, Then.WAIT, NOW + 30)
    held = mine()
    assert ended(held) == Transition(held, Then.WAIT, NOW + 50)


@pytest.mark.parametrize(
    ("kind", "expected", "held", "noted"),
    [
        (CallEnd.WITHOUT_TEXT, False, None, True),
        (CallEnd.WITHOUT_TEXT, True, None, False),
        (CallEnd.TEXT_PENDING, False, None, False),
        (CallEnd.WITHOUT_TEXT, False, recording(Sound.REJECTED), False),
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
    assert protocol.input_refused(call(notes=notes), REASON, NOW).call.notes == (*notes[1:], REASON)
    unexpected = replace(FACTS, recording_expected=False)
    after = ended(call(notes=notes), CallEnd.WITHOUT_TEXT, unexpected).call
    assert after.notes == (*notes[1:], NOTHING_TO_EVALUATE)


def test_a_pending_text_that_is_known_not_to_come() -> None:
    seen = call(text_unavailable=True)
    assert ended(seen, CallEnd.TEXT_PENDING).call.call_end is CallEnd.WITHOUT_TEXT
    with_pointer = replace(seen, transcript=POINTER)
    assert ended(with_pointer, CallEnd.TEXT_PENDING).call.call_end is CallEnd.TEXT_PENDING
    pointed = protocol.call_ended(seen, CallEnd.TEXT_PENDING, FACTS, POINTER, MINE)
    assert pointed.call.call_end is CallEnd.TEXT_PENDING
    assert ended(call(), CallEnd.TEXT_PENDING).call.call_end is CallEnd.TEXT_PENDING


# --- transcripts -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settles_at", "then", "until"), [(NOW, Then.SUBMIT, 0), (NOW + 1, Then.WAIT, NOW + 1)]
)
def test_a_transcript_waits_for_a_better_one(settles_at: int, then: Then, until: int) -> None:
    pointer = replace(POINTER, settles_at=settles_at)
    seen = call(State.WAITING, call_end=CallEnd.TEXT_PENDING, facts=FACTS)
    after = protocol.transcript_arrived(seen, pointer, MINE)
    assert (after.then, after.until, after.call.transcript) == (then, until, pointer)
    step = replace(seen, transcript=pointer)
    claimed = protocol.claim_next(step, Next.SUBMIT_TRANSCRIPT, MINE)
    assert (claimed.then, claimed.until) == (then, until)


@pytest.mark.parametrize(("rank", "chosen"), [(0, "first"), (1, "first"), (2, "second")])
def test_of_two_transcripts_the_first_of_the_highest_rank(rank: int, chosen: str) -> None:
    first, second = replace(POINTER, key="first", rank=1), replace(POINTER, key="second", rank=rank)
    after = protocol.transcript_arrived(call(transcript=first), second, MINE)
    assert after.then is Then.DONE
    assert after.call == call(transcript=first if chosen == "first" else second)


def test_a_transcript_takes_over_an_ended_lease() -> None:
    seen = ended_lease(AUDIO, call_end=CallEnd.TEXT_PENDING, facts=FACTS)
    assert protocol.transcript_arrived(seen, POINTER, MINE) == Transition(
        replace(seen, transcript=POINTER, maybe_sent_at=NOW, lease=Lease("mine", NOW + 180, TEXT)),
        Then.READ_FIRST,
    )
    held = mine()
    assert protocol.transcript_arrived(held, POINTER, MINE) == Transition(held, Then.WAIT, NOW + 50)


@pytest.mark.parametrize("facts", [True, False])
def test_a_transcript_after_the_submit_is_late_alone(facts: bool) -> None:
    seen = call(State.SUBMITTED, sent=Parts(text=False, facts=facts, recording=True))
    assert protocol.transcript_arrived(seen, POINTER, MINE).call.late == ("transcript",)


@pytest.mark.parametrize("state", [State.OPEN, State.SUBMITTING, State.SUBMITTED, State.REJECTED])
def test_an_unavailable_text_changes_nothing_where_none_is_waited_for(state: State) -> None:
    seen = mine() if state is State.SUBMITTING else call(state)
    assert protocol.transcript_unavailable(seen, NOW) == Transition(seen)


@pytest.mark.parametrize(
    ("transcript", "call_end", "after"),
    [
        (None, CallEnd.TEXT_PENDING, CallEnd.WITHOUT_TEXT),
        (POINTER, CallEnd.TEXT_PENDING, CallEnd.TEXT_PENDING),
        (None, CallEnd.WITHOUT_TEXT, CallEnd.WITHOUT_TEXT),
    ],
)
def test_an_unavailable_text_is_waited_for_no_more(
    transcript: TranscriptPointer | None, call_end: CallEnd, after: CallEnd
) -> None:
    facts = replace(FACTS, recording_expected=False)
    seen = call(State.WAITING, call_end=call_end, facts=facts, transcript=transcript)
    notes = (NOTHING_TO_EVALUATE,) if call_end is not after else ()
    assert protocol.transcript_unavailable(seen, NOW) == Transition(
        replace(seen, text_unavailable=True, call_end=after, notes=notes)
    )


def test_a_reason_that_is_noted_already() -> None:
    noted = call(notes=(REASON,))
    assert protocol.input_refused(noted, REASON, NOW) == Transition(noted, Then.DONE)


# --- answers -----------------------------------------------------------------------------------------


def submitted(
    seen: Call, *, sent: Parts = TEXT, audio: Audio = Audio.NONE, others: str | None = None
) -> Call:
    made = Made(conversation_id="conversation", sent=sent, audio=audio, others=others)
    return protocol.submitted(seen, "mine", made, NOW).call


def test_a_submitted_call_with_its_recording() -> None:
    seen = mine(
        BOTH, call_end=CallEnd.WITH_TEXT, facts=FACTS, recording=UPLOADED, outcomes={"a": "superseded"}
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
    assert submitted(seen, sent=BOTH, audio=Audio.OURS) == done
    other = replace(
        UPLOADED, state=Sound.REJECTED, reason=OTHER_ATTACHED, url="", upload_id=None, changed_at=NOW
    )
    assert submitted(seen, sent=BOTH, audio=Audio.OTHER, others="b") == replace(
        done, recording=other, outcomes={"a": "superseded", "b": "attached"}
    )
    assert submitted(seen, sent=BOTH) == replace(done, recording=UPLOADED)


def test_a_recording_that_has_ended_stays_so() -> None:
    refused = recording(Sound.REJECTED, reason=REASON)
    assert submitted(mine(recording=refused), audio=Audio.OTHER).recording == refused
    for audio in (Audio.OURS, Audio.OTHER):
        assert submitted(mine(), audio=audio).recording is None


def test_a_recording_that_coval_has_after_all_is_attached() -> None:
    refused = recording(Sound.REJECTED, reason=REASON)
    assert submitted(mine(recording=refused), audio=Audio.OURS).recording == replace(
        refused, state=Sound.ATTACHED, reason=None, changed_at=NOW
    )


@pytest.mark.parametrize(
    ("parts", "call_end", "transcript", "late"),
    [
        (TEXT, CallEnd.UNSEEN, None, ("transcript",)),
        (AUDIO, CallEnd.WITH_TEXT, None, ("facts", "transcript")),
        (AUDIO, CallEnd.TEXT_PENDING, POINTER, ("facts", "transcript")),
        (AUDIO, CallEnd.UNSEEN, POINTER, ("transcript",)),
        (AUDIO, CallEnd.TEXT_PENDING, None, ("facts",)),
        (AUDIO, CallEnd.UNSEEN, None, ()),
    ],
)
def test_what_an_adopted_conversation_lacks(
    parts: Parts, call_end: CallEnd, transcript: TranscriptPointer | None, late: tuple[str, ...]
) -> None:
    seen = mine(parts, call_end=call_end, transcript=transcript)
    assert submitted(seen, sent=Parts(text=False, facts=False, recording=True)).late == late


def test_nothing_is_late_for_a_call_that_was_never_sent() -> None:
    for seen in (call(State.REJECTED, sent=AUDIO), call(State.SUBMITTED)):
        assert ended(seen) == Transition(seen)


def test_a_refused_call() -> None:
    seen = mine(BOTH, recording=UPLOADED)
    assert protocol.call_refused(seen, "mine", State.REJECTED, REASON, NOW) == Transition(
        replace(
            seen,
            state=State.REJECTED,
            lease=None,
            reason=REASON,
            recording=replace(
                UPLOADED, state=Sound.REJECTED, reason=REASON, upload_id=None, url="", changed_at=NOW
            ),
        )
    )
    without = mine(BOTH)
    assert protocol.call_refused(without, "mine", State.FILTERED, REASON, NOW).call == replace(
        without, state=State.FILTERED, lease=None, reason=REASON
    )


def test_refused_audio_of_a_call_that_has_none_any_more() -> None:
    assert protocol.audio_refused(mine(BOTH), "mine", REASON, NOW) == Transition(mine(TEXT), Then.SUBMIT)


def test_a_lost_upload() -> None:
    seen = mine(BOTH, recording=UPLOADED)
    ready = replace(UPLOADED, state=Sound.READY, upload_id=None, changed_at=NOW)
    assert protocol.upload_lost(seen, "mine", NOW) == Transition(mine(TEXT, recording=ready), Then.SUBMIT)
    pinned = recording(Sound.PINNED, upload_id="upl")
    assert protocol.upload_lost(mine(AUDIO, recording=pinned), "mine", NOW).call.recording == pinned
    assert protocol.upload_lost(mine(BOTH), "mine", NOW) == Transition(mine(TEXT), Then.SUBMIT)


def test_a_lease_that_is_given_back() -> None:
    seen = mine(call_end=CallEnd.WITH_TEXT)
    back = replace(seen, state=State.OPEN, lease=None)
    assert protocol.given_back(seen, "mine", NOW) == Transition(back, Then.WAIT, NOW + 30)
    assert protocol.released(seen, "mine", NOW) == Transition(back)


def test_a_withdrawn_text_of_a_call_whose_end_is_unseen() -> None:
    seen = mine(transcript=POINTER)
    assert protocol.text_withdrawn(seen, "mine", REASON, NOW) == Transition(call(notes=(REASON,)))


def test_a_submit_whose_url_could_not_be_fetched() -> None:
    linked = recording(Sound.LINKED)
    assert protocol.submit_fetch_failed(mine(AUDIO, recording=linked), "mine", NOW) == Transition(
        call(recording=replace(linked, fetch_failures=1)), Then.WAIT, NOW + 30
    )
    last = replace(linked, fetch_failures=4)
    given_up = protocol.submit_fetch_failed(mine(BOTH, recording=last), "mine", NOW)
    assert given_up == Transition(
        mine(TEXT, recording=replace(last, state=Sound.REJECTED, reason=FETCH_FAILED, changed_at=NOW)),
        Then.SUBMIT,
    )


# --- recordings --------------------------------------------------------------------------------------


def arrived(seen: Call, told: Recording) -> Transition:
    return protocol.recording_arrived(seen, told, MINE)


def test_the_same_recording_once_more_changes_nothing() -> None:
    for state in Sound:
        seen = call(State.SUBMITTED, recording=recording(state))
        assert arrived(seen, recording()).call == seen


def test_a_better_recording_waits_until_the_one_that_is_being_sent_is_done() -> None:
    better = recording(order="3")
    held = mine(AUDIO, recording=UPLOADED)
    assert arrived(held, better) == Transition(held, Then.WAIT, NOW + 50)
    pinned = call(State.SUBMITTED, recording=recording(Sound.PINNED))
    assert arrived(pinned, better) == Transition(pinned, Then.WAIT, NOW + 30)
    over = ended_lease(AUDIO, recording=UPLOADED)
    assert arrived(over, better) == Transition(over, Then.WAIT, NOW + 1)


def test_a_recording_that_comes_back_is_no_longer_an_ended_one() -> None:
    seen = call(recording=recording(), outcomes={"s3://b/k3#e": "superseded", "x": "superseded"})
    after = arrived(seen, recording(order="3"))
    assert after.call == call(
        recording=recording(order="3", changed_at=NOW),
        outcomes={"x": "superseded", "s3://b/k2#e": "superseded"},
    )
    lower = call(recording=recording(), outcomes={"s3://b/k1#e": "rejected: code"})
    assert arrived(lower, recording(order="1")) == Transition(lower)


def test_audio_that_another_recording_brought_is_never_replaced() -> None:
    seen = call(State.SUBMITTED, recording=recording(Sound.REJECTED), outcomes={"x": "attached"})
    better = recording(order="3")
    after = arrived(seen, better)
    assert after == Transition(replace(seen, outcomes={"x": "attached", better.identity: "superseded"}))


def test_outcomes_are_kept_to_a_hundred() -> None:
    outcomes = {str(number): "superseded" for number in range(100)}
    after = arrived(call(recording=recording(), outcomes=outcomes), recording(order="3")).call.outcomes
    assert list(after) == [*map(str, range(1, 100)), "s3://b/k2#e"]


def test_a_rejection_without_a_reason_counts_as_superseded() -> None:
    odd = call(recording=recording(Sound.REJECTED))
    assert arrived(odd, recording(order="3")).call.outcomes == {"s3://b/k2#e": "superseded"}
    explained = call(recording=recording(reason=REASON))
    assert arrived(explained, recording(order="3")).call.outcomes == {"s3://b/k2#e": "superseded"}


@pytest.mark.parametrize(
    ("held", "told", "mended"),
    [
        (recording(Sound.REJECTED, usable=False), recording(), True),
        (recording(Sound.REJECTED, usable=False), recording(Sound.REJECTED, usable=False), False),
        (recording(Sound.REJECTED), recording(), False),
        (recording(Sound.ATTACHED, usable=False), recording(), False),
    ],
)
def test_what_our_look_refused_may_come_anew(held: Recording, told: Recording, mended: bool) -> None:
    after = arrived(call(recording=held), told)
    assert after.call.recording == (replace(told, changed_at=NOW) if mended else held)
    assert after.then is (Then.UPLOAD if mended else Then.FOLLOW)


GONE = recording(Sound.REJECTED, usable=False, reason=REASON)


UNFIT = replace(UPLOADED, unprepared=True)
REPLACEABLE = replace(UPLOADED, url="", version=ObjectVersion("b", "k2", "e"))
TO_COPY = (UNFIT, REPLACEABLE)


@pytest.mark.parametrize(
    ("held", "to_copy"),
    [
        (UPLOADED, False),
        (UNFIT, True),
        (REPLACEABLE, True),
        (replace(REPLACEABLE, prepared=ObjectVersion("staging", "copy", "e")), False),
        (replace(REPLACEABLE, url="https://a.example/"), False),
        (replace(REPLACEABLE, version=None), False),
    ],
)
def test_what_does_not_fit_or_could_be_replaced_is_copied(held: Recording, to_copy: bool) -> None:
    assert held.to_copy is to_copy


@pytest.mark.parametrize(
    ("state", "held", "refused"),
    [
        (State.WAITING, recording(), True),
        (State.SUBMITTED, recording(), True),
        *((State.SUBMITTED, raw, True) for raw in TO_COPY),
        (State.SUBMITTED, UPLOADED, False),
        *((State.WAITING, raw, False) for raw in TO_COPY),
        (State.WAITING, UPLOADED, False),
        (State.SUBMITTED, recording(Sound.PINNED, unprepared=True), False),
        (State.SUBMITTED, recording(Sound.LINKED), False),
    ],
)
def test_bytes_that_are_gone_end_what_still_needs_them(state: State, held: Recording, refused: bool) -> None:
    after = arrived(call(state, recording=held), GONE).call.recording
    gone = replace(held, state=Sound.REJECTED, reason=REASON, upload_id=None, url="", changed_at=NOW)
    assert after == (gone if refused else held)


def test_a_look_without_a_reason_refuses_nothing() -> None:
    seen = call(State.SUBMITTED, recording=recording())
    assert arrived(seen, replace(GONE, reason=None)).call == seen
    assert arrived(seen, recording(reason=REASON)).call == seen


COPY = recording(prepared=ObjectVersion("staging", "copy", "e"), changed_at=NOW - 5, settles_at=3)


@pytest.mark.parametrize("raw", TO_COPY, ids=["unfit", "replaceable"])
@pytest.mark.parametrize(
    ("state", "taken"),
    [(Sound.READY, True), (Sound.UPLOADED, True), (Sound.LINKED, False), (Sound.PINNED, False)],
)
def test_the_copy_that_was_made_takes_its_place(state: Sound, taken: bool, raw: Recording) -> None:
    held = replace(raw, state=state, settles_at=2)
    after = arrived(call(State.SUBMITTED, recording=held), COPY).call
    assert after.recording == (replace(COPY, settles_at=2) if taken else held)


def test_a_copy_that_is_none_or_of_the_other_side_is_not_taken() -> None:
    held = recording(Sound.UPLOADED, unprepared=True, agent_channel=1)
    for told in (COPY, recording(unprepared=True, agent_channel=1)):
        seen = call(State.SUBMITTED, recording=held)
        assert arrived(seen, told) == Transition(seen)
    ready = recording(Sound.UPLOADED)
    assert arrived(call(State.SUBMITTED, recording=ready), COPY).call.recording == ready


def test_a_side_that_comes_with_the_recording_again() -> None:
    seen = call(State.SUBMITTED, recording=UPLOADED)
    after = arrived(seen, recording(agent_channel=1, unprepared=True, changed_at=NOW - 7)).call.recording
    assert after == replace(
        UPLOADED, state=Sound.READY, agent_channel=1, upload_id=None, unprepared=True, changed_at=NOW - 7
    )
    for state in (Sound.PINNED, Sound.ATTACHED):
        kept = call(State.SUBMITTED, recording=recording(state))
        assert arrived(kept, recording(agent_channel=1)).call == kept


@pytest.mark.parametrize(
    ("settles_at", "then", "until"), [(NOW, Then.UPLOAD, 0), (NOW + 1, Then.WAIT, NOW + 1)]
)
def test_a_recording_waits_for_a_better_one(settles_at: int, then: Then, until: int) -> None:
    told = recording(settles_at=settles_at, traits=Traits(several=True))
    after = arrived(call(), told)
    assert (after.then, after.until) == (then, until)
    pinned = protocol.attach(call(State.SUBMITTED, recording=told), NOW)
    assert (pinned.then, pinned.until) == (Then.ATTACH if then is Then.UPLOAD else Then.WAIT, until)
    linked = call(State.WAITING, call_end=CallEnd.WITHOUT_TEXT, recording=replace(told, state=Sound.LINKED))
    claimed = protocol.claim_next(linked, Next.SUBMIT_RECORDING, MINE)
    assert (claimed.then, claimed.until) == (Then.SUBMIT if then is Then.UPLOAD else Then.WAIT, until)


def test_a_recording_again_takes_over_an_ended_lease() -> None:
    seen = ended_lease(AUDIO, recording=UPLOADED)
    assert arrived(seen, recording()) == Transition(
        replace(
            seen,
            maybe_sent_at=NOW,
            lease=Lease("mine", NOW + 180, Parts(text=False, facts=False, recording=True)),
        ),
        Then.READ_FIRST,
    )
    held = mine(AUDIO, recording=UPLOADED)
    assert arrived(held, recording()) == Transition(held, Then.WAIT, NOW + 50)
    over = mine(AUDIO, recording=recording(Sound.ATTACHED))
    assert arrived(over, recording()) == Transition(over)


def test_a_recording_that_was_made_ready() -> None:
    held, sent = recording(settles_at=2, agent_channel=1), recording(settles_at=9, agent_channel=1)
    seen = call(recording=held)
    assert protocol.recording_uploaded(seen, sent, "upl", NOW) == Transition(
        call(recording=replace(sent, state=Sound.UPLOADED, upload_id="upl", settles_at=2, changed_at=NOW))
    )
    assert protocol.recording_linked(seen, sent, NOW) == Transition(
        call(recording=replace(sent, state=Sound.LINKED, settles_at=2, changed_at=NOW))
    )
    submitting = mine(recording=held)
    assert protocol.recording_linked(submitting, sent, NOW).then is Then.DONE


@pytest.mark.parametrize(("state", "then"), [(State.SUBMITTED, Then.FOLLOW), (State.NONE, Then.UPLOAD_AGAIN)])
def test_a_recording_that_was_made_ready_for_the_wrong_side(state: State, then: Then) -> None:
    seen = call(state, recording=recording(agent_channel=1))
    assert protocol.recording_uploaded(seen, recording(), "upl", NOW) == Transition(seen, then)


def test_what_was_made_ready_of_a_recording_that_is_none_any_more() -> None:
    for seen in (call(), call(recording=UPLOADED), call(recording=recording(order="3"))):
        assert protocol.recording_uploaded(seen, recording(), "new", NOW) == Transition(seen)
    held = mine()
    assert protocol.recording_uploaded(held, recording(), "new", NOW) == Transition(held, Then.DONE)


@pytest.mark.parametrize(
    ("state", "refused"),
    [
        (Sound.READY, True),
        (Sound.PINNED, True),
        (Sound.UPLOADED, False),
        (Sound.LINKED, False),
        (Sound.ATTACHED, False),
    ],
)
def test_a_refusal_counts_while_it_is_worked_on(state: Sound, refused: bool) -> None:
    held = recording(state, url="https://a.example/", upload_id="upl")
    after = protocol.recording_refused(call(recording=held), held.identity, REASON, NOW)
    gone = replace(held, state=Sound.REJECTED, reason=REASON, url="", upload_id=None, changed_at=NOW)
    assert after == Transition(call(recording=gone if refused else held))


def test_a_recording_is_pinned_and_attached() -> None:
    seen = call(State.SUBMITTED, recording=UPLOADED)
    pinned = replace(UPLOADED, state=Sound.PINNED, changed_at=NOW)
    assert protocol.attach(seen, NOW) == Transition(call(State.SUBMITTED, recording=pinned), Then.ATTACH)
    again = call(State.SUBMITTED, recording=replace(pinned, changed_at=NOW - 9))
    marked = replace(pinned, changed_at=NOW - 9, maybe_attached=True)
    assert protocol.attach(again, NOW) == Transition(call(State.SUBMITTED, recording=marked), Then.ATTACH)
    attached = replace(pinned, state=Sound.ATTACHED, url="", upload_id=None, changed_at=NOW + 1)
    assert protocol.attached(again, UPLOADED.identity, NOW + 1) == Transition(
        call(State.SUBMITTED, recording=attached)
    )


@pytest.mark.parametrize("raw", TO_COPY, ids=["unfit", "replaceable"])
def test_what_is_to_be_copied_is_not_pinned_but_ends_with_a_refused_call(raw: Recording) -> None:
    seen = call(State.SUBMITTED, recording=raw)
    assert protocol.attach(seen, NOW) == Transition(seen)
    refused = protocol.attach(call(State.REJECTED, recording=raw, reason=REASON), NOW).call.recording
    assert refused == replace(
        raw, state=Sound.REJECTED, reason=REASON, url="", upload_id=None, changed_at=NOW
    )


def test_a_recording_of_a_call_that_was_refused_without_a_reason() -> None:
    after = protocol.attach(call(State.FILTERED, recording=UPLOADED), NOW).call.recording
    assert after is not None
    assert after.reason == Reason("call_refused", "The call itself was refused.")


def test_a_url_that_could_not_be_fetched_for_an_attach() -> None:
    pinned = recording(Sound.PINNED)
    seen = call(State.SUBMITTED, recording=pinned)
    assert protocol.attach_fetch_failed(seen, pinned.identity, NOW) == Transition(
        call(State.SUBMITTED, recording=replace(pinned, fetch_failures=1)), Then.WAIT, NOW + 30
    )
    assert protocol.attach_fetch_failed(seen, "another", NOW) == Transition(seen)


@pytest.mark.parametrize("reason", [REASON, FETCH_FAILED])
def test_what_only_this_worker_has_pinned_is_refused_at_once(reason: Reason) -> None:
    pinned = recording(Sound.PINNED, fetch_failures=4)
    seen = call(State.SUBMITTED, recording=pinned)
    refused = replace(pinned, state=Sound.REJECTED, reason=reason, changed_at=NOW)
    after = protocol.attach_given_up(seen, pinned.identity, reason, NOW)
    assert after == Transition(call(State.SUBMITTED, recording=refused))
    assert protocol.attach_given_up(seen, "another", reason, NOW) == Transition(seen)
    if reason is FETCH_FAILED:
        assert protocol.attach_fetch_failed(seen, pinned.identity, NOW) == after


def test_what_another_worker_may_be_attaching_stays_pinned_until_the_last_look() -> None:
    first = call(State.SUBMITTED, recording=recording(Sound.PINNED, changed_at=EARLIER))
    second = protocol.attach(first, NOW).call
    assert second == replace(
        first, recording=recording(Sound.PINNED, changed_at=EARLIER, maybe_attached=True)
    )
    given_up = protocol.attach_given_up(second, recording().identity, REASON, NOW).call
    held = recording(Sound.PINNED, maybe_attached=True, reason=REASON, changed_at=NOW)
    assert given_up == replace(first, recording=held)
    for nothing in (
        protocol.attach_given_up(given_up, held.identity, FETCH_FAILED, NOW + 1),
        protocol.attach_fetch_failed(given_up, held.identity, NOW + 1),
        protocol.attach(given_up, NOW + 1),
        protocol.resume(given_up, DEADLINES, replace(MINE, now=NOW + 399)),
    ):
        assert nothing == Transition(given_up)
    assert protocol.next_step(given_up) is Next.NOTHING
    assert protocol.due_at(given_up, DEADLINES, NOW) == NOW + 400
    newer = protocol.recording_arrived(given_up, recording(identity="newer", order="z"), MINE)
    assert (newer.call, newer.then) == (given_up, Then.WAIT)
    late = replace(MINE, now=NOW + 400)
    assert protocol.resume(given_up, DEADLINES, late) == Transition(given_up, Then.LAST_LOOK)


def test_after_the_last_look() -> None:
    held = recording(Sound.PINNED, maybe_attached=True, reason=REASON, changed_at=EARLIER)
    seen = call(State.SUBMITTED, recording=held)
    assert protocol.attached(seen, held.identity, NOW).call.recording == replace(
        held, state=Sound.ATTACHED, reason=None, changed_at=NOW
    )
    assert protocol.recording_refused(seen, held.identity, REASON, NOW).call.recording == replace(
        held, state=Sound.REJECTED, changed_at=NOW
    )


# --- what comes next, and the sweep ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "held", "step"),
    [
        (State.SUBMITTED, UNFIT, Next.PREPARE),
        (State.SUBMITTED, REPLACEABLE, Next.PREPARE),
        (State.SUBMITTED, UPLOADED, Next.ATTACH),
        (State.REJECTED, UNFIT, Next.ATTACH),
        (State.NONE, UNFIT, Next.NOTHING),
    ],
)
def test_what_is_to_be_copied_is_prepared_once_its_call_is_submitted(
    state: State, held: Recording, step: Next
) -> None:
    assert protocol.next_step(call(state, recording=held)) is step


@pytest.mark.parametrize("state", [Sound.LINKED, Sound.UPLOADED])
def test_a_recording_that_can_be_sent_is_claimed_alone(state: Sound) -> None:
    seen = call(State.WAITING, call_end=CallEnd.WITHOUT_TEXT, facts=FACTS, recording=recording(state))
    assert protocol.next_step(seen) is Next.SUBMIT_RECORDING
    assert protocol.claim_next(seen, Next.SUBMIT_RECORDING, MINE) == Transition(
        replace(seen, state=State.SUBMITTING, lease=Lease("mine", NOW + 180, AUDIO)), Then.SUBMIT
    )


def test_a_transcript_is_claimed_with_what_can_go_along() -> None:
    seen = call(State.WAITING, call_end=CallEnd.TEXT_PENDING, transcript=POINTER, recording=UPLOADED)
    claimed = protocol.claim_next(seen, Next.SUBMIT_TRANSCRIPT, MINE)
    assert claimed.call.lease == Lease("mine", NOW + 180, BOTH)
    linked = replace(seen, recording=recording(Sound.LINKED))
    assert protocol.claim_next(linked, Next.SUBMIT_TRANSCRIPT, MINE).call.lease == Lease(
        "mine", NOW + 180, TEXT
    )


def test_resume_takes_over_what_the_dead_one_had() -> None:
    for parts in (TEXT, Parts(text=False, facts=False, recording=True)):
        seen = ended_lease(parts, call_end=CallEnd.UNSEEN, recording=UPLOADED)
        taken = protocol.resume(seen, DEADLINES, MINE)
        lease = Lease("mine", NOW + 180, Parts(text=parts.text, facts=False, recording=True))
        assert taken == Transition(replace(seen, maybe_sent_at=NOW, lease=lease), Then.READ_FIRST)


def test_a_recording_alone_is_sent_when_neither_call_end_nor_a_better_one_comes() -> None:
    for state in (Sound.UPLOADED, Sound.LINKED):
        held = recording(state, changed_at=NOW - 100, settles_at=NOW)
        assert protocol.resume(call(recording=held), DEADLINES, MINE).then is Then.SUBMIT
        settling = call(recording=replace(held, settles_at=NOW + 1))
        assert protocol.resume(settling, DEADLINES, MINE) == Transition(settling)
    assert protocol.resume(call(), DEADLINES, MINE) == Transition(call())


def test_deadlines_of_a_call_that_waits() -> None:
    pending = call(State.WAITING, call_end=CallEnd.TEXT_PENDING, facts=FACTS, waiting_since=NOW - 200)
    assert protocol.resume(pending, DEADLINES, MINE) == Transition(
        replace(pending, call_end=CallEnd.WITHOUT_TEXT)
    )
    told = replace(pending, transcript=POINTER)
    assert protocol.resume(told, DEADLINES, MINE) == Transition(told)


SILENT = call(State.WAITING, call_end=CallEnd.WITHOUT_TEXT, facts=FACTS, waiting_since=NOW - 300)


@pytest.mark.parametrize(
    ("seen", "missed"),
    [
        (SILENT, True),
        (replace(SILENT, waiting_since=NOW - 299), False),
        (replace(SILENT, call_end=CallEnd.TEXT_PENDING, transcript=POINTER), False),
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
    expected = Transition(replace(seen, recording_missed_at=NOW), Then.DONE) if missed else Transition(seen)
    assert protocol.resume(seen, DEADLINES, MINE) == expected


def test_an_audit_is_owed_once() -> None:
    owed = call(State.SUBMITTED, maybe_sent_at=1, submitted_at=NOW - 400)
    assert protocol.resume(owed, DEADLINES, MINE) == Transition(owed, Then.AUDIT)
    done = protocol.audited(owed, 1, NOW)
    assert done == Transition(replace(owed, audited_at=NOW))
    assert protocol.resume(done.call, DEADLINES, MINE) == Transition(done.call)
    never = replace(owed, maybe_sent_at=0)
    assert protocol.resume(never, DEADLINES, MINE) == Transition(never)


@pytest.mark.parametrize("state", [State.NONE, State.OPEN, State.WAITING, State.FILTERED, State.REJECTED])
def test_a_call_that_was_given_up_is_audited_too(state: State) -> None:
    owed = call(state, maybe_sent_at=NOW - 400)
    assert protocol.due_at(owed, DEADLINES, NOW) == NOW
    assert protocol.resume(owed, DEADLINES, MINE) == Transition(owed, Then.AUDIT)
    early = replace(owed, maybe_sent_at=NOW - 399)
    assert protocol.due_at(early, DEADLINES, NOW) == NOW + 1
    assert protocol.resume(early, DEADLINES, MINE) == Transition(early)


def test_an_audit_of_an_earlier_take_over_says_nothing_of_a_later_one() -> None:
    seen = call(maybe_sent_at=NOW)
    assert protocol.audited(seen, NOW - 1, NOW) == Transition(seen)
    again = protocol.resume(ended_lease(audited_at=EARLIER), DEADLINES, MINE).call
    assert (again.maybe_sent_at, again.audited_at) == (NOW, 0)


MADE = Made(conversation_id="conversation", sent=AUDIO, audio=Audio.OURS)


@pytest.mark.parametrize("state", [State.NONE, State.OPEN, State.WAITING, State.REJECTED])
def test_what_landed_late_is_adopted(state: State) -> None:
    refused = recording(Sound.REJECTED, reason=REASON)
    given_up = call(state, maybe_sent_at=7, recording=refused, reason=REASON)
    assert protocol.found_late(given_up, MADE, NOW) == Transition(
        replace(
            given_up,
            state=State.SUBMITTED,
            conversation_id="conversation",
            sent=AUDIO,
            submitted_at=NOW,
            reason=None,
            recording=replace(refused, state=Sound.ATTACHED, reason=None, changed_at=NOW),
        )
    )


@pytest.mark.parametrize("seen", [mine(), call(State.SUBMITTED), call(State.FILTERED)])
def test_what_landed_late_is_not_adopted_twice_nor_for_a_simulation(seen: Call) -> None:
    assert protocol.found_late(seen, MADE, NOW) == Transition(seen)


@pytest.mark.parametrize(("due_at", "swept"), [(None, 3), (NOW + 1, 3), (NOW, 4), (NOW - 1, 4)])
def test_a_sweep_counts_what_was_due(due_at: int | None, swept: int) -> None:
    seen = call(due_at=due_at, swept=3)
    then = Then.DONE if swept == 3 else Then.FOLLOW
    assert protocol.swept(seen, NOW) == Transition(replace(seen, swept=swept), then)


@pytest.mark.parametrize(
    ("seen", "due"),
    [
        (call(State.SUBMITTED, maybe_sent_at=7, audited_at=5, submitted_at=NOW), None),
        (call(State.REJECTED, maybe_sent_at=NOW), NOW + 400),
        (mine(maybe_sent_at=NOW - 600), NOW + 50),
        (SILENT, NOW),
        (replace(SILENT, waiting_since=NOW), NOW + 300),
        (replace(SILENT, waiting_since=NOW, recording=recording(Sound.REJECTED)), None),
        (call(recording=recording(Sound.LINKED, changed_at=NOW)), NOW + 100),
        (call(recording=recording(Sound.UPLOADED, changed_at=NOW, settles_at=NOW + 150)), NOW + 150),
        (call(State.OPEN, recording=recording(Sound.UPLOADED, changed_at=NOW)), None),
        (call(State.OPEN, recording=recording(changed_at=NOW)), NOW + 500),
        (mine(recording=recording(changed_at=EARLIER)), NOW + 50),
        (
            call(
                State.WAITING,
                call_end=CallEnd.WITHOUT_TEXT,
                recording=recording(Sound.LINKED, changed_at=NOW),
            ),
            NOW + 500,
        ),
        (call(transcript=POINTER, recording=recording(Sound.UPLOADED, changed_at=NOW)), NOW + 100),
        (
            call(
                State.SUBMITTED,
                maybe_sent_at=7,
                submitted_at=NOW,
                recording=recording(Sound.PINNED, changed_at=NOW - 200),
            ),
            NOW + 300,
        ),
        (replace(NEW, recording=recording(changed_at=0), swept=2), NOW + 1000),
    ],
)
def test_when_the_sweep_looks(seen: Call, due: int | None) -> None:
    assert protocol.due_at(seen, DEADLINES, NOW) == due
