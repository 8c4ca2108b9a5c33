"""Simulated calls: Coval's own simulation id, wherever in an event a platform carries the SIP header."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from coval_relay.domain.call import SIMULATION
from coval_relay.platforms.shared.contract import CanonicalEvent

MAX_DEPTH = 20
MAX_LENGTH = 200


def with_simulation(told: Sequence[CanonicalEvent], event: Mapping[str, Any]) -> Iterator[CanonicalEvent]:
    """The canonical events, the call's end with the simulation id that the platform's event carries."""
    found = next(_found(event.get("detail"), 0), None)
    for canonical in told:
        yield _marked(canonical, found) if found and canonical["detail-type"] == "Call Ended" else canonical


def _marked(canonical: CanonicalEvent, simulation_id: str) -> CanonicalEvent:
    detail = canonical.get("detail")
    metadata = detail.get("metadata", {}) if isinstance(detail, Mapping) else None
    if not isinstance(detail, Mapping) or not isinstance(metadata, Mapping):
        return canonical
    return {**canonical, "detail": {**detail, "metadata": {SIMULATION: simulation_id, **metadata}}}


def _found(value: object, depth: int) -> Iterator[str]:
    """Values under the header's name: `SipHeader_X-Coval-…`, `sip.h.x-coval-…`, or a name beside a value."""
    if depth > MAX_DEPTH:
        return
    if isinstance(value, Mapping):
        name = value.get("name", value.get("key"))
        pairs = [*value.items(), *([(name, value.get("value"))] if isinstance(name, str) else [])]
        for key, inner in pairs:
            if _names_it(key) and isinstance(inner, str) and 0 < len(inner) <= MAX_LENGTH:
                yield inner
            else:
                yield from _found(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            yield from _found(inner, depth + 1)


def _names_it(key: object) -> bool:
    bare = re.sub(r"[^a-z]", "", str(key).lower())
    return bare.endswith(("xcovalsimulationid", "covalsimulationid"))
