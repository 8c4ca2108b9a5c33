"""The platforms: one line each. A platform's module is imported when its first event comes."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache, partial
from importlib import import_module
from typing import Any

from coval_relay.domain.call import CallFacts
from coval_relay.domain.errors import InvalidInputError
from coval_relay.domain.messages import CallEnded, Message, RecordingReady, TranscriptArrived
from coval_relay.domain.object_key_rules import EventSidecar, KeyRule, KeyRuleSet
from coval_relay.domain.transcript import Transcript
from coval_relay.platforms import canonical
from coval_relay.platforms.shared.canonical_messages import messages_of
from coval_relay.platforms.shared.contract import (
    CanonicalEvent,
    Event,
    Platform,
    PlatformOptions,
    Sidecar,
    TranscriptContext,
    TranscriptFormat,
)
from coval_relay.platforms.shared.event_parts import plausibly_timed
from coval_relay.platforms.shared.fields import sent_at
from coval_relay.platforms.shared.odd_text import readable
from coval_relay.platforms.shared.simulation_header import with_simulation
from coval_relay.platforms.shared.transcript_rendering import transcript_of_file


@dataclass(frozen=True, slots=True)
class Listing:
    """A module of this package, the detail-types of its events, and the formats of its transcripts."""

    name: str
    detail_types: tuple[str, ...]
    formats: tuple[str, ...] = ()


PLATFORMS: tuple[Listing, ...] = (
    Listing("canonical", canonical.DETAIL_TYPES, ("canonical_v1", "utterances")),
    Listing(
        "amazon_connect",
        (
            "Amazon Connect Contact Event",
            "Connect Customer Contact Event",
            "Contact Lens Analysis State Change",
        ),
        ("contact_lens_v1",),
    ),
    Listing(
        "amazon_chime",
        ("Chime VoiceConnector Streaming Status", "Media Insights State Change"),
        ("transcribe_call_analytics",),
    ),
    Listing("twilio", ("twilio-webhook-lambda", "twilio-event-stream"), ("twilio_sentences",)),
    Listing("genesys", ("v2.detail.events.conversation.{id}.customer.end", "v2.conversations.{id}.transcription")),
    Listing("livekit", ("egress_ended", "room_finished", "session_report"), ("livekit_session_report",)),
    Listing("daily", ("meeting.ended", "recording.ready-to-download")),
    Listing("vapi", ("end-of-call-report",), ("vapi",)),
    Listing("retell", ("call_ended", "call_analyzed"), ("retell",)),
    Listing(
        "elevenlabs",
        ("post_call_transcription", "post_call_audio", "call_initiation_failure"),
        ("elevenlabs",),
    ),
    Listing(
        "telnyx",
        (
            "call.hangup",
            "call.conversation.ended",
            "call.recording.saved",
            "call.recording.transcription.saved",
            "conference.recording.saved",
            "call.initiated",
            "call.machine.detection.ended",
            "call.machine.premium.detection.ended",
        ),
    ),
)

NAMES = tuple(listing.name for listing in PLATFORMS)
FORMATS = tuple(format_ for listing in PLATFORMS for format_ in listing.formats)


def check_names(names: tuple[str, ...]) -> None:
    """Raises InvalidInputError for a name that no platform has."""
    if not set(names) <= set(NAMES):
        raise InvalidInputError("Platforms", f"must name platforms of: {', '.join(NAMES)}")


@cache
def platform(name: str) -> Platform:
    """A platform by its name; raises InvalidInputError where there is none."""
    check_names((name,))
    found: Platform = import_module(f"coval_relay.platforms.{name}").PLATFORM
    return found


def translate(event: Event, options: PlatformOptions, now: int) -> tuple[Message, ...]:
    """The messages of a telephony event, none where it does not matter; raises InvalidInputError."""
    name = _by_detail_type().get(str(event.get("detail-type")))
    if name is None:
        raise InvalidInputError("detail-type", _one_of(_by_detail_type()))
    event, replaced = readable(event)
    canonical_events = with_simulation(platform(name).translate(event, options), event)
    return tuple(
        _dated(_counted(message, replaced), event, now)
        for canonical_event in canonical_events
        for message in _messages(canonical_event, options, now)
    )


def _counted(message: Message, replaced: int) -> Message:
    if not replaced or not isinstance(message, CallEnded) or message.transcript is None:
        return message
    return replace(message, transcript=replace(message.transcript, replaced=replaced))


def platform_of(detail_type: str) -> str | None:
    """The platform whose events have this detail-type."""
    return _by_detail_type().get(detail_type)


def _dated(message: Message, event: Event, now: int) -> Message:
    """A URL is at least as old as the event that brought it first, which may be sent again much later."""
    if not isinstance(message, RecordingReady) or message.created_at < now:
        return message
    sent = sent_at(event)
    return replace(message, created_at=min(now, int(sent.timestamp()))) if sent else message


def _messages(event: CanonicalEvent, options: PlatformOptions, now: int) -> Iterator[Message]:
    """Raises InvalidInputError, with the call whose item keeps the reason."""
    try:
        for message in messages_of(event, options, now):
            _check_format(message)
            yield message
    except InvalidInputError as error:
        raise replace(error, call_id=event.external_conversation_id or "") from None


def _check_format(message: Message) -> None:
    pointer = message.pointer if isinstance(message, CallEnded | TranscriptArrived) else None
    if pointer and pointer.format not in _by_format():
        raise InvalidInputError("detail.transcript.reference.format", _one_of(_by_format()))


def transcript_format(name: str) -> TranscriptFormat:
    """A transcript's format by its name; raises InvalidInputError where no platform has it."""
    if name not in _by_format():
        raise InvalidInputError("reference.format", _one_of(_by_format()))
    return platform(_by_format()[name]).formats[name]


def parse_transcript(
    name: str, pages: Sequence[object], facts: CallFacts | None, options: PlatformOptions
) -> Transcript:
    """The transcript in a file's pages; raises InvalidInputError."""
    read = transcript_format(name).messages
    pages, replaced = readable(list(pages))
    context = TranscriptContext(options)
    if facts:
        zero = datetime.fromisoformat(facts.occurred_at).timestamp()
        context = TranscriptContext(options, facts.agent_channel, zero)
    messages = [message for page in pages for message in read(page, context)]
    if facts and _by_format()[name] != "canonical":
        messages = list(plausibly_timed(messages, facts.seconds))
    transcript = transcript_of_file(messages, facts, options)
    return replace(transcript, replaced=replaced)


def next_page(name: str, page: object) -> str | None:
    """Where the page after this one lies."""
    following = transcript_format(name).next_page
    return following(page) if following else None


def key_rule_set(
    names: tuple[str, ...], options: PlatformOptions, own: tuple[KeyRule, ...], ignored: tuple[str, ...]
) -> KeyRuleSet:
    """The operator's own rules, then those of the platforms in their order; raises InvalidInputError.

    The canonical platform's rule takes any name for a call's id, so it comes last.
    """
    platforms = {name: platform(name) for name in sorted(names, key="canonical".__eq__)}
    patterns = [pattern for each in platforms.values() for pattern in each.ignored_keys]
    return KeyRuleSet(
        rules=(*own, *(rule for each in platforms.values() for rule in each.key_rules(options))),
        ignored=tuple(re.compile(pattern) for pattern in [*patterns, *ignored]),
        sidecars=tuple(
            EventSidecar(pattern=re.compile(sidecar.pattern), read=partial(_sidecar, sidecar, options))
            for each in (canonical.PLATFORM, *platforms.values())
            for sidecar in each.sidecars
        ),
        sidecar_hints={name: each.sidecar_hints for name, each in platforms.items() if each.sidecar_hints},
        redacted=options.redacted,
    )


def _sidecar(sidecar: Sidecar, options: PlatformOptions, content: Any, bucket: str, key: str) -> tuple[Message, ...]:
    """Raises InvalidInputError, with no call: the object is at fault."""
    try:
        events = sidecar.read(content, bucket, key)
    except InvalidInputError as error:
        raise replace(error, call_id="") from None
    return tuple(message for event in events for message in messages_of(event, options, 0))


@cache
def _by_detail_type() -> Mapping[str, str]:
    return {detail_type: listing.name for listing in PLATFORMS for detail_type in listing.detail_types}


@cache
def _by_format() -> Mapping[str, str]:
    return {format_: listing.name for listing in PLATFORMS for format_ in listing.formats}


def _one_of(names: Iterable[str]) -> str:
    return f"must be one of: {', '.join(names)}"
