"""Brings a recording's bytes to Coval, so that they can go along with the submit."""

from collections.abc import Iterable
from dataclasses import dataclass

from coval_relay.domain import lifecycle
from coval_relay.domain.audio import AudioFacts
from coval_relay.domain.call import Recording
from coval_relay.domain.coval import MAX_UPLOAD_BYTES, ContentType, CovalClient
from coval_relay.domain.errors import PermanentError, Reason, UnusableRecordingError
from coval_relay.domain.lifecycle import Transition
from coval_relay.domain.log_events import LogEvent, Telemetry
from coval_relay.services.calls import Calls
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
            prepared = self.preparer.prepare(recording, facts)
            if prepared.size > MAX_UPLOAD_BYTES:
                return self._by_url(transition, prepared.recording)
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
            transition.call,
            lambda seen: lifecycle.recording_uploaded(seen, prepared.recording, upload_id, self.calls.clock()),
        )

    def _put(self, content_type: ContentType, chunks: Iterable[bytes], size: int) -> str:
        upload = self.coval.create_upload(content_type, size)
        self.coval.put_audio(upload, chunks, size)
        return upload.upload_id

    def _by_url(self, transition: Transition, recording: Recording) -> Transition:
        return self.calls.update(
            transition.call, lambda seen: lifecycle.recording_by_url(seen, recording, self.calls.clock())
        )

    def _reject(self, transition: Transition, recording: Recording, reason: Reason) -> Transition:
        self.telemetry(LogEvent.RECORDING_REJECTED, transition.call.external_conversation_id, code=reason.code)
        return self.calls.update(
            transition.call,
            lambda seen: lifecycle.recording_rejected(seen, recording.identity, reason, self.calls.clock()),
        )
