"""The filter expressions of lists: `field operator value`, joined by AND and OR, without parentheses."""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from local.simulator.errors import ApiError, invalid
from local.simulator.validation import parse_instant

TOKEN = re.compile(
    r"\s*(?:(?P<join>AND|OR)(?=\s)|(?P<field>[A-Za-z_][\w.\-]*)\s*(?P<operator>!=|>=|<=|=|>|<)\s*"
    r'(?:"(?P<quoted>[^"]*)"|(?P<bare>[^\s"]+))(?=\s|$))'
)
ORDERED = frozenset({">", "<", ">=", "<="})
FREE_PREFIXES = ("metadata.", "metric.")
TIME_FIELDS = frozenset({"create_time", "occurred_at", "update_time"})

Value = str | float | datetime | None
Lookup = Callable[[str], Value]


@dataclass(frozen=True)
class Comparison:
    """One `field operator value`."""

    field: str
    operator: str
    value: str

    def holds(self, found: Value) -> bool:
        """Whether a resource's value satisfies it; a missing value only differs."""
        if found is None:
            return self.operator == "!="
        if isinstance(found, datetime):
            return self._compare(found, parse_instant(self.value))
        if isinstance(found, float) and _is_number(self.value):
            return self._compare(found, float(self.value))
        return self._compare(str(found), self.value)

    def _compare(self, left: "Value", right: "Value") -> bool:
        return bool(OPERATORS[self.operator](left, right))


OPERATORS: Mapping[str, Callable[..., object]] = {
    "=": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    ">": lambda left, right: left > right,
    "<": lambda left, right: left < right,
    ">=": lambda left, right: left >= right,
    "<=": lambda left, right: left <= right,
}


@dataclass(frozen=True)
class Filter:
    """Alternatives, each a conjunction: AND binds closer than OR."""

    alternatives: tuple[tuple[Comparison, ...], ...]

    @property
    def comparisons(self) -> tuple[Comparison, ...]:
        return tuple(comparison for alternative in self.alternatives for comparison in alternative)

    def matches(self, lookup: Lookup) -> bool:
        """Whether a resource satisfies the filter."""
        return any(all(part.holds(lookup(part.field)) for part in parts) for parts in self.alternatives)

    def single_equality(self, field: str) -> str | None:
        """Return the value where the filter is nothing but `field=value`, else None."""
        if len(self.comparisons) != 1 or self.comparisons[0].operator != "=":
            return None
        return self.comparisons[0].value if self.comparisons[0].field == field else None


def parse(text: str, fields: Collection[str], free_prefixes: tuple[str, ...] = ()) -> Filter:
    """Read a filter; raises ApiError 400 (Coval API, list, filter)."""
    alternatives: list[list[Comparison]] = [[]]
    position, expects_comparison = 0, True
    while text[position:].strip():
        token = TOKEN.match(text, position)
        if not token or bool(token["join"]) == expects_comparison:
            raise _invalid(f"Cannot parse the filter at position {position}")
        if token["join"] == "OR":
            alternatives.append([])
        elif not token["join"]:
            alternatives[-1].append(_comparison(token, fields, free_prefixes))
        position, expects_comparison = token.end(), bool(token["join"])
    if expects_comparison:
        raise _invalid("The filter is not complete")
    return Filter(tuple(tuple(parts) for parts in alternatives))


def _comparison(token: re.Match[str], fields: Collection[str], free_prefixes: tuple[str, ...]) -> Comparison:
    field, value = token["field"], token["bare"] if token["quoted"] is None else token["quoted"]
    if field not in fields and not any(field.startswith(prefix) for prefix in free_prefixes):
        raise _invalid(f"Unknown field '{field}'. Valid fields: {', '.join(fields)}")
    if field in TIME_FIELDS:
        _check_time(field, value)
    elif token["operator"] in ORDERED and not field.startswith(FREE_PREFIXES):
        raise _invalid(f"Operator '{token['operator']}' is not supported for field '{field}'")
    return Comparison(field, token["operator"], value)


def _check_time(field: str, value: str) -> None:
    try:
        parse_instant(value)
    except ValueError as error:
        raise _invalid(f"Invalid timestamp for field '{field}'") from error


def _invalid(description: str) -> ApiError:
    return invalid("Invalid filter expression", "filter", description)


def _is_number(text: str) -> bool:
    return re.fullmatch(r"-?\d+(\.\d+)?", text) is not None
