"""When the sweep looks again at what waits, what counts as progress, and when nothing can be hoped for any more."""

from dataclasses import replace
from typing import Any

import pytest

from coval_relay.domain import backoff, lifecycle
from coval_relay.domain.call import Call, CallEnd, Description, Recording, TranscriptPointer
from coval_relay.domain.call import ConversationState as State
from coval_relay.domain.call import RecordingState as Sound
from coval_relay.domain.errors import Reason
from coval_relay.domain.lifecycle import WAITED_TOO_LONG, Action, Attempt, Transition
from coval_relay.domain.s3_objects import ObjectVersion
from tests.support.calls import DEADLINES, EARLIER, FACTS, MINE, NOW, call, recording, submitting

POINTER = TranscriptPointer(bucket="b", key="k", format="canonical_v1", stored_at=NOW)
MISSING = replace(POINTER, missing=True)
WAITING = call(
    State.WAITING, call_end=CallEnd.WITHOUT_TRANSCRIPT, created_at=NOW, waiting_since=NOW, transcript=POINTER
)
GIVE_UP = backoff.GIVE_UP_SECONDS


# --- a transcript that is not where it should be -----------------------------------------------------


def test_a_look_in_vain_is_kept_on_the_item() -> None:
    claimed = submitting(call_end=CallEnd.WITHOUT_TRANSCRIPT, transcript=POINTER)
    assert lifecycle.transcript_not_ready(claimed, "mine", NOW + 30, NOW) == Transition(
        replace(claimed, state=State.WAITING, lease=None, transcript=MISSING, held_until=NOW + 30), Action.DONE
    )
    assert lifecycle.transcript_awaited(WAITING) == Transition(replace(WAITING, transcript=MISSING), Action.DONE)


@pytest.mark.parametrize(
    ("sound", "action"),
    [
        (recording(), Action.UPLOAD),
        (recording(settling_until=NOW), Action.UPLOAD),
        (recording(settling_until=NOW + 1), Action.DONE),
        (recording(Sound.UPLOADED), Action.DONE),
        (recording(Sound.BY_URL), Action.DONE),
    ],
)
def test_a_recording_that_awaits_its_upload_is_uploaded_meanwhile(sound: Recording, action: Action) -> None:
    """It has just settled, or its side has become known with the call's end: a text that comes later takes it along."""
    claimed = submitting(call_end=CallEnd.WITHOUT_TRANSCRIPT, transcript=POINTER, recording=sound)
    after = lifecycle.transcript_not_ready(claimed, "mine", NOW + 30, NOW)
    waiting = replace(claimed, state=State.WAITING, lease=None, transcript=MISSING, held_until=NOW + 30)
    assert after == Transition(waiting, action)


def test_a_call_whose_text_was_dropped_meanwhile_awaits_none() -> None:
    textless = replace(WAITING, transcript=None)
    assert lifecycle.transcript_awaited(textless) == Transition(textless, Action.DONE)


def test_a_text_that_is_tried_is_taken_for_there() -> None:
    claimed = lifecycle.claim_next(replace(WAITING, transcript=MISSING), Action.CLAIM_TRANSCRIPT, MINE).call
    assert (claimed.state, claimed.transcript) == (State.SUBMITTING, POINTER)


@pytest.mark.parametrize(("sweeps", "pause"), [(0, 30), (1, 60), (2, 120), (6, 1920), (7, 3600), (20, 3600)])
def test_it_rests_up_to_an_hour(sweeps: int, pause: int) -> None:
    seen = replace(WAITING, transcript=MISSING, sweeps=sweeps)
    assert lifecycle.due_at(seen, DEADLINES, NOW + 5) == NOW + 5 + pause


@pytest.mark.parametrize(
    ("ends_in", "held_for", "rests"),
    [(0, 0, 3600), (1, 0, 1), (3599, 0, 3599), (3601, 0, 3600), (0, 5000, 5000), (1, 5000, 1), (5001, 5000, 5000)],
)
def test_neither_a_pause_nor_a_hold_outlasts_its_deadline(ends_in: int, held_for: int, rests: int) -> None:
    since = NOW + ends_in - DEADLINES.transcript
    seen = replace(WAITING, transcript=MISSING, sweeps=9, waiting_since=since, held_until=NOW + held_for)
    assert lifecycle.due_at(seen, DEADLINES, NOW) == NOW + rests
    undated = replace(seen, waiting_since=0, transcript=replace(MISSING, stored_at=since))
    assert lifecycle.due_at(undated, DEADLINES, NOW) == NOW + rests


@pytest.mark.parametrize(("sweeps", "pause"), [(0, 900), (7, 1800), (20, 1800)])
def test_a_text_that_is_there_rests_no_longer_than_what_else_waits(sweeps: int, pause: int) -> None:
    assert lifecycle.due_at(replace(WAITING, sweeps=sweeps), DEADLINES, NOW) == NOW + pause


@pytest.mark.parametrize("held_until", [0, NOW + 100])
def test_its_recording_is_uploaded_when_it_has_settled(held_until: int) -> None:
    settling = recording(settling_until=NOW + 40)
    seen = replace(WAITING, transcript=MISSING, sweeps=3, recording=settling, held_until=held_until)
    assert lifecycle.due_at(seen, DEADLINES, NOW) == NOW + 40
    assert lifecycle.due_at(seen, DEADLINES, NOW + 40) == (held_until or NOW + 40 + 240)


def test_a_recording_that_is_uploaded_already_settles_without_a_look() -> None:
    uploaded = recording(Sound.UPLOADED, settling_until=NOW + 40)
    seen = replace(WAITING, transcript=MISSING, recording=uploaded, held_until=NOW + 100)
    assert lifecycle.due_at(seen, DEADLINES, NOW) == NOW + 100


# --- put off -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sweeps", "until", "held"),
    [(0, 30, 45), (1, 30, 45), (1, 50, 50), (2, 30, 105), (2, 500, 500), (20, 30, 1785)],
)
def test_what_is_put_off_rests_by_its_sweeps_at_least(sweeps: int, until: int, held: int) -> None:
    seen = replace(WAITING, sweeps=sweeps, due_at=NOW + 5000)
    assert lifecycle.put_off(seen, NOW + until, NOW) == Transition(replace(seen, held_until=NOW + held), Action.DONE)


@pytest.mark.parametrize(
    ("due_at", "is_held"),
    [(None, False), (NOW, True), (NOW + 1, False), (NOW + 45, False), (NOW + 46, True)],
)
def test_what_is_due_earlier_is_not_put_off(due_at: int | None, is_held: bool) -> None:
    seen = replace(WAITING, sweeps=1, due_at=due_at)
    after = replace(seen, held_until=NOW + 45) if is_held else seen
    assert lifecycle.put_off(seen, NOW, NOW) == Transition(after, Action.DONE)


def test_what_is_put_off_rests_as_long_as_its_text() -> None:
    seen = replace(WAITING, transcript=MISSING, sweeps=8, due_at=NOW + 3585)
    assert lifecycle.put_off(seen, NOW + 30, NOW) == Transition(seen, Action.DONE)


@pytest.mark.parametrize(("sweeps", "rests"), [(0, 30), (1, 30), (2, 60), (3, 120), (7, 1800), (20, 1800)])
def test_what_is_left_to_the_sweep_rests_the_longer_the_oftener_it_was_in_vain(sweeps: int, rests: int) -> None:
    attaching = call(State.SUBMITTED, sweeps=sweeps, recording=recording(Sound.ATTACHING))
    left = lifecycle.left_to_sweep(attaching, NOW + 30, NOW)
    assert left == Transition(replace(attaching, held_until=NOW + rests), Action.DONE)
    assert lifecycle.due_at(left.call, DEADLINES, NOW) == NOW + rests


@pytest.mark.parametrize(("closed_until", "is_closed"), [(0, False), (NOW, False), (NOW + 1, True)])
def test_coval_is_left_alone_until_a_moment(closed_until: int, is_closed: bool) -> None:
    assert Attempt("mine", NOW + 180, NOW, closed_until=closed_until).is_closed is is_closed


# --- progress ----------------------------------------------------------------------------------------

BEGUN = replace(WAITING, recording=recording(), facts=FACTS)


def sounding(**changes: Any) -> Call:
    return replace(BEGUN, recording=recording(**changes))


@pytest.mark.parametrize(
    "after",
    [
        replace(BEGUN, state=State.SUBMITTED),
        replace(BEGUN, state=State.REJECTED),
        replace(BEGUN, call_end=CallEnd.TRANSCRIPT_PENDING),
        replace(BEGUN, facts=None),
        replace(BEGUN, described=Description()),
        replace(BEGUN, transcript=None),
        replace(BEGUN, transcript=replace(POINTER, key="other")),
        replace(BEGUN, audited_at=NOW),
        replace(BEGUN, recording=None),
        sounding(identity="s3://b/other#e"),
        sounding(state=Sound.UPLOADED),
        sounding(prepared=ObjectVersion("staging", "copy", "e")),
        sounding(agent_channel=1),
    ],
)
def test_a_call_has_got_somewhere(after: Call) -> None:
    assert lifecycle.progress(after) != lifecycle.progress(BEGUN)


@pytest.mark.parametrize(
    "after",
    [
        replace(BEGUN, state=State.SUBMITTING),
        replace(BEGUN, state=State.QUEUED),
        replace(BEGUN, transcript=replace(POINTER, stored_at=NOW + 1, settling_until=NOW + 2)),
        replace(BEGUN, transcript=MISSING),
        replace(BEGUN, maybe_sent_at=NOW),
        sounding(conversions=1),
    ],
)
def test_a_call_has_got_nowhere(after: Call) -> None:
    assert lifecycle.progress(after) == lifecycle.progress(BEGUN)


def test_of_final_states_each_is_another() -> None:
    states = (State.SUBMITTED, State.FILTERED, State.REJECTED)
    assert len({lifecycle.progress(replace(BEGUN, state=state))[0] for state in states}) == 3


# --- giving up ---------------------------------------------------------------------------------------


def since(moment: int, seen: Call) -> None:
    """It is given up 13 days after this moment, and not a second before."""
    assert not lifecycle.is_hopeless(seen, moment + GIVE_UP - 1)
    assert lifecycle.is_hopeless(seen, moment + GIVE_UP)


def test_a_call_is_given_up_13_days_after_anything_came_of_it() -> None:
    since(EARLIER, call())
    since(EARLIER + 1, call(waiting_since=EARLIER + 1))
    since(EARLIER + 2, call(waiting_since=EARLIER + 1, recording=recording(changed_at=EARLIER + 2)))
    since(EARLIER, call(recording=recording(changed_at=EARLIER - 1)))


def test_of_a_final_call_only_its_recording_is_given_up() -> None:
    submitted = call(State.SUBMITTED)
    since(EARLIER + 2, replace(submitted, recording=recording(Sound.UPLOADED, changed_at=EARLIER + 2)))
    abandoned = recording(Sound.ATTACHING, maybe_attached=True, reason=Reason("code", "text"))
    for sound in (None, abandoned, recording(changed_at=0)):
        assert not lifecycle.is_hopeless(replace(submitted, recording=sound), EARLIER + 10 * GIVE_UP)


def given_up(seen: Call) -> Transition:
    later = NOW + GIVE_UP
    return lifecycle.resume(seen, DEADLINES, replace(MINE, now=later, lease_until=later + 180))


def ended(sound: Recording) -> Recording:
    return replace(sound, state=Sound.REJECTED, reason=WAITED_TOO_LONG, upload_id=None, changed_at=NOW + GIVE_UP)


def test_a_call_ends_visibly_with_its_recording() -> None:
    sound = recording(Sound.BY_URL, version=None, url="https://a.example/")
    seen = replace(WAITING, recording=sound)
    after = replace(seen, state=State.REJECTED, reason=WAITED_TOO_LONG, recording=ended(sound))
    assert given_up(seen) == Transition(after, Action.DONE)


def test_what_the_recording_has_come_to_already_stays() -> None:
    seen = replace(WAITING, recording=recording(Sound.REJECTED, reason=Reason("code", "text")))
    assert given_up(seen).call == replace(seen, state=State.REJECTED, reason=WAITED_TOO_LONG)


def test_of_a_submitted_call_only_the_recording_ends() -> None:
    sound = recording(Sound.UPLOADED, upload_id="upl", changed_at=EARLIER)
    seen = call(State.SUBMITTED, submitted_at=EARLIER, recording=sound)
    assert given_up(seen) == Transition(replace(seen, recording=ended(sound)), Action.DONE)
