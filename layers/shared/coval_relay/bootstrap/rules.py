"""The operator's choices and key rules: how events are translated, and whose an object is."""

import time
from collections.abc import Callable
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from coval_relay import observability
from coval_relay.bootstrap.edge import client, clock
from coval_relay.domain.errors import InvalidInput, Retryable
from coval_relay.domain.journal import LogEvent
from coval_relay.domain.key_rules import KeyRule, Kind, Rulebook
from coval_relay.platforms import registry
from coval_relay.platforms.platform import Choices
from coval_relay.services.object_owner import ObjectOwner
from coval_relay.settings import Settings, SubmitTranscriptSettings, UploadRecordingSettings

if TYPE_CHECKING:
    from coval_relay.adapters.key_rules import SsmKeyRules
    from coval_relay.domain.recordings import RecordingSource


def translation_of(
    choices: Settings,
    transcript_buckets: tuple[str, ...] = (),
    transcript_prefixes: tuple[str, ...] = ("",),
) -> Choices:
    return Choices(
        agent_ids=choices.agent_ids,
        default_agent_id=choices.default_agent_id,
        tags=choices.tags,
        metrics=choices.metrics,
        transcript_buckets=transcript_buckets,
        transcript_prefixes=transcript_prefixes,
        transcript_hosts=choices.transcript_url_hosts,
        recording_hosts=choices.recording_url_hosts,
        agent_channels=choices.agent_channels,
        separate_transcripts=choices.separate_transcripts,
        redacted=choices.redaction == "redacted",
        estimated_times=choices.estimated_times,
    )


def transcript_owner(choices: SubmitTranscriptSettings, translation: Choices) -> ObjectOwner:
    pattern = choices.transcript_key_pattern
    short = (key_rule_in_short(pattern, "transcript"),) if pattern else ()
    return ObjectOwner(
        kind="transcript",
        rulebook=_rulebook(choices, translation, short),
        buckets=choices.transcript_buckets,
        prefixes=choices.transcript_prefixes,
        clock=clock,
    )


def recording_owner(
    choices: UploadRecordingSettings, translation: Choices, source: "RecordingSource"
) -> ObjectOwner:
    pattern = choices.recording_key_pattern
    short = (key_rule_in_short(pattern, "recording"),) if pattern else ()
    return ObjectOwner(
        kind="recording",
        rulebook=_rulebook(choices, translation, short),
        buckets=choices.recording_buckets,
        prefixes=choices.recording_prefixes,
        clock=clock,
        sidecar_seconds=choices.settle_seconds,
        source=source,
    )


def key_rule_in_short(pattern: str, kind: Kind) -> KeyRule:
    """The rule of a parameter that is a pattern alone."""
    return KeyRule(name=f"{kind}_key_pattern", platform="custom", pattern=pattern, kind=kind)


def _rulebook(choices: Settings, translation: Choices, short: tuple[KeyRule, ...]) -> Callable[[], Rulebook]:
    """The rules of the parameters, which stay, and those of the SSM parameter, which may change."""
    registry.check_names(choices.platforms)
    written = (*short, *_written(choices.key_rules))

    @lru_cache(maxsize=1)
    def book(changing: tuple[KeyRule, ...]) -> Rulebook:
        own = (*written, *changing)
        return registry.rulebook(choices.platforms, translation, own, choices.ignored_key_pattern)

    if not choices.key_rules_parameter:
        return lambda: book(())
    return lambda: book(_stored(choices.key_rules_parameter)())


def _written(rules: str) -> tuple[KeyRule, ...]:
    """The parameter's rules; most stacks have none, and need not load what reads them."""
    if rules.strip() in ("", "[]"):
        return ()
    from coval_relay.adapters.key_rules import parse_key_rules

    return parse_key_rules(rules, "KeyRules")


@cache
def _stored(parameter_name: str) -> "SsmKeyRules":
    """What reads the SSM parameter, made for the first object: a call's end asks for no key rule."""
    from coval_relay.adapters.key_rules import SsmKeyRules

    return SsmKeyRules(client("ssm"), parameter_name, time.monotonic, _rules_unreadable)


def _rules_unreadable(error: InvalidInput | Retryable) -> None:
    told = error.code if isinstance(error, Retryable) else str(error)
    observability.journal(LogEvent.RULES_UNREADABLE, code=told)
