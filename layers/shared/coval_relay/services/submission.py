"""Submits a call that this worker has claimed, and takes Coval's answer in."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import assert_never

from coval_relay.domain import lifecycle
from coval_relay.domain.call import Call, ConversationAudio, ConversationState, KnownConversation, RecordingState
from coval_relay.domain.coval import (
    BAD_REQUEST,
    NOT_FOUND,
    UNPROCESSABLE,
    Conversation,
    CovalClient,
    Filtered,
)
from coval_relay.domain.errors import (
    AudioFetchError,
    InvalidInputError,
    NotReadyError,
    PermanentError,
    Reason,
    RelayError,
    RetryableError,
    UnknownOutcomeError,
    UnusableRecordingError,
)
from coval_relay.domain.faults import Fault, fault_of
from coval_relay.domain.lifecycle import RETRY_SECONDS, Action, Attempt, Transition
from coval_relay.domain.log_events import LogEvent, Telemetry
from coval_relay.domain.s3_objects import RecordingObjects
from coval_relay.domain.submit_request import (
    OversizePolicy,
    Payload,
    PayloadTooLargeError,
    Submit,
    audio_of,
    carried,
    encode,
    parts_of,
)
from coval_relay.domain.transcript import Transcript
from coval_relay.services.conditional_updates import Calls
from coval_relay.services.recording_attachment import report_not_fetched, signed_url
from coval_relay.services.transcript_loader import TranscriptLoader

GONE = frozenset({"DELETED", "CANCELLED"})
ABOUT_A_FIELD = frozenset({BAD_REQUEST, UNPROCESSABLE})


@dataclass(unsafe_hash=True)
class UnsendableTranscriptError(RelayError):
    """The transcript cannot be had, or is none."""

    reason: Reason


def live(conversations: list[Conversation]) -> list[Conversation]:
    """Those that were not deleted in Coval, oldest first."""
    return sorted((c for c in conversations if c.status not in GONE), key=lambda c: c.create_time or "")


Unprepared = RetryableError | NotReadyError | UnsendableTranscriptError | PayloadTooLargeError | UnusableRecordingError


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """One function's way to submit a call that it has claimed.

    `transcripts` is None where the function may not read them, `recordings` where it may not read recordings.
    """

    calls: Calls
    coval: CovalClient
    telemetry: Telemetry
    max_payload_bytes: int
    oversize: OversizePolicy
    transcripts: TranscriptLoader | None = None
    recordings: RecordingObjects | None = None

    def adopt_late(self, call: Call) -> Transition:
        """Adopt what came after all of a submit that was taken over, and then given up."""
        found = self._look(call)
        if found is None:
            return self.calls.update(call, lambda seen: lifecycle.audited(seen, call.maybe_sent_at, self._now()))
        return self._adopted(call, found, lambda seen, made: lifecycle.conversation_found_late(seen, made, self._now()))

    # --- one submit ----------------------------------------------------------------------------------

    def submit(self, transition: Transition, attempt: Attempt, given: Transcript | None) -> Transition:
        call, token = transition.call, attempt.token
        try:
            found = self._look(call) if transition.action is Action.READ_THEN_SUBMIT else None
            prepared = None if found else self._prepare(call, given)
        except (
            RetryableError,
            NotReadyError,
            UnsendableTranscriptError,
            PayloadTooLargeError,
            UnusableRecordingError,
        ) as error:
            return self._unprepared(call, token, error)
        if found:
            return self._adopt(call, token, found)
        if prepared is None:
            return self.calls.update(call, lambda seen: lifecycle.lease_released(seen, token, self._now()))
        if attempt.is_over(self._now()):
            return Transition(call, Action.WAIT, self._now() + RETRY_SECONDS)
        return self._post(call, token, *prepared)

    def _unprepared(self, call: Call, token: str, error: Unprepared) -> Transition:
        match error:
            case RetryableError():
                return self._not_sent(call, token, error)
            case NotReadyError():
                return self._transcript_missing(call, token, error)
            case UnsendableTranscriptError():
                return self._drop_transcript(call, token, error.reason)
            case PayloadTooLargeError():
                return self._oversize(call, token, error)
            case UnusableRecordingError():
                return self._without_audio(call, token, error.reason)
            case _:
                assert_never(error)

    def _look(self, call: Call) -> Conversation | None:
        """What an earlier attempt has made; a rejected read is no rejection of the call."""
        return next(iter(live(self.coval.find(call.external_conversation_id))), None)

    def _prepare(self, call: Call, given: Transcript | None) -> tuple[Submit, Payload] | None:
        """The request; None where a part that is due is not in hand: its own message, or function, has it."""
        assert call.lease is not None
        transcript = (given or self._load(call)) if call.lease.parts.transcript else None
        submit = self._request(call, transcript)
        due, in_hand = call.lease.parts, submit.parts
        if (due.transcript, due.recording) != (in_hand.transcript, in_hand.recording) or not (
            due.transcript or due.recording
        ):
            return None
        return submit, encode(submit, limit=self.max_payload_bytes, policy=self.oversize)

    def _load(self, call: Call) -> Transcript | None:
        """The text by its pointer; None where its message has it, or another function must read it.

        What an operator has to mend costs no text: it waits.
        """
        if self.transcripts is None or call.transcript is None:
            return None
        try:
            return self.transcripts.load(call)
        except InvalidInputError as error:
            raise UnsendableTranscriptError(Reason("invalid_transcript", str(error))) from None
        except PermanentError as error:
            if fault_of(error.code) is Fault.OPERATOR:
                raise RetryableError(error.code) from None
            raise UnsendableTranscriptError(Reason(error.code, error.reason)) from None

    def _request(self, call: Call, transcript: Transcript | None) -> Submit:
        assert call.lease is not None
        upload_id = audio_url = recording = None
        if call.lease.parts.recording and call.recording:
            upload_id, recording = call.recording.upload_id, call.recording.identity
            if upload_id is None and self.recordings:
                audio_url = signed_url(self.recordings, call.recording)
        return Submit(
            external_conversation_id=call.external_conversation_id,
            facts=call.facts if call.lease.parts.facts else None,
            transcript=transcript,
            upload_id=upload_id,
            audio_url=None if upload_id else audio_url,
            recording=recording,
        )

    def _post(self, call: Call, token: str, submit: Submit, payload: Payload) -> Transition:
        """What fails after the answer must not be taken for a request that was not sent:

        claim ── POST ── 200 ── (write fails) ── the lease stays, the next one reads and adopts
        """
        assert call.lease is not None
        if payload.dropped:
            self.telemetry(LogEvent.TRANSCRIPT_TRUNCATED, call.external_conversation_id, messages=payload.dropped)
        try:
            answer = self.coval.submit(payload.body)
        except RetryableError as error:
            return self._not_sent(call, token, error)
        except AudioFetchError as error:
            return self._not_fetched(call, token, error)
        except UnknownOutcomeError as error:
            self.telemetry(LogEvent.SUBMIT_OUTCOME_UNKNOWN, call.external_conversation_id, code=error.code)
            return Transition(call, Action.WAIT, call.lease.until + 1, error.code)
        except PermanentError as error:
            return self._rejected(call, token, error)
        if isinstance(answer, Filtered):
            reason = Reason("filtered", f"Coval knows the call as its simulation ({answer.reason}).")
            return self._end(call, token, ConversationState.FILTERED, reason)
        return self._made(call, token, submit, answer)

    def _not_sent(self, call: Call, token: str, error: RetryableError) -> Transition:
        now = self._now()
        self.telemetry(LogEvent.SUBMIT_POSTPONED, call.external_conversation_id, code=error.code)
        back = self.calls.update(call, lambda seen: lifecycle.submit_not_sent(seen, token, now))
        return _waiting(back, now + int(error.retry_after or RETRY_SECONDS), error.code)

    def _not_fetched(self, call: Call, token: str, error: AudioFetchError) -> Transition:
        now = self._now()
        report_not_fetched(self.telemetry, call, now)
        failed = self.calls.update(call, lambda seen: lifecycle.submit_fetch_failed(seen, token, error.reason, now))
        if failed.call.recording_state is RecordingState.REJECTED:
            self.telemetry(LogEvent.RECORDING_REJECTED, call.external_conversation_id, code=error.reason.code)
        return failed

    def is_at_hand(self, call: Call) -> bool:
        """Whether a claim of the transcript would not be in vain: it is there, unusable, or overdue."""
        try:
            self._load(call)
        except NotReadyError:
            return self._is_overdue(call)
        except UnsendableTranscriptError:
            return True
        return True

    def _is_overdue(self, call: Call) -> bool:
        return lifecycle.missing_text_overdue(call, self.calls.deadlines, self._now())

    def _transcript_missing(self, call: Call, token: str, error: NotReadyError) -> Transition:
        if self._is_overdue(call):
            return self._drop_transcript(call, token, lifecycle.TRANSCRIPT_MISSING)
        now = self._now()
        until = now + int(error.retry_after or RETRY_SECONDS)
        return self.calls.update(call, lambda seen: lifecycle.transcript_not_ready(seen, token, until, now))

    # --- its answers ---------------------------------------------------------------------------------

    def _made(self, call: Call, token: str, submit: Submit, answer: Conversation) -> Transition:
        has_audio = submit.parts.recording and self._has_audio(answer)
        audio = ConversationAudio.OURS if has_audio else ConversationAudio.NONE
        made = KnownConversation(conversation_id=answer.conversation_id, sent=submit.parts, audio=audio)
        updated = self.calls.update(call, lambda seen: lifecycle.submitted(seen, token, made, self._now()))
        self.telemetry(LogEvent.CALL_SUBMITTED, call.external_conversation_id, audio=audio.value)
        return updated

    def _adopt(self, call: Call, token: str, found: Conversation) -> Transition:
        return self._adopted(call, found, lambda seen, made: lifecycle.submitted(seen, token, made, self._now()))

    def _adopted(
        self, call: Call, found: Conversation, decide: Callable[[Call, KnownConversation], Transition]
    ) -> Transition:
        """Whose audio is found is decided by the call as it is written, not as it was when the read began.

        worker A   reads: recording 1 is chosen ── finds its audio ── writes: whose is it?
        worker B                               └─ recording 2 is chosen ─┘
        """
        known = replace(found, has_audio=self._has_audio(found))
        updated = self.calls.update(call, lambda seen: decide(seen, _known_conversation(seen, known)))
        audio = _known_conversation(updated.call, known).audio
        self.telemetry(LogEvent.CALL_ADOPTED, call.external_conversation_id, audio=audio.value)
        return updated

    def _has_audio(self, conversation: Conversation) -> bool:
        if conversation.has_audio is None:
            read = self.coval.get(conversation.conversation_id)
            return bool(read and read.has_audio)
        return conversation.has_audio

    def _rejected(self, call: Call, token: str, error: PermanentError) -> Transition:
        reason = Reason(error.code, error.reason)
        if error.status == NOT_FOUND and concerns_upload(error):
            return self._upload_gone(call, token)
        if call.lease and call.lease.parts.recording and concerns_audio(error):
            return self._without_audio(call, token, reason)
        if call.lease and call.lease.parts.transcript and concerns_transcript(error):
            return self._drop_transcript(call, token, reason)
        return self._end(call, token, ConversationState.REJECTED, reason)

    def _without_audio(self, call: Call, token: str, reason: Reason) -> Transition:
        self.telemetry(LogEvent.RECORDING_REJECTED, call.external_conversation_id, code=reason.code)
        return self.calls.update(call, lambda seen: lifecycle.audio_rejected(seen, token, reason, self._now()))

    def _upload_gone(self, call: Call, token: str) -> Transition:
        found = self._look(call)
        if found:
            return self._adopt(call, token, found)
        return self.calls.update(call, lambda seen: lifecycle.upload_not_found(seen, token, self._now()))

    def _oversize(self, call: Call, token: str, error: PayloadTooLargeError) -> Transition:
        reason = Reason("payload_too_large", f"The request has {error.size} bytes, the limit is {error.limit}.")
        if self.oversize == "reject" or not (call.lease and call.lease.parts.transcript):
            return self._end(call, token, ConversationState.REJECTED, reason)
        return self._drop_transcript(call, token, reason)

    def _drop_transcript(self, call: Call, token: str, reason: Reason) -> Transition:
        call_id, code = call.external_conversation_id, reason.code
        missing = reason == lifecycle.TRANSCRIPT_MISSING
        self.telemetry(LogEvent.TRANSCRIPT_MISSING if missing else LogEvent.TRANSCRIPT_DROPPED, call_id, code=code)
        dropped = self.calls.update(call, lambda seen: lifecycle.transcript_dropped(seen, token, reason, self._now()))
        if lifecycle.is_wordless(dropped.call):
            self.telemetry(LogEvent.CALL_REJECTED, call_id, code=code)
        return dropped

    def _end(self, call: Call, token: str, state: ConversationState, reason: Reason) -> Transition:
        filtered = state is ConversationState.FILTERED
        event = LogEvent.CALL_FILTERED if filtered else LogEvent.CALL_REJECTED
        self.telemetry(event, call.external_conversation_id, code=reason.code)
        return self.calls.update(call, lambda seen: lifecycle.call_rejected(seen, token, state, reason, self._now()))

    def _now(self) -> int:
        return self.calls.clock()


def _known_conversation(seen: Call, found: Conversation) -> KnownConversation:
    """What the stamp says of a conversation that an earlier attempt has made."""
    audio, others = ConversationAudio.NONE, None
    if found.has_audio:
        audio = audio_of(found.metadata, seen.recording.identity if seen.recording else "")
        others = carried(found.metadata, seen.other_recordings)
    return KnownConversation(
        conversation_id=found.conversation_id, sent=parts_of(found.metadata), audio=audio, others=others
    )


def concerns_upload(error: PermanentError) -> bool:
    """Coval does not know the upload id (Coval API, submit: 404 `Upload not found`)."""
    return error.field == "upload_id" or error.reason.startswith("Upload not found")


def concerns_audio(error: PermanentError) -> bool:
    """Coval rejected the audio and nothing else (Coval API, submit: 400 about audio; a 422 says no less)."""
    named = error.field in ("audio_url", "audio", "upload_id")
    worded = error.reason.startswith(("Audio ", "Unsupported audio", "Invalid or corrupt audio"))
    return error.status in ABOUT_A_FIELD and (named or worded)


def concerns_transcript(error: PermanentError) -> bool:
    """Coval rejected the words and nothing else (Coval API, submit: 400 with the field `transcript…`)."""
    named = (error.field or "").startswith("transcript")
    return error.status in ABOUT_A_FIELD and named


def _waiting(transition: Transition, until: int, code: str) -> Transition:
    return replace(transition, until=until, code=code) if transition.action is Action.WAIT else transition
