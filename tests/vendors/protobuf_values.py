"""Messages of a vendor's Protobuf types, by their descriptors: as the JSON that its server sends."""

from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message import Message

from tests.vendors.draws import Draws
from tests.vendors.typed_values import DEEPEST, MOST_ITEMS, PRESENT, Known

WHOLE = frozenset(getattr(FieldDescriptor, f"CPPTYPE_{name}") for name in ("INT32", "INT64", "UINT32", "UINT64"))
UNKNOWN_NUMBER = 99
LARGE = frozenset({"createdAt", "creationTime", "creationTimeMs", "startedAt", "endedAt", "updatedAt", "size"})
"""Whole numbers of 64 bits, which are strings in Protobuf's JSON."""


@dataclass(frozen=True)
class ProtobufValues:
    """Fills messages; `known` fields, by their names in JSON, have the values that vendors send."""

    draws: Draws
    known: Known
    absent: frozenset[str] = frozenset()

    def json(self, message: Message) -> dict[str, Any]:
        """A message at random, in Protobuf's JSON; it is parsed again here, with the oddities that JSON allows."""
        self._fill(message, 0)
        made = self._odd(MessageToDict(message))
        ParseDict(made, type(message)())
        return dict(made)

    def _fill(self, message: Message, depth: int) -> None:
        fields: list[Any] = list(message.DESCRIPTOR.fields)
        for field in fields:
            chosen = self.draws.chance(PRESENT[min(depth + 1, DEEPEST)])
            taken = field.containing_oneof and message.WhichOneof(field.containing_oneof.name)
            if chosen and not taken and field.json_name not in self.absent:
                self._set(message, field, depth)

    def _set(self, message: Message, field: FieldDescriptor, depth: int) -> None:
        inner = field.message_type
        if inner and inner.GetOptions().map_entry:
            return
        if field.is_repeated:
            values = getattr(message, field.name)
            for _ in range(self.draws.random.randint(0, MOST_ITEMS)):
                self._fill(values.add(), depth + 1) if inner else values.append(self._scalar(field))
        elif inner:
            getattr(message, field.name).SetInParent()
            self._fill(getattr(message, field.name), depth + 1)
        else:
            setattr(message, field.name, self._scalar(field))

    def _scalar(self, field: FieldDescriptor) -> Any:
        usual = self.known.get(field.json_name)
        if usual and not self.draws.is_odd:
            return usual(self.draws)
        if field.enum_type:
            numbers = [value.number for value in field.enum_type.values]
            return UNKNOWN_NUMBER if self.draws.is_odd else self.draws.one_of(numbers)
        if field.cpp_type in WHOLE:
            return self.draws.random.randrange(2**31)
        if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
            return self.draws.chance(0.5)
        return self.draws.text() if field.cpp_type == FieldDescriptor.CPPTYPE_STRING else field.default_value

    def _odd(self, value: Any) -> Any:
        """Null for what is unset, and large numbers as such: both are Protobuf's JSON too."""
        if isinstance(value, list):
            return [self._odd(inner) for inner in value]
        if not isinstance(value, dict):
            return value
        return {name: self._odd_field(name, inner) for name, inner in value.items()}

    def _odd_field(self, name: str, value: Any) -> Any:
        if self._is_dropped(name):
            return None
        return int(value) if name in LARGE and self.draws.is_odd else self._odd(value)

    def _is_dropped(self, name: str) -> bool:
        return name not in self.known and self.draws.chance(self.draws.oddness / 4)
