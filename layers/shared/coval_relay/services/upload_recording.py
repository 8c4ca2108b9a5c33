"""Use case: a recording object was created."""

from dataclasses import dataclass, replace

from coval_relay.domain import protocol
from coval_relay.domain.audio import AudioFacts, AudioRefused, check_limits, probe
from coval_relay.domain.call import TERMINAL, Reason, Recording, RecordingState
from coval_relay.domain.coval import MAX_UPLOAD_BYTES, ContentType, CovalClient
from coval_relay.domain.errors import InvalidInput, Permanent
from coval_relay.domain.journal import Journal, LogEvent
from coval_relay.domain.messages import AttachRecording, Message, ObjectCreated, RecordingFound
from coval_relay.domain.protocol import Attempt, Then, Transition
from coval_relay.domain.recordings import ObjectGone, ObjectReplaced, ObjectVersion, RecordingSource
from coval_relay.services.calls import Calls
from coval_relay.services.mailbox import Mailbox
from coval_relay.services.progress import DONE, Outcome, Progress
from coval_relay.services.recording_owner import GONE, REPLACED, RecordingOwner

PROBES = (".write_access_check_file", ".temp")
"""Names of objects that vendors write to see whether they may write."""


def identity_of(version: ObjectVersion) -> str:
    return f"s3://{version.bucket}/{version.key}#{version.version_id or version.etag}"


@dataclass(frozen=True, slots=True)
class UploadRecording:
    """Finds the call, looks at the audio's head, and brings the bytes to Coval if they can still go along."""

    calls: Calls
    source: RecordingSource
    owner: RecordingOwner
    coval: CovalClient
    progress: Progress
    mailbox: Mailbox
    journal: Journal

    def __call__(self, message: Message, attempt: Attempt) -> Outcome:
        match message:
            case ObjectCreated():
                return self._created(message, attempt)
            case RecordingFound():
                return self._found(message, attempt)
        raise InvalidInput("detail-type", "is not one that this function takes")

    def _created(self, created: ObjectCreated, attempt: Attempt) -> Outcome:
        self.owner.check_place(created.version)
        if created.version.key.endswith("/") or any(name in created.version.key for name in PROBES):
            self.journal(LogEvent.RECORDING_SKIPPED, code="folder_or_probe")
            return DONE
        try:
            call_id = self.owner.find(created.version)
        except (ObjectGone, ObjectReplaced):
            self.journal(LogEvent.RECORDING_SKIPPED, code="gone_before_its_call_was_known")
            return DONE
        return self._found(RecordingFound(external_conversation_id=call_id, created=created), attempt)

    def _found(self, found: RecordingFound, attempt: Attempt) -> Outcome:
        call_id = found.external_conversation_id
        recording = self._inspect(found.created)
        self.journal(LogEvent.RECORDING_RECEIVED, call_id, state=recording.state.value)
        if recording.reason:
            self.journal(LogEvent.RECORDING_REFUSED, call_id, code=recording.reason.code)
        call = self.calls.read(call_id)
        if call.state in TERMINAL:
            # Only the attach queue's function may go on: it takes the recording in and pins it in one write.
            self.mailbox.attach(AttachRecording(call_id, recording))
            return DONE
        transition = self.calls.settle(
            call, lambda seen: protocol.recording_arrived(seen, recording, attempt)
        )
        if transition.then is Then.UPLOAD:
            transition = self._upload(transition, recording)
        return self.progress.go(transition, attempt)

    # --- looking -------------------------------------------------------------------------------------

    def _inspect(self, created: ObjectCreated) -> Recording:
        version = created.version
        recording = Recording(
            identity=identity_of(version),
            order=created.order,
            created_at=created.created_at,
            state=RecordingState.READY,
            version=version,
            size=created.size,
        )
        try:
            facts = probe(created.size, lambda start, length: self.source.read_range(version, start, length))
            check_limits(facts)
        except AudioRefused as error:
            return _unusable(recording, Reason(error.code, error.reason))
        except ObjectGone:
            return _unusable(recording, GONE)
        except ObjectReplaced:
            return _unusable(recording, REPLACED)
        return _described(recording, facts)

    # --- uploading -----------------------------------------------------------------------------------

    def _upload(self, transition: Transition, recording: Recording) -> Transition:
        version, identity, size = recording.version, recording.identity, recording.size
        assert version is not None
        content_type: ContentType = "audio/mp3" if recording.content_type == "audio/mp3" else "audio/wav"
        try:
            upload = self.coval.create_upload(content_type, size)
            self.coval.put_audio(upload, self.source.stream(version), size)
        except ObjectGone:
            return self._refuse(transition, identity, GONE)
        except ObjectReplaced:
            return self._refuse(transition, identity, REPLACED)
        except Permanent as error:
            if error.status is None:
                raise  # S3's refusal, not Coval's: for the operator to mend
            return self._refuse(transition, identity, Reason(error.code, error.reason))
        self.journal(LogEvent.RECORDING_UPLOADED, transition.call.external_conversation_id, size=size)
        return self.calls.settle(
            transition.call,
            lambda seen: protocol.recording_uploaded(seen, identity, upload.upload_id, self.calls.clock()),
        )

    def _refuse(self, transition: Transition, identity: str, reason: Reason) -> Transition:
        self.journal(LogEvent.RECORDING_REFUSED, transition.call.external_conversation_id, code=reason.code)
        return self.calls.settle(
            transition.call,
            lambda seen: protocol.recording_refused(seen, identity, reason, self.calls.clock()),
        )


def _unusable(recording: Recording, reason: Reason) -> Recording:
    return replace(recording, state=RecordingState.REJECTED, usable=False, reason=reason)


def _described(recording: Recording, facts: AudioFacts) -> Recording:
    by_link = recording.size > MAX_UPLOAD_BYTES
    return replace(
        recording,
        state=RecordingState.LINKED if by_link else RecordingState.READY,
        content_type=facts.content_type,
        duration_milliseconds=facts.duration_milliseconds,
        channels=facts.channels,
    )
