"""Recordings that turn out to be another call's, and copies that are made of them: whole items."""

from dataclasses import replace
from typing import Any

import pytest

from coval_relay.domain import lifecycle
from coval_relay.domain.call import Call, Description, Recording
from coval_relay.domain.call import ConversationState as State
from coval_relay.domain.call import RecordingState as Sound
from coval_relay.domain.errors import Reason
from coval_relay.domain.lifecycle import (
    MAX_CONVERSIONS,
    MISNAMED,
    NEVER_CONVERTED,
    OF_ANOTHER_CALL,
    OTHER_RECORDING_ATTACHED,
    Action,
    Transition,
)
from coval_relay.domain.s3_objects import ObjectVersion
from tests.support.calls import AUDIO, FACTS, MINE, NOW, call, recording, submitting

SOUND = recording()
OTHER_ONES = "s3://b/other#e"


# --- another call's ----------------------------------------------------------------------------------


def misnamed(seen: Call, identity: str = SOUND.identity) -> Transition:
    return lifecycle.recording_misnamed(seen, identity, NOW)


GIVEN = replace(SOUND, state=Sound.REJECTED, reason=OF_ANOTHER_CALL, changed_at=NOW)


def test_a_recording_that_an_event_gives_to_another_call_is_sent_for_this_one_no_more() -> None:
    seen = call(recording=SOUND)
    assert misnamed(seen) == Transition(replace(seen, recording=GIVEN), Action.DONE)


def test_it_goes_when_the_other_call_has_it() -> None:
    seen = call(recording=GIVEN, other_recordings={OTHER_ONES: "superseded"})
    others = {OTHER_ONES: "superseded", SOUND.identity: "another call's"}
    after = lifecycle.recording_of_another_call(seen, SOUND.identity)
    assert after == Transition(replace(seen, recording=None, other_recordings=others), Action.DONE)


@pytest.mark.parametrize("seen", [call(), call(recording=SOUND), call(recording=replace(GIVEN, identity=OTHER_ONES))])
def test_what_was_not_stopped_before_does_not_go(seen: Call) -> None:
    assert lifecycle.recording_of_another_call(seen, SOUND.identity) == Transition(seen, Action.DONE)


@pytest.mark.parametrize("seen", [call(), call(recording=replace(SOUND, identity=OTHER_ONES))])
def test_a_call_that_has_not_chosen_it_stays_as_it_is(seen: Call) -> None:
    assert misnamed(seen) == Transition(seen, Action.DONE)


@pytest.mark.parametrize(
    "seen",
    [
        submitting(AUDIO, recording=recording(Sound.UPLOADED)),
        call(State.SUBMITTED, recording=recording(Sound.ATTACHING)),
        call(State.SUBMITTED, recording=recording(Sound.ATTACHED)),
    ],
)
def test_too_late_it_is_noted(seen: Call) -> None:
    assert misnamed(seen) == Transition(replace(seen, notes=(MISNAMED,)), Action.DONE)


# --- where the chosen one has been rejected ----------------------------------------------------------

REASON = Reason("code", "text")
LOST = recording(Sound.REJECTED, reason=REASON)
OLDER = recording(sort_key="1")


@pytest.mark.parametrize("held", [LOST, recording(Sound.REJECTED, usable=False, reason=REASON)])
@pytest.mark.parametrize("others", [{}, {OLDER.identity: "superseded"}])
@pytest.mark.parametrize("state", [State.NEW, State.WAITING, State.SUBMITTED])
def test_it_makes_room_for_any_that_can_be_used(state: State, others: dict[str, str], held: Recording) -> None:
    seen = call(state, recording=held, other_recordings=others)
    ending = {held.identity: "rejected: code" if held.usable else "unusable: code"}
    after = replace(seen, recording=replace(OLDER, changed_at=NOW), other_recordings=ending)
    action = Action.CONTINUE if state is State.SUBMITTED else Action.UPLOAD
    assert lifecycle.recording_arrived(seen, OLDER, MINE) == Transition(after, action)


@pytest.mark.parametrize(
    ("seen", "ending"),
    [
        (call(State.REJECTED, reason=REASON, recording=LOST), "superseded"),
        (call(State.FILTERED, reason=REASON, recording=LOST), "superseded"),
        (call(State.SUBMITTED, recording=replace(LOST, reason=OTHER_RECORDING_ATTACHED)), "superseded"),
        (call(State.SUBMITTED, recording=LOST, other_recordings={OTHER_ONES: "attached"}), "superseded"),
        (call(State.SUBMITTED, recording=recording(Sound.ATTACHED)), "superseded"),
        (call(State.SUBMITTED, recording=recording()), "superseded"),
    ],
)
def test_but_not_where_audio_is_or_the_whole_call_has_ended(seen: Call, ending: str) -> None:
    after = replace(seen, other_recordings={**seen.other_recordings, OLDER.identity: ending})
    assert lifecycle.recording_arrived(seen, OLDER, MINE) == Transition(after)


def test_nor_for_one_that_cannot_be_used() -> None:
    seen = call(State.SUBMITTED, recording=LOST)
    blip = recording(Sound.REJECTED, sort_key="1", usable=False, reason=REASON)
    after = replace(seen, other_recordings={blip.identity: "unusable: code"})
    assert lifecycle.recording_arrived(seen, blip, MINE) == Transition(after)


@pytest.mark.parametrize("state", [Sound.READY, Sound.REJECTED])
def test_what_was_rejected_for_good_takes_nobodys_place(state: Sound) -> None:
    better = recording(sort_key="3")
    held = recording(state, reason=REASON if state is Sound.REJECTED else None)
    seen = call(State.SUBMITTED, recording=held, other_recordings={better.identity: "rejected: code"})
    assert lifecycle.recording_arrived(seen, better, MINE) == Transition(seen)
    anew = replace(seen, other_recordings={better.identity: "unusable: code"})
    assert lifecycle.recording_arrived(anew, better, MINE).call.recording == replace(better, changed_at=NOW)


# --- an agent's channel that is known already --------------------------------------------------------


def test_a_recording_that_is_to_be_prepared_already_is_not_asked_for_twice() -> None:
    stereo = recording(channels=2, needs_preparation=True, agent_channel=1)
    seen = call(State.WAITING, facts=FACTS, recording=stereo)
    assert lifecycle.call_described(seen, Description(agent_channel=1), NOW).action is Action.CONTINUE


# --- copies ------------------------------------------------------------------------------------------


def holding(sound: Any = SOUND, **changes: Any) -> Call:
    return call(recording=replace(sound, **changes) if sound else None)


@pytest.mark.parametrize("state", [Sound.READY, Sound.UPLOADED, Sound.BY_URL, Sound.ATTACHING])
def test_a_conversion_is_counted_before_it_begins(state: Sound) -> None:
    seen = holding(state=state, conversions=MAX_CONVERSIONS - 1)
    assert lifecycle.conversion_begun(seen, SOUND.identity, NOW) == Transition(
        holding(state=state, conversions=MAX_CONVERSIONS), Action.PREPARE
    )


def test_a_recording_that_nobody_survives_ends() -> None:
    seen = holding(conversions=MAX_CONVERSIONS, upload_id="upl", url="https://a.example/")
    ended = holding(conversions=MAX_CONVERSIONS, state=Sound.REJECTED, reason=NEVER_CONVERTED, changed_at=NOW)
    assert lifecycle.conversion_begun(seen, SOUND.identity, NOW) == Transition(ended)


def test_a_conversion_that_failed_alive_does_not_count() -> None:
    assert lifecycle.conversion_survived(holding(conversions=2), SOUND.identity) == Transition(holding(conversions=1))


@pytest.mark.parametrize("seen", [holding(None), holding(identity=OTHER_ONES, conversions=1), holding()])
def test_what_is_not_being_converted_has_survived_nothing(seen: Call) -> None:
    assert lifecycle.conversion_survived(seen, SOUND.identity) == Transition(seen)


@pytest.mark.parametrize("seen", [holding(None), holding(identity=OTHER_ONES), holding(state=Sound.REJECTED)])
def test_what_is_not_chosen_any_more_is_not_converted(seen: Call) -> None:
    assert lifecycle.conversion_begun(seen, SOUND.identity, NOW) == Transition(seen)


COPY = recording(prepared=ObjectVersion("staging", "copy", "e"), agent_channel=1, settling_until=5)
TO_COPY = replace(COPY, prepared=None, needs_preparation=True, settling_until=70)


@pytest.mark.parametrize("state", [Sound.READY, Sound.UPLOADED, Sound.BY_URL])
def test_a_copy_is_on_the_item_before_it_is_used(state: Sound) -> None:
    copy = replace(COPY, state=state)
    made = replace(copy, settling_until=70, changed_at=NOW)
    assert lifecycle.copy_made(holding(TO_COPY, state=state), copy, NOW) == Transition(holding(made))


@pytest.mark.parametrize(
    "seen",
    [
        holding(None),
        holding(TO_COPY, identity=OTHER_ONES),
        holding(COPY),
        holding(TO_COPY, state=Sound.ATTACHED),
        holding(TO_COPY, state=Sound.REJECTED),
    ],
)
def test_a_copy_that_nobody_needs_any_more_is_left(seen: Call) -> None:
    assert lifecycle.copy_made(seen, COPY, NOW) == Transition(seen)


def test_a_copy_for_another_channel_is_made_anew() -> None:
    seen = holding(TO_COPY, agent_channel=0)
    assert lifecycle.copy_made(seen, COPY, NOW) == Transition(seen, Action.REQUEUE_RECORDING)
