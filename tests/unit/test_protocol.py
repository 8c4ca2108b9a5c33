"""The rules of the state protocol, row by row: (state, event) → (state, what to do then)."""

from dataclasses import replace
from typing import Any

import pytest

from coval_relay.domain import protocol
from coval_relay.domain.call import (
    Audio,
    Call,
    CallEnd,
    ConversationState,
    Facts,
    Lease,
    Made,
    Parts,
    Reason,
    Recording,
    RecordingState,
    TranscriptPointer,
)
from coval_relay.domain.protocol import Attempt, Deadlines, Next, Then, Transition
from coval_relay.domain.recordings import ObjectVersion

NOW = 1_000_000
DEADLINES = Deadlines(grace=100, transcript=200, recording=300, audit=400, resume=500)
FACTS = Facts(occurred_at="2026-10-02T14:31:07.000Z", ended_at=NOW - 60)
POINTER = TranscriptPointer(bucket="b", key="k", format="canonical_v1", stored_at=NOW)
MINE = Attempt("mine", NOW + 180, NOW)
REASON = Reason("code", "text")
TEXT, AUDIO = Parts(text=True, facts=True, recording=False), Parts(text=False, facts=True, recording=True)


def call(state: ConversationState = ConversationState.NONE, **changes: Any) -> Call:
    return replace(Call(external_conversation_id="c", revision=1, state=state, created_at=NOW), **changes)


def recording(state: RecordingState = RecordingState.READY, order: str = "2", **changes: Any) -> Recording:
    version = ObjectVersion("b", f"k{order}", "e", "v")
    made = Recording(identity=f"s3://b/k{order}#e", order=order, created_at=NOW, state=state, version=version)
    return replace(made, **changes)


def submitting(parts: Parts = TEXT, until: int = NOW + 50, token: str = "other", **changes: Any) -> Call:
    return call(ConversationState.SUBMITTING, lease=Lease(token, until, parts), **changes)


def ended(
    seen: Call, kind: CallEnd = CallEnd.WITH_TEXT, pointer: TranscriptPointer | None = None
) -> Transition:
    return protocol.call_ended(seen, kind, FACTS, pointer, MINE)


def summary(transition: Transition) -> tuple[str, str | None, str]:
    seen = transition.call
    return (
        seen.state.value,
        seen.recording_state.value if seen.recording_state else None,
        transition.then.value,
    )


ENDED_LEASE = {"until": NOW}
UPLOADED = recording(RecordingState.UPLOADED, upload_id="upl")


@pytest.mark.parametrize(
    ("seen", "kind", "expected"),
    [
        (call(), CallEnd.WITH_TEXT, ("SUBMITTING", None, "submit")),
        (
            call(ConversationState.OPEN, call_end=CallEnd.WITH_TEXT),
            CallEnd.WITH_TEXT,
            ("SUBMITTING", None, "submit"),
        ),
        (
            call(ConversationState.WAITING, call_end=CallEnd.TEXT_PENDING),
            CallEnd.WITH_TEXT,
            ("SUBMITTING", None, "submit"),
        ),
        (call(maybe_sent_at=7), CallEnd.WITH_TEXT, ("SUBMITTING", None, "read_first")),
        (call(created_at=NOW + 90_000), CallEnd.WITH_TEXT, ("SUBMITTING", None, "read_first")),
        (submitting(), CallEnd.WITH_TEXT, ("SUBMITTING", None, "wait")),
        (submitting(until=NOW), CallEnd.WITH_TEXT, ("SUBMITTING", None, "read_first")),
        (call(ConversationState.SUBMITTED, sent=AUDIO), CallEnd.WITH_TEXT, ("SUBMITTED", None, "follow")),
        (call(ConversationState.FILTERED), CallEnd.WITH_TEXT, ("FILTERED", None, "follow")),
        (call(), CallEnd.WITHOUT_TEXT, ("WAITING", None, "follow")),
        (
            call(ConversationState.OPEN, call_end=CallEnd.WITH_TEXT),
            CallEnd.WITHOUT_TEXT,
            ("OPEN", None, "follow"),
        ),
        (submitting(AUDIO), CallEnd.WITHOUT_TEXT, ("SUBMITTING", None, "wait")),
        (submitting(AUDIO, NOW), CallEnd.WITHOUT_TEXT, ("SUBMITTING", None, "read_first")),
        (submitting(TEXT, NOW), CallEnd.WITHOUT_TEXT, ("SUBMITTING", None, "wait")),
        (call(), CallEnd.TEXT_PENDING, ("WAITING", None, "follow")),
        (submitting(until=NOW), CallEnd.TEXT_PENDING, ("SUBMITTING", None, "wait")),
    ],
)
def test_call_end(seen: Call, kind: CallEnd, expected: tuple[str, str | None, str]) -> None:
    assert summary(ended(seen, kind)) == expected


def test_a_claim_pins_the_upload_and_says_what_goes_along() -> None:
    claimed = ended(call(recording=UPLOADED)).call
    assert claimed.lease == Lease("mine", NOW + 180, Parts(text=True, facts=True, recording=True))
    linked = ended(call(recording=recording(RecordingState.LINKED))).call
    assert linked.lease == Lease("mine", NOW + 180, TEXT)


def test_a_take_over_is_remembered_for_ever() -> None:
    taken = ended(submitting(until=NOW)).call
    assert (taken.maybe_sent_at, taken.lease) == (NOW, Lease("mine", NOW + 180, TEXT))
    assert protocol.given_back(taken, "mine", NOW).call.maybe_sent_at == NOW


@pytest.mark.parametrize(
    ("sent", "kind", "late"),
    [
        (AUDIO, CallEnd.WITH_TEXT, ("transcript",)),
        (Parts(text=False, facts=False, recording=True), CallEnd.WITH_TEXT, ("facts", "transcript")),
        (Parts(text=False, facts=False, recording=True), CallEnd.WITHOUT_TEXT, ("facts",)),
        (TEXT, CallEnd.WITH_TEXT, ()),
    ],
)
def test_what_comes_after_the_submit_is_recorded_as_late(
    sent: Parts, kind: CallEnd, late: tuple[str, ...]
) -> None:
    assert ended(call(ConversationState.SUBMITTED, sent=sent), kind).call.late == late


def test_a_pointer_waits_for_the_facts_and_goes_with_them() -> None:
    stored = protocol.transcript_arrived(call(), POINTER, MINE)
    assert (summary(stored), stored.call.transcript) == (("NONE", None, "done"), POINTER)
    assert protocol.next_step(ended(stored.call, CallEnd.WITHOUT_TEXT).call) is Next.SUBMIT_TRANSCRIPT
    waiting = call(ConversationState.WAITING, call_end=CallEnd.TEXT_PENDING)
    assert summary(protocol.transcript_arrived(waiting, POINTER, MINE)) == ("SUBMITTING", None, "submit")
    assert summary(ended(call(), CallEnd.TEXT_PENDING, POINTER)) == ("SUBMITTING", None, "submit")


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (call(ConversationState.OPEN), ("OPEN", None, "follow")),
        (submitting(), ("SUBMITTING", None, "wait")),
        (submitting(until=NOW), ("SUBMITTING", None, "read_first")),
        (call(ConversationState.SUBMITTED, sent=AUDIO), ("SUBMITTED", None, "follow")),
    ],
)
def test_a_transcript_object(seen: Call, expected: tuple[str, str | None, str]) -> None:
    assert summary(protocol.transcript_arrived(seen, POINTER, MINE)) == expected


# --- answers -----------------------------------------------------------------------------------------


def mine(parts: Parts = TEXT, **changes: Any) -> Call:
    return submitting(parts, token="mine", **changes)


def made(seen: Call, *, audio: Audio = Audio.NONE, sent: Parts = TEXT) -> Transition:
    told = Made(conversation_id="conversation", sent=sent, audio=audio)
    return protocol.submitted(seen, "mine", told, NOW)


def test_an_answer_ends_the_lease_and_the_pinned_recording() -> None:
    both = Parts(text=True, facts=True, recording=True)
    assert summary(made(mine())) == ("SUBMITTED", None, "follow")
    assert summary(made(mine(both, recording=UPLOADED), audio=Audio.OURS)) == (
        "SUBMITTED",
        "ATTACHED",
        "follow",
    )
    assert summary(made(mine(both, recording=UPLOADED))) == ("SUBMITTED", "UPLOADED", "follow")
    assert summary(made(mine(recording=UPLOADED), audio=Audio.UNKNOWN)) == ("SUBMITTED", "UPLOADED", "follow")
    assert summary(made(mine(recording=UPLOADED), audio=Audio.OTHER)) == ("SUBMITTED", "REJECTED", "follow")


def test_adoption_says_what_the_found_conversation_lacks() -> None:
    seen = mine(call_end=CallEnd.WITH_TEXT, facts=FACTS)
    adopted = made(seen, sent=Parts(text=False, facts=False, recording=True)).call
    assert adopted.late == ("facts", "transcript")


def test_the_owner_of_a_lost_lease_changes_nothing() -> None:
    stranger = submitting()
    for transition in (
        made(stranger),
        protocol.given_back(stranger, "mine", NOW),
        protocol.released(stranger, "mine", NOW),
        protocol.call_refused(stranger, "mine", ConversationState.REJECTED, REASON, NOW),
        protocol.audio_refused(stranger, "mine", REASON, NOW),
        protocol.upload_lost(stranger, "mine", NOW),
        protocol.text_withdrawn(stranger, "mine", REASON, NOW),
        protocol.submit_fetch_failed(stranger, "mine", NOW),
    ):
        assert transition == Transition(stranger, Then.WAIT, NOW + 50)
    done = call(ConversationState.SUBMITTED)
    assert made(done) == Transition(done, Then.FOLLOW)


@pytest.mark.parametrize(
    ("call_end", "back"),
    [
        (CallEnd.UNSEEN, "NONE"),
        (CallEnd.WITH_TEXT, "OPEN"),
        (CallEnd.WITHOUT_TEXT, "WAITING"),
        (CallEnd.TEXT_PENDING, "WAITING"),
    ],
)
def test_back_is_by_the_facts_at_hand(call_end: CallEnd, back: str) -> None:
    seen = mine(call_end=call_end)
    assert summary(protocol.given_back(seen, "mine", NOW)) == (back, None, "wait")
    assert summary(protocol.released(seen, "mine", NOW)) == (back, None, "follow")


def test_a_refusal_takes_the_pinned_recording_along() -> None:
    refused = protocol.call_refused(
        mine(AUDIO, recording=UPLOADED), "mine", ConversationState.REJECTED, REASON, NOW
    )
    assert summary(refused) == ("REJECTED", "REJECTED", "follow")
    kept = protocol.call_refused(mine(recording=UPLOADED), "mine", ConversationState.FILTERED, REASON, NOW)
    assert summary(kept) == ("FILTERED", "UPLOADED", "follow")


def test_refused_audio_leaves_the_text_to_be_sent() -> None:
    both = Parts(text=True, facts=True, recording=True)
    text = protocol.audio_refused(mine(both, recording=UPLOADED), "mine", REASON, NOW)
    assert summary(text) == ("SUBMITTING", "REJECTED", "submit")
    assert text.call.lease == Lease("mine", NOW + 50, TEXT)
    alone = protocol.audio_refused(
        mine(AUDIO, recording=UPLOADED, call_end=CallEnd.WITHOUT_TEXT), "mine", REASON, NOW
    )
    assert summary(alone) == ("WAITING", "REJECTED", "follow")


def test_a_lost_upload_is_made_again() -> None:
    both = Parts(text=True, facts=True, recording=True)
    text = protocol.upload_lost(mine(both, recording=UPLOADED), "mine", NOW)
    assert summary(text) == ("SUBMITTING", "READY", "submit")
    alone = protocol.upload_lost(mine(AUDIO, recording=UPLOADED), "mine", NOW)
    assert summary(alone) == ("NONE", "READY", "upload_again")
    assert alone.call.recording is not None
    assert alone.call.recording.upload_id is None


def test_a_withdrawn_text_leaves_the_recording_to_speak() -> None:
    seen = mine(call_end=CallEnd.WITH_TEXT, facts=FACTS, transcript=POINTER, recording=UPLOADED)
    after = protocol.text_withdrawn(seen, "mine", REASON, NOW).call
    assert (after.state, after.call_end, after.transcript, after.notes) == (
        ConversationState.WAITING,
        CallEnd.WITHOUT_TEXT,
        None,
        (REASON,),
    )
    assert protocol.next_step(after) is Next.SUBMIT_RECORDING


# --- recordings --------------------------------------------------------------------------------------


def arrived(seen: Call, told: Recording) -> Transition:
    return protocol.recording_arrived(seen, told, MINE)


@pytest.mark.parametrize(
    ("seen", "told", "expected"),
    [
        (call(), recording(), ("NONE", "READY", "upload")),
        (call(), recording(RecordingState.LINKED), ("NONE", "LINKED", "follow")),
        (call(), recording(RecordingState.REJECTED), ("NONE", "REJECTED", "follow")),
        (call(ConversationState.SUBMITTED), recording(), ("SUBMITTED", "READY", "follow")),
        (call(recording=recording()), recording(), ("NONE", "READY", "upload")),
        (
            call(ConversationState.SUBMITTED, recording=recording()),
            recording(),
            ("SUBMITTED", "READY", "follow"),
        ),
        (call(recording=UPLOADED), recording(), ("NONE", "UPLOADED", "follow")),
        (submitting(TEXT, recording=UPLOADED), recording(), ("SUBMITTING", "UPLOADED", "done")),
        (submitting(AUDIO, recording=UPLOADED), recording(), ("SUBMITTING", "UPLOADED", "wait")),
        (submitting(AUDIO, NOW, recording=UPLOADED), recording(), ("SUBMITTING", "UPLOADED", "read_first")),
        (call(recording=recording()), recording(order="1"), ("NONE", "READY", "follow")),
        (
            call(recording=recording(RecordingState.ATTACHED)),
            recording(order="3"),
            ("NONE", "ATTACHED", "follow"),
        ),
        (call(recording=recording(RecordingState.PINNED)), recording(order="3"), ("NONE", "PINNED", "wait")),
        (submitting(AUDIO, recording=UPLOADED), recording(order="3"), ("SUBMITTING", "UPLOADED", "wait")),
        (submitting(TEXT, recording=UPLOADED), recording(order="3"), ("SUBMITTING", "READY", "upload")),
        (
            call(recording=recording(RecordingState.REJECTED)),
            recording(order="3"),
            ("NONE", "READY", "upload"),
        ),
    ],
)
def test_a_recording_arrives(seen: Call, told: Recording, expected: tuple[str, str | None, str]) -> None:
    assert summary(arrived(seen, told)) == expected


def test_every_recording_has_an_outcome() -> None:
    current = call(recording=recording())
    assert arrived(current, recording(order="1")).call.outcomes == {"s3://b/k1#e": "superseded"}
    assert arrived(current, recording(order="3")).call.outcomes == {"s3://b/k2#e": "superseded"}
    refused = call(recording=recording(RecordingState.REJECTED, reason=REASON))
    assert arrived(refused, recording(order="3")).call.outcomes == {"s3://b/k2#e": "rejected: code"}


def test_what_our_own_look_refused_never_displaces_and_is_always_displaced() -> None:
    blip = recording(RecordingState.REJECTED, order="3", usable=False, reason=REASON)
    kept = arrived(call(recording=recording()), blip)
    assert (summary(kept), kept.call.outcomes) == (
        ("NONE", "READY", "follow"),
        {"s3://b/k3#e": "rejected: code"},
    )
    assert summary(arrived(call(recording=blip), recording(order="1"))) == ("NONE", "READY", "upload")


def test_an_upload_counts_for_the_recording_that_it_was_made_of() -> None:
    def uploaded(seen: Call) -> Transition:
        return protocol.recording_uploaded(seen, recording(), "upl", NOW)

    assert summary(uploaded(call(recording=recording()))) == ("NONE", "UPLOADED", "follow")
    assert summary(uploaded(submitting(recording=recording()))) == ("SUBMITTING", "UPLOADED", "done")
    newer = call(recording=recording(order="3"))
    assert uploaded(newer) == Transition(newer, Then.FOLLOW)


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (call(ConversationState.SUBMITTED, recording=recording()), ("SUBMITTED", "PINNED", "attach")),
        (
            call(ConversationState.SUBMITTED, recording=recording(RecordingState.PINNED)),
            ("SUBMITTED", "PINNED", "attach"),
        ),
        (
            call(ConversationState.SUBMITTED, recording=recording(RecordingState.ATTACHED)),
            ("SUBMITTED", "ATTACHED", "follow"),
        ),
        (call(ConversationState.FILTERED, recording=UPLOADED), ("FILTERED", "REJECTED", "follow")),
        (call(ConversationState.WAITING, recording=UPLOADED), ("WAITING", "UPLOADED", "follow")),
        (call(ConversationState.SUBMITTED), ("SUBMITTED", None, "follow")),
    ],
)
def test_attach(seen: Call, expected: tuple[str, str | None, str]) -> None:
    assert summary(protocol.attach(seen, NOW)) == expected


def test_the_answer_to_an_attach_counts_for_the_pinned_recording() -> None:
    pinned = call(ConversationState.SUBMITTED, recording=recording(RecordingState.PINNED))
    assert summary(protocol.attached(pinned, "s3://b/k2#e", NOW))[1] == "ATTACHED"
    assert summary(protocol.recording_refused(pinned, "s3://b/k2#e", REASON, NOW))[1] == "REJECTED"
    for other in (
        pinned,
        call(ConversationState.SUBMITTED),
        call(ConversationState.SUBMITTED, recording=UPLOADED),
    ):
        name = "another" if other is pinned else "s3://b/k2#e"
        assert protocol.attached(other, name, NOW).call == other
        assert protocol.recording_refused(other, name, REASON, NOW).call == other
        assert protocol.attach_fetch_failed(call(ConversationState.SUBMITTED), name, NOW).call == call(
            ConversationState.SUBMITTED
        )


def test_a_url_that_cannot_be_fetched_is_tried_five_times() -> None:
    pinned = recording(RecordingState.PINNED, maybe_attached=True)
    seen = call(ConversationState.SUBMITTED, recording=pinned)
    for count in range(1, 5):
        tried = protocol.attach_fetch_failed(seen, "s3://b/k2#e", NOW)
        assert (tried.then, tried.until) == (Then.WAIT, NOW + 30 * count)
        seen = tried.call
    given_up = protocol.attach_fetch_failed(seen, "s3://b/k2#e", NOW)
    assert summary(given_up) == ("SUBMITTED", "PINNED", "follow")
    assert protocol.next_step(given_up.call) is Next.NOTHING
    assert protocol.attach_fetch_failed(given_up.call, "s3://b/k2#e", NOW).call == given_up.call
    looked = protocol.resume(given_up.call, DEADLINES, replace(MINE, now=NOW + 400))
    assert looked == Transition(given_up.call, Then.LAST_LOOK)


def test_a_url_that_a_submit_named_likewise() -> None:
    linked = recording(RecordingState.LINKED, fetch_failures=3)
    again = protocol.submit_fetch_failed(mine(AUDIO, recording=linked), "mine", NOW)
    assert summary(again) == ("NONE", "LINKED", "wait")
    last = replace(linked, fetch_failures=4)
    given_up = protocol.submit_fetch_failed(mine(AUDIO, recording=last), "mine", NOW)
    assert summary(given_up) == ("NONE", "REJECTED", "follow")


# --- what comes next, and the sweep ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seen", "step"),
    [
        (call(), Next.NOTHING),
        (call(recording=UPLOADED), Next.NOTHING),
        (call(ConversationState.SUBMITTED, recording=recording()), Next.ATTACH),
        (call(ConversationState.REJECTED, recording=UPLOADED), Next.ATTACH),
        (call(ConversationState.SUBMITTED, recording=recording(RecordingState.ATTACHED)), Next.NOTHING),
        (call(ConversationState.WAITING, transcript=POINTER), Next.SUBMIT_TRANSCRIPT),
        (
            call(ConversationState.WAITING, call_end=CallEnd.WITHOUT_TEXT, recording=UPLOADED),
            Next.SUBMIT_RECORDING,
        ),
        (call(ConversationState.WAITING, call_end=CallEnd.WITHOUT_TEXT, recording=recording()), Next.NOTHING),
        (call(ConversationState.WAITING, call_end=CallEnd.TEXT_PENDING, recording=UPLOADED), Next.NOTHING),
        (call(ConversationState.OPEN, recording=UPLOADED), Next.NOTHING),
        (submitting(recording=UPLOADED), Next.NOTHING),
    ],
)
def test_next_step_and_its_claim(seen: Call, step: Next) -> None:
    assert protocol.next_step(seen) is step
    if step in (Next.SUBMIT_TRANSCRIPT, Next.SUBMIT_RECORDING):
        assert protocol.claim_next(seen, step, MINE).then is Then.SUBMIT
        assert protocol.claim_next(call(), step, MINE) == Transition(call(), Then.FOLLOW)


EXPECTING = call(ConversationState.SUBMITTED, facts=FACTS, submitted_at=NOW - 300)


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (submitting(), ("SUBMITTING", None, "done")),
        (submitting(until=NOW), ("SUBMITTING", None, "read_first")),
        (call(transcript=POINTER), ("NONE", None, "follow")),
        (call(transcript=replace(POINTER, stored_at=NOW - 200)), ("SUBMITTING", None, "submit")),
        (call(recording=replace(UPLOADED, changed_at=NOW - 99)), ("NONE", "UPLOADED", "follow")),
        (call(recording=replace(UPLOADED, changed_at=NOW - 100)), ("SUBMITTING", "UPLOADED", "submit")),
        (call(recording=recording(changed_at=0)), ("NONE", "READY", "follow")),
        (
            call(ConversationState.SUBMITTED, maybe_sent_at=7, submitted_at=NOW - 400),
            ("SUBMITTED", None, "audit"),
        ),
        (
            call(ConversationState.SUBMITTED, maybe_sent_at=7, submitted_at=NOW - 399),
            ("SUBMITTED", None, "follow"),
        ),
        (EXPECTING, ("SUBMITTED", None, "done")),
    ],
)
def test_resume(seen: Call, expected: tuple[str, str | None, str]) -> None:
    assert summary(protocol.resume(seen, DEADLINES, MINE)) == expected


def test_a_transcript_that_never_came_is_no_longer_waited_for() -> None:
    pending = call(ConversationState.WAITING, call_end=CallEnd.TEXT_PENDING, waiting_since=NOW - 200)
    assert protocol.resume(pending, DEADLINES, MINE).call.call_end is CallEnd.WITHOUT_TEXT
    early = replace(pending, waiting_since=NOW - 199)
    assert protocol.resume(early, DEADLINES, MINE).call == early


def test_a_call_whose_recording_never_came_is_text_only() -> None:
    assert protocol.resume(EXPECTING, DEADLINES, MINE).call.recording_missed_at == NOW


@pytest.mark.parametrize(
    ("seen", "due"),
    [
        (call(), None),
        (submitting(until=NOW + 50), NOW + 50),
        (call(ConversationState.OPEN), None),
        (call(recording=recording(changed_at=NOW)), NOW + 500),
        (call(recording=replace(UPLOADED, changed_at=NOW)), NOW + 100),
        (call(transcript=POINTER), NOW + 200),
        (call(ConversationState.WAITING, transcript=POINTER), NOW + 500),
        (call(ConversationState.WAITING, call_end=CallEnd.TEXT_PENDING, waiting_since=NOW), NOW + 200),
        (call(ConversationState.WAITING, call_end=CallEnd.WITHOUT_TEXT), None),
        (
            call(
                ConversationState.WAITING,
                call_end=CallEnd.WITHOUT_TEXT,
                recording=replace(UPLOADED, changed_at=NOW),
            ),
            NOW + 500,
        ),
        (
            call(ConversationState.SUBMITTED, recording=recording(RecordingState.PINNED, changed_at=NOW)),
            NOW + 500,
        ),
        (call(ConversationState.SUBMITTED, recording=recording(RecordingState.ATTACHED)), None),
        (call(ConversationState.SUBMITTED, maybe_sent_at=7, submitted_at=NOW), NOW + 400),
        (call(ConversationState.SUBMITTED, facts=FACTS, submitted_at=NOW), NOW + 300),
        (call(ConversationState.SUBMITTED, facts=FACTS, recording_missed_at=1), None),
        (call(recording=recording(changed_at=0)), NOW),
        (call(recording=recording(changed_at=0), swept=1), NOW + 500),
        (call(recording=recording(changed_at=0), swept=3), NOW + 2000),
        (call(recording=recording(changed_at=0), swept=30), NOW + 6 * 3600),
    ],
)
def test_when_the_sweep_looks(seen: Call, due: int | None) -> None:
    assert protocol.due_at(seen, DEADLINES, NOW) == due


def test_a_reason_is_noted_once() -> None:
    noted = protocol.input_refused(call(), REASON, NOW)
    assert (noted.call.notes, noted.then) == ((REASON,), Then.DONE)
    assert protocol.input_refused(noted.call, REASON, NOW).call == noted.call
