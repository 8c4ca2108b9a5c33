"""From canonical events to the relay's messages."""

import re
from dataclasses import asdict
from datetime import UTC, datetime
from typing import assert_never
from urllib.parse import urlsplit

from coval_relay.domain import messages
from coval_relay.domain.call import CALL_STATUS, CallEnd, CallFacts, Description, TranscriptPointer
from coval_relay.domain.call_aliases import Alias, object_alias
from coval_relay.domain.errors import InvalidInputError
from coval_relay.domain.transcript import Utterance
from coval_relay.platforms.shared import canonical_events as canonical
from coval_relay.platforms.shared.contract import PlatformOptions
from coval_relay.platforms.shared.fields import later
from coval_relay.platforms.shared.room_names import EARLY, ROOMS, UNKNOWN_LENGTH, room_during
from coval_relay.platforms.shared.transcript_rendering import inline_transcript

NO_CONVERSATION = frozenset({"failed", "no_answer", "busy", "cancelled"})
CALL_ENDS = {"inline": CallEnd.WITH_TRANSCRIPT, "none": CallEnd.WITHOUT_TRANSCRIPT}
COVAL_AGENT_ID = r"[A-Za-z0-9-]{22}"
MAX_TAGS = 20
HOST_RULE = "its host is not among the allowed ones"
Messages = tuple[messages.Message, ...]


def messages_of(event: canonical.Event, options: PlatformOptions, now: int) -> Messages:  # noqa: PLR0911 - one line a kind
    """The messages of one canonical event; raises InvalidInputError."""
    match event:
        case canonical.CallEndedEvent():
            return _call_ended(event, options, now)
        case canonical.RecordingReadyEvent():
            return (_recording_ready(event.target, event.recording, options, now),)
        case canonical.AliasesKnownEvent():
            return (messages.AliasesKnown(target=event.target, aliases=event.aliases),)
        case canonical.TranscriptReadyEvent(external_conversation_id=call_id):
            pointer = _pointer(event.reference, options, now, "detail.reference")
            return (messages.TranscriptArrived(external_conversation_id=call_id, pointer=pointer),)
        case canonical.TranscriptUnavailableEvent():
            return (messages.TranscriptUnavailable(event.external_conversation_id),)
        case canonical.CallDescribedEvent(external_conversation_id=call_id):
            description = Description(status=event.status, direction=event.direction, agent_channel=event.agent_channel)
            return (messages.CallDescribed(call_id, description),)
        case canonical.TranscriptUtterancesEvent():
            utterances = tuple(Utterance(**asdict(utterance)) for utterance in event.utterances)
            return (messages.UtterancesReceived(event.external_conversation_id, utterances),)
        case _:
            assert_never(event)


def _call_ended(event: canonical.CallEndedEvent, options: PlatformOptions, now: int) -> Messages:
    """First what helps others to find the call. The recordings are handed on last: an end that waits comes again and
    again, and what stands before it would be sent each time.
    """
    call_id, transcript = event.external_conversation_id, event.transcript
    reference = transcript.reference if transcript.status == "reference" else None
    ended = messages.CallEnded(
        external_conversation_id=call_id,
        kind=CALL_ENDS.get(transcript.status, CallEnd.TRANSCRIPT_PENDING),
        facts=_facts(event, options),
        transcript=inline_transcript(event, options) if transcript.status == "inline" else None,
        pointer=_pointer(reference, options, now, "detail.transcript.reference") if reference else None,
    )
    aliases = (*event.aliases, *_rooms(event), *_object_aliases(event))
    known = (messages.AliasesKnown(target=call_id, aliases=aliases),) if aliases else ()
    by_url = (item for item in event.recording.items if item.uri and _is_url(item.uri))
    return (*known, ended, *(_recording_ready(call_id, item, options, now) for item in by_url))


def _rooms(event: canonical.CallEndedEvent) -> tuple[Alias, ...]:
    """A recording's key names the room and a second: the room's name alone may be another call's tomorrow."""
    first = event.started_at or event.began_at
    last = event.ended_at or later(first, UNKNOWN_LENGTH.total_seconds()) or first
    rooms = (alias for alias in event.aliases if alias.type in ROOMS)
    return tuple(known for room in rooms for known in room_during(room, first, last, EARLY))


def _object_aliases(event: canonical.CallEndedEvent) -> tuple[Alias, ...]:
    """Objects come with S3's own event: the call's end only says whose they are."""
    uris = (item.uri for item in event.recording.items if item.uri)
    return tuple(object_alias(*_bucket_and_key(uri)) for uri in uris if not _is_url(uri))


def _recording_ready(
    target: str, recording: canonical.CallRecording, options: PlatformOptions, now: int
) -> messages.RecordingReady:
    uri, started = recording.uri or "", recording.started_at
    if _is_url(uri) and _host(uri) not in options.recording_hosts:
        raise InvalidInputError("detail.recording.uri", HOST_RULE)
    created_at = int(started.timestamp()) if started else now
    return messages.RecordingReady(target=target, uri=uri, created_at=created_at, hints=recording.hints)


# --- where things lie --------------------------------------------------------------------------------


def _pointer(
    reference: canonical.TranscriptReference, options: PlatformOptions, now: int, path: str
) -> TranscriptPointer:
    uri, format_ = reference.uri, reference.format
    if uri == canonical.UTTERANCES_URI:
        return TranscriptPointer(format=canonical.UTTERANCES, stored_at=now)
    if _is_url(uri):
        if _host(uri) not in options.transcript_hosts:
            raise InvalidInputError(f"{path}.uri", HOST_RULE)
        return TranscriptPointer(url=uri, format=format_, stored_at=now)
    bucket, key = _bucket_and_key(uri)
    if bucket not in options.transcript_buckets:
        raise InvalidInputError(f"{path}.uri", "must lie in a configured transcript bucket")
    if not key.startswith(options.transcript_prefixes):
        raise InvalidInputError(f"{path}.uri", "must have one of the configured transcript prefixes")
    return TranscriptPointer(bucket=bucket, key=key, format=format_, stored_at=now)


def _is_url(uri: str) -> bool:
    return uri.startswith("https://")


def _host(url: str) -> str:
    """With its port, where that is not the usual one: so the operator lists it."""
    return urlsplit(url).netloc.lower()


def _bucket_and_key(uri: str) -> tuple[str, str]:
    _, _, bucket, key = uri.split("/", 3)
    return bucket, key


# --- facts -------------------------------------------------------------------------------------------


def _facts(event: canonical.CallEndedEvent, options: PlatformOptions) -> CallFacts:
    expected = event.recording.expected
    return CallFacts(
        occurred_at=_rfc_3339(event.recording_started_at or event.zero),
        ended_at=int((event.ended_at or event.began_at).timestamp()),
        seconds=event.seconds,
        agent_id=_agent_id(event.agent, options),
        metadata=_metadata(event),
        tags=tuple(dict.fromkeys((*event.tags, *options.tags)))[:MAX_TAGS],
        metrics=event.metrics or options.metrics,
        recording_expected=event.status not in NO_CONVERSATION if expected is None else expected,
        agent_channel=_agent_channel(event, options),
    )


def _rfc_3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _agent_id(agent: canonical.Agent | None, options: PlatformOptions) -> str | None:
    """The operator's map first, then an id that is Coval's own already, then the default."""
    if agent and agent.id:
        if agent.id in options.agent_ids:
            return options.agent_ids[agent.id]
        if re.fullmatch(COVAL_AGENT_ID, agent.id):
            return agent.id
    return options.default_agent_id or None


def _metadata(event: canonical.CallEndedEvent) -> dict[str, canonical.Scalar]:
    facts = {
        "provider": event.provider,
        "direction": event.direction,
        CALL_STATUS: event.status,
        "end_reason": event.end_reason,
        "group_id": event.group_id,
        "queue": event.queue,
    }
    return {**{name: value for name, value in facts.items() if value}, **event.metadata}


def _agent_channel(event: canonical.CallEndedEvent, options: PlatformOptions) -> int | None:
    configured = options.agent_channels.get(event.provider or "canonical")
    if configured is not None:
        return configured
    if event.recording.agent_channel is not None:
        return event.recording.agent_channel
    channels = {item.agent_channel for item in event.recording.items if item.agent_channel is not None}
    return channels.pop() if len(channels) == 1 else None
