"""The operator's choices and key rules: how events are translated, and whose an object is."""

import time
from collections.abc import Callable
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from coval_relay.adapters.aws import telemetry
from coval_relay.domain.errors import InvalidInputError, RetryableError
from coval_relay.domain.key_rules import KeyRule, KeyRuleSet, ObjectKind
from coval_relay.domain.log_events import LogEvent
from coval_relay.entrypoints.lambda_handler import client, clock
from coval_relay.platforms import registry
from coval_relay.platforms.shared.contract import PlatformOptions
from coval_relay.services.object_matcher import ObjectMatcher
from coval_relay.settings import Settings, SubmitTranscriptSettings, UploadRecordingSettings

if TYPE_CHECKING:
    from coval_relay.adapters.aws.ssm_key_rules import SsmKeyRules
    from coval_relay.domain.s3_objects import RecordingObjects


def platform_options_of(
    options: Settings,
    transcript_buckets: tuple[str, ...] = (),
    transcript_prefixes: tuple[str, ...] = ("",),
) -> PlatformOptions:
    return PlatformOptions(
        agent_ids=options.agent_ids,
        default_agent_id=options.default_agent_id,
        tags=options.tags,
        metrics=options.metrics,
        transcript_buckets=transcript_buckets,
        transcript_prefixes=transcript_prefixes,
        transcript_hosts=options.transcript_url_hosts,
        recording_hosts=options.recording_url_hosts,
        agent_channels=options.agent_channels,
        separate_transcripts=options.separate_transcripts,
        redacted=options.redaction == "redacted",
        estimated_times=options.estimated_times,
    )


def transcript_matcher(options: SubmitTranscriptSettings, platform_options: PlatformOptions) -> ObjectMatcher:
    pattern = options.transcript_key_pattern
    short = (key_rule_in_short(pattern, "transcript"),) if pattern else ()
    return ObjectMatcher(
        kind="transcript",
        key_rule_set=_key_rule_set(options, platform_options, short),
        buckets=options.transcript_buckets,
        prefixes=options.transcript_prefixes,
        clock=clock,
    )


def recording_matcher(
    options: UploadRecordingSettings, platform_options: PlatformOptions, source: "RecordingObjects"
) -> ObjectMatcher:
    pattern = options.recording_key_pattern
    short = (key_rule_in_short(pattern, "recording"),) if pattern else ()
    return ObjectMatcher(
        kind="recording",
        key_rule_set=_key_rule_set(options, platform_options, short),
        buckets=options.recording_buckets,
        prefixes=options.recording_prefixes,
        clock=clock,
        sidecar_seconds=options.settling_seconds,
        source=source,
    )


def key_rule_in_short(pattern: str, kind: ObjectKind) -> KeyRule:
    """The rule of a parameter that is a pattern alone."""
    return KeyRule(name=f"{kind}_key_pattern", platform="custom", pattern=pattern, kind=kind)


def _key_rule_set(
    options: Settings, platform_options: PlatformOptions, short: tuple[KeyRule, ...]
) -> Callable[[], KeyRuleSet]:
    """The rules of the parameters, which stay, and those of the SSM parameter, which may change."""
    registry.check_names(options.platforms)
    written = (*short, *_written(options.key_rules))

    @lru_cache(maxsize=1)
    def book(changing: tuple[KeyRule, ...]) -> KeyRuleSet:
        own = (*written, *changing)
        return registry.key_rule_set(options.platforms, platform_options, own, options.ignored_key_pattern)

    if not options.key_rules_parameter:
        return lambda: book(())
    return lambda: book(_stored(options.key_rules_parameter)())


def _written(rules: str) -> tuple[KeyRule, ...]:
    """The parameter's rules; most stacks have none, and need not load what reads them."""
    if rules.strip() in ("", "[]"):
        return ()
    from coval_relay.adapters.aws.ssm_key_rules import parse_key_rules

    return parse_key_rules(rules, "KeyRules")


@cache
def _stored(parameter_name: str) -> "SsmKeyRules":
    """What reads the SSM parameter, made for the first object: a call's end asks for no key rule."""
    from coval_relay.adapters.aws.ssm_key_rules import SsmKeyRules

    return SsmKeyRules(client("ssm"), parameter_name, time.monotonic, _rules_unreadable)


def _rules_unreadable(error: InvalidInputError | RetryableError) -> None:
    told = error.code if isinstance(error, RetryableError) else str(error)
    telemetry.report(LogEvent.KEY_RULES_UNREADABLE, code=told)
