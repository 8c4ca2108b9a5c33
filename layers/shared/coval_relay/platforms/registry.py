"""The platforms: one line each. A platform's module is imported when its first event comes."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache, partial
from importlib import import_module
from typing import Any

from coval_relay.domain.call import CallFacts
from coval_relay.domain.call_id import is_call_id
from coval_relay.domain.errors import InvalidInputError
from coval_relay.domain.key_rules import EventSidecar, KeyRule, KeyRuleSet
from coval_relay.domain.messages import Message, RecordingReady
from coval_relay.domain.transcript import Transcript
from coval_relay.platforms import canonical
from coval_relay.platforms.shared.contract import (
    CanonicalEvent,
    Platform,
    PlatformOptions,
    Sidecar,
    TranscriptContext,
    TranscriptFormat,
)
from coval_relay.platforms.shared.simulation_header import with_simulation


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
    Listing(
        "genesys", ("v2.detail.events.conversation.{id}.customer.end", "v2.conversations.{id}.transcription")
    ),
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
        ),
    ),
)


def check_names(names: tuple[str, ...]) -> None:
    """Raises InvalidInputError for a name that no platform has."""
    known = [listing.name for listing in PLATFORMS]
    if not set(names) <= set(known):
        raise InvalidInputError("Platforms", f"must name platforms of: {', '.join(known)}")


@cache
def platform(name: str) -> Platform:
    """A platform by its name; raises InvalidInputError where there is none."""
    check_names((name,))
    found: Platform = import_module(f"coval_relay.platforms.{name}").PLATFORM
    return found


def translate(event: Mapping[str, Any], options: PlatformOptions, now: int) -> tuple[Message, ...]:
    """The messages of a telephony event, none where it does not matter; raises InvalidInputError."""
    name = _by_detail_type().get(str(event.get("detail-type")))
    if name is None:
        raise InvalidInputError("detail-type", f"must be one of: {', '.join(_by_detail_type())}")
    told = platform(name).translate(event, options)
    return tuple(
        _dated(message, event, now)
        for canonical_event in with_simulation(told, event)
        for message in _messages(canonical_event, options, now)
    )


def _dated(message: Message, event: Mapping[str, Any], now: int) -> Message:
    """A link is at least as old as the event that told of it first, which may be sent again much later."""
    if not isinstance(message, RecordingReady) or message.created_at < now:
        return message
    try:
        told_at = datetime.fromisoformat(str(event.get("time"))).timestamp()
    except (ValueError, OverflowError):
        return message
    return replace(message, created_at=min(now, int(told_at)))


def _messages(event: CanonicalEvent, options: PlatformOptions, now: int) -> Iterator[Message]:
    """Raises InvalidInputError, with the call whose item shall keep the reason."""
    try:
        for message in canonical.messages(event, options, now):
            _check_format(message)
            yield message
    except InvalidInputError as error:
        detail = event.get("detail")
        call_id = detail.get("external_conversation_id") if isinstance(detail, Mapping) else None
        raise replace(error, call_id=str(call_id) if is_call_id(call_id) else "") from None


def _check_format(message: Message) -> None:
    pointer = getattr(message, "pointer", None)
    if pointer is not None and not any(pointer.format in listing.formats for listing in PLATFORMS):
        raise InvalidInputError("detail.transcript.reference.format", f"must be one of: {_formats()}")


def _formats() -> str:
    return ", ".join(name for listing in PLATFORMS for name in listing.formats)


def transcript_format(name: str) -> TranscriptFormat:
    """A transcript's format by its name; raises InvalidInputError where no platform has it."""
    for listing in PLATFORMS:
        if name in listing.formats:
            return platform(listing.name).formats[name]
    raise InvalidInputError("reference.format", f"must be one of: {_formats()}")


def parse_transcript(
    name: str, pages: Sequence[object], facts: CallFacts | None, options: PlatformOptions
) -> Transcript:
    """The transcript in a file's pages; raises InvalidInputError."""
    read = transcript_format(name).messages
    context = TranscriptContext(options)
    if facts:
        zero = datetime.fromisoformat(facts.occurred_at).timestamp()
        context = TranscriptContext(options, facts.agent_channel, zero)
    told = [message for page in pages for message in read(page, context)]
    return canonical.transcript(told, facts, options)


def next_page(name: str, page: object) -> str | None:
    """Where the page after this one lies."""
    following = transcript_format(name).next_page
    return following(page) if following else None


def key_rule_set(
    names: tuple[str, ...], options: PlatformOptions, own: tuple[KeyRule, ...], ignored: str
) -> KeyRuleSet:
    """The operator's own rules, then those of the platforms in their order; raises InvalidInputError.

    The canonical platform's rule takes any name for a call's id, so it comes last.
    """
    platforms = {name: platform(name) for name in sorted(names, key="canonical".__eq__)}
    patterns = [pattern for known in platforms.values() for pattern in known.ignored_keys]
    return KeyRuleSet(
        rules=(*own, *(rule for known in platforms.values() for rule in known.key_rules(options))),
        ignored=tuple(re.compile(pattern) for pattern in [*patterns, *([ignored] if ignored else [])]),
        sidecars=tuple(
            EventSidecar(pattern=re.compile(sidecar.pattern), read=partial(_sidecar, sidecar, options))
            for known in (canonical.PLATFORM, *platforms.values())
            for sidecar in known.sidecars
        ),
        sidecar_hints={name: known.sidecar_hints for name, known in platforms.items() if known.sidecar_hints},
        redacted=options.redacted,
    )


def _sidecar(
    sidecar: Sidecar, options: PlatformOptions, content: Any, bucket: str, key: str
) -> tuple[Message, ...]:
    told = sidecar.read(content, bucket, key)
    return tuple(message for event in told for message in canonical.messages(event, options, 0))


@cache
def _by_detail_type() -> Mapping[str, str]:
    return {kind: listing.name for listing in PLATFORMS for kind in listing.detail_types}
