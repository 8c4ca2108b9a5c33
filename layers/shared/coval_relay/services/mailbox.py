"""How the use cases hand work to each other: one queue each."""

from dataclasses import dataclass
from typing import Protocol

from coval_relay.domain.messages import (
    AttachRecording,
    ParkingExpired,
    RecordingFound,
    RecordingReady,
    Resume,
)

HandOver = AttachRecording | ParkingExpired | RecordingFound | RecordingReady | Resume


class Letter(Protocol):
    """Sends one message to one queue."""

    def __call__(self, message: HandOver) -> None: ...


@dataclass(frozen=True, slots=True)
class Mailbox:
    """The three functions' queues."""

    call_end: Letter
    recording: Letter
    attach: Letter
