"""Transcript files of AWS's call analytics: Contact Lens, Transcribe Call Analytics with the same turns."""

from typing import Any

from pydantic import Field

from coval_relay.boundary_models import BoundaryModel, validate
from coval_relay.platforms.shared import canonical_events as canonical
from coval_relay.platforms.shared import event_parts, fields

ASSISTANTS = frozenset({"AGENT", "SYSTEM", "CUSTOM_BOT"})
"""The side that is evaluated: a person, the prompts of an IVR, a bot. All others speak to it."""


class Participant(BoundaryModel):
    id: fields.Text = Field(None, alias="ParticipantId")
    role: fields.Text = Field(None, alias="ParticipantRole")


class Turn(BoundaryModel):
    participant: fields.Text = Field(None, alias="ParticipantId")
    role: fields.Text = Field(None, alias="ParticipantRole")
    content: fields.Words = Field(None, alias="Content")
    begin: fields.Number = Field(None, alias="BeginOffsetMillis")
    end: fields.Number = Field(None, alias="EndOffsetMillis")


class Analysis(BoundaryModel):
    participants: fields.Several[Participant] = Field((), alias="Participants")
    turns: fields.Several[Turn] = Field(alias="Transcript")


def call_analytics(content: Any, _: object) -> list[canonical.Message]:
    """Turns with content; raises InvalidInputError. Times count from the recording's start.

    A turn names its speaker's role itself (Amazon Transcribe, Call Analytics output), or a participant that
    the file's list has the role of (Amazon Connect, Contact Lens output file).
    """
    analysis = validate(Analysis, content, "transcript")
    roles = {participant.id: participant.role for participant in analysis.participants}
    return event_parts.usable_messages(
        event_parts.message(_role(turn, roles), turn.content, _seconds(turn.begin), _seconds(turn.end))
        for turn in analysis.turns
    )


def _role(turn: Turn, roles: dict[str | None, str | None]) -> canonical.Role:
    role = turn.role or roles.get(turn.participant) or turn.participant or ""
    return "assistant" if role.upper() in ASSISTANTS else "user"


def _seconds(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000
