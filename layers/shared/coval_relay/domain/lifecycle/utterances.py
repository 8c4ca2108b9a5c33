"""Utterances of a call: its item points to them from the first one on; they are sent when the last may have come."""

from dataclasses import replace

from coval_relay.domain import backoff
from coval_relay.domain.call import TERMINAL, UTTERANCES, Call, ConversationState, TranscriptPointer
from coval_relay.domain.lifecycle import conversations
from coval_relay.domain.lifecycle.transition import RETRY_SECONDS, Action, Attempt, Deadlines, Transition

FUNCTION_SECONDS = 120
"""Timeout of the function that stores them (template.yaml, SubmitTranscriptFunction)."""
LATE = "utterances"
UNNAMED = -1
"""Rank of what no end has named: any other transcript is better."""


def utterances_settle_at(call: Call, deadlines: Deadlines) -> int:
    """When the last utterances of a call that has ended may have come; its transcript's deadline bounds it."""
    text = call.transcript
    settling_until, stored_at = (text.settling_until, text.stored_at) if text else (0, 0)
    settles = max(call.waiting_since + _pause(call, deadlines), settling_until)
    return min(settles, _latest(call.waiting_since, stored_at, deadlines))


def _latest(waiting_since: int, stored_at: int, deadlines: Deadlines) -> int:
    return max(waiting_since, stored_at) + deadlines.transcript


def _pause(call: Call, deadlines: Deadlines) -> int:
    """How late an utterance's message may be: its worker has died, or an outage has kept it as it kept the end's.

    utterance   hidden ── (dies) ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ received again ── stored
    call end              handled ── settling ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ sent
    """
    age = max(call.waiting_since - call.facts.ended_at, 0) if call.facts else 0
    if age > backoff.EXPIRY_SECONDS:
        age = 0  # no message waits for so long: its events were sent once more
    if call.facts and call.facts.seconds and age > FUNCTION_SECONDS:
        age += int(call.facts.seconds)  # the first utterance's
    crashed, waiting = backoff.while_worked_on(FUNCTION_SECONDS, age), backoff.by_age(age, 1.0)
    return max(deadlines.settling, crashed, waiting)


def utterances_arrived(call: Call, deadlines: Deadlines, attempt: Attempt) -> Transition:
    """They wait for the call's end; those that come after the call went on without text bring it back."""
    if call.state is ConversationState.SUBMITTING and call.lease and call.lease.parts.transcript:
        return Transition(call, Action.WAIT, max(call.lease.until, attempt.now) + RETRY_SECONDS)
    text = call.transcript
    if text is None or text.format != UTTERANCES or call.state in TERMINAL:
        until = attempt.now + _pause(call, deadlines)
        pointer = TranscriptPointer(format=UTTERANCES, stored_at=attempt.now, rank=UNNAMED, settling_until=until)
        return conversations.transcript_arrived(call, pointer, attempt)
    return Transition(replace(call, transcript=_still_spoken(call, text, deadlines, attempt.now)), Action.DONE)


def _still_spoken(call: Call, text: TranscriptPointer, deadlines: Deadlines, now: int) -> TranscriptPointer:
    """Its time begins anew; written seldom, as each write costs the whole item."""
    if call.state is ConversationState.NEW:
        lasts = now - text.stored_at > deadlines.transcript // 2
        return replace(text, stored_at=now) if lasts else text
    pause = _pause(call, deadlines)
    if utterances_settle_at(call, deadlines) - now >= pause // 2:
        return text
    anew = min(now + pause, _latest(call.waiting_since, text.stored_at, deadlines))
    return replace(text, settling_until=max(text.settling_until, anew))


def utterances_late(call: Call, digest: str) -> Transition:
    """The text was sent before some of them came: `digest` is of all that are stored now."""
    if call.state is not ConversationState.SUBMITTED or call.sent is None or call.sent.utterances in ("", digest):
        return Transition(call, Action.DONE)
    return Transition(replace(call, late=tuple(sorted({*call.late, LATE}))), Action.DONE)
