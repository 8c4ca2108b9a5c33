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
TEXT, AUDIO, BOTH = (
    Parts(transcript=True, facts=True, recording=False),
    Parts(transcript=False, facts=True, recording=True),
    Parts(transcript=True, facts=True, recording=True),
)


def call(state: ConversationState = ConversationState.NEW, **changes: Any) -> Call:
    """One that was seen before."""
    seen = Call(external_conversation_id="c", revision=1, state=state, created_at=EARLIER)
    return replace(seen, **changes)


def submitting(parts: Parts = TEXT, **changes: Any) -> Call:
    return call(ConversationState.SUBMITTING, lease=Lease("mine", NOW + 50, parts), **changes)


def recording(state: RecordingState = RecordingState.READY, sort_key: str = "2", **changes: Any) -> Recording:
    version = ObjectVersion("b", f"k{sort_key}", "e", "v")
    made = Recording(
        identity=f"s3://b/k{sort_key}#e", sort_key=sort_key, created_at=EARLIER, state=state, version=version
    )
    return replace(made, **changes)
