"""Brings a recording's bytes to Coval, so that they can go along with the submit."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from coval_relay.domain import lifecycle
from coval_relay.domain.audio import AudioFacts, Preparation, preparation
from coval_relay.domain.call import Call, Recording, RecordingState
from coval_relay.domain.coval import ContentType, CovalClient
from coval_relay.domain.errors import PermanentError, Reason, UnusableRecordingError
from coval_relay.domain.lifecycle import Action, Transition
from coval_relay.domain.log_events import LogEvent, Telemetry
from coval_relay.services.conditional_updates import Calls
from coval_relay.services.recording_preparer import RecordingPreparer


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """One `audio:upload` and its PUT; what is too large for it is left to be fetched by its URL."""

    calls: Calls
    preparer: RecordingPreparer
    coval: CovalClient
    telemetry: Telemetry

    def __call__(self, transition: Transition, facts: AudioFacts) -> Transition:
        recording = transition.call.recording
        assert recording is not None
        try:
            copied = self._copied(transition, facts)
            if copied.action is not Action.UPLOAD:
                return copied
            assert copied.call.recording is not None
            prepared = self.preparer.prepare(copied.call.recording, facts)
            upload_id = self._put(prepared.content_type, prepared.chunks, prepared.size)
        except UnusableRecordingError as error:
            return self._reject(transition, recording, error.reason)
        except PermanentError as error:
            if error.status is None:
                raise  # S3's rejection, not Coval's: for the operator to mend
            return self._reject(transition, recording, Reason(error.code, error.reason))
        call_id = transition.call.external_conversation_id
        self.telemetry(LogEvent.RECORDING_UPLOADED, call_id, size=prepared.size)
        return self.calls.update(
            copied.call,
            lambda seen: lifecycle.recording_uploaded(seen, prepared.recording, upload_id, self.calls.clock()),
        )

    def make_copy(self, transition: Transition, facts: AudioFacts) -> Transition:
        """Of a recording that Coval will fetch, or that is converted: on the item before it is used."""
        recording = transition.call.recording
        assert recording is not None
        if preparation(facts, recording.agent_channel) is Preparation.CONVERT:
            transition = self._begun(transition.call, recording.identity)
            if transition.action is not Action.PREPARE:
                return transition
        try:
            copy = self.preparer.make_copy(recording, facts)
        except UnusableRecordingError as error:
            return self._reject(transition, recording, error.reason)
        except Exception:
            self.calls.update(transition.call, lambda seen: lifecycle.conversion_survived(seen, recording.identity))
            raise
        return self.calls.update(transition.call, lambda seen: lifecycle.copy_made(seen, copy, self.calls.clock()))

    def _begun(self, call: Call, identity: str) -> Transition:
        now = self.calls.clock()
        begun = self.calls.update(call, lambda seen: lifecycle.conversion_begun(seen, identity, now))
        recording = begun.call.recording
        if recording and recording.reason == lifecycle.NEVER_CONVERTED:
            code = recording.reason.code
            self.telemetry(LogEvent.RECORDING_REJECTED, call.external_conversation_id, code=code)
        return begun

    def _copied(self, transition: Transition, facts: AudioFacts) -> Transition:
        """With the copy on the item, where the upload needs one, or where it takes the upload's place."""
        recording = transition.call.recording
        assert recording is not None
        if not self.preparer.must_copy(recording, facts):
            return transition
        copied = self.make_copy(transition, facts)
        made = copied.call.recording
        to_upload = copied.action is Action.CONTINUE and made and made.prepared and made.state is RecordingState.READY
        return replace(copied, action=Action.UPLOAD) if to_upload else copied

    def _put(self, content_type: ContentType, chunks: Iterable[bytes], size: int) -> str:
        upload = self.coval.create_upload(content_type, size)
        self.coval.put_audio(upload, chunks, size)
        return upload.upload_id

    def _reject(self, transition: Transition, recording: Recording, reason: Reason) -> Transition:
        self.telemetry(LogEvent.RECORDING_REJECTED, transition.call.external_conversation_id, code=reason.code)
        return self.calls.update(
            transition.call,
            lambda seen: lifecycle.recording_rejected(seen, recording.identity, reason, self.calls.clock()),
        )
