"""Use case: a recording came, as an object or as a URL."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, urlencode, urlsplit

from coval_relay.domain import lifecycle
from coval_relay.domain.audio import AudioFacts
from coval_relay.domain.call import UNFINISHED, Call, Recording, RecordingState
from coval_relay.domain.call_aliases import Alias, alias_of, object_alias, place_of
from coval_relay.domain.coval import CIRCUIT_OPEN
from coval_relay.domain.errors import (
    InvalidInputError,
    NotReadyError,
    ObjectGoneError,
    ObjectReplacedError,
    PassedOverError,
    PermanentError,
    Reason,
    UnusableRecordingError,
)
from coval_relay.domain.lifecycle import RETRY_SECONDS, Attempt
from coval_relay.domain.log_events import LogEvent, Telemetry
from coval_relay.domain.messages import (
    AliasesKnown,
    Message,
    ObjectCreated,
    ObjectNamed,
    PendingExpired,
    RecordingFound,
    RecordingReady,
    Resume,
)
from coval_relay.domain.s3_objects import ObjectVersion
from coval_relay.services.action_runner import DONE, ActionRunner, Content, Outcome, recording_found
from coval_relay.services.alias_resolver import AliasResolver, Unresolved
from coval_relay.services.conditional_updates import Calls, newly_superseded
from coval_relay.services.object_matcher import Matched, ObjectMatcher, SidecarEvents, Skipped, overlaid
from coval_relay.services.recording_preparer import RecordingPreparer

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
    """Finds the call of a recording, inspects its audio, and lets the actions follow."""

    calls: Calls
    matcher: ObjectMatcher
    resolver: AliasResolver
    preparer: RecordingPreparer
    actions: ActionRunner
    telemetry: Telemetry

    def __call__(self, message: Message, attempt: Attempt) -> Outcome:
        try:
            return self._take(message, attempt)
        except PassedOverError as error:
            return self._skipped(error.code)

    def _take(self, message: Message, attempt: Attempt) -> Outcome:
        match message:
            case ObjectCreated():
                return self._created(message, attempt)
            case RecordingReady():
                return self._ready(message, attempt)
            case ObjectNamed():
                return self._named(message.bucket, message.key, attempt)
            case Resume():
                return self._resume(message, attempt)
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
                return self._bind_all((one for one in messages if isinstance(one, AliasesKnown)), attempt)
        call_id = self._resolve(created, found)
        if isinstance(call_id, Unresolved):
            return DONE
        return self._found(_found(call_id, created, found), attempt)

    def _resolve(self, created: ObjectCreated, found: Matched) -> str | Unresolved:
        if isinstance(found.target, str):
            return found.target
        version = created.version
        names = dict.fromkeys((found.target, *found.others, object_alias(version.bucket, version.key)))
        return self.resolver.resolve(tuple(names), identity_of(version), "recording", created)

    def _bind_all(self, known: Iterable[AliasesKnown], attempt: Attempt) -> Outcome:
        """Waits where one of the objects has to."""
        outcomes = [self._bind(one, attempt) for one in known]
        return next((outcome for outcome in outcomes if outcome.until is not None), DONE)

    def _bind(self, known: AliasesKnown, attempt: Attempt) -> Outcome:
        self.resolver.bind(known)
        places = filter(None, map(place_of, known.aliases))
        outcomes = [self._named(bucket, key, attempt) for bucket, key in places]
        return next((outcome for outcome in outcomes if outcome.until is not None), DONE)

    def _named(self, bucket: str, key: str, attempt: Attempt) -> Outcome:
        """What came before the event that names it was taken for the call that its key suggests: it goes there.

        Where it is its call's already nothing is done: each receive of an event that waits names the object again.
        """
        place = ObjectVersion(bucket, key, etag="")
        for suggested in self.matcher.suggested(place):
            call_id = self.resolver.owner(suggested) if isinstance(suggested, Alias) else suggested
            held = self.calls.get(call_id) if isinstance(call_id, str) else None
            found = recording_found(held) if held and _lies_at(held.recording, place) else None
            if found and self._goes_elsewhere(found):
                return self._elsewhere(found, attempt)
        return DONE

    def _ready(self, ready: RecordingReady, attempt: Attempt) -> Outcome:
        if ready.uri.startswith("s3://"):
            return self._ready_object(ready, attempt)
        call_id = self.resolver.resolve((ready.target,), identity_of_url(ready.uri), "recording", ready)
        if isinstance(call_id, Unresolved):
            return DONE
        found = RecordingFound(
            external_conversation_id=call_id,
            url=ready.uri,
            created_at=ready.created_at,
            hints=ready.hints,
        )
        return self._found(found, attempt)

    def _ready_object(self, ready: RecordingReady, attempt: Attempt) -> Outcome:
        """The object that an event names: it is this call's whatever its key says, and whenever it comes."""
        _, _, bucket, key = ready.uri.split("/", 3)
        asked = ObjectVersion(bucket=bucket, key=key, etag="")
        try:
            self.matcher.check_location(asked)
        except InvalidInputError as error:
            named = "" if alias_of(ready.target) else ready.target
            raise replace(error, field="detail.recording.uri", call_id=named) from None
        self._bind(AliasesKnown(target=ready.target, aliases=(object_alias(bucket, key),)), attempt)
        call_id = self.resolver.resolve((ready.target,), identity_of_url(ready.uri), "recording", ready)
        if isinstance(call_id, Unresolved):
            return DONE
        try:
            return self._found(self._found_object(ready, asked, call_id), attempt)
        except (ObjectGoneError, PermanentError) as error:
            return self._missing(ready, asked, call_id, error)

    def _found_object(self, ready: RecordingReady, asked: ObjectVersion, call_id: str) -> RecordingFound:
        head, bucket, key = self.preparer.source.head(asked), asked.bucket, asked.key
        created = ObjectCreated(
            version=ObjectVersion(bucket, key, head.etag, head.version_id),
            size=head.size,
            sort_key=f"{ready.created_at:012d}",
            created_at=ready.created_at,
        )
        hints = overlaid(self.matcher.hints(created.version), ready.hints)
        return RecordingFound(external_conversation_id=call_id, created=created, hints=hints)

    def _missing(
        self, ready: RecordingReady, asked: ObjectVersion, call_id: str, error: ObjectGoneError | PermanentError
    ) -> Outcome:
        """An object that is announced may still come; S3 denies what is not there, too, where nothing may be listed."""
        if _lies_at(self.calls.get(call_id).recording, asked):
            return DONE
        age = self.calls.clock() - ready.created_at
        if age < self.calls.deadlines.recording:
            raise NotReadyError("recording_missing_or_denied", max(RETRY_SECONDS, age / 8))
        if isinstance(error, PermanentError):
            raise error
        raise InvalidInputError("detail.recording.uri", "names an object that is not there", call_id)

    def _expired(self, expired: PendingExpired, attempt: Attempt) -> Outcome:
        """What waited goes once more through all rules; what still has no call goes to the dead letters."""
        message = self.resolver.pending_message(expired)

        def go_on() -> Outcome:
            owner = self._resolve_pending(message, expired)
            if isinstance(owner, Unresolved):
                self.resolver.give_up(owner, self.matcher.tried_rules(message))
            return self(message, attempt)

        try:
            return self.resolver.finish(expired, go_on)
        except (ObjectGoneError, ObjectReplacedError):
            return self._skipped("gone_before_its_call_was_known")

    def _resolve_pending(self, message: Message, expired: PendingExpired) -> str | Unresolved | None:
        match message:
            case RecordingReady():
                identity = expired.pending.identity
                return self.resolver.resolve((message.target,), identity, "recording", message)
            case ObjectCreated():
                found = self.matcher.match(message)
                return self._resolve_object(message, found) if isinstance(found, Matched) else None
        raise InvalidInputError("detail.pending.event", "is not one that this function takes")

    def _resolve_object(self, created: ObjectCreated, found: Matched) -> str | Unresolved:
        """Under the name that an event has given it, if one has: what its key suggests does not hold then."""
        version = created.version
        owner = self.resolver.owner(object_alias(version.bucket, version.key))
        if isinstance(owner, Alias):
            return self.resolver.resolve((owner,), identity_of(version), "recording", created)
        return self._resolve(created, found)

    def _skipped(self, code: str) -> Outcome:
        self.telemetry(LogEvent.RECORDING_SKIPPED, code=code)
        return DONE

    # --- what becomes of it --------------------------------------------------------------------------

    def _resume(self, resume: Resume, attempt: Attempt) -> Outcome:
        """The call's recording once more, where it is still to be looked at."""
        call = self.calls.get(resume.external_conversation_id)
        found = recording_found(call)
        wanted = call.recording_state in UNFINISHED and resume.sweep in (None, call.sweeps)
        return self._found(found, attempt) if found and wanted else DONE

    def _found(self, found: RecordingFound, attempt: Attempt) -> Outcome:
        """By its key the recording may seem another call's than an event says: the event's word holds, whichever
        comes first.

        recording   no event so far ── write ── look again: another call's after all
        event                     bind ── look: written by its key already
        """
        call_id = found.external_conversation_id
        if self._goes_elsewhere(found):
            return self._elsewhere(found, attempt)
        call = self.calls.get(call_id)
        if attempt.is_closed and found.url and not _is_fetched(found, call):
            return Outcome(attempt.closed_until, CIRCUIT_OPEN)  # to copy it is paid work
        recording, audio = self._inspect(found, call, attempt.now)
        self.telemetry(LogEvent.RECORDING_RECEIVED, call_id, state=recording.state.value)
        if recording.reason:
            self.telemetry(LogEvent.RECORDING_REJECTED, call_id, code=recording.reason.code)
        if recording.channels > 1 and recording.agent_channel is None:
            self.telemetry(LogEvent.AGENT_CHANNEL_UNKNOWN, call_id)
        transition = self.calls.update(call, lambda seen: lifecycle.recording_arrived(seen, recording, attempt))
        for _ in range(newly_superseded(call, transition.call)):
            self.telemetry(LogEvent.RECORDING_SUPERSEDED, call_id)
        if self._goes_elsewhere(found):
            return self._elsewhere(found, attempt)
        return self.actions.run(transition, attempt, Content(audio=audio, audio_of=recording.identity))

    def _owner(self, found: RecordingFound) -> str | Alias | None:
        """Who an event says that the object belongs to."""
        if found.created is None:
            return None
        version = found.created.version
        return self.resolver.owner(object_alias(version.bucket, version.key))

    def _goes_elsewhere(self, found: RecordingFound) -> bool:
        return self._owner(found) not in (None, found.external_conversation_id)

    def _elsewhere(self, found: RecordingFound, attempt: Attempt) -> Outcome:
        """Take the recording from the call that its key suggests, and give it to the one that the event names.

        It stays there, sent by nobody, until it is given: who dies between, or has to wait as the other call's own
        recording is on its way, leaves the next one something to find.
        """
        owner, created = self._owner(found), found.created
        assert created is not None
        assert owner is not None
        other, identity = self.calls.get(found.external_conversation_id), identity_of(created.version)
        stopped = self.calls.update(other, lambda seen: lifecycle.recording_misnamed(seen, identity, attempt.now))
        call_id = self.resolver.resolve((owner,), identity, "recording", created)
        outcome = DONE
        if isinstance(call_id, str):
            outcome = self._found(replace(found, external_conversation_id=call_id), attempt)
            if outcome.until is not None and not _is_known(identity, outcome.call):
                return outcome
        self.calls.update(stopped.call, lambda seen: lifecycle.recording_of_another_call(seen, identity))
        return outcome

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


def _is_known(identity: str, call: Call | None) -> bool:
    """Whether the call has taken this recording, or has ended it."""
    if call is None:
        return False
    return identity in call.other_recordings or bool(call.recording and call.recording.identity == identity)


def _is_fetched(found: RecordingFound, call: Call) -> bool:
    held = call.recording
    return held is not None and held.identity == identity_of_url(found.url) and held.version is not None


def _lies_at(recording: Recording | None, place: ObjectVersion) -> bool:
    """Whether this is a version of the object at the place."""
    version = recording.version if recording and not recording.url else None
    return version is not None and (version.bucket, version.key) == (place.bucket, place.key)


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
    return replace(recording, state=RecordingState.REJECTED, usable=False, reason=reason)
