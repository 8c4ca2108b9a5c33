"""Calls and recordings as items of the table, for tests of the state protocol."""

from dataclasses import replace
from typing import Any

from coval_relay.domain.call import Call, CallFacts, ConversationState, Lease, Parts, Recording, RecordingState
from coval_relay.domain.lifecycle import Attempt, Deadlines
from coval_relay.domain.s3_objects import ObjectVersion

NOW = 1_000_000
EARLIER = NOW - 1000
MINE = Attempt("mine", NOW + 180, NOW)
DEADLINES = Deadlines(grace=5400, transcript=21_600, recording=86_400, audit=600, resume=900)
FACTS = CallFacts(occurred_at="2026-10-02T14:31:07.000Z", ended_at=NOW - 60, agent_channel=None)
BOTH = Parts(transcript=True, facts=True, recording=True)


def call(state: ConversationState = ConversationState.NEW, **changes: Any) -> Call:
    """One that was seen before."""
    seen = Call(external_conversation_id="c", revision=1, state=state, created_at=EARLIER)
    return replace(seen, **changes)


def submitting(parts: Parts = BOTH, **changes: Any) -> Call:
    return call(ConversationState.SUBMITTING, lease=Lease("mine", NOW + 50, parts), **changes)


def recording(state: RecordingState = RecordingState.READY, **changes: Any) -> Recording:
    made = Recording(
        identity="s3://b/k#e",
        sort_key="2",
        created_at=EARLIER,
        changed_at=EARLIER,
        state=state,
        version=ObjectVersion("b", "k", "e", "v"),
    )
    return replace(made, **changes)
