"""Use case: a recording came, as an object or as a URL."""

import re
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, urlencode, urlsplit

from coval_relay.domain import lifecycle
from coval_relay.domain.aliases import object_alias
from coval_relay.domain.audio import AudioFacts
from coval_relay.domain.call import TERMINAL, Call, ConversationState, Recording, RecordingState
from coval_relay.domain.errors import (
    InvalidInputError,
    ObjectGoneError,
    ObjectReplacedError,
    Reason,
    UnusableRecordingError,
)
from coval_relay.domain.lifecycle import Attempt
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
from coval_relay.domain.s3_objects import ObjectVersion
from coval_relay.services.alias_resolver import AliasResolver, Unresolved
from coval_relay.services.calls import Calls, newly_superseded
from coval_relay.services.object_matcher import Matched, ObjectMatcher, SidecarEvents, Skipped, overlaid
from coval_relay.services.queues import Queues
from coval_relay.services.recording_preparer import RecordingPreparer
from coval_relay.services.worker import DONE, Content, Outcome, Worker

SIGNING = re.compile(
    "(?i)x-(amz|goog|oss|cos|bce)-.*|signature|expires?|exp|key-pair-id|policy|awsaccesskeyid|googleaccessid|token|.*_token"
    "|jwt|auth|sig|se|sp|sv|sr|st|spr|sip|ske|skoid|sks|skt|sktid|skv|hdnea|hdnts|hmac|response-.*|ts|timestamp|nonce"
)
"""Names in the query of a link that expires: of S3, CloudFront, Google, Azure, Akamai, and what others call theirs."""
Inspected = tuple[Recording, AudioFacts | None]
"""A recording, and the facts of its audio; None where it cannot be used."""


def identity_of(version: ObjectVersion) -> str:
    return f"s3://{version.bucket}/{version.key}#{version.version_id or version.etag}"


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadRecording:
    """Finds the call of a recording, inspects its audio, and lets the worker go on with it."""

    calls: Calls
    matcher: ObjectMatcher
    resolver: AliasResolver
    preparer: RecordingPreparer
    worker: Worker
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
        call_id = self.resolver.resolve((ready.target,), identity_of_url(ready.uri), "recording", ready)
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
        recording, audio = self._inspect(found, call, attempt.now)
        self.telemetry(LogEvent.RECORDING_RECEIVED, call_id, state=recording.state.value)
        if recording.reason:
            self.telemetry(LogEvent.RECORDING_REJECTED, call_id, code=recording.reason.code)
        if recording.channels > 1 and recording.agent_channel is None:
            self.telemetry(LogEvent.AGENT_CHANNEL_UNKNOWN, call_id)
        if call.state in TERMINAL:
            return self._hand_over(call, recording, audio)
        transition = self.calls.update(call, lambda seen: lifecycle.recording_arrived(seen, recording, attempt))
        for _ in range(newly_superseded(call, transition.call)):
            self.telemetry(LogEvent.RECORDING_SUPERSEDED, call_id)
        return self.worker.run(transition, attempt, Content(audio=audio))

    def _inspect(self, found: RecordingFound, call: Call, now: int) -> Inspected:
        recording = _recording(found, call)
        if recording.hints.several:
            recording = replace(recording, settling_until=now + self.calls.deadlines.settling)
        try:
            return self.preparer.inspect(self._fetched(recording, call))
        except UnusableRecordingError as error:
            return _unusable(recording, error.reason), None

    def _fetched(self, recording: Recording, call: Call) -> Recording:
        """What lies at a URL is copied once: URLs end, and Coval follows neither redirects nor logins."""
        if not recording.url:
            return recording
        held = call.recording
        if held and held.identity == recording.identity and held.version:
            return replace(recording, version=held.version, size=held.size)
        version, size = self.preparer.fetch(recording.url)
        return replace(recording, version=version, size=size)

    def _hand_over(self, call: Call, recording: Recording, audio: AudioFacts | None) -> Outcome:
        """Only attach_recording may go on: it takes the recording in and locks it in one write."""
        wanted = call.state is ConversationState.SUBMITTED
        wanted = wanted and call.recording_state is not RecordingState.ATTACHED
        if recording.needs_copy and audio and wanted:
            recording = self._copied(recording, audio)
        self.queues.attach(AttachRecording(call.external_conversation_id, recording))
        return DONE

    def _copied(self, recording: Recording, audio: AudioFacts) -> Recording:
        try:
            return self.preparer.make_copy(recording, audio)[0]
        except UnusableRecordingError as error:
            return _unusable(recording, error.reason)


def _found(call_id: str, created: ObjectCreated, matched: Matched) -> RecordingFound:
    return RecordingFound(external_conversation_id=call_id, created=created, hints=matched.hints)


def _recording(found: RecordingFound, call: Call) -> Recording:
    """The recording before it was inspected."""
    created = found.created
    identity = identity_of(created.version) if created else identity_of_url(found.url)
    common = Recording(
        identity=identity,
        sort_key=created.sort_key if created else f"{found.created_at:012d}",
        created_at=created.created_at if created else found.created_at,
        state=RecordingState.READY,
        hints=found.hints,
        agent_channel=_agent_channel(found, identity, call),
        url=found.url,
    )
    if created is None:
        return common
    return replace(common, version=created.version, size=created.size)


def _agent_channel(found: RecordingFound, identity: str, call: Call) -> int | None:
    """What it was prepared for stays, else a copy for another channel is never taken; then what its own event
    says, then what the call's end says."""
    held = call.recording
    if held and held.identity == identity and held.agent_channel is not None:
        return held.agent_channel
    if found.hints.agent_channel is not None:
        return found.hints.agent_channel
    return call.facts.agent_channel if call.facts else None


def identity_of_url(url: str) -> str:
    """Without what of its query is new with every signature."""
    parts = urlsplit(url)
    named = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if not SIGNING.fullmatch(pair[0])]
    query = f"?{urlencode(sorted(named))}" if named else ""
    return f"{parts.scheme}://{parts.netloc}{parts.path}{query}"


def _unusable(recording: Recording, reason: Reason) -> Recording:
    return replace(recording, state=RecordingState.REJECTED, usable=False, needs_preparation=False, reason=reason)
