"""Use case: a call has ended, or something of it became known: its transcript, its other names."""

from dataclasses import dataclass

from coval_relay.domain import lifecycle
from coval_relay.domain.call import Call, ConversationState, TranscriptPointer
from coval_relay.domain.call_aliases import object_alias, place_of
from coval_relay.domain.errors import InvalidInputError
from coval_relay.domain.lifecycle import NOTHING_TO_EVALUATE, Attempt, Transition
from coval_relay.domain.log_events import LogEvent, Telemetry
from coval_relay.domain.messages import (
    AliasesKnown,
    CallDescribed,
    CallEnded,
    Message,
    ObjectCreated,
    ObjectNamed,
    PendingExpired,
    RecordingReady,
    Resume,
    TranscriptArrived,
    TranscriptUnavailable,
    UtterancesReceived,
)
from coval_relay.domain.ports import UtteranceStore
from coval_relay.domain.transcript import digest_of
from coval_relay.services.action_runner import DONE, ActionRunner, Content, Outcome
from coval_relay.services.alias_resolver import AliasResolver, Unresolved
from coval_relay.services.conditional_updates import Calls, newly_missed
from coval_relay.services.function_queues import Queues
from coval_relay.services.object_matcher import Matched, ObjectMatcher, Skipped


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitTranscript:
    """Claims the call and submits its text at once; without text it keeps the facts for the recording."""

    calls: Calls
    matcher: ObjectMatcher
    resolver: AliasResolver
    utterances: UtteranceStore
    actions: ActionRunner
    queues: Queues
    telemetry: Telemetry

    def __call__(self, message: Message, attempt: Attempt) -> Outcome:  # noqa: PLR0911 - one line a kind
        match message:
            case CallEnded():
                return self._call_ended(message, attempt)
            case TranscriptArrived():
                return self._transcript_arrived(message, attempt)
            case TranscriptUnavailable():
                return self._transcript_unavailable(message, attempt)
            case ObjectCreated():
                return self._created(message, attempt)
            case UtterancesReceived():
                return self._utterances_received(message, attempt)
            case Resume():
                return self._resume(message, attempt)
            case PendingExpired():
                return self._expired(message, attempt)
        return self._known_besides(message, attempt)

    def _known_besides(self, message: Message, attempt: Attempt) -> Outcome:
        """What does not end a call, and brings no words."""
        match message:
            case CallDescribed():
                return self._call_described(message, attempt)
            case AliasesKnown():
                self._known(message)
            case RecordingReady():
                self.queues.recording(message)
            case _:
                raise InvalidInputError("detail-type", "is not one that this function takes")
        return DONE

    def _known(self, message: AliasesKnown) -> None:
        self.resolver.bind(message)
        for bucket, key in filter(None, map(place_of, message.aliases)):
            self.queues.recording(ObjectNamed(bucket=bucket, key=key))

    # --- what came -----------------------------------------------------------------------------------

    def _call_ended(self, ended: CallEnded, attempt: Attempt) -> Outcome:
        self.telemetry(LogEvent.CALL_END_RECEIVED, ended.external_conversation_id, kind=ended.kind.value)
        transition = self.calls.update(
            Call(external_conversation_id=ended.external_conversation_id),
            lambda call: lifecycle.call_ended(call, ended.kind, ended.facts, ended.pointer, attempt),
        )
        if NOTHING_TO_EVALUATE in transition.call.notes:
            self.telemetry(LogEvent.CALL_SKIPPED, ended.external_conversation_id)
        return self.actions.run(transition, attempt, Content(transcript=ended.transcript))

    def _call_described(self, described: CallDescribed, attempt: Attempt) -> Outcome:
        transition = self.calls.update(
            Call(external_conversation_id=described.external_conversation_id),
            lambda call: lifecycle.call_described(call, described.description, attempt.now),
        )
        return self.actions.run(transition, attempt)

    def _transcript_arrived(self, arrived: TranscriptArrived, attempt: Attempt) -> Outcome:
        self.telemetry(LogEvent.TRANSCRIPT_RECEIVED, arrived.external_conversation_id)
        transition = self.calls.update(
            Call(external_conversation_id=arrived.external_conversation_id),
            lambda call: lifecycle.transcript_arrived(call, arrived.pointer, attempt),
        )
        return self.actions.run(transition, attempt)

    def _transcript_unavailable(self, message: TranscriptUnavailable, attempt: Attempt) -> Outcome:
        self.telemetry(LogEvent.TRANSCRIPT_UNAVAILABLE, message.external_conversation_id)
        transition = self.calls.update(
            Call(external_conversation_id=message.external_conversation_id),
            lambda call: lifecycle.transcript_unavailable(call, attempt.now),
        )
        return self.actions.run(transition, attempt)

    def _utterances_received(self, spoken: UtterancesReceived, attempt: Attempt) -> Outcome:
        call_id = spoken.external_conversation_id
        self.utterances.add(call_id, spoken.utterances)

        def decide(seen: Call) -> Transition:
            if seen.state is ConversationState.SUBMITTED and seen.sent and seen.sent.transcript:
                return lifecycle.utterances_late(seen, digest_of(self.utterances.get_all(call_id)))
            return lifecycle.utterances_arrived(seen, self.calls.deadlines, attempt)

        call = self.calls.get(call_id)
        transition = self.calls.update(call, decide)
        if transition.call.transcript and not call.transcript:
            self.telemetry(LogEvent.TRANSCRIPT_RECEIVED, call_id)
        return self.actions.run(transition, attempt)

    def _resume(self, resume: Resume, attempt: Attempt) -> Outcome:
        call = self.calls.get(resume.external_conversation_id)
        transition = self.calls.update(
            call, lambda seen: lifecycle.resume(seen, self.calls.deadlines, attempt, resume.sweep)
        )
        for event, fields in newly_missed(call, transition.call):
            self.telemetry(event, call.external_conversation_id, **fields)
        return self.actions.run(transition, attempt)

    # --- transcript objects --------------------------------------------------------------------------

    def _created(self, created: ObjectCreated, attempt: Attempt) -> Outcome:
        self.matcher.check_location(created.version)
        found = self.matcher.match(created)
        if isinstance(found, Skipped):
            self.telemetry(LogEvent.OBJECT_SKIPPED, code=found.code)
            return DONE
        assert isinstance(found, Matched)  # sidecars are only read where recordings are
        call_id = self._resolve(created, found)
        if isinstance(call_id, Unresolved):
            return DONE
        pointer = self._pointer(created, found, attempt.now)
        arrived = TranscriptArrived(external_conversation_id=call_id, pointer=pointer)
        return self._transcript_arrived(arrived, attempt)

    def _pointer(self, created: ObjectCreated, found: Matched, now: int) -> TranscriptPointer:
        assert found.rule is not None
        return TranscriptPointer(
            bucket=created.version.bucket,
            key=created.version.key,
            format=found.rule.format,
            stored_at=now,
            rank=found.hints.rank,
            settling_until=now + self.calls.deadlines.settling if found.hints.several else 0,
        )

    def _resolve(self, created: ObjectCreated, found: Matched) -> str | Unresolved:
        if isinstance(found.target, str):
            return found.target
        version = created.version
        place = object_alias(version.bucket, version.key)
        identity = f"{place.value}#{version.version_id or version.etag}"
        return self.resolver.resolve(tuple(dict.fromkeys((found.target, place))), identity, "call_end", created)

    def _expired(self, expired: PendingExpired, attempt: Attempt) -> Outcome:
        message = self.resolver.pending_message(expired)
        if not isinstance(message, ObjectCreated):
            raise InvalidInputError("detail.pending.event", "is not one that this function takes")

        def go_on() -> Outcome:
            found = self.matcher.match(message)
            owner = self._resolve(message, found) if isinstance(found, Matched) else None
            if isinstance(owner, Unresolved):
                self.resolver.give_up(owner, self.matcher.tried_rules(message))
            return self._created(message, attempt)

        return self.resolver.finish(expired, go_on)
