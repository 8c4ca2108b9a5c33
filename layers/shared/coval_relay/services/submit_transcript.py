"""Use case: a call has ended, or something of it became known: its transcript, its other names."""

from dataclasses import dataclass

from coval_relay.domain import protocol
from coval_relay.domain.aliases import object_alias
from coval_relay.domain.call import TERMINAL, Call, CallEnd, TranscriptPointer
from coval_relay.domain.errors import InvalidInput
from coval_relay.domain.journal import Journal, LogEvent
from coval_relay.domain.messages import (
    AliasesKnown,
    CallEnded,
    FragmentsSpoken,
    Message,
    ObjectCreated,
    ParkingExpired,
    RecordingReady,
    Resume,
    TranscriptArrived,
    TranscriptUnavailable,
)
from coval_relay.domain.ports import Fragments
from coval_relay.domain.protocol import NOTHING_TO_EVALUATE, Attempt
from coval_relay.services.calls import Calls
from coval_relay.services.mailbox import Mailbox
from coval_relay.services.names import Names, Unknown
from coval_relay.services.object_owner import ObjectOwner, Owned, Passed
from coval_relay.services.progress import DONE, Outcome, Progress
from coval_relay.services.transcripts import FRAGMENTS


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitTranscript:
    """Claims the call and submits its text at once; without text it keeps the facts for the recording."""

    calls: Calls
    owner: ObjectOwner
    names: Names
    fragments: Fragments
    progress: Progress
    mailbox: Mailbox
    journal: Journal

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
            case FragmentsSpoken():
                return self._fragments_spoken(message, attempt)
            case Resume():
                return self._resume(message, attempt)
            case ParkingExpired():
                return self._expired(message, attempt)
        return self._known_besides(message)

    def _known_besides(self, message: Message) -> Outcome:
        """What does not change the call's own state."""
        match message:
            case AliasesKnown():
                self.names.bind(message)
            case RecordingReady():
                self.mailbox.recording(message)
            case _:
                raise InvalidInput("detail-type", "is not one that this function takes")
        return DONE

    # --- what came -----------------------------------------------------------------------------------

    def _call_ended(self, ended: CallEnded, attempt: Attempt) -> Outcome:
        self.journal(LogEvent.CALL_END_RECEIVED, ended.external_conversation_id, kind=ended.kind.value)
        transition = self.calls.settle(
            Call(external_conversation_id=ended.external_conversation_id),
            lambda call: protocol.call_ended(call, ended.kind, ended.facts, ended.pointer, attempt),
        )
        if NOTHING_TO_EVALUATE in transition.call.notes:
            self.journal(LogEvent.CALL_SKIPPED, ended.external_conversation_id)
        return self.progress.go(transition, attempt, ended.transcript)

    def _transcript_arrived(self, arrived: TranscriptArrived, attempt: Attempt) -> Outcome:
        self.journal(LogEvent.TRANSCRIPT_RECEIVED, arrived.external_conversation_id)
        transition = self.calls.settle(
            Call(external_conversation_id=arrived.external_conversation_id),
            lambda call: protocol.transcript_arrived(call, arrived.pointer, attempt),
        )
        return self.progress.go(transition, attempt)

    def _transcript_unavailable(self, told: TranscriptUnavailable, attempt: Attempt) -> Outcome:
        self.journal(LogEvent.TRANSCRIPT_UNAVAILABLE, told.external_conversation_id)
        transition = self.calls.settle(
            Call(external_conversation_id=told.external_conversation_id),
            lambda call: protocol.transcript_unavailable(call, attempt.now),
        )
        return self.progress.go(transition, attempt)

    def _fragments_spoken(self, spoken: FragmentsSpoken, attempt: Attempt) -> Outcome:
        """They wait for the call's end; those that come after the call went on without text bring it back."""
        call_id = spoken.external_conversation_id
        self.fragments.add(call_id, spoken.fragments)
        call = self.calls.read(call_id)
        if call.state not in TERMINAL and call.call_end is not CallEnd.WITHOUT_TEXT:
            return DONE
        settled = attempt.now + self.calls.deadlines.settle
        pointer = TranscriptPointer(format=FRAGMENTS, stored_at=attempt.now, settles_at=settled)
        return self._transcript_arrived(
            TranscriptArrived(external_conversation_id=call_id, pointer=pointer), attempt
        )

    def _resume(self, resume: Resume, attempt: Attempt) -> Outcome:
        call = self.calls.read(resume.external_conversation_id)
        transition = self.calls.settle(
            call, lambda seen: protocol.resume(seen, self.calls.deadlines, attempt)
        )
        return self.progress.go(transition, attempt)

    # --- transcript objects --------------------------------------------------------------------------

    def _created(self, created: ObjectCreated, attempt: Attempt) -> Outcome:
        self.owner.check_place(created.version)
        found = self.owner.find(created)
        if isinstance(found, Passed):
            self.journal(LogEvent.OBJECT_SKIPPED, code=found.code)
            return DONE
        assert isinstance(found, Owned)  # sidecars are only read where recordings are
        call_id = self._owner_of(created, found)
        if isinstance(call_id, Unknown):
            return DONE
        pointer = self._pointer(created, found, attempt.now)
        arrived = TranscriptArrived(external_conversation_id=call_id, pointer=pointer)
        return self._transcript_arrived(arrived, attempt)

    def _pointer(self, created: ObjectCreated, found: Owned, now: int) -> TranscriptPointer:
        assert found.rule is not None
        return TranscriptPointer(
            bucket=created.version.bucket,
            key=created.version.key,
            format=found.rule.format,
            stored_at=now,
            rank=found.traits.rank,
            settles_at=now + self.calls.deadlines.settle if found.traits.several else 0,
        )

    def _owner_of(self, created: ObjectCreated, found: Owned) -> str | Unknown:
        if isinstance(found.owner, str):
            return found.owner
        version = created.version
        place = object_alias(version.bucket, version.key)
        identity = f"{place.value}#{version.version_id or version.etag}"
        return self.names.owner(tuple(dict.fromkeys((found.owner, place))), identity, "call_end", created)

    def _expired(self, expired: ParkingExpired, attempt: Attempt) -> Outcome:
        message = self.names.waiting(expired)
        if not isinstance(message, ObjectCreated):
            raise InvalidInput("detail.parked.event", "is not one that this function takes")
        found = self.owner.find(message)
        owner = self._owner_of(message, found) if isinstance(found, Owned) else None
        if isinstance(owner, Unknown):
            self.names.give_up(owner, self.owner.tried())
            return DONE
        outcome = self._created(message, attempt)
        self.names.found_after_all(expired)
        return outcome
