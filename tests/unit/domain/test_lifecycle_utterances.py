"""Utterances of a call: when the last of them may have come, and what becomes of each."""

from dataclasses import replace
from typing import Any

import pytest

from coval_relay.domain import backoff, lifecycle
from coval_relay.domain.call import Call, CallEnd, TranscriptPointer
from coval_relay.domain.call import ConversationState as State
from coval_relay.domain.lifecycle import Action, Transition
from coval_relay.domain.transcript import Utterance, digest_of
from tests.support.calls import AUDIO, DEADLINES, EARLIER, FACTS, MINE, NOW, TEXT, call, submitting

NAMED = TranscriptPointer(format="utterances", stored_at=EARLIER)
UNNAMED = replace(NAMED, rank=-1)
FRESH = TranscriptPointer(format="utterances", stored_at=NOW, rank=-1, settling_until=NOW + 135)
SETTLING = replace(DEADLINES, settling=300)
ENDED = call(State.WAITING, call_end=CallEnd.TRANSCRIPT_PENDING, transcript=NAMED, facts=FACTS, waiting_since=NOW - 60)


# --- how long they settle ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("late", "seconds", "pause"),
    [
        (0, 3600.0, 135),
        (120, 3600.0, 135 + 15),
        (121, 3600.0, 135 + 3721 // 8),
        (121, None, 135 + 15),
        (3600, 600.0, 135 + 525),
        (10_800, 0.0, 1620),
        (10 * 86_400, 600.0, 2160),
        (backoff.EXPIRY_SECONDS, 0.0, 2160),
    ],
)
def test_they_settle_as_long_as_a_message_may_be_late(late: int, seconds: float | None, pause: int) -> None:
    """A worker died, or an outage kept them as it kept the call's end."""
    facts = replace(FACTS, ended_at=NOW - late, seconds=seconds)
    seen = replace(ENDED, facts=facts, waiting_since=NOW)
    assert lifecycle.utterances_settle_at(seen, DEADLINES) == NOW + pause
    assert pause >= backoff.by_age(late, 0.999)


def test_events_that_are_sent_once_more_after_weeks_settle_as_new_ones() -> None:
    facts = replace(FACTS, ended_at=NOW - backoff.EXPIRY_SECONDS - 1, seconds=600.0)
    seen = replace(ENDED, facts=facts, waiting_since=NOW)
    assert lifecycle.utterances_settle_at(seen, DEADLINES) == NOW + 135


def test_at_least_the_settling_time_and_at_most_until_the_deadline() -> None:
    seen = replace(ENDED, waiting_since=NOW)
    assert lifecycle.utterances_settle_at(seen, SETTLING) == NOW + 300
    assert lifecycle.utterances_settle_at(seen, replace(SETTLING, transcript=10)) == NOW + 10
    later = replace(seen, transcript=replace(NAMED, settling_until=NOW + 700))
    assert lifecycle.utterances_settle_at(later, SETTLING) == NOW + 700
    assert lifecycle.utterances_settle_at(replace(seen, transcript=None), SETTLING) == NOW + 300
    revived = replace(seen, waiting_since=EARLIER, transcript=replace(UNNAMED, stored_at=NOW, settling_until=NOW + 50))
    assert lifecycle.utterances_settle_at(revived, replace(SETTLING, transcript=20)) == NOW + 20


# --- what becomes of those that come -----------------------------------------------------------------


def arrived(seen: Call, **deadlines: int) -> Transition:
    return lifecycle.utterances_arrived(seen, replace(DEADLINES, **deadlines), MINE)


def test_the_first_of_a_call_are_pointed_to() -> None:
    new = Call(external_conversation_id="c")
    pointed = replace(new, transcript=FRESH, created_at=NOW)
    assert arrived(new) == Transition(pointed, Action.DONE)
    assert lifecycle.due_at(pointed, DEADLINES, NOW) == NOW + DEADLINES.transcript
    pending = replace(ENDED, transcript=None, facts=replace(FACTS, ended_at=NOW), waiting_since=NOW)
    assert arrived(pending) == Transition(replace(pending, transcript=FRESH), Action.DONE)
    silent = replace(pending, call_end=CallEnd.WITHOUT_TRANSCRIPT)
    assert arrived(silent) == Transition(replace(silent, transcript=FRESH), Action.DONE)


def test_further_ones_are_written_seldom() -> None:
    seen = call(transcript=UNNAMED)
    assert arrived(seen, transcript=2000) == Transition(seen, Action.DONE)
    lasts = replace(seen, transcript=replace(UNNAMED, stored_at=NOW))
    assert arrived(seen, transcript=1999) == Transition(lasts, Action.DONE)


@pytest.mark.parametrize(
    ("since", "transcript", "settling_until"),
    [
        (0, 21_600, 0),
        (68, 21_600, 0),
        (69, 21_600, NOW + 135),
        (500, 21_600, NOW + 135),
        (100, 120, NOW + 20),
        (500, 120, NOW - 380),
    ],
)
def test_after_the_end_their_time_begins_anew_when_half_of_it_is_over(
    since: int, transcript: int, settling_until: int
) -> None:
    ended_at = NOW - since
    text = replace(NAMED, stored_at=ended_at)
    seen = replace(ENDED, facts=replace(FACTS, ended_at=ended_at), waiting_since=ended_at, transcript=text)
    anew = replace(seen, transcript=replace(text, settling_until=settling_until))
    assert arrived(seen, transcript=transcript) == Transition(anew, Action.DONE)


def test_while_the_text_is_sent_they_wait() -> None:
    seen = submitting(TEXT, transcript=NAMED)
    assert arrived(seen) == Transition(seen, Action.WAIT, NOW + 50 + 30)
    over = replace(seen, lease=replace(seen.lease, until=NOW - 100))  # type: ignore[type-var]
    assert arrived(over) == Transition(over, Action.WAIT, NOW + 30)
    alone = submitting(AUDIO, call_end=CallEnd.WITHOUT_TRANSCRIPT)
    assert arrived(alone) == Transition(alone, Action.WAIT, NOW + 50)


@pytest.mark.parametrize("state", [State.FILTERED, State.REJECTED])
def test_of_a_call_that_has_ended_nothing_is_kept(state: State) -> None:
    seen = call(state)
    assert arrived(seen).call == seen


def test_beside_an_inline_text_or_a_better_one_they_do_not_count() -> None:
    queued = call(State.QUEUED, call_end=CallEnd.WITH_TRANSCRIPT)
    assert arrived(queued).call == queued
    better = replace(
        ENDED, call_end=CallEnd.NOT_SEEN, state=State.NEW, transcript=replace(NAMED, format="f", bucket="b")
    )
    assert arrived(better) == Transition(better, Action.DONE)


@pytest.mark.parametrize(
    ("sent", "digest", "late"),
    [("a", "b", ("utterances",)), ("a", "a", ()), ("", "a", ())],
)
def test_they_are_late_where_others_were_sent(sent: str, digest: str, late: tuple[str, ...]) -> None:
    seen = call(State.SUBMITTED, sent=replace(TEXT, utterances=sent))
    assert lifecycle.utterances_late(seen, digest) == Transition(replace(seen, late=late), Action.DONE)
    noted = replace(seen, late=("facts",))
    assert lifecycle.utterances_late(noted, digest).call.late == ("facts", *late)


@pytest.mark.parametrize("seen", [call(State.SUBMITTED), call(State.WAITING, sent=replace(TEXT, utterances="a"))])
def test_where_nothing_was_sent_nothing_is_late(seen: Call) -> None:
    assert lifecycle.utterances_late(seen, "b") == Transition(seen, Action.DONE)


# --- beside an announced transcript ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pointer", "end", "has_text"),
    [
        (None, CallEnd.TRANSCRIPT_PENDING, False),
        (UNNAMED, CallEnd.TRANSCRIPT_PENDING, False),
        (UNNAMED, CallEnd.WITHOUT_TRANSCRIPT, True),
        (UNNAMED, CallEnd.NOT_SEEN, True),
        (NAMED, CallEnd.TRANSCRIPT_PENDING, True),
        (replace(UNNAMED, format="canonical_v1"), CallEnd.TRANSCRIPT_PENDING, True),
    ],
)
def test_what_can_be_tried(pointer: TranscriptPointer | None, end: CallEnd, has_text: bool) -> None:
    seen = call(State.WAITING, call_end=end, transcript=pointer, waiting_since=NOW)
    assert seen.has_text is has_text
    assert (lifecycle.next_action(seen) is Action.CLAIM_TRANSCRIPT) is has_text
    assert lifecycle.text_is_due(seen, DEADLINES, NOW) is has_text


def test_when_the_announced_one_does_not_come_they_are_tried() -> None:
    seen = replace(ENDED, transcript=UNNAMED, waiting_since=NOW - DEADLINES.transcript)
    assert lifecycle.due_at(seen, DEADLINES, NOW) == NOW
    without: dict[str, Any] = {"call_end": CallEnd.WITHOUT_TRANSCRIPT}
    assert lifecycle.resume(seen, DEADLINES, MINE) == Transition(replace(seen, **without))
    told = lifecycle.transcript_unavailable(seen, NOW)
    assert told == Transition(replace(seen, transcript_unavailable=True, **without))
    ended = lifecycle.call_ended(
        call(transcript_unavailable=True, transcript=UNNAMED), CallEnd.TRANSCRIPT_PENDING, FACTS, None, MINE
    )
    assert (ended.call.call_end, ended.call.transcript) == (CallEnd.WITHOUT_TRANSCRIPT, UNNAMED)


def test_an_end_with_its_text_forgets_them() -> None:
    for held, kept in ((UNNAMED, None), (NAMED, NAMED)):
        after = lifecycle.call_ended(call(transcript=held), CallEnd.WITH_TRANSCRIPT, FACTS, None, MINE)
        assert (after.call.state, after.call.transcript) == (State.SUBMITTING, kept)


# --- their digest ------------------------------------------------------------------------------------

HELLO = Utterance("a", "user", "Hello.", 1.0, 2.0)


@pytest.mark.parametrize(
    "other",
    [
        (),
        (HELLO, replace(HELLO, id="b")),
        (replace(HELLO, id="b"),),
        (replace(HELLO, role="assistant"),),
        (replace(HELLO, content="Hello"),),
        (replace(HELLO, spoken_at=0.5),),
        (replace(HELLO, ended_at=2.5),),
    ],
)
def test_others_have_another_digest(other: tuple[Utterance, ...]) -> None:
    assert digest_of((HELLO,)) == digest_of((replace(HELLO),))
    assert digest_of(other) != digest_of((HELLO,))
    assert len(digest_of((replace(HELLO, content="\ud800"),))) == 12
