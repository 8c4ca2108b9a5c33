"""What the services ask of Coval: its resources, and the port that the HTTP client fills."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

ContentType = Literal["audio/wav", "audio/mp3"]

BAD_REQUEST, NOT_FOUND, CONFLICT, UNPROCESSABLE = 400, 404, 409, 422
"""The statuses by which Coval's rejections differ."""
CIRCUIT_OPEN = "circuit_open"
"""Why something waits while Coval is left alone."""
MAX_UPLOAD_BYTES = 100 * 1024 * 1024
"""Most that `audio:upload` takes (Coval API, POST /v1/audio:upload: 104857600)."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation as Coval describes it, whichever of its envelopes it came in."""

    conversation_id: str
    external_conversation_id: str | None = None
    status: str | None = None
    has_audio: bool | None = None
    create_time: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Filtered:
    """Coval's answer to a simulated call: nothing was made, nothing is billed."""

    reason: str
    simulation_id: str


@dataclass(frozen=True, slots=True)
class Upload:
    """A place to PUT audio bytes; the URL is a secret and ends at `expires_at`, the id 7 days from now."""

    upload_id: str
    upload_url: str = field(repr=False)
    expires_at: datetime
    max_size_bytes: int
    content_type: ContentType


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent as Coval knows it; `agent_id` is what a submit names."""

    agent_id: str
    customer_agent_id: str
    display_name: str
    model_type: str


class CovalClient(Protocol):
    """Coval's API.

    Every call but `wait_turn` raises RetryableError, UnknownOutcomeError (submit, attach, delete, PUT), PermanentError,
    or AudioFetchError (submit, attach).
    """

    def wait_turn(self) -> int:
        """Seconds for which Coval is left alone, 0 where a request may go; waits in place for what is short."""

    def submit(self, body: bytes) -> Conversation | Filtered:
        """POST the exact bytes of a submit request."""

    def attach_audio(self, conversation_id: str, audio_url: str) -> Conversation:
        """PATCH the recording's URL onto a conversation; PermanentError(status=409): it has audio."""

    def get(self, conversation_id: str) -> Conversation | None:
        """Read one conversation; None where Coval answers 404."""

    def find(self, external_conversation_id: str) -> list[Conversation]:
        """Read, strongly consistent, at most two conversations of exactly this external id."""

    def delete(self, conversation_id: str) -> None:
        """Delete a conversation; one that is gone already counts as deleted."""

    def conversations(
        self, *, matching: str | None = None, order_by: str | None = None, page_size: int = 50
    ) -> Iterator[Conversation]:
        """All conversations that match, page after page."""

    def create_upload(self, content_type: ContentType, size: int) -> Upload:
        """Ask for a place to PUT `size` bytes."""

    def put_audio(self, upload: Upload, chunks: Iterable[bytes], size: int) -> None:
        """PUT exactly `size` bytes to the upload's URL."""

    def agents(self) -> Iterator[Agent]:
        """All agents, page after page."""

    def get_agent(self, agent_id: str) -> Agent | None:
        """Read one agent; None where Coval answers 404."""

    def create_agent(self, fields: Mapping[str, Any]) -> Agent:
        """Create an agent from Coval's own fields."""
