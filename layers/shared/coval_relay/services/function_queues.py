"""How the use cases hand work to each other: one queue each. Nobody sends to the queue that it consumes.

What a function leaves to itself waits in the call's item, for the sweep: a message that a function sends to itself
would be stopped by Lambda's recursive-loop protection (AWS Lambda, invocation-recursion).
"""

from dataclasses import dataclass
from typing import Protocol

from coval_relay.domain.messages import ObjectNamed, PendingExpired, RecordingReady, Resume

InternalMessage = ObjectNamed | PendingExpired | RecordingReady | Resume


class SendMessage(Protocol):
    """Sends one message to one queue."""

    def __call__(self, message: InternalMessage) -> None: ...


@dataclass(frozen=True, slots=True)
class Queues:
    """The three functions' queues."""

    call_end: SendMessage
    recording: SendMessage
    attach: SendMessage
