"""Numbers for values: equal values have one number, so states are small, and are compared whole."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any

Form = Callable[[Any], Hashable]


def canonical(value: Any) -> Hashable:
    """What two values share exactly when nobody could tell them apart; the order in mappings counts."""
    kind: type = type(value)
    return _form(kind)(value)


@cache
def _form(kind: type) -> Form:
    """How values of a type are compared."""
    if issubclass(kind, str | int | bytes) and kind is not bool:
        return _itself
    if is_dataclass(kind):
        return _of_fields(kind)
    if issubclass(kind, Mapping):
        return _of_pairs
    if issubclass(kind, list | tuple):
        return _of_items
    return lambda value: (kind.__name__, value)


def _itself(value: Any) -> Hashable:
    hashable: Hashable = value
    return hashable


def _of_fields(kind: type) -> Form:
    name, names = kind.__name__, tuple(field.name for field in fields(kind))
    return lambda value: (name, *[canonical(getattr(value, one)) for one in names])


def _of_pairs(value: Any) -> Hashable:
    return ("{}", *[(canonical(key), canonical(one)) for key, one in value.items()])


def _of_items(value: Any) -> Hashable:
    return ("[]", *[canonical(one) for one in value])


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
