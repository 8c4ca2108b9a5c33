"""Attaches a recording to its conversation: PATCHes its URL, and believes a 409 only after a GET."""

from collections.abc import Callable
from dataclasses import dataclass

from coval_relay.domain import backoff, lifecycle
from coval_relay.domain.call import Call, Recording
from coval_relay.domain.coval import CONFLICT, NOT_FOUND, CovalClient
from coval_relay.domain.errors import (
    AUDIO_FETCH_FAILED,
    AudioFetchError,
    PermanentError,
    Reason,
    UnknownOutcomeError,
    UnusableRecordingError,
)
from coval_relay.domain.faults import waiting_event
from coval_relay.domain.lifecycle import RETRY_SECONDS, Action, Attempt, Transition
from coval_relay.domain.log_events import LogEvent, Telemetry
from coval_relay.domain.s3_objects import RecordingObjects
from coval_relay.services.conditional_updates import Calls

NO_TIME_LEFT = "no_time_left"


def signed_url(recordings: RecordingObjects, recording: Recording) -> str:
    """A URL by which Coval can fetch the recording now; raises ObjectGoneError where it is gone."""
    version = recording.prepared or recording.version
    assert version is not None
    recordings.head(version)
    return recordings.presign(version)


def report_not_fetched(telemetry: Telemetry, call: Call, now: int) -> None:
    """What still cannot be fetched after a while is for the operator to mend: a bucket's policy, or a key's."""
    assert call.recording is not None
    call_id, age = call.external_conversation_id, now - (call.recording.fetch_failing_since or now)
    if age < backoff.FETCH_TOLD_SECONDS:
        telemetry(LogEvent.RECORDING_NOT_FETCHED, call_id)
    else:
        telemetry(waiting_event(AUDIO_FETCH_FAILED), call_id, code=AUDIO_FETCH_FAILED, age_seconds=age)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """The one PATCH of a call's recording; the lifecycle has locked the recording before."""

    calls: Calls
    coval: CovalClient
    recordings: RecordingObjects
    telemetry: Telemetry

    def __call__(self, transition: Transition, attempt: Attempt) -> Transition:
        call = transition.call
        match transition.action:
            case Action.START_ATTACH:
                return self.calls.update(call, lambda seen: lifecycle.attach(seen, attempt.now))
            case Action.CONFIRM_ATTACH:
                return self._confirm(call)
        return self._attach(call, attempt)

    def _attach(self, call: Call, attempt: Attempt) -> Transition:
        assert call.recording is not None
        assert call.conversation_id is not None
        identity = call.recording.identity
        try:
            url = signed_url(self.recordings, call.recording)
            if attempt.is_over(self.calls.clock()):
                return self._wait(call, NO_TIME_LEFT)
            self.coval.attach_audio(call.conversation_id, url)
        except UnusableRecordingError as error:
            return self._abandon(call, identity, error.reason)
        except UnknownOutcomeError as error:
            return self._wait(call, error.code)
        except AudioFetchError as error:
            return self._not_fetched(call, identity, error)
        except PermanentError as error:
            if error.status is None:
                raise  # S3's rejection, not Coval's: for the operator to mend
            return self._rejected(call, identity, error)
        return self._attached(call, identity)

    def _confirm(self, call: Call) -> Transition:
        """An earlier PATCH of an abandoned recording may have landed unseen: look before rejecting it."""
        assert call.recording is not None
        assert call.recording.reason is not None
        assert call.conversation_id is not None
        identity, reason = call.recording.identity, call.recording.reason
        conversation = self.coval.get(call.conversation_id)
        if conversation and conversation.has_audio:
            return self._attached(call, identity)
        now = self.calls.clock()
        return self._failed(call, lambda seen: lifecycle.attach_rejected(seen, identity, reason, now))

    def _wait(self, call: Call, code: str) -> Transition:
        """Whether it was attached is not clear: the sweep looks again."""
        assert call.recording is not None
        now = self.calls.clock()
        age, call_id = max(now - call.recording.changed_at, 0), call.external_conversation_id
        self.telemetry(waiting_event(code), call_id, code=code, age_seconds=age)
        return self.calls.update(call, lambda seen: lifecycle.left_to_sweep(seen, now + RETRY_SECONDS, now))

    def _attached(self, call: Call, identity: str) -> Transition:
        self.telemetry(LogEvent.RECORDING_ATTACHED, call.external_conversation_id)
        return self.calls.update(call, lambda seen: lifecycle.attached(seen, identity, self.calls.clock()))

    def _rejected(self, call: Call, identity: str, error: PermanentError) -> Transition:
        assert call.conversation_id is not None
        if error.status in (NOT_FOUND, CONFLICT):
            conversation = self.coval.get(call.conversation_id)
            if error.status == CONFLICT and conversation and conversation.has_audio:
                return self._attached(call, identity)
            if conversation:
                return self._wait(call, error.code)
        return self._abandon(call, identity, Reason(error.code, error.reason))

    def _abandon(self, call: Call, identity: str, reason: Reason) -> Transition:
        now = self.calls.clock()
        return self._failed(call, lambda seen: lifecycle.attach_abandoned(seen, identity, reason, now))

    def _not_fetched(self, call: Call, identity: str, error: AudioFetchError) -> Transition:
        now = self.calls.clock()
        report_not_fetched(self.telemetry, call, now)
        return self._failed(call, lambda seen: lifecycle.attach_fetch_failed(seen, identity, error.reason, now))

    def _failed(self, call: Call, decide: Callable[[Call], Transition]) -> Transition:
        updated = self.calls.update(call, decide)
        recording = updated.call.recording
        if recording and recording.reason and not recording.abandoned:
            code = recording.reason.code
            self.telemetry(LogEvent.RECORDING_REJECTED, call.external_conversation_id, code=code)
        return updated
