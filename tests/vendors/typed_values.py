"""Values of a vendor's pydantic types, by their annotations: as JSON, under the names of the wire."""

import enum
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any, Final

from pydantic import BaseModel

from tests.vendors.draws import Draws

DEEPEST: Final = 7
PRESENT: Final = (1.0, 0.75, 0.6, 0.4, 0.25, 0.1, 0.05, 0.0)
"""How often an optional field is there, by its depth."""
UNKNOWN_MEMBER: Final = "something-new-2027"
MOST_ITEMS: Final = 4
Known = Mapping[str, Callable[[Draws], Any]]
"""Wire name of a field → its usual value. Odd values come from the type alone."""


@dataclass(frozen=True)
class _Field:
    wire_name: str
    type: Any
    is_required: bool


@cache
def _fields(model: type[BaseModel]) -> tuple[_Field, ...]:
    """With names resolved where they were written as strings, which needs the model's own module."""
    try:
        hints = typing.get_type_hints(model)
    except NameError:
        hints = {}
    return tuple(
        _Field(field.alias or name, hints.get(name, field.annotation), field.is_required())
        for name, field in model.model_fields.items()
    )


@dataclass(frozen=True)
class TypedValues:
    """Makes values of types; `known` fields have the values that vendors send."""

    draws: Draws
    known: Known

    def model(self, model: type[BaseModel], depth: int = 0) -> dict[str, Any]:
        return {field.wire_name: self._field(field, depth) for field in _fields(model) if self._is_there(field, depth)}

    def _is_there(self, field: _Field, depth: int) -> bool:
        return field.is_required or self.draws.chance(PRESENT[min(depth, DEEPEST)])

    def _field(self, field: _Field, depth: int) -> Any:
        usual = self.known.get(field.wire_name)
        if usual and not self.draws.is_odd:
            return usual(self.draws)
        return self.value(field.type, depth + 1)

    def value(self, type_: Any, depth: int) -> Any:
        origin, arguments = typing.get_origin(type_), typing.get_args(type_)
        if origin is typing.Annotated:
            return self.value(arguments[0], depth)
        if origin is typing.Literal:
            return self._member(arguments)
        if origin is typing.Union or str(origin) == "<class 'types.UnionType'>":
            return self._union(arguments, depth)
        if origin in (list, tuple, set, typing.get_origin(typing.Sequence[int])):
            return [self.value(arguments[0], depth) for _ in range(self._length(depth))]
        if origin in (dict, typing.get_origin(Mapping[str, int])):
            return {self.draws.text(): self.value(arguments[1], depth) for _ in range(self._length(depth))}
        return self._plain(type_, depth)

    def _length(self, depth: int) -> int:
        return 0 if depth > DEEPEST or self.draws.is_odd else self.draws.random.randint(0, MOST_ITEMS)

    def _member(self, members: tuple[Any, ...]) -> Any:
        return UNKNOWN_MEMBER if self.draws.is_odd else self.draws.one_of(members)

    def _union(self, members: tuple[Any, ...], depth: int) -> Any:
        """A known member rather than null, and `Any` only where there is nothing else."""
        if type(None) in members and self.draws.chance(max(0.1, self.draws.oddness)):
            return None
        exact = [member for member in members if member not in (type(None), Any, object)]
        return self.value(self.draws.one_of(exact) if exact else Any, depth)

    def _plain(self, type_: Any, depth: int) -> Any:
        if not isinstance(type_, type):
            return self.draws.json()
        if issubclass(type_, BaseModel):
            return self.model(type_, depth)
        if issubclass(type_, enum.Enum):
            return self._member(tuple(member.value for member in type_))
        return self._scalar(type_)

    def _scalar(self, type_: type) -> Any:
        draws = self.draws
        if issubclass(type_, bool):
            return draws.chance(0.5)
        if issubclass(type_, int):
            return self._number(draws.whole())
        if issubclass(type_, float):
            return self._number(draws.fraction())
        if issubclass(type_, datetime | date):
            return draws.text() if draws.is_odd else draws.time()
        return draws.text() if issubclass(type_, str) else draws.json()

    def _number(self, number: float) -> Any:
        return str(number) if self.draws.is_odd else number
