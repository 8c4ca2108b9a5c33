"""The canonical platform: canonical events in their wire form, which a relay of the operator's own sends."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from coval_relay.boundary_models import BoundaryModel, validate
from coval_relay.domain.call import RecordingHints
from coval_relay.domain.call_aliases import object_alias
from coval_relay.domain.errors import InvalidInputError
from coval_relay.domain.object_key_rules import KeyRule
from coval_relay.platforms.shared import canonical_events as canonical
from coval_relay.platforms.shared.contract import (
    AUDIO,
    Event,
    Platform,
    PlatformOptions,
    Sidecar,
    TranscriptContext,
    TranscriptFormat,
)
from coval_relay.platforms.shared.transcript_rendering import checked_messages

NAME = "canonical"
MODELS: Mapping[str, type[canonical.Event]] = {
    "Call Ended": canonical.CallEndedEvent,
    "Recording Ready": canonical.RecordingReadyEvent,
    "Aliases Known": canonical.AliasesKnownEvent,
    "Transcript Ready": canonical.TranscriptReadyEvent,
    "Transcript Unavailable": canonical.TranscriptUnavailableEvent,
    "Transcript Utterances": canonical.TranscriptUtterancesEvent,
}
DETAIL_TYPES = tuple(MODELS)


class _Version(BoundaryModel):
    schema_version: Annotated[str, Field(strict=True, pattern=r"^1(\.\d+)*$")]


def _translate(event: Event, _: PlatformOptions) -> list[canonical.Event]:
    detail = event.get("detail")
    validate(_Version, detail, "detail")
    return [MODELS[event["detail-type"]].model_validate(detail)]


def _key_rules(options: PlatformOptions) -> tuple[KeyRule, ...]:
    hints = RecordingHints(agent_channel=options.agent_channels.get(NAME))
    pattern = rf"^(?:.*/)?(?P<external_conversation_id>(?!\._)[^/]+)\.(?i:{AUDIO})$"
    return (KeyRule(name=NAME, platform=NAME, pattern=pattern, hints=hints),)


def _messages(content: Any, _: object) -> tuple[canonical.Message, ...]:
    """A list of messages, or an object with `messages`."""
    messages = content.get("messages") if isinstance(content, Mapping) else content
    if not isinstance(messages, list):
        raise InvalidInputError("transcript.messages", "must be a list")
    return checked_messages(messages)


def _collected_messages(content: Any, context: TranscriptContext) -> list[canonical.Message]:
    """Utterances, whose times are those of the clock, as messages from the start of the call's audio."""
    zero = content[0].spoken_at if context.zero is None else context.zero
    return [
        canonical.Message(
            role=utterance.role,
            content=utterance.content,
            start_time=max(0.0, round(utterance.spoken_at - zero, 3)),
            end_time=max(0.0, round(max(utterance.spoken_at, utterance.ended_at) - zero, 3)),
        )
        for utterance in content
    ]


def _sidecar(content: Any, bucket: str, key: str) -> list[canonical.Event]:
    """`<key of the recording>.json` with an external_conversation_id."""
    call_id = content.get("external_conversation_id") if isinstance(content, Mapping) else None
    recording = object_alias(bucket, key.removesuffix(".json"))
    return [canonical.AliasesKnownEvent(external_conversation_id=call_id, aliases=(recording,))]


PLATFORM = Platform(
    translate=_translate,
    key_rules=_key_rules,
    formats={
        "canonical_v1": TranscriptFormat(_messages),
        canonical.UTTERANCES: TranscriptFormat(_collected_messages),
    },
    sidecars=(Sidecar(rf"\.(?i:{AUDIO})\.json$", _sidecar),),
)
