"""Settings: one model a function, read from the environment that the template gives it."""

import json
import os
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError


def _split(value: object) -> object:
    return tuple(part for part in value.split(",") if part) if isinstance(value, str) else value


def _split_all(value: object) -> object:
    return tuple(value.split(",")) if isinstance(value, str) else value


def _load_json(value: object) -> object:
    return json.loads(value or "{}") if isinstance(value, str) else value


Account = Annotated[str, Field(pattern=r"^\d{12}$")]
CommaList = Annotated[tuple[str, ...], BeforeValidator(_split)]
"""A comma-separated list, as CloudFormation joins it."""
Prefixes = Annotated[tuple[str, ...], BeforeValidator(_split_all)]
"""Likewise; an empty part is the prefix of every key."""


class Settings(BaseModel):
    """What each function of a queue needs; the environment has the fields' names in capitals."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    table_name: str = Field(min_length=1)
    queue_url: str = Field(min_length=1)
    """The function's own queue: what has to wait is hidden in it."""
    dead_letter_queue_url: str = Field(min_length=1)
    call_end_queue_url: str = Field(min_length=1)
    recording_queue_url: str = Field(min_length=1)
    attach_queue_url: str = Field(min_length=1)

    coval_api_key_secret_arn: str = Field(min_length=1)
    coval_base_url: str = Field(pattern=r"^https?://")
    coval_path_family: Literal["conversations", "uploaded"] = "conversations"
    coval_timeout_seconds: int = Field(30, ge=1, le=120)
    coval_processing_seconds: int = Field(120, ge=1, le=900)
    """Coval's longest processing of a request plus clock skew: how long a lease outlives its owner."""

    grace_seconds: int = Field(3600, ge=1)
    transcript_deadline_seconds: int = Field(21600, ge=1)
    recording_deadline_seconds: int = Field(86400, ge=1)
    audit_delay_seconds: int = Field(600, ge=1)
    resume_seconds: int = Field(900, ge=1)
    """How long unfinished work rests before the sweep sends it again."""
    retention_days: int = Field(90, ge=1)

    default_agent_id: str = Field("", pattern=r"^([A-Za-z0-9-]{22})?$")
    agent_ids: Annotated[Mapping[str, str], BeforeValidator(_load_json)] = Field(default_factory=dict)
    """JSON object: the platform's agent id → Coval's agent id."""
    metrics: CommaList = ()
    tags: CommaList = ()

    platforms: CommaList = ("canonical",)
    """Names of the platforms whose key rules apply: modules of coval_relay.platforms."""
    agent_channels: Annotated[Mapping[str, int], BeforeValidator(_load_json)] = Field(default_factory=dict)
    """JSON object: platform → the channel of the agent in its stereo recordings."""
    separate_transcripts: CommaList = ()
    """Platforms whose transcripts come as a file or an event of their own."""
    redaction: Literal["original", "redacted"] = "original"
    estimated_times: Literal["send", "omit"] = "send"
    key_rules: str = "[]"
    """JSON list of the operator's own key rules; they come before the platforms'."""
    key_rules_parameter: str = ""
    """Name of an SSM parameter that holds such a list too."""
    ignored_key_pattern: str = ""
    """Regular expression of keys that are passed over."""
    recording_key_pattern: str = ""
    """Regular expression with a group named external_conversation_id: a key rule in short."""
    recording_url_hosts: CommaList = ()
    """Hosts from which recordings may be fetched by https; none: only s3:// objects."""
    transcript_url_hosts: CommaList = ()
    """Likewise for transcripts."""
    platform_credentials_secret_arn: str = ""
    """Secret whose JSON maps a host to {username, password} or {header, value}."""
    bucket_owner: Account
    """The account of every bucket that is not named in `bucket_owners`."""
    bucket_owners: Annotated[Mapping[str, Account], BeforeValidator(_load_json)] = Field(default_factory=dict)
    """JSON object: a bucket of another account → that account."""
    rejected_events_bucket: str = ""
    """The stack's own bucket, where the events of rejected calls are kept; empty: they are not."""
    settling_seconds: int = Field(60, ge=0)
    """How long a recording waits where the platform may send several."""
    pending_seconds: int = Field(86400, ge=1)
    """How long an object is kept whose call is not known yet."""


class RecordingSettings(Settings):
    """What the functions that read recordings need besides."""

    recording_buckets: CommaList = Field(min_length=1)
    recording_prefixes: Prefixes = ("",)
    staging_bucket: str = Field(min_length=1)
    """The stack's own bucket: copies of recordings that Coval could not take as they are."""


class SubmitTranscriptSettings(Settings):
    """Settings of submit_transcript."""

    transcript_buckets: CommaList = ()
    transcript_prefixes: Prefixes = ("",)
    transcript_key_pattern: str = ""
    """Regular expression with a group named external_conversation_id."""
    oversize_transcript: Literal["truncate", "recording", "reject"] = "truncate"
    webhook_bucket: str = ""
    """The stack's own bucket of webhooks' bodies that no queue takes; empty where there are no webhooks."""
    max_payload_bytes: int = Field(256_000, ge=1_000, le=262_144)


class UploadRecordingSettings(RecordingSettings):
    """Settings of upload_recording."""


class AttachRecordingSettings(RecordingSettings):
    """Settings of attach_recording."""


S = TypeVar("S", bound=Settings)


class SettingsError(RuntimeError):
    """An environment variable is missing or breaks its rule."""


def parse(model: type[S], environment: Mapping[str, str]) -> S:
    """Validate an environment; raises SettingsError: each variable and its rule, never its value."""
    values: dict[str, Any] = {
        name: environment[name.upper()] for name in model.model_fields if name.upper() in environment
    }
    try:
        return model(**values)
    except ValidationError as error:
        faults = "; ".join(f"{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors())
        raise SettingsError(faults) from None


@cache
def load(model: type[S]) -> S:
    """The function's settings, read once an execution environment."""
    return parse(model, os.environ)
