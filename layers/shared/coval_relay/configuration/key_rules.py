"""The operator's own key rules, as they stand in relay.toml."""

import re
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from coval_relay.configuration.section import Section
from coval_relay.domain.call import RecordingHints
from coval_relay.domain.call_aliases import MAX_TYPE_LENGTH
from coval_relay.domain.object_key_rules import ALIAS, ID, KeyRule, ObjectKind
from coval_relay.domain.raw_audio import LEAST_RATE, MOST_RATE, RawAudio, RawCodec
from coval_relay.platforms.registry import FORMATS

Name = Annotated[str, Field(pattern=r"^[a-z0-9_]+$", max_length=MAX_TYPE_LENGTH)]


def compiled(pattern: str) -> re.Pattern[str]:
    """Raises ValueError where it is no regular expression."""
    try:
        return re.compile(pattern)
    except (re.error, OverflowError, RecursionError):
        raise ValueError("must be a regular expression") from None


class RawFormat(Section):
    """What recordings without a header are; packed codecs have one channel."""

    codec: RawCodec
    sample_rate: Annotated[int, Field(ge=LEAST_RATE, le=MOST_RATE)]
    channels: Annotated[int, Field(ge=1, le=8)] = 1

    def audio(self) -> RawAudio:
        return RawAudio(codec=self.codec, sample_rate=self.sample_rate, channels=self.channels)


class Rule(Section):
    """Which call the objects of some keys belong to; rules of your own come before the platforms'."""

    name: Annotated[str, Field(min_length=1)]
    """What logs and reasons call it."""
    pattern: str
    """Regular expression over the key, with a group external_conversation_id, or alias."""
    kind: ObjectKind = "recording"
    """Whether the objects are recordings or transcripts."""
    bucket: Annotated[str, Field(min_length=1)] | None = None
    """The one bucket that it is for."""
    alias_type: Name | None = None
    """What the alias is, such as leg; goes together with the group alias."""
    platform: Name = "custom"
    """What the call's item names as their platform."""
    format: str = "canonical_v1"
    """How the transcripts are written."""
    agent_channel: Literal[0, 1] | None = None
    """Where the agent is heard in these recordings."""
    rank: int = 0
    """Of several recordings of a call the highest rank is taken, then the longest (see below), then the newest."""
    several: bool = False
    """Whether a recording waits for deadlines.settling_seconds, as others of its call may be better."""
    longest: bool = False
    """Whether of the same rank the longest is taken, not the newest."""
    redacted: bool | None = None
    """Whether these are redacted twins; leave it out where there are no twins."""
    raw: RawFormat | None = None
    """How recordings without a header are read."""

    @field_validator("pattern")
    @classmethod
    def _has_one_group(cls, pattern: str) -> str:
        groups = compiled(pattern).groupindex
        if (ID in groups) == (ALIAS in groups):
            raise ValueError(f"must have exactly one of the groups {ID} and {ALIAS}")
        return pattern

    @field_validator("format")
    @classmethod
    def _is_known(cls, name: str) -> str:
        if name not in FORMATS:
            raise ValueError(f"must be one of: {', '.join(FORMATS)}")
        return name

    @model_validator(mode="after")
    def _types_its_alias(self) -> Self:
        by_alias = ALIAS in compiled(self.pattern).groupindex
        if by_alias != (self.alias_type is not None):
            raise ValueError(f"alias_type goes together with the group {ALIAS}")
        return self

    def key_rule(self) -> KeyRule:
        return KeyRule(
            name=self.name,
            platform=self.platform,
            pattern=self.pattern,
            kind=self.kind,
            bucket=self.bucket,
            alias_type=self.alias_type or "",
            format=self.format,
            redacted=self.redacted,
            hints=RecordingHints(
                agent_channel=self.agent_channel,
                rank=self.rank,
                longest=self.longest,
                several=self.several,
                raw=self.raw.audio() if self.raw else None,
            ),
        )
