"""A call whose text cannot be sent, and that has nothing else: whole items."""

from dataclasses import replace

import pytest

from coval_relay.domain import lifecycle
from coval_relay.domain.call import Call, CallEnd, CallFacts, DroppedTranscript, Recording, TranscriptPointer
from coval_relay.domain.call import ConversationState as State
from coval_relay.domain.call import RecordingState as Sound
from coval_relay.domain.errors import Reason
from coval_relay.domain.lifecycle import TRANSCRIPT_MISSING, Action, Transition
from tests.support.calls import DEADLINES, EARLIER, FACTS, MINE, NOW, call, recording, submitting

REASON = Reason("code", "text")
POINTER = TranscriptPointer(bucket="b", key="k", format="canonical_v1", stored_at=EARLIER)
INLINE = DroppedTranscript(reason=REASON)
LYING = DroppedTranscript(reason=REASON, pointer=POINTER)
WAITING = call(
    State.WAITING,
    call_end=CallEnd.WITHOUT_TRANSCRIPT,
    facts=FACTS,
    dropped=INLINE,
    waiting_since=NOW - DEADLINES.recording,
)
UNUSABLE = recording(Sound.REJECTED, usable=False, reason=Reason("too_short", "."))
REJECTED = replace(WAITING, state=State.REJECTED, reason=REASON, recording_missed_at=EARLIER, waiting_since=EARLIER)


# --- it ends -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"recording": UNUSABLE},
        {"facts": replace(FACTS, recording_expected=False)},
        {"state": State.NEW, "call_end": CallEnd.NOT_SEEN, "facts": None, "waiting_since": 0, "recording": UNUSABLE},
    ],
)
def test_it_ends_when_its_recording_is_overdue(more: dict[str, object]) -> None:
    seen = replace(WAITING, created_at=WAITING.waiting_since, **more)  # type: ignore[arg-type]
    assert lifecycle.due_at(seen, DEADLINES, NOW - 1) == NOW
    assert lifecycle.resume(seen, DEADLINES, replace(MINE, now=NOW - 1)) == Transition(seen)
    ended = replace(seen, state=State.REJECTED, reason=REASON, recording_missed_at=NOW)
    assert lifecycle.resume(seen, DEADLINES, MINE) == Transition(ended, Action.DONE)
    assert lifecycle.due_at(ended, DEADLINES, NOW) is None
    assert lifecycle.is_wordless(ended)


@pytest.mark.parametrize(
    "more",
    [
        {"dropped": None, "facts": replace(FACTS, recording_expected=False)},
        {"recording": recording(Sound.BY_URL, settling_until=NOW + 1)},
        {"call_end": CallEnd.TRANSCRIPT_PENDING, "waiting_since": NOW},
        {"transcript": POINTER},
        {"recording_missed_at": EARLIER},
    ],
)
def test_it_goes_on_while_anything_else_can_be_sent(more: dict[str, object]) -> None:
    seen = replace(WAITING, **more)  # type: ignore[arg-type]
    after = lifecycle.resume(seen, DEADLINES, MINE).call
    assert (after.state, after.reason) == (State.WAITING, None)


def test_without_any_words_to_be_dropped_it_stays_waiting() -> None:
    silent = replace(WAITING, dropped=None)
    assert lifecycle.resume(silent, DEADLINES, MINE).call == replace(silent, recording_missed_at=NOW)


@pytest.mark.parametrize("pointer", [None, POINTER])
@pytest.mark.parametrize(
    ("facts", "missed_at", "sound", "ends"),
    [
        (FACTS, 0, None, False),
        (FACTS, EARLIER, None, True),
        (replace(FACTS, recording_expected=False), 0, None, True),
        (replace(FACTS, recording_expected=False), 0, Sound.REJECTED, True),
        (replace(FACTS, recording_expected=False), 0, Sound.READY, False),
        (None, 0, None, True),
        (None, 0, Sound.UPLOADED, False),
    ],
)
def test_what_is_dropped_is_kept_in_mind(
    facts: CallFacts | None, missed_at: int, sound: Sound | None, ends: bool, pointer: TranscriptPointer | None
) -> None:
    end = CallEnd.TRANSCRIPT_PENDING if facts else CallEnd.NOT_SEEN
    held = recording(sound) if sound else None
    seen = submitting(call_end=end, facts=facts, transcript=pointer, recording=held, recording_missed_at=missed_at)
    after = replace(
        seen,
        lease=None,
        call_end=CallEnd.WITHOUT_TRANSCRIPT if facts else end,
        transcript=None,
        notes=(REASON,),
        dropped=DroppedTranscript(reason=REASON, pointer=pointer),
        state=State.WAITING if facts else State.NEW,
    )
    after = replace(after, state=State.REJECTED, reason=REASON) if ends else after
    assert lifecycle.transcript_dropped(seen, "mine", REASON, NOW) == Transition(after)


def test_another_text_that_is_tried_takes_its_place() -> None:
    claimed = lifecycle.transcript_arrived(WAITING, POINTER, MINE).call
    assert (claimed.state, claimed.dropped) == (State.SUBMITTING, None)
    uploaded = replace(WAITING, recording=recording(Sound.UPLOADED))
    alone = lifecycle.claim_next(uploaded, Action.CLAIM_RECORDING, MINE).call
    assert (alone.state, alone.dropped) == (State.SUBMITTING, INLINE)


# --- it goes on after all ----------------------------------------------------------------------------

OPEN = replace(REJECTED, state=State.WAITING, reason=None, waiting_since=NOW, recording_missed_at=0)


def test_a_recording_that_can_be_used_brings_it_back() -> None:
    sound = recording()
    chosen = replace(OPEN, recording=replace(sound, changed_at=NOW))
    assert lifecycle.recording_arrived(REJECTED, sound, MINE) == Transition(chosen, Action.UPLOAD)
    other = recording(sort_key="3")
    held = replace(REJECTED, recording=UNUSABLE)
    after = replace(
        OPEN, recording=replace(other, changed_at=NOW), other_recordings={UNUSABLE.identity: "unusable: too_short"}
    )
    assert lifecycle.recording_arrived(held, other, MINE) == Transition(after, Action.UPLOAD)


@pytest.mark.parametrize("held", [None, UNUSABLE])
def test_one_that_cannot_be_used_does_not(held: Recording | None) -> None:
    after = lifecycle.recording_arrived(replace(REJECTED, recording=held), UNUSABLE, MINE).call
    assert (after.state, after.reason, after.recording_state) == (State.REJECTED, REASON, Sound.REJECTED)


def test_nor_any_where_the_call_was_rejected_for_another_reason() -> None:
    seen = replace(REJECTED, reason=Reason("other", "text"))
    assert lifecycle.recording_arrived(seen, recording(), MINE).call.state is State.REJECTED
    assert lifecycle.recording_arrived(replace(REJECTED, dropped=None), recording(), MINE).call.state is State.REJECTED


def test_a_text_brings_it_back() -> None:
    after = lifecycle.transcript_arrived(REJECTED, POINTER, MINE)
    assert (after.call.state, after.call.reason, after.action) == (State.SUBMITTING, None, Action.SUBMIT)


@pytest.mark.parametrize(
    ("seen", "goes_on"),
    [
        (REJECTED, False),
        (replace(REJECTED, facts=None, call_end=CallEnd.NOT_SEEN), True),
        (replace(REJECTED, reason=TRANSCRIPT_MISSING, dropped=replace(INLINE, reason=TRANSCRIPT_MISSING)), True),
    ],
)
def test_an_end_brings_it_back_that_says_what_was_not_known(seen: Call, goes_on: bool) -> None:
    after = lifecycle.call_ended(seen, CallEnd.WITHOUT_TRANSCRIPT, FACTS, None, MINE).call
    assert (after.state, after.reason) == ((State.WAITING, None) if goes_on else (State.REJECTED, REASON))


def test_sent_again_its_text_is_tried_again() -> None:
    queued = replace(OPEN, state=State.QUEUED, call_end=CallEnd.WITH_TRANSCRIPT, dropped=None)
    assert lifecycle.reopened(REJECTED, 1, NOW) == Transition(queued, Action.DONE)
    lying = replace(REJECTED, dropped=LYING)
    pointed = replace(OPEN, transcript=POINTER, dropped=None)
    assert lifecycle.reopened(lying, 1, NOW) == Transition(pointed, Action.DONE)
    assert lifecycle.reopened(lying, 2, NOW) == Transition(lying, Action.DONE)
    otherwise = replace(REJECTED, reason=Reason("other", "text"))
    again = replace(otherwise, state=State.WAITING, reason=None, waiting_since=NOW)
    assert lifecycle.reopened(otherwise, 1, NOW) == Transition(again, Action.DONE)
