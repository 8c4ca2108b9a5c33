"""The mark that the messages of a verified webhook bear; apart from the door, which needs no message to start."""

from dataclasses import replace

from coval_relay.domain.messages import CallEnded, Message, RecordingReady, TranscriptArrived


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
