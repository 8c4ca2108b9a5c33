"""The protections, each taken away: what the simulation must notice."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from coval_relay.domain import lifecycle
from coval_relay.domain.call import Call, ConversationState, Recording
from coval_relay.domain.call_aliases import Alias, PendingMessage
from coval_relay.domain.coval import CONFLICT
from coval_relay.domain.lifecycle import Attempt, Transition, claims, conversations, recordings, resumption
from coval_relay.domain.ports import ConflictError
from coval_relay.services.alias_resolver import AliasResolver
from coval_relay.services.conditional_updates import Calls
from coval_relay.services.recording_attachment import Attachment
from coval_relay.services.submission import Submission
from tests.simulation.services import Aliases, Bucket, SimulatedCoval, Table
from tests.support.in_memory import InMemoryAliases

Broken = Callable[[], Any]


def no_lease_wait() -> Any:
    """Whoever finds a lease takes it, whether it has ended or not."""
    resumed = resumption._resume_submit
    ended = conversations._ended_during_submit

    def over(call: Call) -> Call:
        assert call.lease is not None
        return replace(call, lease=replace(call.lease, until=0))

    def ended_over(call: Call, known: Call, attempt: Attempt, *, with_transcript: bool) -> Transition:
        return ended(over(call), known, attempt, with_transcript=with_transcript)

    return _both(
        patch.object(conversations, "_ended_during_submit", ended_over),
        patch.object(resumption, "_resume_submit", lambda call, attempt: resumed(over(call), attempt)),
    )


@contextmanager
def _both(*patches: Any) -> Iterator[None]:
    with ExitStack() as stack:
        for one in patches:
            stack.enter_context(one)
        yield


def no_strong_read() -> Any:
    return patch.object(Submission, "_look", lambda _, __: None)


def read_is_not_strong() -> Any:
    """The read before a second POST is one of Coval's default ones, which lag."""
    return patch.object(SimulatedCoval, "strong", new=False)


def unconditional_write() -> Any:
    return patch.object(Table, "conditional", new=False)


def loser_does_not_look() -> Any:
    """Who loses a race goes on as if it had won it."""

    def update(self: Calls, call: Call, decide: Callable[[Call], Transition]) -> Transition:
        transition = decide(call)
        if transition.call == call:
            return transition
        try:
            written = self.store.save(call, self._scheduled(call, transition.call))
        except ConflictError as conflict:
            written = replace(transition.call, revision=conflict.current.revision)
        return replace(transition, call=written)

    return patch.object(Calls, "update", update)


def conflict_is_believed() -> Any:
    """A 409 counts as attached without a look."""
    rejected = Attachment._rejected

    def believed(self: Attachment, call: Call, identity: str, error: Any) -> Transition:
        if error.status == CONFLICT:
            return self._attached(call, identity)
        return rejected(self, call, identity, error)

    return patch.object(Attachment, "_rejected", believed)


def no_etag_pin() -> Any:
    return patch.object(Bucket, "pinned", new=False)


def what_has_no_version_is_fetched_where_it_lies() -> Any:
    """Though a presigned URL pins no ETag."""
    return patch.object(Recording, "needs_copy", property(lambda recording: recording.needs_preparation))


def maybe_sent_is_cleared() -> Any:
    """Who gives a call back forgets that an earlier submit may have arrived."""
    back = claims.without_lease
    return patch.object(claims, "without_lease", lambda call, now: replace(back(call, now), maybe_sent_at=0))


def no_audit() -> Any:
    return patch.object(resumption, "_needs_audit", lambda _: False)


def pending_is_not_conditional() -> Any:
    """First a look at the target, then what makes it pending: what is bound in between is not seen."""

    def add_pending(self: Aliases, alias: Alias, pending: PendingMessage) -> str | None:
        target = self.target(alias)
        return target or self.stage.effect("aliases.add_pending", lambda: put(self, alias, pending))

    def put(self: Aliases, alias: Alias, pending: PendingMessage) -> None:
        item = self._item(alias)
        bound, item.target = item.target, None
        InMemoryAliases.add_pending(self, alias, pending)
        item.target = bound

    return patch.object(Aliases, "add_pending", add_pending)


def binding_clears_before_it_sends() -> Any:
    def bind(self: AliasResolver, known: Any) -> None:
        for alias in known.aliases:
            for pending in self.aliases.bind(alias, known.target) if alias.key != known.target else ():
                self.aliases.clear(alias, pending)
                self.send_again(pending)

    return patch.object(AliasResolver, "bind", bind)


def side_is_ignored_during_upload() -> Any:
    """What was uploaded counts, whatever side has become known meanwhile."""
    made = recordings._prepared

    def ready(call: Call, recording: Any, now: int) -> Transition:
        if call.recording and call.recording.identity == recording.identity:
            recording = replace(recording, agent_channel=call.recording.agent_channel)
        return made(call, recording, now)

    return patch.object(recordings, "_prepared", ready)


def pinned_can_be_replaced() -> Any:
    return patch.object(recordings, "_is_locked", lambda _: False)


def old_call_is_not_read_first() -> Any:
    return patch.object(claims, "_may_be_known", lambda _: False)


def given_up_calls_are_not_audited() -> Any:
    owed = resumption._needs_audit
    return patch.object(
        resumption, "_needs_audit", lambda call: owed(call) and call.state is ConversationState.SUBMITTED
    )


def no_last_look() -> Any:
    """A recording that cannot be attached makes room for the next one at once."""
    abandoned = "attach_abandoned", recordings.attach_rejected
    return _both(patch.object(lifecycle, *abandoned), patch.object(recordings, *abandoned))


def who_was_held_up_sends() -> Any:
    """However long a worker was held up before its request."""
    return patch.object(Attempt, "is_over", lambda *_: False)


MUTATIONS: dict[str, Broken] = {
    broken.__name__: broken
    for broken in (
        no_lease_wait,
        no_strong_read,
        read_is_not_strong,
        unconditional_write,
        loser_does_not_look,
        conflict_is_believed,
        no_etag_pin,
        what_has_no_version_is_fetched_where_it_lies,
        maybe_sent_is_cleared,
        no_audit,
        pending_is_not_conditional,
        binding_clears_before_it_sends,
        side_is_ignored_during_upload,
        pinned_can_be_replaced,
        old_call_is_not_read_first,
        given_up_calls_are_not_audited,
        no_last_look,
        who_was_held_up_sends,
    )
}


@contextmanager
def without(name: str) -> Iterator[None]:
    """The product without this protection."""
    with MUTATIONS[name]():
        yield
