"""Genesys Cloud, from its partner bus: the customer's end, utterances during the call, exported recordings.

A conversation ends with its first customer. Recordings are exported minutes to days late, several of a
conversation (legs, holds, consults), each with a `_metadata.json` that says what it is.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Annotated

from pydantic import Field

from coval_relay.boundary import validate
from coval_relay.domain.call import RecordingHints
from coval_relay.domain.key_rules import KeyRule
from coval_relay.platforms.shared import canonical_events as canonical
from coval_relay.platforms.shared import fields, parts
from coval_relay.platforms.shared.contract import Event, Platform, PlatformOptions

NAME = "genesys"
UTTERANCES_EVENT = "v2.conversations.{id}.transcription"
"""The topic's template is the detail-type, braces included."""
VOICE_MEDIA = frozenset({"CALL", "CALLBACK"})
RANKS = {"TRUNK": 3, "STATION": 2, "CONSULT": 1}
"""The whole call at its edge, one agent's telephone, agents among themselves."""
COLLECTED = canonical.TranscriptReference(uri="utterances:", format="utterances")
Milliseconds = Annotated[float, Field(ge=0, le=10**10, allow_inf_nan=False)]
EpochMs = Annotated[float, Field(ge=0, le=10**14, allow_inf_nan=False)]


class CustomerEnd(fields.Camel):
    """Genesys Cloud, topic v2.detail.events.conversation.{id}.customer.end; `eventTime` is in epoch ms."""

    media_type: str
    conversation_id: str
    event_time: fields.EpochMilliseconds
    interacting_duration_ms: Milliseconds | None = None
    disconnect_type: fields.Text = None
    direction: fields.Text = None
    division_id: fields.Text = None


class CustomerEndDetail(fields.Camel):
    event_body: CustomerEnd


class Alternative(fields.Camel):
    offset_ms: Milliseconds
    duration_ms: Milliseconds = 0
    transcript: str | None = None
    decorated_transcript: str | None = None

    @property
    def content(self) -> str:
        return (self.decorated_transcript or self.transcript or "").strip()


class Utterance(fields.Camel):
    utterance_id: str
    is_final: bool
    channel: str
    alternatives: fields.Several[Alternative] = ()


class Utterances(fields.Camel):
    """Genesys Cloud, topic v2.conversations.{id}.transcription; offsets count from the leg's start."""

    conversation_id: str
    session_start_time_ms: EpochMs
    transcripts: fields.Several[Utterance] = ()


class UtterancesDetail(fields.Camel):
    event_body: Utterances


class RecordingMetadata(fields.Camel):
    """Genesys Cloud, AWS S3 recording bulk actions: `<recording>_metadata.json`."""

    media_type: str
    media_subtype: fields.Text = None


def _translate(event: Event, options: PlatformOptions) -> list[canonical.Event]:
    if event.get("detail-type") == UTTERANCES_EVENT:
        return _utterances(validate(UtterancesDetail, event.get("detail"), "detail").event_body)
    ended = validate(CustomerEndDetail, event.get("detail"), "detail").event_body
    return [_call_ended(ended, options)] if ended.media_type.upper() == "VOICE" else []


def _call_ended(ended: CustomerEnd, options: PlatformOptions) -> canonical.Event:
    """Without a duration only the end is known: it then stands for the start, and no length is claimed."""
    end, length = ended.event_time, timedelta(milliseconds=ended.interacting_duration_ms or 0)
    return canonical.CallEndedEvent(
        provider=NAME,
        external_conversation_id=ended.conversation_id,
        direction=ended.direction.lower() if ended.direction else None,
        end_reason=ended.disconnect_type,
        started_at=end - length if end else None,
        ended_at=end if length else None,
        transcript=canonical.Transcript(status="reference", reference=COLLECTED),
        recording=canonical.ExpectedRecording(expected=True, agent_channel=options.agent_channels.get(NAME)),
        metadata=parts.metadata(division_id=ended.division_id),
    )


def _utterances(session: Utterances) -> list[canonical.Event]:
    """Utterances that will not change any more; the event that ends a session has none."""
    utterances = tuple(
        canonical.Utterance(
            id=utterance.utterance_id,
            role="assistant" if utterance.channel.upper() == "INTERNAL" else "user",
            content=best.content,
            spoken_at=_epoch_seconds(session, best.offset_ms),
            ended_at=_epoch_seconds(session, best.offset_ms + best.duration_ms),
        )
        for utterance, best in _final(session.transcripts)
    )
    if not utterances:
        return []
    return [
        canonical.TranscriptUtterancesEvent(
            provider=NAME, external_conversation_id=session.conversation_id, utterances=utterances
        )
    ]


def _final(utterances: tuple[Utterance, ...]) -> Iterator[tuple[Utterance, Alternative]]:
    for utterance in utterances:
        if utterance.is_final and utterance.alternatives and utterance.alternatives[0].content:
            yield utterance, utterance.alternatives[0]


def _epoch_seconds(session: Utterances, offset_ms: float) -> float:
    return round((session.session_start_time_ms + offset_ms) / 1000, 3)


def sidecar_hints(content: object, hints: RecordingHints) -> RecordingHints | None:
    """Hints on the recording; None where no voice is recorded. Raises InvalidInputError."""
    metadata = validate(RecordingMetadata, content, "metadata")
    subtype = (metadata.media_subtype or "").upper()
    if metadata.media_type.upper() not in VOICE_MEDIA or subtype == "SCREEN":
        return None
    return replace(hints, rank=RANKS.get(subtype, 0))


# --- keys --------------------------------------------------------------------------------------------

UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
PATTERN = (
    r"^(?P<folder>(?:.*/)?)"
    rf"conversation_id=(?P<external_conversation_id>{UUID})/(?P<rec>{UUID})(?:\.(?!json$)[A-Za-z0-9]+)?$"
)
SIDECAR = "{folder}conversation_id={external_conversation_id}/{rec}_metadata.json"


def _key_rules(options: PlatformOptions) -> tuple[KeyRule, ...]:
    """Of the parts of a held call the longest is taken: they have the same rank."""
    hints = RecordingHints(agent_channel=options.agent_channels.get(NAME), longest=True, several=True)
    return (KeyRule(name=NAME, platform=NAME, pattern=PATTERN, sidecar=SIDECAR, hints=hints),)


PLATFORM = Platform(
    translate=_translate,
    key_rules=_key_rules,
    ignored_keys=(rf"(?:^|/)conversation_id={UUID}/[^/]+\.json$",),
    sidecar_hints=sidecar_hints,
)
