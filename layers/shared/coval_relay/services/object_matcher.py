"""Whose call an object is, in this order: ignore list, key rules, metadata, tag, sidecar; else it is pending."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from coval_relay.domain.call import NO_HINTS, RecordingHints
from coval_relay.domain.call_aliases import Alias, checked_alias, object_alias
from coval_relay.domain.call_id import checked_call_id
from coval_relay.domain.errors import (
    InvalidInputError,
    NotReadyError,
    ObjectGoneError,
    ObjectReplacedError,
    PermanentError,
)
from coval_relay.domain.messages import Message, ObjectCreated
from coval_relay.domain.object_key_rules import ALIAS, ID, KeyRule, KeyRuleSet, ObjectKind, SidecarHints
from coval_relay.domain.ports import Clock
from coval_relay.domain.s3_objects import ObjectVersion, RecordingObjects

METADATA_KEY = "external-conversation-id"
TAG_KEY = "external_conversation_id"
IGNORED = (
    r"/$",
    r"(?:^|/)\.[^/]*$",
    r"\.(?i:json|txt|log|csv|vtt|srt|pcap|pdf|xml|ya?ml|html?)$",
    r"\.(?i:filepart|part|partial|tmp|temp|crdownload|swp|bak|lock)$",
    r"\.(?i:md5|sha1|sha256|sha512|crc|etag|sig|asc)$",
    r"_\$folder\$$",
    r"(?:^|/)(?:_SUCCESS|_temporary|(?i:thumbs\.db|desktop\.ini))(?:/|$)",
)
"""What is no recording: folders and their markers (Hadoop, macOS, Windows), hidden files, such as vendors write to
see whether they may, text beside the recordings, files half copied, and checksums."""
MAX_SIDECAR_BYTES = 1024 * 1024
SIDECAR_PAUSE_SECONDS = 5
"""Short, so that what the sidecar says is known before another recording has settled."""


@dataclass(frozen=True, slots=True)
class Matched:
    """The object belongs to this call, or to the call that this alias will lead to."""

    target: str | Alias
    rule: KeyRule | None = None
    hints: RecordingHints = NO_HINTS
    others: tuple[Alias, ...] = ()
    """Aliases that are less likely than the target, the likeliest first."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """The object is none that this function takes; `code` says why."""

    code: str


@dataclass(frozen=True, slots=True)
class SidecarEvents:
    """The object is a sidecar: this is what it says."""

    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectMatcher:
    """Finds the call of an object of one kind; `source` is None where only the key can be looked at."""

    kind: ObjectKind
    key_rule_set: Callable[[], KeyRuleSet]
    buckets: tuple[str, ...]
    prefixes: tuple[str, ...]
    clock: Clock
    sidecar_seconds: int = 0
    """How long a recording waits for the sidecar that its rule names."""
    source: RecordingObjects | None = None

    def check_location(self, version: ObjectVersion) -> None:
        """Raises InvalidInputError for an object that lies where this stack does not look."""
        if version.bucket not in self.buckets:
            raise InvalidInputError("detail.bucket.name", f"is not one of the configured {self.kind} buckets")
        if not version.key.startswith(self.prefixes):
            raise InvalidInputError("detail.object.key", "has none of the configured prefixes")

    def match(self, created: ObjectCreated) -> Matched | Skipped | SidecarEvents:
        """Raises InvalidInputError for an impossible id, NotReadyError while a sidecar is awaited."""
        version, book = created.version, self.key_rule_set()
        if sidecar := self._sidecar(version, book):
            return sidecar
        if any(pattern.search(version.key) for pattern in book.ignored):
            return Skipped("ignored_key")
        matched = book.match(version)
        if matched is None and self.kind == "transcript":
            raise InvalidInputError("detail.object.key", "no transcript key rule finds a call id")
        if matched is None:
            return Skipped("ignored_key") if _ignored(version.key) else self._by_object(version)
        return self._by_rule(created, *matched, book)

    def suggested(self, version: ObjectVersion) -> tuple[str | Alias, ...]:
        """Whose recording the key alone suggests it is, the likeliest first; none where no rule knows it."""
        matched = self.key_rule_set().match(version)
        if matched is None or matched[0].kind != self.kind:
            return ()
        try:
            return _targets(*matched)
        except InvalidInputError:
            return ()

    def hints(self, version: ObjectVersion) -> RecordingHints:
        """What the rule that knows the key says of a recording."""
        matched = self.key_rule_set().match(version)
        return matched[0].hints if matched else NO_HINTS

    def tried_rules(self, message: Message) -> str:
        """What was tried, and missed, for the reason of an object whose call never became known."""
        rules = self.key_rule_set()
        names = ", ".join(rule.name for rule in rules.rules) or "none"
        matched = rules.match(message.version) if isinstance(message, ObjectCreated) else None
        missed = f"{matched[0].name} needs {matched[0].named_by}; " if matched and matched[0].named_by else ""
        return f"{missed}tried: key rules {names}; metadata {METADATA_KEY}; tag {TAG_KEY}; sidecar; aliases"

    # --- by its key ----------------------------------------------------------------------------------

    def _by_rule(
        self, created: ObjectCreated, rule: KeyRule, match: re.Match[str], book: KeyRuleSet
    ) -> Matched | Skipped:
        if rule.kind != self.kind:
            return Skipped(f"is_a_{rule.kind}")
        if rule.redacted is not None and rule.redacted != book.redacted:
            return Skipped("other_twin_by_redaction")
        judge = book.sidecar_hints.get(rule.platform) if rule.sidecar else None
        hints = self._hints_of_sidecar(created, rule, match, judge) if judge else rule.hints
        if hints is None:
            return Skipped("not_a_voice_recording")
        targets = _targets(rule, match)
        named = next((target for target in targets if isinstance(target, str)), None)
        named = named or self._by_description(created.version)
        if named:
            return Matched(named, rule, hints)
        first, *others = [target for target in targets if isinstance(target, Alias)] or [_place(created.version)]
        return Matched(first, rule, hints, tuple(others))

    def _hints_of_sidecar(
        self,
        created: ObjectCreated,
        rule: KeyRule,
        match: re.Match[str],
        judge: SidecarHints,
    ) -> RecordingHints | None:
        """What the sidecar beside the recording says; without it in time the rule's own hints hold."""
        key = rule.sidecar.format(**{name: group or "" for name, group in match.groupdict().items()})
        try:
            content = self._json(ObjectVersion(created.version.bucket, key, etag=""))
        except (ObjectGoneError, ObjectReplacedError, PermanentError):
            if self.clock() < created.created_at + self.sidecar_seconds:
                raise NotReadyError("sidecar_missing", SIDECAR_PAUSE_SECONDS) from None
            return rule.hints
        return judge(content, rule.hints)

    # --- by what stands with it ----------------------------------------------------------------------

    def _by_object(self, version: ObjectVersion) -> Matched:
        return Matched(self._by_description(version) or _place(version))

    def _by_description(self, version: ObjectVersion) -> str | None:
        """The id in the object's metadata, or in its tag."""
        if self.source is None:
            return None
        found = self.source.head(version).metadata.get(METADATA_KEY)
        found = found or self.source.tags(version).get(TAG_KEY)
        return checked_call_id(found) if found else None

    def _sidecar(self, version: ObjectVersion, book: KeyRuleSet) -> SidecarEvents | None:
        for sidecar in book.sidecars if self.source else ():
            if sidecar.pattern.search(version.key):
                return SidecarEvents(sidecar.read(self._json(version), version.bucket, version.key))
        return None

    def _json(self, version: ObjectVersion) -> object:
        assert self.source is not None
        try:
            return json.loads(self.source.read_range(version, 0, MAX_SIDECAR_BYTES))
        except (ValueError, RecursionError):
            raise InvalidInputError("sidecar", "must be JSON") from None


def _place(version: ObjectVersion) -> Alias:
    return object_alias(version.bucket, version.key)


def _targets(rule: KeyRule, match: re.Match[str]) -> tuple[str | Alias, ...]:
    """The call's id in the key, or its possible aliases; raises InvalidInputError."""
    groups = match.groupdict()
    if groups.get(ID):
        return (checked_call_id(groups[ID], "detail.object.key"),)
    values = rule.aliases(groups) if rule.aliases else (str(groups.get(ALIAS)),)
    return tuple(checked_alias(rule.alias_type, value, "detail.object.key") for value in values)


def _ignored(key: str) -> bool:
    return any(re.search(pattern, key) for pattern in IGNORED)


def overlaid(base: RecordingHints, over: RecordingHints) -> RecordingHints:
    """The rule's hints, and over them what an event says of the very recording."""
    channel = base.agent_channel if over.agent_channel is None else over.agent_channel
    return replace(
        base,
        agent_channel=channel,
        rank=over.rank or base.rank,
        longest=over.longest or base.longest,
        several=over.several or base.several,
        raw=over.raw or base.raw,
    )
