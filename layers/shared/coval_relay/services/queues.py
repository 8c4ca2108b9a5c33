"""How the use cases hand work to each other: one queue each."""

from dataclasses import dataclass
from typing import Protocol

from coval_relay.domain.messages import (
    AttachRecording,
    ObjectNamed,
    PendingExpired,
    RecordingFound,
    RecordingReady,
    Resume,
)

InternalMessage = AttachRecording | ObjectNamed | PendingExpired | RecordingFound | RecordingReady | Resume


class SendMessage(Protocol):
    """Sends one message to one queue."""

    def __call__(self, message: InternalMessage) -> None: ...


@dataclass(frozen=True, slots=True)
class Queues:
    """The three functions' queues."""

    call_end: SendMessage
    recording: SendMessage
    attach: SendMessage
