"""Rules that find out from an object's key whose call it belongs to, and what kind of object it is."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from coval_relay.domain.call import NO_HINTS, RecordingHints
from coval_relay.domain.messages import Message
from coval_relay.domain.s3_objects import ObjectVersion

ID, ALIAS = "external_conversation_id", "alias"
"""The two groups, one of which a rule's pattern must have."""
ObjectKind = Literal["recording", "transcript"]


@dataclass(frozen=True, kw_only=True)
class KeyRule:
    """A pattern over the decoded key with a group `external_conversation_id`, or `alias` of `alias_type`.

    `format` names the transcript's format where `kind` is transcript. `redacted` is None where the platform
    knows no redacted twins; else the operator's policy decides which twin is taken. `sidecar` is the key,
    with the pattern's groups in braces, of a JSON document that must be read before the object is judged.
    """

    name: str
    platform: str
    pattern: str
    kind: ObjectKind = "recording"
    bucket: str | None = None
    alias_type: str = ""
    format: str = "canonical_v1"
    redacted: bool | None = None
    sidecar: str = ""
    aliases: Callable[[Mapping[str, str]], tuple[str, ...]] | None = None
    """The alias's possible values, the likeliest first, made of the groups, where `alias` is none of them."""
    hints: RecordingHints = NO_HINTS
    named_by: str = ""
    """What must tell whose the object is, where the key does not: part of the reason when nothing did."""

    @cached_property
    def compiled(self) -> re.Pattern[str]:
        return re.compile(self.pattern)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSidecar:
    """A JSON object whose own event brings it, and how its content is read."""

    pattern: re.Pattern[str]
    read: Callable[[Any, str, str], tuple[Message, ...]]


SidecarHints = Callable[[object, RecordingHints], RecordingHints | None]
"""What a sidecar that a rule names says of its recording; None: it is none of a voice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRuleSet:
    """All rules that hold now: the operator's own, then the platforms'."""

    rules: tuple[KeyRule, ...]
    ignored: tuple[re.Pattern[str], ...] = ()
    sidecars: tuple[EventSidecar, ...] = ()
    sidecar_hints: Mapping[str, SidecarHints] = field(default_factory=dict)
    """Platform → what its pulled sidecar says of a recording; None: it is none."""
    redacted: bool = False

    def match(self, version: ObjectVersion) -> tuple[KeyRule, re.Match[str]] | None:
        """The first rule that knows the key; the twin that the policy does not take is known too."""
        for rule in self.rules:
            found = rule.compiled.search(version.key) if rule.bucket in (None, version.bucket) else None
            if found:
                return rule, found
        return None
