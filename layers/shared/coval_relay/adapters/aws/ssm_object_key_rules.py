"""The operator's own key rules: JSON from a parameter of the stack, or from SSM with a cache."""

import re
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Annotated, Literal, Self

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)

from coval_relay.boundary import fault
from coval_relay.domain.call import RecordingHints
from coval_relay.domain.call_aliases import MAX_TYPE_LENGTH
from coval_relay.domain.errors import InvalidInputError, RetryableError
from coval_relay.domain.object_key_rules import ALIAS, ID, KeyRule, ObjectKind
from coval_relay.domain.raw_audio import RawAudio, RawCodec

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

LIFE_SECONDS = 300
UNUSABLE = "key_rules_unusable"
Name = Annotated[str, Field(pattern=r"^[a-z0-9_]+$", max_length=MAX_TYPE_LENGTH)]


class _Raw(BaseModel):
    """What recordings without a header are; packed codecs have one channel."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    codec: RawCodec
    sample_rate: Annotated[int, Field(ge=4_000, le=192_000)]
    channels: Annotated[int, Field(ge=1, le=8)] = 1

    def audio(self) -> RawAudio:
        return RawAudio(codec=self.codec, sample_rate=self.sample_rate, channels=self.channels)


class _Rule(BaseModel):
    """One rule; unlike a platform's event it must have no unknown field: that would be a slip of the pen."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(min_length=1)]
    platform: Name = "custom"
    bucket: Annotated[str, Field(min_length=1)] | None = None
    pattern: str
    kind: ObjectKind = "recording"
    alias_type: Name | None = None
    format: Name = "canonical_v1"
    agent_channel: Literal[0, 1] | None = None
    rank: int = 0
    redacted: bool | None = None
    several: bool = False
    longest: bool = False
    raw: _Raw | None = None

    @field_validator("pattern")
    @classmethod
    def _has_one_group(cls, pattern: str) -> str:
        try:
            groups = re.compile(pattern).groupindex
        except (re.error, OverflowError, RecursionError):
            raise ValueError("must be a regular expression") from None
        if (ID in groups) == (ALIAS in groups):
            raise ValueError(f"must have exactly one of the groups {ID} and {ALIAS}")
        return pattern

    @model_validator(mode="after")
    def _types_its_alias(self) -> Self:
        by_alias = ALIAS in re.compile(self.pattern).groupindex
        if by_alias != (self.alias_type is not None):
            raise ValueError(f"alias_type goes together with the group {ALIAS}")
        return self

    def rule(self) -> KeyRule:
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


def parse_key_rules(text: str, field: str) -> tuple[KeyRule, ...]:
    """The rules of a JSON list, none of an empty text; raises InvalidInput: `field` and the rule broken."""
    try:
        rules = _rules().validate_json(text.strip() or "[]")
    except ValidationError as error:
        raise fault(error, field) from None
    return tuple(rule.rule() for rule in rules)


@cache
def _rules() -> TypeAdapter[list[_Rule]]:
    return TypeAdapter(list[_Rule])


class SsmKeyRules:
    """The rules in an SSM parameter (String), read again after `seconds`; `clock` is monotonic.

    The last good rules stay while SSM fails or the text is broken, which each reading reports to `report`.
    """

    def __init__(
        self,
        client: "SSMClient",
        parameter_name: str,
        clock: Callable[[], float],
        report: Callable[[InvalidInputError | RetryableError], None],
        seconds: float = LIFE_SECONDS,
    ) -> None:
        self._client = client
        self._parameter_name = parameter_name
        self._clock = clock
        self._report = report
        self._seconds = seconds
        self._rules: tuple[KeyRule, ...] | None = None
        self._read_at = 0.0

    def __call__(self) -> tuple[KeyRule, ...]:
        """Raises RetryableError where no good rules are known yet: operators mend them, messages wait."""
        now = self._clock()
        if self._rules is None or now - self._read_at >= self._seconds:
            self._rules, self._read_at = self._renewed(), now
        return self._rules

    def _renewed(self) -> tuple[KeyRule, ...]:
        try:
            return parse_key_rules(self._read(), self._parameter_name)
        except (InvalidInputError, RetryableError) as error:
            self._report(error)
            if self._rules is not None:
                return self._rules
            raise (error if isinstance(error, RetryableError) else RetryableError(UNUSABLE)) from None

    def _read(self) -> str:
        try:
            answer = self._client.get_parameter(Name=self._parameter_name, WithDecryption=False)
        except ClientError as error:
            raise RetryableError(f"ssm_{error.response['Error']['Code']}") from error
        except BotoCoreError as error:
            raise RetryableError("ssm_unreachable") from error
        return answer["Parameter"].get("Value", "")
