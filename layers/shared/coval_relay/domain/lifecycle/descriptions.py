"""What other events say of a call besides its end: who answered, which way it went, which channel is the agent's."""

from dataclasses import replace

from coval_relay.domain.call import (
    CALL_STATUS,
    COMPLETED,
    TERMINAL,
    Call,
    CallFacts,
    Description,
    Recording,
    RecordingState,
)

STEREO = 2


def described(call: Call, now: int) -> Call:
    """The call with what was said of it: in its facts until they are sent, and in the sides of its recording."""
    facts = call.facts
    if facts is not None and call.state not in TERMINAL:
        facts = with_description(facts, call.described)
    return with_sides(replace(call, facts=facts), now)


def with_description(facts: CallFacts, description: Description | None) -> CallFacts:
    """The facts with what they lack; that a call was completed says less than who answered it."""
    if description is None:
        return facts
    way = {"direction": description.direction} if description.direction else {}
    metadata = {**way, **facts.metadata}
    if description.status and metadata.get(CALL_STATUS) in (None, COMPLETED):
        metadata[CALL_STATUS] = description.status
    channel = description.agent_channel if facts.agent_channel is None else facts.agent_channel
    return replace(facts, metadata=metadata, agent_channel=channel)


def agent_channel(call: Call) -> int | None:
    """What the call's end says, or else an event of its own."""
    said = call.facts.agent_channel if call.facts else None
    return call.described.agent_channel if said is None and call.described else said


def with_sides(call: Call, now: int) -> Call:
    """Its recording, with the agent's channel that is known of the call."""
    if call.recording is None:
        return call
    return replace(call, recording=with_agent_channel(call.recording, agent_channel(call), now))


def with_agent_channel(recording: Recording, channel: int | None, now: int) -> Recording:
    """The agent's channel from another event, where the recording came without one.

    What was prepared for an unknown channel is prepared anew:

        recording ── uploaded as it is ──┐
        call end, agent on channel 1 ────┴─ READY again ── swapped ── uploaded
    """
    waiting = (RecordingState.READY, RecordingState.UPLOADED, RecordingState.BY_URL)
    if channel is None or recording.agent_channel is not None or recording.state not in waiting:
        return recording
    known = replace(recording, agent_channel=channel)
    if recording.channels == 1 or (channel == 0 and recording.channels == STEREO):
        return known
    return replace(
        known,
        state=RecordingState.READY,
        upload_id=None,
        prepared=None,
        needs_preparation=True,
        changed_at=now,
    )
