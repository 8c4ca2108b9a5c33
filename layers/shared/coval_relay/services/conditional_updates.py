"""The one way in which a call's state changes: decide on the item that was seen, write if it still stands."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from coval_relay.domain import lifecycle
from coval_relay.domain.call import Call
from coval_relay.domain.errors import RetryableError
from coval_relay.domain.lifecycle import Deadlines, Transition
from coval_relay.domain.log_events import LogEvent
from coval_relay.domain.ports import CallStore, Clock, ConflictError

MAX_CONFLICTS = 20
SWEEP_SOON_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Calls:
    """The calls' states, and the operator's deadlines for them."""

    store: CallStore
    clock: Clock
    deadlines: Deadlines

    def get(self, external_conversation_id: str) -> Call:
        return self.store.get(external_conversation_id)

    def update(self, call: Call, decide: Callable[[Call], Transition]) -> Transition:
        """Decide and write; who loses a race decides again on the winner's item. Raises RetryableError."""
        for _ in range(MAX_CONFLICTS):
            transition = decide(call)
            if transition.call == call:
                return transition
            try:
                written = self.store.save(call, self._scheduled(call, transition.call))
            except ConflictError as conflict:
                call = conflict.current
                continue
            return replace(transition, call=written)
        raise RetryableError("contention")

    def leave_to_sweep(self, external_conversation_id: str) -> None:
        """Let the next sweep bring the call back. Raises RetryableError."""
        now = self.clock()
        call = self.get(external_conversation_id)
        self.update(call, lambda seen: lifecycle.left_to_sweep(seen, now + SWEEP_SOON_SECONDS, now))

    def put_off(self, external_conversation_id: str, until: int) -> None:
        """What was brought back cannot be done now: the sweep tries again. Raises RetryableError."""
        now = self.clock()
        self.update(self.get(external_conversation_id), lambda seen: lifecycle.put_off(seen, until, now))

    def _scheduled(self, before: Call, after: Call) -> Call:
        if lifecycle.progress(after) != lifecycle.progress(before):
            after = replace(after, sweeps=0)
        return replace(after, due_at=lifecycle.due_at(after, self.deadlines, self.clock()))


def newly_superseded(before: Call, after: Call) -> int:
    """How many recordings have lost to another one since."""
    ended = {name for name, ending in after.other_recordings.items() if ending == "superseded"}
    return len(ended - before.other_recordings.keys())


def newly_missed(before: Call, after: Call) -> Iterator[tuple[LogEvent, dict[str, str]]]:
    """What has been waited for in vain since: each ends something without an error of its own."""
    if after.dropped and after.dropped != before.dropped:
        yield LogEvent.TRANSCRIPT_MISSING, {"code": after.dropped.reason.code}
    if after.recording_missed_at and not before.recording_missed_at:
        yield LogEvent.RECORDING_MISSING, {}
    if lifecycle.is_wordless(after) and not lifecycle.is_wordless(before) and after.reason:
        yield LogEvent.CALL_REJECTED, {"code": after.reason.code}
    if lifecycle.AUDIT_GIVEN_UP in after.notes and lifecycle.AUDIT_GIVEN_UP not in before.notes:
        yield LogEvent.AUDIT_GIVEN_UP, {}
    if lifecycle.has_given_up(after) and not lifecycle.has_given_up(before):
        whole = after.reason == lifecycle.WAITED_TOO_LONG
        yield LogEvent.CALL_GIVEN_UP if whole else LogEvent.RECORDING_GIVEN_UP, {}
