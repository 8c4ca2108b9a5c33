"""Use case: a recording came, as an object or as a link."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from coval_relay.domain import protocol
from coval_relay.domain.aliases import object_alias
from coval_relay.domain.audio import AudioFacts, AudioRefused
from coval_relay.domain.call import TERMINAL, Call, ConversationState, Reason, Recording, RecordingState
from coval_relay.domain.coval import MAX_UPLOAD_BYTES, ContentType, CovalClient
from coval_relay.domain.errors import InvalidInput, Permanent
from coval_relay.domain.journal import Journal, LogEvent
from coval_relay.domain.messages import (
    AliasesKnown,
    AttachRecording,
    Message,
    ObjectCreated,
    ParkingExpired,
    RecordingFound,
    RecordingReady,
)
from coval_relay.domain.ports import LinkRefused
from coval_relay.domain.protocol import Attempt, Then, Transition
from coval_relay.domain.recordings import ObjectGone, ObjectReplaced, ObjectVersion
from coval_relay.services.calls import Calls
from coval_relay.services.mailbox import Mailbox
from coval_relay.services.names import Names, Unknown
from coval_relay.services.object_owner import ObjectOwner, Owned, Passed, Told, lost, overlaid
from coval_relay.services.preparing import Preparing
from coval_relay.services.progress import DONE, Outcome, Progress, newly_superseded

Look = tuple[Recording, AudioFacts | None]
"""A recording, and what its head told; None where it cannot be used."""


def identity_of(version: ObjectVersion) -> str:
    return f"s3://{version.bucket}/{version.key}#{version.version_id or version.etag}"


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadRecording:
    """Finds the call, looks at the audio's head, makes it fit, and brings the bytes to Coval if they can
    still go along."""

    calls: Calls
    owner: ObjectOwner
    names: Names
    preparing: Preparing
    coval: CovalClient
    progress: Progress
    mailbox: Mailbox
    journal: Journal

    def __call__(self, message: Message, attempt: Attempt) -> Outcome:
        match message:
            case ObjectCreated():
                return self._created(message, attempt)
            case RecordingReady():
                return self._ready(message, attempt)
            case RecordingFound():
                return self._found(message, attempt)
            case ParkingExpired():
                return self._expired(message, attempt)
        raise InvalidInput("detail-type", "is not one that this function takes")

    # --- whose it is ---------------------------------------------------------------------------------

    def _created(self, created: ObjectCreated, attempt: Attempt) -> Outcome:
        self.owner.check_place(created.version)
        try:
            found = self.owner.find(created)
        except (ObjectGone, ObjectReplaced):
            return self._skipped("gone_before_its_call_was_known")
        match found:
            case Passed(code):
                return self._skipped(code)
            case Told(messages):
                for message in messages:
                    if isinstance(message, AliasesKnown):
                        self.names.bind(message)
                return DONE
        call_id = self._owner_of(created, found)
        if isinstance(call_id, Unknown):
            return DONE
        return self._found(_found(call_id, created, found), attempt)

    def _owner_of(self, created: ObjectCreated, found: Owned) -> str | Unknown:
        if isinstance(found.owner, str):
            return found.owner
        version = created.version
        place = object_alias(version.bucket, version.key)
        names = dict.fromkeys((found.owner, place))
        return self.names.owner(tuple(names), identity_of(version), "recording", created)

    def _ready(self, ready: RecordingReady, attempt: Attempt) -> Outcome:
        call_id = self.names.owner((ready.target,), identity_of_link(ready.uri), "recording", ready)
        if isinstance(call_id, Unknown):
            return DONE
        if ready.uri.startswith("s3://"):
            try:
                return self._found(self._found_object(ready, call_id), attempt)
            except InvalidInput as error:
                raise replace(error, field="detail.recording.uri", call_id=call_id) from None
        found = RecordingFound(
            external_conversation_id=call_id,
            url=ready.uri,
            created_at=ready.created_at,
            traits=ready.traits,
        )
        return self._found(found, attempt)

    def _found_object(self, ready: RecordingReady, call_id: str) -> RecordingFound:
        """The object that a platform's event names; raises InvalidInput where there is none."""
        _, _, bucket, key = ready.uri.split("/", 3)
        asked = ObjectVersion(bucket=bucket, key=key, etag="")
        self.owner.check_place(asked)
        try:
            head = self.preparing.source.head(asked)
        except ObjectGone:
            raise InvalidInput("detail.recording.uri", "names an object that is not there") from None
        created = ObjectCreated(
            version=ObjectVersion(bucket, key, head.etag, head.version_id),
            size=head.size,
            order=f"{ready.created_at:012d}",
            created_at=ready.created_at,
        )
        traits = overlaid(self.owner.traits(created.version), ready.traits)
        return RecordingFound(external_conversation_id=call_id, created=created, traits=traits)

    def _expired(self, expired: ParkingExpired, attempt: Attempt) -> Outcome:
        """What waited goes once more through all rules; what still has no call goes to the dead letters."""
        message = self.names.waiting(expired)
        try:
            owner = self._owner_of_waiting(message, expired)
        except (ObjectGone, ObjectReplaced):
            self.names.found_after_all(expired)
            return self._skipped("gone_before_its_call_was_known")
        if isinstance(owner, Unknown):
            self.names.give_up(owner, self.owner.tried())
            return DONE
        outcome = self(message, attempt)
        self.names.found_after_all(expired)
        return outcome

    def _owner_of_waiting(self, message: Message, expired: ParkingExpired) -> str | Unknown | None:
        match message:
            case RecordingReady():
                identity = expired.parked.identity
                return self.names.owner((message.target,), identity, "recording", message)
            case ObjectCreated():
                found = self.owner.find(message)
                return self._owner_of(message, found) if isinstance(found, Owned) else None
        raise InvalidInput("detail.parked.event", "is not one that this function takes")

    def _skipped(self, code: str) -> Outcome:
        self.journal(LogEvent.RECORDING_SKIPPED, code=code)
        return DONE

    # --- what becomes of it --------------------------------------------------------------------------

    def _found(self, found: RecordingFound, attempt: Attempt) -> Outcome:
        call_id = found.external_conversation_id
        call = self.calls.read(call_id)
        recording, facts = self._look(found, call, attempt.now)
        self.journal(LogEvent.RECORDING_RECEIVED, call_id, state=recording.state.value)
        if recording.reason:
            self.journal(LogEvent.RECORDING_REFUSED, call_id, code=recording.reason.code)
        if recording.channels > 1 and recording.agent_channel is None:
            self.journal(LogEvent.SIDE_UNKNOWN, call_id)
        if call.state in TERMINAL:
            return self._hand_over(call, recording, facts)
        transition = self.calls.settle(
            call, lambda seen: protocol.recording_arrived(seen, recording, attempt)
        )
        for _ in range(newly_superseded(call, transition.call)):
            self.journal(LogEvent.RECORDING_SUPERSEDED, call_id)
        if transition.then is Then.UPLOAD and facts:
            transition = self._upload(transition, facts)
        return self.progress.go(transition, attempt)

    def _look(self, found: RecordingFound, call: Call, now: int) -> Look:
        recording = _recording(found, call)
        if recording.traits.several:
            recording = replace(recording, settles_at=now + self.calls.deadlines.settle)
        try:
            return self.preparing.look(self._fetched(recording, call))
        except AudioRefused as error:
            return _unusable(recording, Reason(error.code, error.reason)), None
        except LinkRefused as error:
            return _unusable(recording, Reason(error.code, error.reason)), None
        except (ObjectGone, ObjectReplaced) as error:
            return _unusable(recording, lost(error)), None

    def _fetched(self, recording: Recording, call: Call) -> Recording:
        """A link's bytes are copied once: links end, and Coval follows neither redirects nor logins."""
        if not recording.url:
            return recording
        held = call.recording
        if held and held.identity == recording.identity and held.version:
            return replace(recording, version=held.version, size=held.size)
        version, size = self.preparing.fetched(recording.url)
        return replace(recording, version=version, size=size)

    def _hand_over(self, call: Call, recording: Recording, facts: AudioFacts | None) -> Outcome:
        """Only the attach queue's function may go on: it takes the recording in and pins it in one write."""
        wanted = call.state is ConversationState.SUBMITTED
        wanted = wanted and call.recording_state is not RecordingState.ATTACHED
        if recording.to_copy and facts and wanted:
            recording = self._prepared(recording, facts)
        self.mailbox.attach(AttachRecording(call.external_conversation_id, recording))
        return DONE

    def _prepared(self, recording: Recording, facts: AudioFacts) -> Recording:
        try:
            return self.preparing.copied(recording, facts)[0]
        except AudioRefused as error:
            return _unusable(recording, Reason(error.code, error.reason))

    # --- uploading -----------------------------------------------------------------------------------

    def _upload(self, transition: Transition, facts: AudioFacts) -> Transition:
        recording = transition.call.recording
        assert recording is not None
        try:
            sendable = self.preparing.sendable(recording, facts)
            if sendable.size > MAX_UPLOAD_BYTES:
                return self._linked(transition, sendable.recording)
            upload_id = self._put(sendable.content_type, sendable.chunks, sendable.size)
        except AudioRefused as error:
            return self._refuse(transition, recording, Reason(error.code, error.reason))
        except (ObjectGone, ObjectReplaced) as error:
            return self._refuse(transition, recording, lost(error))
        except Permanent as error:
            if error.status is None:
                raise  # S3's refusal, not Coval's: for the operator to mend
            return self._refuse(transition, recording, Reason(error.code, error.reason))
        self.journal(
            LogEvent.RECORDING_UPLOADED, transition.call.external_conversation_id, size=sendable.size
        )
        return self.calls.settle(
            transition.call,
            lambda seen: protocol.recording_uploaded(seen, sendable.recording, upload_id, self.calls.clock()),
        )

    def _put(self, content_type: ContentType, chunks: Iterable[bytes], size: int) -> str:
        upload = self.coval.create_upload(content_type, size)
        self.coval.put_audio(upload, chunks, size)
        return upload.upload_id

    def _linked(self, transition: Transition, recording: Recording) -> Transition:
        return self.calls.settle(
            transition.call, lambda seen: protocol.recording_linked(seen, recording, self.calls.clock())
        )

    def _refuse(self, transition: Transition, recording: Recording, reason: Reason) -> Transition:
        self.journal(LogEvent.RECORDING_REFUSED, transition.call.external_conversation_id, code=reason.code)
        return self.calls.settle(
            transition.call,
            lambda seen: protocol.recording_refused(seen, recording.identity, reason, self.calls.clock()),
        )


def _found(call_id: str, created: ObjectCreated, owned: Owned) -> RecordingFound:
    return RecordingFound(external_conversation_id=call_id, created=created, traits=owned.traits)


def _recording(found: RecordingFound, call: Call) -> Recording:
    """The recording before it was looked at."""
    created = found.created
    identity = identity_of(created.version) if created else identity_of_link(found.url)
    common = Recording(
        identity=identity,
        order=created.order if created else f"{found.created_at:012d}",
        created_at=created.created_at if created else found.created_at,
        state=RecordingState.READY,
        traits=found.traits,
        agent_channel=_side(found, identity, call),
        url=found.url,
    )
    if created is None:
        return common
    return replace(common, version=created.version, size=created.size, copied=created.copied)


def _side(found: RecordingFound, identity: str, call: Call) -> int | None:
    """What it was made ready for stays, else a copy for another side is never taken; then its own event's
    word, then the call's."""
    held = call.recording
    if held and held.identity == identity and held.agent_channel is not None:
        return held.agent_channel
    if found.traits.agent_channel is not None:
        return found.traits.agent_channel
    return call.facts.agent_channel if call.facts else None


def identity_of_link(url: str) -> str:
    """Without its query, which is new with every signature."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{parts.path}"


def _unusable(recording: Recording, reason: Reason) -> Recording:
    return replace(recording, state=RecordingState.REJECTED, usable=False, unprepared=False, reason=reason)
