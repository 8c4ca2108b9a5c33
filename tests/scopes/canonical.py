"""Numbers for values: equal values have one number, so states are small, and are compared whole."""

from collections.abc import Hashable, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any


@cache
def _names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def canonical(value: Any) -> Hashable:
    """What two values share exactly when nobody could tell them apart; the order in mappings counts."""
    if isinstance(value, str | int | bytes) and not isinstance(value, bool):
        return value
    if is_dataclass(value) and not isinstance(value, type):
        kind = type(value)
        return (kind.__name__, *[canonical(getattr(value, name)) for name in _names(kind)])
    if isinstance(value, Mapping):
        return ("{}", *[(canonical(key), canonical(one)) for key, one in value.items()])
    if isinstance(value, list | tuple):
        return ("[]", *[canonical(one) for one in value])
    return (type(value).__name__, value)


class Pool:
    """Values and their numbers; nobody changes a value that was taken from here."""

    def __init__(self) -> None:
        self._numbers: dict[Hashable, int] = {}
        self.values: list[Any] = []

    def number(self, value: Any) -> int:
        key = canonical(value)
        number = self._numbers.setdefault(key, len(self.values))
        if number == len(self.values):
            self.values.append(value)
        return number
