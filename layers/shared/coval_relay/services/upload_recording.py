"""Use case: a recording came, as an object or as a link."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from coval_relay.domain import lifecycle
from coval_relay.domain.aliases import object_alias
from coval_relay.domain.audio import AudioFacts, AudioRejectedError
from coval_relay.domain.call import TERMINAL, Call, ConversationState, Reason, Recording, RecordingState
from coval_relay.domain.coval import MAX_UPLOAD_BYTES, ContentType, CovalClient
from coval_relay.domain.errors import InvalidInputError, PermanentError
from coval_relay.domain.lifecycle import Action, Attempt, Transition
from coval_relay.domain.log_events import LogEvent, Telemetry
from coval_relay.domain.messages import (
    AliasesKnown,
    AttachRecording,
    Message,
    ObjectCreated,
    PendingExpired,
    RecordingFound,
    RecordingReady,
)
from coval_relay.domain.ports import UrlRejectedError
from coval_relay.domain.s3_objects import ObjectGoneError, ObjectReplacedError, ObjectVersion
from coval_relay.services.alias_resolver import AliasResolver, Unresolved
from coval_relay.services.calls import Calls
from coval_relay.services.object_matcher import Matched, ObjectMatcher, SidecarEvents, Skipped, lost, overlaid
from coval_relay.services.progress import DONE, Outcome, Progress, newly_superseded
from coval_relay.services.queues import Queues
from coval_relay.services.recording_preparer import RecordingPreparer

Inspected = tuple[Recording, AudioFacts | None]
"""A recording, and what its head told; None where it cannot be used."""


def identity_of(version: ObjectVersion) -> str:
    return f"s3://{version.bucket}/{version.key}#{version.version_id or version.etag}"


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadRecording:
    """Finds the call, looks at the audio's head, makes it fit, and brings the bytes to Coval if they can
    still go along."""

    calls: Calls
    matcher: ObjectMatcher
    resolver: AliasResolver
    preparer: RecordingPreparer
    coval: CovalClient
    progress: Progress
    queues: Queues
    telemetry: Telemetry

    def __call__(self, message: Message, attempt: Attempt) -> Outcome:
        match message:
            case ObjectCreated():
                return self._created(message, attempt)
            case RecordingReady():
                return self._ready(message, attempt)
            case RecordingFound():
                return self._found(message, attempt)
            case PendingExpired():
                return self._expired(message, attempt)
        raise InvalidInputError("detail-type", "is not one that this function takes")

    # --- whose it is ---------------------------------------------------------------------------------

    def _created(self, created: ObjectCreated, attempt: Attempt) -> Outcome:
        self.matcher.check_location(created.version)
        try:
            found = self.matcher.match(created)
        except (ObjectGoneError, ObjectReplacedError):
            return self._skipped("gone_before_its_call_was_known")
        match found:
            case Skipped(code):
                return self._skipped(code)
            case SidecarEvents(messages):
                for message in messages:
                    if isinstance(message, AliasesKnown):
                        self.resolver.bind(message)
                return DONE
        call_id = self._resolve(created, found)
        if isinstance(call_id, Unresolved):
            return DONE
        return self._found(_found(call_id, created, found), attempt)

    def _resolve(self, created: ObjectCreated, found: Matched) -> str | Unresolved:
        if isinstance(found.target, str):
            return found.target
        version = created.version
        place = object_alias(version.bucket, version.key)
        names = dict.fromkeys((found.target, place))
        return self.resolver.resolve(tuple(names), identity_of(version), "recording", created)

    def _ready(self, ready: RecordingReady, attempt: Attempt) -> Outcome:
        call_id = self.resolver.resolve((ready.target,), identity_of_link(ready.uri), "recording", ready)
        if isinstance(call_id, Unresolved):
            return DONE
        if ready.uri.startswith("s3://"):
            try:
                return self._found(self._found_object(ready, call_id), attempt)
            except InvalidInputError as error:
                raise replace(error, field="detail.recording.uri", call_id=call_id) from None
        found = RecordingFound(
            external_conversation_id=call_id,
            url=ready.uri,
            created_at=ready.created_at,
            hints=ready.hints,
        )
        return self._found(found, attempt)

    def _found_object(self, ready: RecordingReady, call_id: str) -> RecordingFound:
        """The object that a platform's event names; raises InvalidInputError where there is none."""
        _, _, bucket, key = ready.uri.split("/", 3)
        asked = ObjectVersion(bucket=bucket, key=key, etag="")
        self.matcher.check_location(asked)
        try:
            head = self.preparer.source.head(asked)
        except ObjectGoneError:
            raise InvalidInputError("detail.recording.uri", "names an object that is not there") from None
        created = ObjectCreated(
            version=ObjectVersion(bucket, key, head.etag, head.version_id),
            size=head.size,
            sort_key=f"{ready.created_at:012d}",
            created_at=ready.created_at,
        )
        hints = overlaid(self.matcher.hints(created.version), ready.hints)
        return RecordingFound(external_conversation_id=call_id, created=created, hints=hints)

    def _expired(self, expired: PendingExpired, attempt: Attempt) -> Outcome:
        """What waited goes once more through all rules; what still has no call goes to the dead letters."""
        message = self.resolver.pending_message(expired)
        try:
            owner = self._resolve_pending(message, expired)
        except (ObjectGoneError, ObjectReplacedError):
            self.resolver.clear_expired(expired)
            return self._skipped("gone_before_its_call_was_known")
        if isinstance(owner, Unresolved):
            self.resolver.give_up(owner, self.matcher.tried_rules())
            return DONE
        outcome = self(message, attempt)
        self.resolver.clear_expired(expired)
        return outcome

    def _resolve_pending(self, message: Message, expired: PendingExpired) -> str | Unresolved | None:
        match message:
            case RecordingReady():
                identity = expired.pending.identity
                return self.resolver.resolve((message.target,), identity, "recording", message)
            case ObjectCreated():
                found = self.matcher.match(message)
                return self._resolve(message, found) if isinstance(found, Matched) else None
        raise InvalidInputError("detail.pending.event", "is not one that this function takes")

    def _skipped(self, code: str) -> Outcome:
        self.telemetry(LogEvent.RECORDING_SKIPPED, code=code)
        return DONE

    # --- what becomes of it --------------------------------------------------------------------------

    def _found(self, found: RecordingFound, attempt: Attempt) -> Outcome:
        call_id = found.external_conversation_id
        call = self.calls.get(call_id)
        recording, facts = self._look(found, call, attempt.now)
        self.telemetry(LogEvent.RECORDING_RECEIVED, call_id, state=recording.state.value)
        if recording.reason:
            self.telemetry(LogEvent.RECORDING_REJECTED, call_id, code=recording.reason.code)
        if recording.channels > 1 and recording.agent_channel is None:
            self.telemetry(LogEvent.AGENT_CHANNEL_UNKNOWN, call_id)
        if call.state in TERMINAL:
            return self._hand_over(call, recording, facts)
        transition = self.calls.update(
            call, lambda seen: lifecycle.recording_arrived(seen, recording, attempt)
        )
        for _ in range(newly_superseded(call, transition.call)):
            self.telemetry(LogEvent.RECORDING_SUPERSEDED, call_id)
        if transition.action is Action.UPLOAD and facts:
            transition = self._upload(transition, facts)
        return self.progress.go(transition, attempt)

    def _look(self, found: RecordingFound, call: Call, now: int) -> Inspected:
        recording = _recording(found, call)
        if recording.hints.several:
            recording = replace(recording, settling_until=now + self.calls.deadlines.update)
        try:
            return self.preparer.inspect(self._fetched(recording, call))
        except AudioRejectedError as error:
            return _unusable(recording, Reason(error.code, error.reason)), None
        except UrlRejectedError as error:
            return _unusable(recording, Reason(error.code, error.reason)), None
        except (ObjectGoneError, ObjectReplacedError) as error:
            return _unusable(recording, lost(error)), None

    def _fetched(self, recording: Recording, call: Call) -> Recording:
        """A link's bytes are copied once: links end, and Coval follows neither redirects nor logins."""
        if not recording.url:
            return recording
        held = call.recording
        if held and held.identity == recording.identity and held.version:
            return replace(recording, version=held.version, size=held.size)
        version, size = self.preparer.fetched(recording.url)
        return replace(recording, version=version, size=size)

    def _hand_over(self, call: Call, recording: Recording, facts: AudioFacts | None) -> Outcome:
        """Only the attach queue's function may go on: it takes the recording in and pins it in one write."""
        wanted = call.state is ConversationState.SUBMITTED
        wanted = wanted and call.recording_state is not RecordingState.ATTACHED
        if recording.needs_copy and facts and wanted:
            recording = self._prepared(recording, facts)
        self.queues.attach(AttachRecording(call.external_conversation_id, recording))
        return DONE

    def _prepared(self, recording: Recording, facts: AudioFacts) -> Recording:
        try:
            return self.preparer.make_copy(recording, facts)[0]
        except AudioRejectedError as error:
            return _unusable(recording, Reason(error.code, error.reason))

    # --- uploading -----------------------------------------------------------------------------------

    def _upload(self, transition: Transition, facts: AudioFacts) -> Transition:
        recording = transition.call.recording
        assert recording is not None
        try:
            prepared_audio = self.preparer.prepared_audio(recording, facts)
            if prepared_audio.size > MAX_UPLOAD_BYTES:
                return self._linked(transition, prepared_audio.recording)
            upload_id = self._put(prepared_audio.content_type, prepared_audio.chunks, prepared_audio.size)
        except AudioRejectedError as error:
            return self._refuse(transition, recording, Reason(error.code, error.reason))
        except (ObjectGoneError, ObjectReplacedError) as error:
            return self._refuse(transition, recording, lost(error))
        except PermanentError as error:
            if error.status is None:
                raise  # S3's refusal, not Coval's: for the operator to mend
            return self._refuse(transition, recording, Reason(error.code, error.reason))
        self.telemetry(
            LogEvent.RECORDING_UPLOADED, transition.call.external_conversation_id, size=prepared_audio.size
        )
        return self.calls.update(
            transition.call,
            lambda seen: lifecycle.recording_uploaded(
                seen, prepared_audio.recording, upload_id, self.calls.clock()
            ),
        )

    def _put(self, content_type: ContentType, chunks: Iterable[bytes], size: int) -> str:
        upload = self.coval.create_upload(content_type, size)
        self.coval.put_audio(upload, chunks, size)
        return upload.upload_id

    def _linked(self, transition: Transition, recording: Recording) -> Transition:
        return self.calls.update(
            transition.call, lambda seen: lifecycle.recording_by_url(seen, recording, self.calls.clock())
        )

    def _refuse(self, transition: Transition, recording: Recording, reason: Reason) -> Transition:
        self.telemetry(
            LogEvent.RECORDING_REJECTED, transition.call.external_conversation_id, code=reason.code
        )
        return self.calls.update(
            transition.call,
            lambda seen: lifecycle.recording_rejected(seen, recording.identity, reason, self.calls.clock()),
        )


def _found(call_id: str, created: ObjectCreated, owned: Matched) -> RecordingFound:
    return RecordingFound(external_conversation_id=call_id, created=created, hints=owned.hints)


def _recording(found: RecordingFound, call: Call) -> Recording:
    """The recording before it was looked at."""
    created = found.created
    identity = identity_of(created.version) if created else identity_of_link(found.url)
    common = Recording(
        identity=identity,
        sort_key=created.sort_key if created else f"{found.created_at:012d}",
        created_at=created.created_at if created else found.created_at,
        state=RecordingState.READY,
        hints=found.hints,
        agent_channel=_side(found, identity, call),
        url=found.url,
    )
    if created is None:
        return common
    return replace(common, version=created.version, size=created.size, is_copy=created.is_copy)


def _side(found: RecordingFound, identity: str, call: Call) -> int | None:
    """What it was made ready for stays, else a copy for another side is never taken; then its own event's
    word, then the call's."""
    held = call.recording
    if held and held.identity == identity and held.agent_channel is not None:
        return held.agent_channel
    if found.hints.agent_channel is not None:
        return found.hints.agent_channel
    return call.facts.agent_channel if call.facts else None


def identity_of_link(url: str) -> str:
    """Without its query, which is new with every signature."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{parts.path}"


def _unusable(recording: Recording, reason: Reason) -> Recording:
    return replace(
        recording, state=RecordingState.REJECTED, usable=False, needs_preparation=False, reason=reason
    )
