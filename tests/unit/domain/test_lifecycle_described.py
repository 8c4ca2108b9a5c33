"""What is said of a call while its submit is under way: it counts as soon as that has ended without being sent."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from coval_relay.domain import lifecycle
from coval_relay.domain.call import (
    Call,
    CallEnd,
    CallFacts,
    ConversationAudio,
    Description,
    KnownConversation,
    Lease,
    Parts,
    TranscriptPointer,
)
from coval_relay.domain.call import ConversationState as State
from coval_relay.domain.call import RecordingState as Sound
from coval_relay.domain.errors import Reason
from coval_relay.domain.lifecycle import Action, Transition
from tests.support.calls import AUDIO, BOTH, DEADLINES, FACTS, MINE, NOW, TEXT, call, recording, submitting

SAID = Description(status="voicemail", direction="inbound", agent_channel=1)
KNOWN = replace(FACTS, metadata={"direction": "inbound", "call_status": "voicemail"}, agent_channel=1)
REASON = Reason("code", "text")
POINTER = TranscriptPointer(bucket="b", key="k", format="canonical_v1", stored_at=NOW)
STEREO = recording(Sound.UPLOADED, channels=2, upload_id="u")
ANEW = replace(STEREO, state=Sound.READY, upload_id=None, agent_channel=1, needs_preparation=True, changed_at=NOW)


def said(parts: Parts, until: int = NOW + 50, state: State = State.SUBMITTING) -> Call:
    """It holds a recording that was prepared for an unknown side; the description came under the lease."""
    lease = Lease("mine", until, parts) if state is State.SUBMITTING else None
    return call(
        state,
        lease=lease,
        call_end=CallEnd.WITHOUT_TRANSCRIPT,
        facts=FACTS,
        described=SAID,
        transcript=POINTER,
        recording=STEREO,
    )


ENDED = NOW
UNSENT: dict[str, Callable[[], Transition]] = {
    "not sent": lambda: lifecycle.submit_not_sent(said(BOTH), "mine", NOW),
    "given back": lambda: lifecycle.lease_released(said(BOTH), "mine", NOW),
    "text not there": lambda: lifecycle.transcript_not_ready(said(BOTH), "mine", NOW + 9, NOW),
    "text dropped": lambda: lifecycle.transcript_dropped(said(BOTH), "mine", REASON, NOW),
    "not fetched": lambda: lifecycle.submit_fetch_failed(said(AUDIO), "mine", REASON, NOW),
    "taken over by the sweep": lambda: lifecycle.resume(said(BOTH, ENDED), DEADLINES, MINE),
    "taken over by a text": lambda: lifecycle.transcript_arrived(said(TEXT, ENDED), POINTER, MINE),
    "taken over by an end": lambda: lifecycle.call_ended(said(TEXT, ENDED), CallEnd.WITH_TRANSCRIPT, FACTS, None, MINE),
    "sent again": lambda: lifecycle.reopened(said(TEXT, state=State.REJECTED), 1, NOW),
}


@pytest.mark.parametrize("way", UNSENT)
def test_it_counts_where_the_submit_was_not_sent(way: str) -> None:
    after = UNSENT[way]().call
    assert after.facts == KNOWN
    assert after.recording is not None
    assert replace(after.recording, fetch_failing_since=0) == ANEW
    assert after.lease is None or not after.lease.parts.recording


@pytest.mark.parametrize("parts", [BOTH, AUDIO])
def test_it_counts_for_the_text_that_goes_without_its_audio(parts: Parts) -> None:
    rejected = lifecycle.audio_rejected(said(parts), "mine", REASON, NOW).call
    assert (rejected.facts, rejected.recording_state) == (KNOWN, Sound.REJECTED)
    forgotten = lifecycle.upload_not_found(said(parts), "mine", NOW).call
    assert (forgotten.facts, forgotten.recording) == (KNOWN, ANEW)


MADE = KnownConversation(conversation_id="m", sent=TEXT, audio=ConversationAudio.NONE)


def test_after_a_submit_it_counts_for_the_recording_that_is_still_to_be_attached() -> None:
    after = lifecycle.submitted(said(TEXT), "mine", MADE, NOW).call
    assert (after.facts, after.recording) == (FACTS, ANEW)
    with_audio = replace(MADE, sent=BOTH, audio=ConversationAudio.OURS)
    attached = lifecycle.submitted(said(BOTH), "mine", with_audio, NOW).call
    assert (attached.recording_state, attached.recording and attached.recording.agent_channel) == (Sound.ATTACHED, None)


@pytest.mark.parametrize(
    ("state", "facts", "action"),
    [
        (State.SUBMITTED, FACTS, Action.CONTINUE),
        (State.NEW, None, Action.REQUEUE_RECORDING),
        (State.SUBMITTING, FACTS, Action.DONE),
    ],
)
@pytest.mark.parametrize("first", ["description", "recording"])
def test_the_side_holds_whichever_comes_first(
    first: str, state: State, facts: CallFacts | None, action: Action
) -> None:
    ready = replace(STEREO, state=Sound.READY, upload_id=None)
    seen = submitting(TEXT, facts=facts) if state is State.SUBMITTING else call(state, facts=facts)
    if first == "description":
        described = lifecycle.call_described(seen, SAID, NOW)
        assert described == Transition(replace(seen, described=SAID), Action.DONE)
        after = lifecycle.recording_arrived(described.call, ready, MINE)
        assert after.call.recording == ANEW
    else:
        held = replace(seen, recording=ready)
        after = lifecycle.call_described(held, SAID, NOW)
        kept = ready if state is State.SUBMITTING else ANEW
        assert after == Transition(replace(held, described=SAID, recording=kept), action)
