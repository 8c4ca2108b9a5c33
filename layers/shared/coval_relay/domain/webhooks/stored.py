"""A verified webhook on its way to the platforms' readers, and the mark that its messages bear."""

from dataclasses import dataclass, field, replace

from coval_relay.domain.messages import CallEnded, Message, RecordingReady, TranscriptArrived


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredWebhook:
    """What the queue keeps of a webhook; its body is text that the sender's signature has been verified for."""

    platform: str
    label: str
    event_type: str
    """The detail-type under which its platform's reader knows it; empty where the body names none."""
    arrived_at: float
    is_form: bool
    body: bytes = field(repr=False)

    @property
    def provenance(self) -> str:
        """Who sent it, as the call's item has it."""
        return f"webhook:{self.platform}" + (f"/{self.label}" if self.label else "")


def marked(message: Message, provenance: str) -> Message:
    """The message with its provenance, where it brings something that stays on the call's item."""
    match message:
        case CallEnded():
            pointer = replace(message.pointer, provenance=provenance) if message.pointer else None
            return replace(message, facts=replace(message.facts, provenance=provenance), pointer=pointer)
        case TranscriptArrived():
            return replace(message, pointer=replace(message.pointer, provenance=provenance))
        case RecordingReady():
            return replace(message, hints=replace(message.hints, provenance=provenance))
        case _:
            return message
