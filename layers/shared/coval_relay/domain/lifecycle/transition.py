"""What every rule decides: the call as it shall be, and what to do then."""

from dataclasses import dataclass, field, replace
from enum import StrEnum

from coval_relay.domain.call import Call
from coval_relay.domain.errors import Reason

RETRY_SECONDS = 30
MAX_NOTES = 20


class Action(StrEnum):
    """What a worker does after the write; `services/action_runner.py` carries each of them out."""

    DONE = "done"
    WAIT = "wait"
    """Something outside the call is not ready: the same message has to come again."""
    CONTINUE = "continue"
    """Do what the item asks for next: see `next_action`."""
    CLAIM_TRANSCRIPT = "claim_transcript"
    """Submit the transcript that the item points to."""
    CLAIM_RECORDING = "claim_recording"
    """Submit the recording without a transcript."""
    SUBMIT = "submit"
    READ_THEN_SUBMIT = "read_then_submit"
    """As SUBMIT, after a strong read has shown that nothing was made."""
    UPLOAD = "upload"
    PREPARE = "prepare"
    """Make of the recording what Coval can fetch."""
    REQUEUE_RECORDING = "requeue_recording"
    """Let the recording be looked at again: Coval no longer has the upload, or the agent is on another channel."""
    START_ATTACH = "start_attach"
    ATTACH = "attach"
    AUDIT = "audit"
    CONFIRM_ATTACH = "confirm_attach"
    """See whether an abandoned recording was attached after all."""


BUSY = "lease_or_busy"
"""What waits where nothing else is said: another worker is at the call."""


@dataclass(frozen=True, slots=True)
class Transition:
    """The call as it shall be, what to do then, and for WAIT until when (epoch seconds) and for what."""

    call: Call
    action: Action = Action.CONTINUE
    until: int = 0
    code: str = field(default=BUSY, compare=False)
    """For people only; decisions are the same whatever it is."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One delivery's right to try: a fresh token, and how long its lease would last."""

    token: str
    lease_until: int
    now: int
    closed_until: int = 0
    """Until then Coval is left alone: nothing is claimed, so that no lease covers a wait."""
    hops: int = 0
    """How many functions have handed the work on since an event, or the sweep, began it."""

    @property
    def is_closed(self) -> bool:
        return self.closed_until > self.now

    def is_over(self, now: int) -> bool:
        """Whether another worker may have taken over: whoever was held up so long sends nothing any more."""
        return now >= self.lease_until


@dataclass(frozen=True, slots=True)
class Deadlines:
    """The operator's times, in seconds."""

    grace: int
    transcript: int
    recording: int
    audit: int
    resume: int
    settling: int = 0
    """How long a recording waits for a better one, where the platform may send several."""


def held(call: Call, until: int) -> Transition:
    """The call waits in its item for something of its own: the sweep brings it back."""
    return Transition(replace(call, held_until=until), Action.DONE)


def input_rejected(call: Call, reason: Reason, now: int) -> Transition:
    """An event about this call broke a rule: the reason stays on the item, the state is as it was."""
    if reason in call.notes:
        return Transition(call, Action.DONE)
    notes = (*call.notes, reason)[-MAX_NOTES:]
    return Transition(replace(call, notes=notes, created_at=call.created_at or now), Action.DONE)
