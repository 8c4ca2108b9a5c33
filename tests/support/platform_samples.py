"""Platforms' sample events, and any change of them."""

import copy
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import strategies as st
from pydantic import TypeAdapter

from coval_relay.domain.errors import InvalidInputError
from coval_relay.domain.object_key_rules import KeyRule
from coval_relay.platforms.registry import platform, translate
from coval_relay.platforms.shared.contract import (
    CanonicalEvent,
    CanonicalMessage,
    Platform,
    PlatformOptions,
)

EVENTS = Path(__file__).parents[2] / "events"
NOW = 1_790_951_900
T = TypeVar("T")


def sample(name: str, event: str) -> Any:
    return json.loads((EVENTS / name / f"{event}.json").read_text(encoding="utf-8"))


def sample_key(name: str, event: str) -> str:
    """The key of a sample of S3's event."""
    return str(sample(name, event)["detail"]["object"]["key"])


def canonical_events(name: str, event: str, options: PlatformOptions | None = None) -> list[CanonicalEvent]:
    """The canonical events of a sample, which have messages."""
    options = options or PlatformOptions()
    translate(sample(name, event), options, NOW)
    return list(platform(name).translate(sample(name, event), options))


def as_json(messages: Sequence[CanonicalMessage]) -> Any:
    """Canonical messages in their wire form, without what is absent."""
    return TypeAdapter(Sequence[CanonicalMessage]).dump_python(messages, mode="json", exclude_none=True)


def match(rules: Sequence[KeyRule], key: str) -> tuple[str, str] | None:
    """Name of the first rule that knows the key, and the id or alias in it."""
    for rule in rules:
        if found := rule.compiled.search(key):
            groups = found.groupdict()
            values = rule.aliases(groups) if rule.aliases else ()
            return rule.name, str(groups.get("external_conversation_id") or groups.get("alias") or values[0])
    return None


def is_ignored(of: Platform, key: str) -> bool:
    return any(re.search(pattern, key) for pattern in of.ignored_keys)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["1970-01-01T00:00:00.001Z", "2026-10-02T14:30:50Z", "VOICE", "\ud800", "0", "-1", "1e999"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=8,
)


def mutated(event: Mapping[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """The event with its detail, or one value anywhere in that, replaced by any JSON."""
    places = list(_locations(event["detail"], ("detail",)))
    return st.builds(_replaced, st.just(event), st.sampled_from(places), JSON)


def message_kinds(event: Mapping[str, Any], options: PlatformOptions | None = None) -> set[str]:
    """Kinds of messages that the event becomes; none where InvalidInputError rejects it."""
    try:
        return {type(message).__name__ for message in translate(event, options or PlatformOptions(), NOW)}
    except InvalidInputError:
        return set()


def attempted(read: Callable[[], T]) -> T | InvalidInputError:
    """What is read, or the error that rejects it."""
    try:
        return read()
    except InvalidInputError as error:
        return error


def _locations(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    yield path
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        yield from _locations(inner, (*path, key))


def _replaced(event: Mapping[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(dict(event))
    holder: Any = changed
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value
    return changed
