"""The rules of the state lifecycle, row by row: (state, event) → (state, what to do then)."""

from dataclasses import replace
from typing import Any

import pytest

from coval_relay.domain import lifecycle
from coval_relay.domain.call import (
    Call,
    CallEnd,
    CallFacts,
    ConversationAudio,
    ConversationState,
    KnownConversation,
    Lease,
    Parts,
    Recording,
    RecordingState,
    TranscriptPointer,
)
from coval_relay.domain.errors import Reason
from coval_relay.domain.lifecycle import Action, Attempt, Deadlines, Transition
from coval_relay.domain.s3_objects import ObjectVersion

NOW = 1_000_000
DEADLINES = Deadlines(grace=100, transcript=200, recording=300, audit=400, resume=500)
FACTS = CallFacts(occurred_at="2026-10-02T14:31:07.000Z", ended_at=NOW - 60)
POINTER = TranscriptPointer(bucket="b", key="k", format="canonical_v1", stored_at=NOW)
MINE = Attempt("mine", NOW + 180, NOW)
REASON = Reason("code", "text")
TEXT, AUDIO = (
    Parts(transcript=True, facts=True, recording=False),
    Parts(transcript=False, facts=True, recording=True),
)


def call(state: ConversationState = ConversationState.NEW, **changes: Any) -> Call:
    return replace(Call(external_conversation_id="c", revision=1, state=state, created_at=NOW), **changes)


def recording(state: RecordingState = RecordingState.READY, sort_key: str = "2", **changes: Any) -> Recording:
    version = ObjectVersion("b", f"k{sort_key}", "e", "v")
    made = Recording(identity=f"s3://b/k{sort_key}#e", sort_key=sort_key, created_at=NOW, state=state, version=version)
    return replace(made, **changes)


def submitting(parts: Parts = TEXT, until: int = NOW + 50, token: str = "other", **changes: Any) -> Call:
    return call(ConversationState.SUBMITTING, lease=Lease(token, until, parts), **changes)


def ended(seen: Call, kind: CallEnd = CallEnd.WITH_TRANSCRIPT, pointer: TranscriptPointer | None = None) -> Transition:
    return lifecycle.call_ended(seen, kind, FACTS, pointer, MINE)


def summary(transition: Transition) -> tuple[str, str | None, str]:
    seen = transition.call
    return (
        seen.state.value,
        seen.recording_state.value if seen.recording_state else None,
        transition.action.value,
    )


ENDED_LEASE = {"until": NOW}
UPLOADED = recording(RecordingState.UPLOADED, upload_id="upl")


@pytest.mark.parametrize(
    ("seen", "kind", "expected"),
    [
        (call(), CallEnd.WITH_TRANSCRIPT, ("SUBMITTING", None, "submit")),
        (
            call(ConversationState.QUEUED, call_end=CallEnd.WITH_TRANSCRIPT),
            CallEnd.WITH_TRANSCRIPT,
            ("SUBMITTING", None, "submit"),
        ),
        (
            call(ConversationState.WAITING, call_end=CallEnd.TRANSCRIPT_PENDING),
            CallEnd.WITH_TRANSCRIPT,
            ("SUBMITTING", None, "submit"),
        ),
        (call(maybe_sent_at=7), CallEnd.WITH_TRANSCRIPT, ("SUBMITTING", None, "read_then_submit")),
        (call(created_at=NOW + 90_000), CallEnd.WITH_TRANSCRIPT, ("SUBMITTING", None, "read_then_submit")),
        (submitting(), CallEnd.WITH_TRANSCRIPT, ("SUBMITTING", None, "wait")),
        (submitting(until=NOW), CallEnd.WITH_TRANSCRIPT, ("SUBMITTING", None, "read_then_submit")),
        (
            call(ConversationState.SUBMITTED, sent=AUDIO),
            CallEnd.WITH_TRANSCRIPT,
            ("SUBMITTED", None, "continue"),
        ),
        (call(ConversationState.FILTERED), CallEnd.WITH_TRANSCRIPT, ("FILTERED", None, "continue")),
        (call(), CallEnd.WITHOUT_TRANSCRIPT, ("WAITING", None, "continue")),
        (
            call(ConversationState.QUEUED, call_end=CallEnd.WITH_TRANSCRIPT),
            CallEnd.WITHOUT_TRANSCRIPT,
            ("QUEUED", None, "continue"),
        ),
        (submitting(AUDIO), CallEnd.WITHOUT_TRANSCRIPT, ("SUBMITTING", None, "wait")),
        (submitting(AUDIO, NOW), CallEnd.WITHOUT_TRANSCRIPT, ("SUBMITTING", None, "read_then_submit")),
        (submitting(TEXT, NOW), CallEnd.WITHOUT_TRANSCRIPT, ("SUBMITTING", None, "wait")),
        (call(), CallEnd.TRANSCRIPT_PENDING, ("WAITING", None, "continue")),
        (submitting(until=NOW), CallEnd.TRANSCRIPT_PENDING, ("SUBMITTING", None, "wait")),
    ],
)
def test_call_end(seen: Call, kind: CallEnd, expected: tuple[str, str | None, str]) -> None:
    assert summary(ended(seen, kind)) == expected


def test_a_claim_pins_the_upload_and_says_what_goes_along() -> None:
    claimed = ended(call(recording=UPLOADED)).call
    assert claimed.lease == Lease("mine", NOW + 180, Parts(transcript=True, facts=True, recording=True))
    linked = ended(call(recording=recording(RecordingState.BY_URL))).call
    assert linked.lease == Lease("mine", NOW + 180, TEXT)


def test_a_take_over_is_remembered_for_ever() -> None:
    taken = ended(submitting(until=NOW)).call
    assert (taken.maybe_sent_at, taken.lease) == (NOW, Lease("mine", NOW + 180, TEXT))
    assert lifecycle.submit_not_sent(taken, "mine", NOW).call.maybe_sent_at == NOW


@pytest.mark.parametrize(
    ("sent", "kind", "late"),
    [
        (AUDIO, CallEnd.WITH_TRANSCRIPT, ("transcript",)),
        (
            Parts(transcript=False, facts=False, recording=True),
            CallEnd.WITH_TRANSCRIPT,
            ("facts", "transcript"),
        ),
        (Parts(transcript=False, facts=False, recording=True), CallEnd.WITHOUT_TRANSCRIPT, ("facts",)),
        (TEXT, CallEnd.WITH_TRANSCRIPT, ()),
    ],
)
def test_what_comes_after_the_submit_is_recorded_as_late(sent: Parts, kind: CallEnd, late: tuple[str, ...]) -> None:
    assert ended(call(ConversationState.SUBMITTED, sent=sent), kind).call.late == late


def test_a_pointer_waits_for_the_facts_and_goes_with_them() -> None:
    stored = lifecycle.transcript_arrived(call(), POINTER, MINE)
    assert (summary(stored), stored.call.transcript) == (("NEW", None, "done"), POINTER)
    assert lifecycle.next_action(ended(stored.call, CallEnd.WITHOUT_TRANSCRIPT).call) is Action.CLAIM_TRANSCRIPT
    waiting = call(ConversationState.WAITING, call_end=CallEnd.TRANSCRIPT_PENDING, facts=FACTS)
    assert summary(lifecycle.transcript_arrived(waiting, POINTER, MINE)) == ("SUBMITTING", None, "submit")
    assert summary(ended(call(), CallEnd.TRANSCRIPT_PENDING, POINTER)) == ("SUBMITTING", None, "submit")


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (call(ConversationState.QUEUED), ("QUEUED", None, "continue")),
        (submitting(), ("SUBMITTING", None, "wait")),
        (submitting(until=NOW), ("SUBMITTING", None, "read_then_submit")),
        (call(ConversationState.SUBMITTED, sent=AUDIO), ("SUBMITTED", None, "continue")),
    ],
)
def test_a_transcript_object(seen: Call, expected: tuple[str, str | None, str]) -> None:
    assert summary(lifecycle.transcript_arrived(seen, POINTER, MINE)) == expected


# --- answers -----------------------------------------------------------------------------------------


def mine(parts: Parts = TEXT, **changes: Any) -> Call:
    return submitting(parts, token="mine", **changes)


def made(seen: Call, *, audio: ConversationAudio = ConversationAudio.NONE, sent: Parts = TEXT) -> Transition:
    known = KnownConversation(conversation_id="conversation", sent=sent, audio=audio)
    return lifecycle.submitted(seen, "mine", known, NOW)


def test_an_answer_ends_the_lease_and_the_pinned_recording() -> None:
    both = Parts(transcript=True, facts=True, recording=True)
    assert summary(made(mine())) == ("SUBMITTED", None, "continue")
    assert summary(made(mine(both, recording=UPLOADED), audio=ConversationAudio.OURS)) == (
        "SUBMITTED",
        "ATTACHED",
        "continue",
    )
    assert summary(made(mine(both, recording=UPLOADED))) == ("SUBMITTED", "UPLOADED", "continue")
    assert summary(made(mine(recording=UPLOADED), audio=ConversationAudio.UNKNOWN)) == (
        "SUBMITTED",
        "UPLOADED",
        "continue",
    )
    assert summary(made(mine(recording=UPLOADED), audio=ConversationAudio.OTHER)) == (
        "SUBMITTED",
        "REJECTED",
        "continue",
    )


def test_adoption_says_what_the_found_conversation_lacks() -> None:
    seen = mine(call_end=CallEnd.WITH_TRANSCRIPT, facts=FACTS)
    adopted = made(seen, sent=Parts(transcript=False, facts=False, recording=True)).call
    assert adopted.late == ("facts", "transcript")


def test_the_owner_of_a_lost_lease_changes_nothing() -> None:
    stranger = submitting()
    for transition in (
        made(stranger),
        lifecycle.submit_not_sent(stranger, "mine", NOW),
        lifecycle.lease_released(stranger, "mine", NOW),
        lifecycle.call_rejected(stranger, "mine", ConversationState.REJECTED, REASON, NOW),
        lifecycle.audio_rejected(stranger, "mine", REASON, NOW),
        lifecycle.upload_not_found(stranger, "mine", NOW),
        lifecycle.transcript_dropped(stranger, "mine", REASON, NOW),
        lifecycle.submit_fetch_failed(stranger, "mine", REASON, NOW),
        lifecycle.transcript_not_ready(stranger, "mine", NOW + 30, NOW),
    ):
        assert transition == Transition(stranger, Action.WAIT, NOW + 50)
    done = call(ConversationState.SUBMITTED)
    assert made(done) == Transition(done, Action.CONTINUE)


@pytest.mark.parametrize(
    ("call_end", "back"),
    [
        (CallEnd.NOT_SEEN, "NEW"),
        (CallEnd.WITH_TRANSCRIPT, "QUEUED"),
        (CallEnd.WITHOUT_TRANSCRIPT, "WAITING"),
        (CallEnd.TRANSCRIPT_PENDING, "WAITING"),
    ],
)
def test_back_is_by_the_facts_at_hand(call_end: CallEnd, back: str) -> None:
    seen = mine(call_end=call_end)
    assert summary(lifecycle.submit_not_sent(seen, "mine", NOW)) == (back, None, "wait")
    assert summary(lifecycle.lease_released(seen, "mine", NOW)) == (back, None, "continue")


def test_a_rejection_takes_the_pinned_recording_along() -> None:
    rejected = lifecycle.call_rejected(mine(AUDIO, recording=UPLOADED), "mine", ConversationState.REJECTED, REASON, NOW)
    assert summary(rejected) == ("REJECTED", "REJECTED", "continue")
    kept = lifecycle.call_rejected(mine(recording=UPLOADED), "mine", ConversationState.FILTERED, REASON, NOW)
    assert summary(kept) == ("FILTERED", "UPLOADED", "continue")


def test_rejected_audio_leaves_the_text_to_be_sent() -> None:
    both = Parts(transcript=True, facts=True, recording=True)
    text = lifecycle.audio_rejected(mine(both, recording=UPLOADED), "mine", REASON, NOW)
    assert summary(text) == ("SUBMITTING", "REJECTED", "submit")
    assert text.call.lease == Lease("mine", NOW + 50, TEXT)
    alone = lifecycle.audio_rejected(
        mine(AUDIO, recording=UPLOADED, call_end=CallEnd.WITHOUT_TRANSCRIPT), "mine", REASON, NOW
    )
    assert summary(alone) == ("WAITING", "REJECTED", "continue")


def test_a_lost_upload_is_made_again() -> None:
    both = Parts(transcript=True, facts=True, recording=True)
    text = lifecycle.upload_not_found(mine(both, recording=UPLOADED), "mine", NOW)
    assert summary(text) == ("SUBMITTING", "READY", "submit")
    alone = lifecycle.upload_not_found(mine(AUDIO, recording=UPLOADED), "mine", NOW)
    assert summary(alone) == ("NEW", "READY", "requeue_recording")
    assert alone.call.recording is not None
    assert alone.call.recording.upload_id is None


def test_a_withdrawn_text_leaves_the_recording_to_speak() -> None:
    seen = mine(call_end=CallEnd.WITH_TRANSCRIPT, facts=FACTS, transcript=POINTER, recording=UPLOADED)
    after = lifecycle.transcript_dropped(seen, "mine", REASON, NOW).call
    assert (after.state, after.call_end, after.transcript, after.notes) == (
        ConversationState.WAITING,
        CallEnd.WITHOUT_TRANSCRIPT,
        None,
        (REASON,),
    )
    assert lifecycle.next_action(after) is Action.CLAIM_RECORDING


# --- recordings --------------------------------------------------------------------------------------


def arrived(seen: Call, incoming: Recording) -> Transition:
    return lifecycle.recording_arrived(seen, incoming, MINE)


@pytest.mark.parametrize(
    ("seen", "incoming", "expected"),
    [
        (call(), recording(), ("NEW", "READY", "upload")),
        (call(), recording(RecordingState.BY_URL), ("NEW", "BY_URL", "continue")),
        (call(), recording(RecordingState.REJECTED), ("NEW", "REJECTED", "continue")),
        (call(ConversationState.SUBMITTED), recording(), ("SUBMITTED", "READY", "continue")),
        (call(recording=recording()), recording(), ("NEW", "READY", "upload")),
        (
            call(ConversationState.SUBMITTED, recording=recording()),
            recording(),
            ("SUBMITTED", "READY", "continue"),
        ),
        (call(recording=UPLOADED), recording(), ("NEW", "UPLOADED", "continue")),
        (submitting(TEXT, recording=UPLOADED), recording(), ("SUBMITTING", "UPLOADED", "done")),
        (submitting(AUDIO, recording=UPLOADED), recording(), ("SUBMITTING", "UPLOADED", "wait")),
        (
            submitting(AUDIO, NOW, recording=UPLOADED),
            recording(),
            ("SUBMITTING", "UPLOADED", "read_then_submit"),
        ),
        (call(recording=recording()), recording(sort_key="1"), ("NEW", "READY", "continue")),
        (
            call(recording=recording(RecordingState.ATTACHED)),
            recording(sort_key="3"),
            ("NEW", "ATTACHED", "continue"),
        ),
        (
            call(recording=recording(RecordingState.ATTACHING)),
            recording(sort_key="3"),
            ("NEW", "ATTACHING", "wait"),
        ),
        (submitting(AUDIO, recording=UPLOADED), recording(sort_key="3"), ("SUBMITTING", "UPLOADED", "wait")),
        (submitting(TEXT, recording=UPLOADED), recording(sort_key="3"), ("SUBMITTING", "READY", "upload")),
        (
            call(recording=recording(RecordingState.REJECTED)),
            recording(sort_key="3"),
            ("NEW", "READY", "upload"),
        ),
    ],
)
def test_a_recording_arrives(seen: Call, incoming: Recording, expected: tuple[str, str | None, str]) -> None:
    assert summary(arrived(seen, incoming)) == expected


def test_every_recording_has_an_outcome() -> None:
    current = call(recording=recording())
    assert arrived(current, recording(sort_key="1")).call.other_recordings == {"s3://b/k1#e": "superseded"}
    assert arrived(current, recording(sort_key="3")).call.other_recordings == {"s3://b/k2#e": "superseded"}
    rejected = call(recording=recording(RecordingState.REJECTED, reason=REASON))
    assert arrived(rejected, recording(sort_key="3")).call.other_recordings == {"s3://b/k2#e": "rejected: code"}


def test_what_our_own_look_rejected_never_displaces_and_is_always_displaced() -> None:
    blip = recording(RecordingState.REJECTED, sort_key="3", usable=False, reason=REASON)
    kept = arrived(call(recording=recording()), blip)
    assert (summary(kept), kept.call.other_recordings) == (
        ("NEW", "READY", "continue"),
        {"s3://b/k3#e": "unusable: code"},
    )
    assert summary(arrived(call(recording=blip), recording(sort_key="1"))) == ("NEW", "READY", "upload")


def test_an_upload_counts_for_the_recording_that_it_was_made_of() -> None:
    def uploaded(seen: Call) -> Transition:
        return lifecycle.recording_uploaded(seen, recording(), "upl", NOW)

    assert summary(uploaded(call(recording=recording()))) == ("NEW", "UPLOADED", "continue")
    assert summary(uploaded(submitting(recording=recording()))) == ("SUBMITTING", "UPLOADED", "done")
    newer = call(recording=recording(sort_key="3"))
    assert uploaded(newer) == Transition(newer, Action.CONTINUE)


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (call(ConversationState.SUBMITTED, recording=recording()), ("SUBMITTED", "ATTACHING", "attach")),
        (
            call(ConversationState.SUBMITTED, recording=recording(RecordingState.ATTACHING)),
            ("SUBMITTED", "ATTACHING", "attach"),
        ),
        (
            call(ConversationState.SUBMITTED, recording=recording(RecordingState.ATTACHED)),
            ("SUBMITTED", "ATTACHED", "continue"),
        ),
        (call(ConversationState.FILTERED, recording=UPLOADED), ("FILTERED", "REJECTED", "continue")),
        (call(ConversationState.WAITING, recording=UPLOADED), ("WAITING", "UPLOADED", "continue")),
        (call(ConversationState.SUBMITTED), ("SUBMITTED", None, "continue")),
    ],
)
def test_attach(seen: Call, expected: tuple[str, str | None, str]) -> None:
    assert summary(lifecycle.attach(seen, NOW)) == expected


def test_the_answer_to_an_attach_counts_for_the_pinned_recording() -> None:
    pinned = call(ConversationState.SUBMITTED, recording=recording(RecordingState.ATTACHING))
    assert summary(lifecycle.attached(pinned, "s3://b/k2#e", NOW))[1] == "ATTACHED"
    assert summary(lifecycle.attach_rejected(pinned, "s3://b/k2#e", REASON, NOW))[1] == "REJECTED"
    for other in (
        pinned,
        call(ConversationState.SUBMITTED),
        call(ConversationState.SUBMITTED, recording=UPLOADED),
    ):
        name = "another" if other is pinned else "s3://b/k2#e"
        assert lifecycle.attached(other, name, NOW).call == other
        assert lifecycle.attach_rejected(other, name, REASON, NOW).call == other
        assert lifecycle.attach_fetch_failed(call(ConversationState.SUBMITTED), name, REASON, NOW).call == call(
            ConversationState.SUBMITTED
        )


DAY = 86_400


def test_a_url_that_cannot_be_fetched_is_tried_for_12_days_and_ends_with_covals_words() -> None:
    pinned = recording(RecordingState.ATTACHING, maybe_attached=True)
    first = lifecycle.attach_fetch_failed(
        call(ConversationState.SUBMITTED, recording=pinned), "s3://b/k2#e", REASON, NOW
    )
    assert (first.action, first.call.held_until) == (Action.DONE, NOW + 60)
    assert lifecycle.due_at(first.call, DEADLINES, NOW) == NOW + 60
    pauses = [
        lifecycle.attach_fetch_failed(first.call, "s3://b/k2#e", REASON, NOW + age).call.held_until - NOW - age
        for age in (480, 4800, DAY, 12 * DAY - 1)
    ]
    assert pauses == [60, 600, 1800, 1800]
    abandoned = lifecycle.attach_fetch_failed(first.call, "s3://b/k2#e", REASON, NOW + 12 * DAY)
    assert summary(abandoned) == ("SUBMITTED", "ATTACHING", "continue")
    assert abandoned.call.recording
    assert abandoned.call.recording.reason == REASON
    assert lifecycle.next_action(abandoned.call) is Action.DONE
    assert lifecycle.attach_fetch_failed(abandoned.call, "s3://b/k2#e", REASON, NOW).call == abandoned.call
    looked = lifecycle.resume(abandoned.call, DEADLINES, replace(MINE, now=NOW + 12 * DAY + 400))
    assert looked == Transition(abandoned.call, Action.CONFIRM_ATTACH)


def test_a_url_that_a_submit_named_likewise() -> None:
    linked = recording(RecordingState.BY_URL, fetch_failing_since=NOW - 12 * DAY + 1)
    again = lifecycle.submit_fetch_failed(mine(AUDIO, recording=linked), "mine", REASON, NOW)
    assert summary(again) == ("NEW", "BY_URL", "done")
    assert again.call.held_until == NOW + 1800
    last = replace(linked, fetch_failing_since=NOW - 12 * DAY)
    abandoned = lifecycle.submit_fetch_failed(mine(AUDIO, recording=last), "mine", REASON, NOW)
    assert summary(abandoned) == ("NEW", "REJECTED", "continue")


# --- what comes next, and the sweep ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seen", "step"),
    [
        (call(), Action.DONE),
        (call(recording=UPLOADED), Action.DONE),
        (call(ConversationState.SUBMITTED, recording=recording()), Action.START_ATTACH),
        (call(ConversationState.REJECTED, recording=UPLOADED), Action.START_ATTACH),
        (call(ConversationState.SUBMITTED, recording=recording(RecordingState.ATTACHED)), Action.DONE),
        (call(ConversationState.WAITING, facts=FACTS, transcript=POINTER), Action.CLAIM_TRANSCRIPT),
        (
            call(ConversationState.WAITING, facts=FACTS, call_end=CallEnd.WITHOUT_TRANSCRIPT, recording=UPLOADED),
            Action.CLAIM_RECORDING,
        ),
        (
            call(ConversationState.WAITING, call_end=CallEnd.WITHOUT_TRANSCRIPT, recording=recording()),
            Action.DONE,
        ),
        (
            call(ConversationState.WAITING, call_end=CallEnd.TRANSCRIPT_PENDING, recording=UPLOADED),
            Action.DONE,
        ),
        (call(ConversationState.QUEUED, recording=UPLOADED), Action.DONE),
        (submitting(recording=UPLOADED), Action.DONE),
    ],
)
def test_next_action_and_its_claim(seen: Call, step: Action) -> None:
    assert lifecycle.next_action(seen) is step
    if step in (Action.CLAIM_TRANSCRIPT, Action.CLAIM_RECORDING):
        assert lifecycle.claim_next(seen, step, MINE).action is Action.SUBMIT
        assert lifecycle.claim_next(call(), step, MINE) == Transition(call(), Action.CONTINUE)


EXPECTING = call(ConversationState.SUBMITTED, facts=FACTS, submitted_at=NOW - 300)


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (submitting(), ("SUBMITTING", None, "done")),
        (submitting(until=NOW), ("SUBMITTING", None, "read_then_submit")),
        (call(transcript=POINTER), ("NEW", None, "continue")),
        (call(transcript=replace(POINTER, stored_at=NOW - 200)), ("SUBMITTING", None, "read_then_submit")),
        (call(recording=replace(UPLOADED, changed_at=NOW - 99)), ("NEW", "UPLOADED", "continue")),
        (call(recording=replace(UPLOADED, changed_at=NOW - 100)), ("SUBMITTING", "UPLOADED", "read_then_submit")),
        (call(recording=recording(changed_at=0)), ("NEW", "READY", "continue")),
        (
            call(ConversationState.SUBMITTED, maybe_sent_at=7, submitted_at=NOW - 400),
            ("SUBMITTED", None, "audit"),
        ),
        (
            call(ConversationState.SUBMITTED, maybe_sent_at=7, submitted_at=NOW - 399),
            ("SUBMITTED", None, "continue"),
        ),
        (EXPECTING, ("SUBMITTED", None, "done")),
    ],
)
def test_resume(seen: Call, expected: tuple[str, str | None, str]) -> None:
    assert summary(lifecycle.resume(seen, DEADLINES, MINE)) == expected


def test_a_transcript_that_never_came_is_no_longer_waited_for() -> None:
    pending = call(ConversationState.WAITING, call_end=CallEnd.TRANSCRIPT_PENDING, waiting_since=NOW - 200)
    assert lifecycle.resume(pending, DEADLINES, MINE).call.call_end is CallEnd.WITHOUT_TRANSCRIPT
    early = replace(pending, waiting_since=NOW - 199)
    assert lifecycle.resume(early, DEADLINES, MINE).call == early


def test_a_call_that_nobody_knows_is_not_gone_on_with() -> None:
    nobody = Call(external_conversation_id="c")
    assert lifecycle.resume(nobody, DEADLINES, MINE) == Transition(nobody, Action.DONE)


def test_a_call_whose_recording_never_came_is_text_only() -> None:
    assert lifecycle.resume(EXPECTING, DEADLINES, MINE).call.recording_missed_at == NOW


@pytest.mark.parametrize(
    ("seen", "due"),
    [
        (call(), None),
        (submitting(until=NOW + 50), NOW + 50),
        (call(ConversationState.QUEUED, waiting_since=NOW), NOW + 13 * DAY),
        (call(recording=recording(changed_at=NOW)), NOW + 500),
        (call(recording=replace(UPLOADED, changed_at=NOW)), NOW + 100),
        (call(transcript=POINTER), NOW + 200),
        (call(ConversationState.WAITING, transcript=POINTER), NOW + 500),
        (call(ConversationState.WAITING, call_end=CallEnd.TRANSCRIPT_PENDING, waiting_since=NOW), NOW + 200),
        (call(ConversationState.WAITING, call_end=CallEnd.WITHOUT_TRANSCRIPT), None),
        (
            call(
                ConversationState.WAITING,
                call_end=CallEnd.WITHOUT_TRANSCRIPT,
                recording=replace(UPLOADED, changed_at=NOW),
            ),
            NOW + 500,
        ),
        (
            call(ConversationState.SUBMITTED, recording=recording(RecordingState.ATTACHING, changed_at=NOW)),
            NOW + 500,
        ),
        (call(ConversationState.SUBMITTED, recording=recording(RecordingState.ATTACHED)), None),
        (call(ConversationState.SUBMITTED, maybe_sent_at=7, submitted_at=NOW), NOW + 400),
        (call(ConversationState.SUBMITTED, facts=FACTS, submitted_at=NOW), NOW + 300),
        (call(ConversationState.SUBMITTED, facts=FACTS, recording_missed_at=1), None),
        (call(recording=recording(changed_at=0)), NOW),
        (call(recording=recording(changed_at=0), sweeps=1), NOW + 60),
        (call(recording=recording(changed_at=0), sweeps=3), NOW + 240),
        (call(recording=recording(changed_at=0), sweeps=30), NOW + 1800),
        (call(recording=recording(changed_at=0), sweeps=3, held_until=NOW + 7), NOW + 7),
        (call(recording=recording(changed_at=0), held_until=NOW), NOW),
    ],
)
def test_when_the_sweep_looks(seen: Call, due: int | None) -> None:
    assert lifecycle.due_at(seen, DEADLINES, NOW) == due


def test_a_reason_is_noted_once() -> None:
    noted = lifecycle.input_rejected(call(), REASON, NOW)
    assert (noted.call.notes, noted.action) == ((REASON,), Action.DONE)
    assert lifecycle.input_rejected(noted.call, REASON, NOW).call == noted.call
