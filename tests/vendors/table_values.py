"""Values of a table of fields, for vendors that publish a document but no types."""

from collections.abc import Callable, Mapping
from typing import Any

from tests.vendors.draws import Draws

Field = Callable[[Draws], Any]
Table = Mapping[str, Field]
"""Field → its usual value. A name that ends in `!` is always there."""


def made(draws: Draws, table: Table) -> dict[str, Any]:
    """An object of a table's fields; where it is odd one is absent, null, empty, or of another type."""
    return {
        name.removesuffix("!"): value(draws) if name.endswith("!") else odd(draws, value(draws))
        for name, value in table.items()
        if name.endswith("!") or not draws.is_odd
    }


def odd(draws: Draws, value: Any) -> Any:
    """The value, or what the field may hold instead of it."""
    if not draws.is_odd:
        return value
    if draws.chance(0.5):
        return None
    if isinstance(value, str):
        return draws.text()
    return [] if isinstance(value, list) else str(value)
