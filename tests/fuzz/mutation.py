"""New inputs from old ones: by their structure where they have one, byte by byte where not."""

import json
import struct
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any, Final

from tests.fuzz.boundary import PHONE, SECRET

DEEP: Final = (40, 400, 950)
ATOMS: Final[tuple[Any, ...]] = (
    None, True, False, 0, 1, -1, 2, 31, 32, 2**31, 2**63, 10**40, 10**3999, 0.5, -0.0, 1e308, 1e-320,
    float("nan"), float("inf"), "", " ", "0", "1", "-1", "1e999", "nan", "\0", "\ud800", "\udfff\u202e", '"',
    "\n", "\u0660", "é" * 300, "a" * 300, "1970-01-01T00:00:00Z", "2026-10-02T14:30:50Z",
    "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "2026-10-02", "1790951900", "1790951900123",
    "Fri, 02 Oct 2026 14:30:50 +0000", "Fri, 02 Oct 2026 14:30:50 +9999", "Fri, 99 Oct", SECRET, PHONE,
    f"https://storage.acme.example/{PHONE}?signature={SECRET}", "https://media.example.com/a.wav",
    "https://[::1/", "https://a@media.example.com:99999/", "s3://recordings/rec/call-1.wav", "s3://", "s3:///",
    "s3://transcripts/call-1.json", "alias#a#b", "utterances:", "assistant", "user", "tool", "[]", "{}", "{",
    "\ufeff{}", [], {}, [[]], {"": ""}, {SECRET: SECRET}, {PHONE: PHONE}, [None, None],
)  # fmt: skip
NUMBERS: Final = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFE, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
HEAD: Final = 256
"""Bytes in which most changes are made: what follows is mostly sound."""
MAX_BYTES: Final = 65_536
LARGEST: Final = 10**4000
"""Python reads no number of more than 4300 digits."""
Path = tuple[Any, ...]


# --- JSON --------------------------------------------------------------------------------------------


def mutated_json(random: Random, value: Any, corpus: Sequence[Any]) -> Any:
    """One to four changes at any places."""
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        path = _somewhere(random, value)
        value = _replaced(value, path, _changed(random, _at(value, path), corpus))
    return value


def mutated_text(random: Random, value: Any, corpus: Sequence[Any]) -> Any:
    """A value that is sent as JSON, or now and then a text (str) that may be none."""
    changed = mutated_json(random, value, corpus)
    if random.random() > 0.2 or isinstance(changed, str):
        return changed
    return mutated_bytes(random, text_of(changed).encode(errors="replace"), ()).decode(errors="replace")


def text_of(value: Any) -> str:
    """As JSON, unless it is a text already; what is nested too deeply even for that, nested more deeply."""
    try:
        return value if isinstance(value, str) else json.dumps(value)
    except RecursionError:
        return "[" * 100_000


def _somewhere(random: Random, value: Any) -> Path:
    path: list[Any] = []
    while isinstance(value, dict | list) and value and random.random() < 0.9:
        key = random.choice(list(value)) if isinstance(value, dict) else random.randrange(len(value))
        path.append(key)
        value = value[key]
    return tuple(path)


def _at(value: Any, path: Path) -> Any:
    for key in path:
        value = value[key]
    return value


def _replaced(value: Any, path: Path, new: Any) -> Any:
    """Copied along the path only."""
    if not path:
        return new
    changed: Any = dict(value) if isinstance(value, dict) else list(value)
    changed[path[0]] = _replaced(value[path[0]], path[1:], new)
    return changed


def _changed(random: Random, value: Any, corpus: Sequence[Any]) -> Any:
    kind = type(value)
    own = _CHANGES.get(kind)
    if own is not None and random.random() < 0.5:
        return own(random, value, corpus)
    if random.random() < 0.03:
        return _nested(random, value)
    if random.random() < 0.2:
        other = random.choice(corpus)
        return _at(other, _somewhere(random, other))
    return random.choice(ATOMS)


def _nested(random: Random, value: Any) -> Any:
    for _ in range(random.choice(DEEP)):
        value = [value] if random.random() < 0.5 else {"a": value}
    return value


def _object(random: Random, value: Mapping[Any, Any], _: Sequence[Any]) -> Any:
    changed = dict(value)
    match random.randrange(3):
        case 0 if changed:
            del changed[random.choice(list(changed))]
        case 1 if changed:
            name = random.choice(list(changed))
            changed[random.choice((name.upper(), name[:-1], f"{name}s", SECRET))] = changed.pop(name)
        case _:
            changed[random.choice(("detail", "id", "type", "content", SECRET, PHONE, ""))] = random.choice(ATOMS)
    return changed


def _list(random: Random, value: Sequence[Any], _: Sequence[Any]) -> Any:
    changed = list(value)
    match random.randrange(4):
        case 0:
            random.shuffle(changed)
        case 1 if changed:
            del changed[random.randrange(len(changed))]
        case 2 if len(changed) < 200:
            changed += changed * random.choice((1, 2, 8))
        case _:
            changed.insert(random.randint(0, len(changed)), random.choice(ATOMS))
    return changed


def _string(random: Random, value: str, corpus: Sequence[Any]) -> Any:
    """A text that is JSON itself is changed as such: queues carry events so."""
    if value[:1] in ("{", "[") and random.random() < 0.8:
        try:
            return json.dumps(mutated_json(random, json.loads(value), corpus))
        except (ValueError, RecursionError):
            return value[: len(value) // 2]
    at = random.randint(0, len(value))
    piece = random.choice([atom for atom in ATOMS if isinstance(atom, str)])
    return random.choice((value[:at], value[at:], value[:at] + piece + value[at:], piece + value, value * 3))


def _whole(random: Random, value: int, _: Sequence[Any]) -> Any:
    value %= LARGEST
    return random.choice((value + 1, value - 1, -value, value * 1000, value // 7, str(value), [value]))


def _fraction(random: Random, value: float, _: Sequence[Any]) -> Any:
    return random.choice((value + 0.001, -value, value * 1e6, str(value), value - 100.0))


_CHANGES: Final[dict[type, Callable[[Random, Any, Sequence[Any]], Any]]] = {
    dict: _object,
    list: _list,
    str: _string,
    int: _whole,
    float: _fraction,
}


# --- bytes -------------------------------------------------------------------------------------------


def mutated_bytes(random: Random, data: bytes, corpus: Sequence[bytes]) -> bytes:
    """One to eight changes, most of them in the head."""
    for _ in range(random.choice((1, 1, 2, 4, 8))):
        within = min(len(data), HEAD) if random.random() < 0.7 else len(data)
        at = random.randint(0, within)
        data = random.choice(_BYTES)(random, data, at, corpus)[:MAX_BYTES]
    return data


def _number_in(random: Random, data: bytes, at: int, _: Sequence[bytes]) -> bytes:
    size = random.choice(("B", "<H", ">H", "<I", ">I"))
    mask = (1 << 8 * struct.calcsize(size)) - 1
    number = struct.pack(size, random.choice(NUMBERS) & mask)
    return data[:at] + number + data[at + len(number) :]


def _flipped(random: Random, data: bytes, at: int, _: Sequence[bytes]) -> bytes:
    return data[:at] + bytes(byte ^ 1 << random.randrange(8) for byte in data[at : at + 1]) + data[at + 1 :]


def _cut(random: Random, data: bytes, at: int, _: Sequence[bytes]) -> bytes:
    return data[:at] if random.random() < 0.3 else data[:at] + data[at + random.choice((1, 2, 4, 100)) :]


def _noise(random: Random, data: bytes, at: int, _: Sequence[bytes]) -> bytes:
    return data[:at] + random.randbytes(random.choice((1, 2, 4, 16, 64))) + data[at:]


def _redelivered(random: Random, data: bytes, at: int, _: Sequence[bytes]) -> bytes:
    return data[:at] + data[at : at + random.choice((4, 8, 64))] * random.choice((2, 3, 20)) + data[at:]


def _spliced(random: Random, data: bytes, at: int, corpus: Sequence[bytes]) -> bytes:
    other = random.choice(corpus) if corpus else data
    start = random.randint(0, min(len(other), HEAD))
    return data[:at] + other[start : start + random.choice((8, 64, MAX_BYTES))]


_BYTES: Final = (_number_in, _number_in, _flipped, _cut, _noise, _redelivered, _spliced)
