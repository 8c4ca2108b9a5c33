"""Text as it comes, made into text that JSON, the table and Coval can hold."""

import re
from collections.abc import Mapping
from typing import Any

UNREADABLE = re.compile("[\x00\ud800-\udfff]")
"""NUL, and halves of a surrogate pair, which are no characters."""
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
MAX_DEPTH = 50
"""No reader looks deeper."""
TEXT_OF_PART = ("text", "transcript", "refusal")
"""Where OpenAI's parts of a content have their words: text, audio, refusal."""


def readable(value: Any, depth: int = 0) -> tuple[Any, int]:
    """The same JSON without unreadable characters, and how many were replaced."""
    if isinstance(value, str):
        return UNREADABLE.subn(REPLACEMENT, value)
    if depth == MAX_DEPTH or not isinstance(value, Mapping | list):
        return value, 0
    if isinstance(value, list):
        items = [readable(item, depth + 1) for item in value]
        return [item for item, _ in items], sum(count for _, count in items)
    pairs = [(readable(key, depth + 1), readable(item, depth + 1)) for key, item in value.items()]
    return {key: item for (key, _), (item, _) in pairs}, sum(count + more for (_, count), (_, more) in pairs)


def joined_parts(content: object) -> object:
    """The words of a content that is a list of parts, what is none of them by its name; others are as they are."""
    if not isinstance(content, list) or not all(isinstance(part, str | Mapping) for part in content):
        return content
    return " ".join(words for part in content if (words := _words(part).strip()))


def _words(part: str | Mapping[str, Any]) -> str:
    if isinstance(part, str):
        return part
    words = next((part[name] for name in TEXT_OF_PART if isinstance(part.get(name), str)), None)
    return f"[{part.get('type') or 'part'}]" if words is None else words
