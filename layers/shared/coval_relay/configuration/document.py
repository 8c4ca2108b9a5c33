"""relay.toml: all that CloudFormation need not know, as one model that functions, tests and tools share."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from coval_relay.configuration.key_rules import Rule, compiled
from coval_relay.configuration.section import Section

BASE_URL = r"^(https://[A-Za-z0-9.-]+(:[0-9]{1,5})?|http://(127\.0\.0\.1|localhost):[0-9]{1,5})$"
AgentId = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{22}$")]
Host = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{0,252}(:[0-9]{1,5})?$")]
Bucket = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")]
Account = Annotated[str, Field(pattern=r"^\d{12}$")]
DAY_SECONDS = 86_400
MIN_RETENTION_DAYS = 14
"""A call waits in its item for 13 days: what is deleted before has not ended visibly."""
MAX_WAIT_SECONDS = 518_400
"""An upload's id lives for 7 days in Coval, so no call waits longer than 6."""


class CovalApi(Section):
    """How Coval is reached."""

    base_url: Annotated[str, Field(pattern=BASE_URL)] = "https://api.coval.dev"
    """Where Coval's API is, without the version: https://HOST (http is for this machine only)."""
    path_family: Literal["conversations", "uploaded"] = "conversations"
    """Paths of Coval's API, /v1/conversations or /v1/conversations/uploaded; leave it."""
    timeout_seconds: Annotated[int, Field(ge=1, le=60)] = 30
    """How long one request to Coval may take."""
    processing_seconds: Annotated[int, Field(ge=1, le=900)] = 120
    """Coval's longest processing of a request plus clock skew; leave it, unless Coval says otherwise."""


class Calls(Section):
    """What is sent of a call."""

    default_agent_id: AgentId | Literal[""] = ""
    """Coval's id of the agent of calls whose agent has no entry in agent_ids; leave it out to name none."""
    agent_ids: Mapping[str, AgentId] = Field(default_factory=dict)
    """The platform's agent id → Coval's agent id."""
    metrics: tuple[Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,200}$")], ...] = ()
    """Ids of the Coval metrics to run; none for the organization's default metrics."""
    tags: Annotated[tuple[Annotated[str, Field(min_length=1, max_length=200)], ...], Field(max_length=20)] = ()
    """Tags of every conversation in Coval."""
    oversize_transcript: Literal["truncate", "recording", "reject"] = "truncate"
    """Where a transcript is too large: truncate leaves its oldest messages out, recording sends that alone."""
    max_payload_bytes: Annotated[int, Field(ge=1_000, le=262_144)] = 256_000
    """Largest submit request that is sent."""
    estimated_times: Literal["send", "omit"] = "send"
    """Whether words with estimated times are sent; omit sends the recording alone, for Coval to transcribe."""
    redaction: Literal["original", "redacted"] = "original"
    """Which twin is sent where a platform makes a redacted one of a recording or transcript."""


class PlatformChoices(Section):
    """What an account of yours decides about a platform."""

    agent_channel: Literal[0, 1] | None = None
    """Channel of the agent in its stereo recordings, over what is known of the platform."""
    separate_transcripts: bool = False
    """Whether its transcripts come as a file or an event of their own, where the call end does not say so."""


class Links(Section):
    """What may be fetched by https; without hosts S3 objects only are taken."""

    recording_hosts: tuple[Host, ...] = ()
    """Hosts that recordings may be fetched from."""
    transcript_hosts: tuple[Host, ...] = ()
    """Hosts that transcripts may be fetched from."""


class Deadlines(Section):
    """How long something waits, or is kept."""

    grace_seconds: Annotated[int, Field(ge=1, le=MAX_WAIT_SECONDS)] = 3600
    """How long a recording waits for its call's end; then it is submitted without one."""
    transcript_seconds: Annotated[int, Field(ge=1, le=MAX_WAIT_SECONDS)] = 21_600
    """How long an ended call waits for a transcript that was announced."""
    recording_seconds: Annotated[int, Field(ge=1, le=2_592_000)] = 86_400
    """When a call without a recording is noted as text-only; one that comes later is still attached."""
    audit_seconds: Annotated[int, Field(ge=1, le=86_400)] = 600
    """How long after a repeated submit Coval is looked through for a second conversation."""
    resume_seconds: Annotated[int, Field(ge=1, le=86_400)] = 900
    """How long unfinished work rests before the sweep sends it again."""
    settling_seconds: Annotated[int, Field(ge=0, le=900)] = 60
    """How long a recording waits for better ones, where the platform may send several of a call."""
    pending_seconds: Annotated[int, Field(ge=1, le=604_800)] = 86_400
    """How long an object is kept whose call is not known yet; then it is a dead letter."""
    retention_days: Annotated[int, Field(ge=MIN_RETENTION_DAYS, le=3650)] = 90
    """How long the state of a call is kept after its last change; longer than recording_seconds."""

    @field_validator("retention_days")
    @classmethod
    def _outlasts_what_waits(cls, days: int, written: ValidationInfo) -> int:
        if days * DAY_SECONDS <= written.data.get("recording_seconds", 0):
            raise ValueError("must be longer than recording_seconds")
        return days


class Configuration(Section):
    """The whole document; a key that is left out has its default."""

    log_level: Literal["INFO", "WARNING", "ERROR"] = "INFO"
    """Least level of the functions' log lines; there is no DEBUG, as libraries would log requests whole."""
    ignored_keys: tuple[str, ...] = ()
    """Regular expressions of objects' keys that are passed over silently."""
    bucket_owners: Mapping[Bucket, Account] = Field(default_factory=dict)
    """A recording or transcript bucket of another account → that account, of 12 digits."""
    coval: CovalApi = Field(default_factory=CovalApi)
    calls: Calls = Field(default_factory=Calls)
    platforms: Mapping[str, PlatformChoices] = Field(default_factory=dict)
    links: Links = Field(default_factory=Links)
    deadlines: Deadlines = Field(default_factory=Deadlines)
    key_rules: tuple[Rule, ...] = ()

    @field_validator("ignored_keys")
    @classmethod
    def _are_patterns(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in patterns:
            compiled(pattern)
        return patterns


SECTIONS = ("coval", "calls", "links", "deadlines")
"""Those that are a model each."""
DEPLOYED_ONLY = (
    "coval.base_url",
    "calls.redaction",
    "links.recording_hosts",
    "links.transcript_hosts",
    "bucket_owners",
)
"""What would redirect data: it comes with the deploy, and no SSM parameter can change it."""
