"""Genesys Cloud, from its partner bus: the customer's end, utterances during the call, exported recordings.

A conversation ends with its first customer. Recordings are exported minutes to days late, several of a
conversation (legs, holds, consults), each with a `_metadata.json` that says what it is.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from coval_relay.boundary_models import validate
from coval_relay.domain.call import RecordingHints
from coval_relay.domain.object_key_rules import KeyRule
from coval_relay.platforms.shared import canonical_events as canonical
from coval_relay.platforms.shared import event_parts, fields
from coval_relay.platforms.shared.contract import Event, Platform, PlatformOptions

NAME = "genesys"
UTTERANCES_EVENT = "v2.conversations.{id}.transcription"
"""The topic's template is the detail-type, braces included."""
VOICE_MEDIA = frozenset({"CALL", "CALLBACK"})
RANKS = {"TRUNK": 3, "STATION": 2, "CONSULT": 1}
"""The whole call at its edge, one agent's telephone, agents among themselves."""
BY_DISCONNECT: Mapping[str, canonical.CallStatus] = {
    "error": "failed",
    "transport.failure": "failed",
    "uncallable": "failed",
    "transfer.noanswer": "no_answer",
    "transfer.notavailable": "no_answer",
    "timeout": "no_answer",
}
"""`disconnectType` of a customer who talked with nobody."""
MOST_UTTERANCES, MAX_ID_LENGTH = 500, 200
"""In one canonical event, and in one of their ids."""
COLLECTED = canonical.TranscriptReference(uri="utterances:", format="utterances")


class CustomerEnd(fields.Camel):
    """Genesys Cloud, topic v2.detail.events.conversation.{id}.customer.end; `eventTime` is in epoch ms."""

    media_type: fields.Text = None
    conversation_id: fields.ConversationId
    event_time: fields.Time = None
    interacting_duration_ms: fields.Number = None
    disconnect_type: fields.Text = None
    direction: fields.Text = None
    division_id: fields.Text = None

    @property
    def seconds(self) -> float | None:
        length = self.interacting_duration_ms
        return length / 1000 if length is not None and 0 <= length <= fields.MAX_SECONDS * 1000 else None

    @property
    def status(self) -> canonical.CallStatus:
        """The enum is written in two ways: TRANSFER_NOANSWER, transfer.noanswer."""
        if self.seconds:
            return "completed"
        reason = (self.disconnect_type or "").lower().replace("_", ".")
        unanswered = self.seconds == 0 and (self.direction or "").upper() == "OUTBOUND"
        return BY_DISCONNECT.get(reason) or ("no_answer" if unanswered else "completed")


class CustomerEndDetail(fields.Camel):
    event_body: CustomerEnd


class Alternative(fields.Camel):
    offset_ms: fields.Number = None
    duration_ms: fields.Number = None
    transcript: fields.Words = None
    decorated_transcript: fields.Words = None

    @property
    def content(self) -> str:
        return (self.decorated_transcript or self.transcript or "").strip()

    @property
    def seconds(self) -> tuple[float, float]:
        """Start and end, from the leg's start."""
        start, length = max(0.0, self.offset_ms or 0) / 1000, max(0.0, self.duration_ms or 0) / 1000
        return start, start + length


class Utterance(fields.Camel):
    utterance_id: fields.Text = None
    is_final: fields.Flag = None
    channel: fields.Text = None
    alternatives: fields.Several[Alternative] = ()


class Utterances(fields.Camel):
    """Genesys Cloud, topic v2.conversations.{id}.transcription; offsets count from the leg's start."""

    conversation_id: fields.ConversationId
    event_time: fields.Time = None
    session_start_time_ms: fields.Time = None
    transcription_start_time_ms: fields.Time = None
    transcripts: fields.Several[Utterance] = ()

    @property
    def start(self) -> datetime | None:
        return self.session_start_time_ms or self.transcription_start_time_ms


class UtterancesDetail(fields.Camel):
    event_body: Utterances


class RecordingMetadata(fields.Camel):
    """Genesys Cloud, AWS S3 recording bulk actions: `<recording>_metadata.json`."""

    media_type: fields.Text = None
    media_subtype: fields.Text = None


def _translate(event: Event, options: PlatformOptions) -> list[canonical.Event]:
    if event.get("detail-type") == UTTERANCES_EVENT:
        return _utterances(validate(UtterancesDetail, event.get("detail"), "detail").event_body, event)
    ended = validate(CustomerEndDetail, event.get("detail"), "detail").event_body
    return [_call_ended(ended, event, options)] if (ended.media_type or "").upper() == "VOICE" else []


def _call_ended(ended: CustomerEnd, event: Event, options: PlatformOptions) -> canonical.Event:
    """Without a duration only the end is known: no length is claimed."""
    end, seconds, talked = ended.event_time or fields.sent_at(event), ended.seconds, ended.status == "completed"
    started = fields.later(end, -seconds) if seconds else None
    words = canonical.Transcript(status="reference", reference=COLLECTED)
    return canonical.CallEndedEvent(
        provider=NAME,
        external_conversation_id=ended.conversation_id,
        direction=ended.direction.lower() if ended.direction else None,
        status=ended.status,
        end_reason=ended.disconnect_type,
        **event_parts.call_times(event, started, end),
        transcript=words if talked else event_parts.transcript(),
        recording=canonical.ExpectedRecording(expected=talked, agent_channel=options.agent_channels.get(NAME)),
        metadata=event_parts.metadata(division_id=ended.division_id),
    )


def _utterances(session: Utterances, event: Event) -> list[canonical.Event]:
    """Utterances that will not change any more; the event that ends a session has none."""
    final = [*_final(session.transcripts)]
    if not final:
        return []
    zero = session.start or _start_by_last(final, session.event_time or fields.sent_at(event))
    utterances = [_canonical(utterance, best, zero) for utterance, best in final] if zero else []
    return [
        canonical.TranscriptUtterancesEvent(
            provider=NAME,
            external_conversation_id=session.conversation_id,
            utterances=tuple(utterances[first : first + MOST_UTTERANCES]),
        )
        for first in range(0, len(utterances), MOST_UTTERANCES)
    ]


def _start_by_last(final: Sequence[tuple[Utterance, Alternative]], moment: datetime | None) -> datetime | None:
    """When a leg began whose event does not say so: its event comes as the last utterance ends."""
    return fields.later(moment, -max(best.seconds[1] for _, best in final))


def _canonical(utterance: Utterance, best: Alternative, zero: datetime) -> canonical.Utterance:
    start, end = best.seconds
    return canonical.Utterance(
        id=(utterance.utterance_id or "")[:MAX_ID_LENGTH],
        role="assistant" if (utterance.channel or "").upper() == "INTERNAL" else "user",
        content=best.content,
        spoken_at=round(zero.timestamp() + start, 3),
        ended_at=round(zero.timestamp() + end, 3),
    )


def _final(utterances: tuple[Utterance, ...]) -> Iterator[tuple[Utterance, Alternative]]:
    for utterance in utterances:
        words = utterance.alternatives[0].content if utterance.alternatives else ""
        if utterance.is_final and utterance.utterance_id and words:
            yield utterance, utterance.alternatives[0]


def sidecar_hints(content: object, hints: RecordingHints) -> RecordingHints | None:
    """Hints on the recording; None where no voice is recorded. Raises InvalidInputError."""
    metadata = validate(RecordingMetadata, content, "metadata")
    subtype = (metadata.media_subtype or "").upper()
    if (metadata.media_type or "").upper() not in VOICE_MEDIA or subtype == "SCREEN":
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
