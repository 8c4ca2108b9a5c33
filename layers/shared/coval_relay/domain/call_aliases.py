"""Aliases of a call: a recording's id, a leg's id, a room, the place of an object.

An alias may be known before the event that says whose it is. What came under it is pending there until then:

    recording object  ── pending, not bound ──┐
    event with both   ──── bind ── send on what is pending ── clear
    recording object  ── bound: goes on with the target
"""

import re
from dataclasses import dataclass, field
from typing import Literal

from coval_relay.domain.call_id import one_spelling
from coval_relay.domain.errors import InvalidInputError

QueueName = Literal["call_end", "recording", "attach"]
"""Whose queue a message goes to."""
PREFIX = "alias#"
MAX_VALUE_BYTES = 1500
"""With the prefix below DynamoDB's 2048 bytes of a partition key, for names in ASCII."""
MAX_TYPE_LENGTH = 64
S3_OBJECT = "s3_object"
"""Type of the alias that an object's place is: value `bucket/key`."""
NO_RECORDING = "no_recording"
"""Type of the alias to which an event binds what is no call's recording: value the reason's code."""
IN_TIME = "_at"
"""Ends the types of aliases that are a room in a span of time: value `room@2026-10-02T14:31`, `…:3` or `…:38`."""
SHARED = "shared"
"""Type of the alias that is bound where two calls have claimed another one: the value is that one's key."""
ALIAS_RULE = "must be a type of letters, digits and _, and a value of 1 to 1500 printable characters"


@dataclass(frozen=True, slots=True)
class Alias:
    """A name under which a platform knows a call or one of its recordings."""

    type: str
    value: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", one_spelling(self.value))

    @property
    def key(self) -> str:
        return f"{PREFIX}{self.type}#{self.value}"


@dataclass(frozen=True, slots=True)
class PendingMessage:
    """A message that waits until an alias is bound: `event` is sent to `queue` again then."""

    identity: str
    queue: QueueName
    event: str = field(repr=False)
    pending_since: int


def checked_alias(type_: str, value: str, field: str) -> Alias:
    """Raises InvalidInputError for what cannot be an alias."""
    well_typed = re.fullmatch(r"[a-z0-9_]{1,64}", type_) is not None
    alias = Alias(type_, value)
    well_named = alias.value.isprintable() and 1 <= len(alias.value.encode()) <= MAX_VALUE_BYTES
    if not (well_typed and well_named):
        raise InvalidInputError(field, ALIAS_RULE)
    return alias


def object_alias(bucket: str, key: str) -> Alias:
    """The alias of an object's place."""
    return Alias(S3_OBJECT, f"{bucket}/{key}")


def spans_of(alias: Alias) -> tuple[Alias, ...]:
    """What the alias may be known as: a room in a second also as in its minute, and in ten seconds of it."""
    found = re.fullmatch(r"(.*@[-0-9]{10}T\d\d:\d\d)(:\d)\d", alias.value) if alias.type.endswith(IN_TIME) else None
    if found is None:
        return (alias,)
    minute, ten_seconds = found[1], found[1] + found[2]
    return Alias(alias.type, minute), Alias(alias.type, ten_seconds), alias


def shared(alias: Alias) -> Alias:
    """Bound where two calls claim a room in the same span of time: then nobody can tell whose a recording is."""
    return Alias(SHARED, alias.key)


def place_of(alias: Alias) -> tuple[str, str] | None:
    """Bucket and key of the object whose place the alias is."""
    bucket, _, key = alias.value.partition("/")
    return (bucket, key) if alias.type == S3_OBJECT and key else None


def alias_of(target: str) -> Alias | None:
    """The alias that a binding leads to; None where it leads to a call's id."""
    if not target.startswith(PREFIX):
        return None
    type_, _, value = target.removeprefix(PREFIX).partition("#")
    return Alias(type_, value)
