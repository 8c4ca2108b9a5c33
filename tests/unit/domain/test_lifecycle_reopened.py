"""A rejected call that the operator sends again: whole items."""

from dataclasses import replace
from typing import Any

import pytest

from coval_relay.domain import lifecycle
from coval_relay.domain.call import Call, CallEnd, Recording
from coval_relay.domain.call import ConversationState as State
from coval_relay.domain.call import RecordingState as Sound
from coval_relay.domain.errors import AudioFetchError, Reason
from coval_relay.domain.lifecycle import Action, Transition
from coval_relay.domain.s3_objects import ObjectVersion
from tests.support.calls import EARLIER, MINE, NOW, call, recording

REASON, OTHER = Reason("code", "text"), Reason("other", "text")
REJECTED = call(
    State.REJECTED,
    revision=7,
    call_end=CallEnd.WITHOUT_TRANSCRIPT,
    reason=REASON,
    waiting_since=EARLIER,
    held_until=NOW + 1000,
)
OPEN = replace(REJECTED, state=State.WAITING, reason=None, waiting_since=NOW, held_until=0)
SOUND = recording(Sound.REJECTED, reason=REASON)


def test_it_is_as_if_it_had_not_been_rejected() -> None:
    assert lifecycle.reopened(REJECTED, 7, NOW) == Transition(OPEN, Action.DONE)


@pytest.mark.parametrize("place", [{}, {"version": None, "url": "https://a.example/"}])
def test_a_recording_that_ended_with_the_call_is_looked_at_anew(place: dict[str, Any]) -> None:
    sound = replace(SOUND, **place)
    ready = replace(sound, state=Sound.READY, reason=None, changed_at=NOW)
    assert lifecycle.reopened(replace(REJECTED, recording=sound), 7, NOW).call == replace(OPEN, recording=ready)


def test_its_copy_is_made_anew() -> None:
    sound = replace(SOUND, prepared=ObjectVersion("staging", "prepared/1", ""))
    after = lifecycle.reopened(replace(REJECTED, recording=sound), 7, NOW).call.recording
    assert after == replace(SOUND, state=Sound.READY, needs_preparation=True, reason=None, changed_at=NOW)


@pytest.mark.parametrize("sound", [replace(SOUND, reason=OTHER), replace(SOUND, version=None)])
def test_a_recording_that_ended_by_itself_or_cannot_be_had_stays_as_it_is(sound: Recording) -> None:
    assert lifecycle.reopened(replace(REJECTED, recording=sound), 7, NOW).call == replace(OPEN, recording=sound)


WAITED = recording(Sound.REJECTED, reason=lifecycle.WAITED_TOO_LONG, maybe_attached=True)
SUBMITTED = call(State.SUBMITTED, revision=7, held_until=NOW + 1000, recording=WAITED)


UNFETCHED = replace(
    WAITED, url="https://a.example/", reason=AudioFetchError("Coval's words").reason, fetch_failing_since=EARLIER
)


@pytest.mark.parametrize("sound", [WAITED, UNFETCHED])
def test_of_a_submitted_call_only_the_recording_that_waited_in_vain_is_brought_back(sound: Recording) -> None:
    """Coval is to fetch it for 12 days anew."""
    seen = replace(SUBMITTED, recording=sound)
    ready = replace(sound, state=Sound.READY, reason=None, fetch_failing_since=0, changed_at=NOW)
    brought_back = replace(SUBMITTED, recording=ready, held_until=0)
    assert lifecycle.reopened(seen, 7, NOW) == Transition(brought_back, Action.DONE)
    assert lifecycle.recording_arrived(seen, sound, MINE) == Transition(brought_back)


def test_what_coval_could_not_fetch_is_had_by_its_url_again_once_it_is_brought_back() -> None:
    failing = replace(UNFETCHED, state=Sound.ATTACHING, maybe_attached=False, fetch_failing_since=NOW - 12 * 86_400)
    seen = replace(SUBMITTED, recording=replace(failing, reason=None))
    ended = lifecycle.attach_fetch_failed(seen, failing.identity, AudioFetchError("Words").reason, NOW).call.recording
    assert ended is not None
    assert (ended.state, ended.reason, ended.url) == (
        Sound.REJECTED,
        Reason("audio_fetch_failed", "Words"),
        failing.url,
    )


@pytest.mark.parametrize(
    "sound",
    [
        SOUND,
        recording(Sound.ATTACHED),
        replace(WAITED, version=None),
        replace(UNFETCHED, state=Sound.ATTACHING),
        None,
    ],
)
@pytest.mark.parametrize("reason", [None, REASON])
def test_any_other_recording_of_a_call_that_is_not_rejected_stays(
    sound: Recording | None, reason: Reason | None
) -> None:
    state = State.FILTERED if reason else State.SUBMITTED
    seen = replace(SUBMITTED, state=state, reason=reason, recording=sound)
    assert lifecycle.reopened(seen, 7, NOW) == Transition(seen, Action.DONE)


@pytest.mark.parametrize("seen", [replace(REJECTED, revision=8), replace(OPEN, revision=7)])
def test_what_has_changed_since_the_operator_looked_or_is_not_rejected_stays(seen: Call) -> None:
    assert lifecycle.reopened(seen, 7, NOW) == Transition(seen, Action.DONE)
