"""Settings: what the template gives a function in its environment; all else stands in relay.toml."""

import os
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError


def _split(value: object) -> object:
    return tuple(part for part in value.split(",") if part) if isinstance(value, str) else value


def _split_all(value: object) -> object:
    return tuple(value.split(",")) if isinstance(value, str) else value


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

    platforms: CommaList = ("canonical",)
    """Names of the platforms whose key rules apply, in their order: modules of coval_relay.platforms."""
    configuration_parameter: str = ""
    """Name of an SSM parameter whose document takes the place of the deployed relay.toml."""
    platform_credentials_secret_arn: str = ""
    """Secret whose JSON maps a host to {username, password} or {header, value}."""
    bucket_owner: Account
    """The account of the stack, and of every bucket that the configuration names no other owner of."""
    rejected_events_bucket: str = ""
    """The stack's own bucket, where the events of rejected calls are kept; empty: they are not."""


class RecordingSettings(Settings):
    """What the functions that read recordings need besides."""

    recording_buckets: CommaList = ()
    recording_prefixes: Prefixes = ("",)
    staging_bucket: str = Field(min_length=1)
    """The stack's own bucket: copies of recordings that Coval could not take as they are."""


class SubmitTranscriptSettings(Settings):
    """Settings of submit_transcript."""

    transcript_buckets: CommaList = ()
    transcript_prefixes: Prefixes = ("",)
    webhook_bucket: str = ""
    """The stack's own bucket of webhooks' bodies that no queue takes; empty where there are no webhooks."""


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
