"""Bodies of submit and patch, and the rules that need nothing but the body."""

import json
import re
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

from pydantic import Field

from local.simulator.behaviour_switches import Switches
from local.simulator.errors import ApiError, already_exists, detail, invalid
from local.simulator.transcripts import Message, UploadedMessage, check_tool_calls
from local.simulator.validation import DateTime, StrictBody, parse_json_object, validate

NO_INPUT = "At least one of transcript or audio_url must be provided"
TOO_LARGE = "Request payload exceeds maximum size limit"
IDENTITY_KEYS = frozenset(
    {
        "conversation_id",
        "external_conversation_id",
        "call_id",
        "trace_id",
        "langfuse_trace_id",
        "observation_id",
        "langfuse_observation_id",
        "project_id",
        "environment",
        "occurred_at",
    }
)
METRIC_ID = re.compile(r"[A-Za-z0-9]{22,26}")
MAX_METADATA_KEYS = 100
MAX_METADATA_KEY_LENGTH = 200

Tag = Annotated[str, Field(min_length=1, max_length=200, pattern=r"\S")]


class Submission(StrictBody):
    """A submit request's fields (Coval API, SubmitConversationRequest)."""

    nullable: ClassVar[frozenset[str]] = frozenset({"agent_id"})

    audio_url: str | None = None
    upload_id: Annotated[str, Field(pattern=r"^upl_[0-9A-HJKMNP-TV-Z]{26}$")] | None = None
    metadata: dict[str, Any] | None = None
    tags: Annotated[list[Tag], Field(max_length=20)] | None = None
    external_conversation_id: str | None = None
    occurred_at: DateTime | None = None
    agent_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{22}$")] | None = None

    @property
    def messages(self) -> Sequence[Message]:
        """The transcript, empty where there is none."""
        raise NotImplementedError

    @property
    def metric_selection(self) -> Sequence[str] | None:
        raise NotImplementedError

    @property
    def simulation_id(self) -> str | None:
        """The simulation that the metadata names, if any."""
        value = (self.metadata or {}).get("coval_simulation_id")
        return value if isinstance(value, str) else None


class LegacySubmission(Submission):
    """The compatibility family's submit."""

    transcript: Annotated[list[Message], Field(min_length=1)] | None = None
    metrics: list[Annotated[str, Field(min_length=22, max_length=26)]] | None = None

    @property
    def messages(self) -> Sequence[Message]:
        return self.transcript or ()

    @property
    def metric_selection(self) -> Sequence[str] | None:
        return self.metrics


class UploadedSubmission(Submission):
    """The canonical family's submit: richer messages, metrics by id or by legacy name."""

    transcript: Annotated[list[UploadedMessage], Field(min_length=1)] | None = None
    metrics: list[str] | None = None

    @property
    def messages(self) -> Sequence[Message]:
        return self.transcript or ()

    @property
    def metric_selection(self) -> Sequence[str] | None:
        return self.metrics


class Patch(StrictBody):
    """A patch request's fields (Coval API, PatchConversationRequest)."""

    audio_url: str | None = None
    audio: str | None = None
    metadata: dict[str, Any] | None = None


def parse_submission(model: type[Submission], raw: bytes, switches: Switches) -> Submission:
    """Read and check a submit body; raises ApiError 400 or 413."""
    body = parse_json_object(raw)
    submission = validate(model, body, switches)
    _check_sources(submission)
    check_tool_calls(submission.messages)
    _check_metrics(submission.metric_selection or (), switches)
    _check_size(body, switches.max_payload_bytes)
    return submission


def _check_sources(submission: Submission) -> None:
    if not submission.messages and submission.audio_url is None and submission.upload_id is None:
        raise invalid("Missing required input data", "transcript", NO_INPUT)
    if submission.audio_url is not None and submission.upload_id is not None:
        raise invalid("audio_url and upload_id are mutually exclusive", "audio_url")


def _check_metrics(selection: Sequence[str], switches: Switches) -> None:
    for metric in selection:
        is_known_id = METRIC_ID.fullmatch(metric) if switches.metric_ids is None else metric in switches.metric_ids
        if not is_known_id and metric not in switches.metric_names:
            raise invalid(f"Unknown metric: {metric}", "metrics")


def _check_size(body: dict[str, Any], limit: int) -> None:
    """Measure what Coval would queue: compact JSON, every non-ASCII character escaped."""
    if len(json.dumps(body, separators=(",", ":"))) > limit:
        hint = f"{TOO_LARGE}. Consider reducing metadata size."
        raise ApiError(413, "PAYLOAD_TOO_LARGE", TOO_LARGE, (detail("metadata", hint),))


def parse_patch(raw: bytes, switches: Switches) -> Patch:
    """Read a patch body, which has exactly one of its fields; raises ApiError 400."""
    patch = validate(Patch, parse_json_object(raw), switches)
    given = [name for name in ("audio_url", "audio", "metadata") if getattr(patch, name) is not None]
    if len(given) != 1:
        raise invalid("Exactly one of audio_url, audio or metadata must be provided", given[0] if given else "audio")
    _check_added_metadata(patch.metadata or {})
    return patch


def _check_added_metadata(metadata: dict[str, Any]) -> None:
    if len(metadata) > MAX_METADATA_KEYS:
        raise invalid(f"At most {MAX_METADATA_KEYS} metadata keys per request", "metadata")
    for key, value in metadata.items():
        if len(key) > MAX_METADATA_KEY_LENGTH:
            raise invalid(f"Metadata key names are limited to {MAX_METADATA_KEY_LENGTH} characters", "metadata")
        if key in IDENTITY_KEYS:
            raise invalid(f"Metadata key '{key}' identifies the conversation and cannot be set", "metadata")
        if value is None:
            raise invalid(f"Metadata value of '{key}' must not be null", "metadata")


def merge_metadata(held: dict[str, Any], added: dict[str, Any]) -> dict[str, Any]:
    """Return both together; raises ApiError 409 where a key has a value already."""
    for key in added:
        if held.get(key) is not None:
            message = f"Metadata key '{key}' already has a value. Overwriting metadata is not supported."
            raise already_exists(message, "metadata", f"Metadata key '{key}' already set")
    return {**held, **added}
