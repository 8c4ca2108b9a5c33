"""The table at the end: what was expected against what was found."""

from collections.abc import Mapping, Sequence
from dataclasses import fields

from local.demo.scenarios import Ending, Scenario

_COLUMNS = tuple(field.name for field in fields(Ending))
_TITLES = {"conversations": "in Coval", "dead_letter": "dead letter", "recording": "recording"}


def differences(expected: Ending, found: Ending) -> tuple[str, ...]:
    """Names of the fields that differ."""
    return tuple(name for name in _COLUMNS if getattr(expected, name) != getattr(found, name))


def render(scenarios: Sequence[Scenario], found: Mapping[str, Ending]) -> str:
    """One row a scenario: a cell shows what was found, and in brackets what was expected if that differs."""
    rows = [["scenario", *(_TITLES.get(name, name) for name in _COLUMNS), ""]]
    rows += [_row(scenario, found[scenario.name]) for scenario in scenarios]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "\n".join([lines[0].rstrip(), "-" * (sum(widths) + 2 * len(widths)), *(line.rstrip() for line in lines[1:])])


def _row(scenario: Scenario, found: Ending) -> list[str]:
    verdict = "DIFFERS" if differences(scenario.expected, found) else "as expected"
    return [scenario.name, *(_cell(name, scenario.expected, found) for name in _COLUMNS), verdict]


def _cell(name: str, expected: Ending, found: Ending) -> str:
    is_, should = _words(getattr(found, name)), _words(getattr(expected, name))
    return is_ if is_ == should else f"{is_} (not {should})"


def _words(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) or "-"
