"""Simulated calls: Coval's own simulation id, wherever in an event a platform carries the SIP header."""

import re
from collections.abc import Iterator, Mapping, Sequence

from coval_relay.domain.call import SIMULATION
from coval_relay.platforms.shared.canonical_events import CallEndedEvent
from coval_relay.platforms.shared.contract import CanonicalEvent, Event

MAX_DEPTH = 20
MAX_LENGTH = 200


def with_simulation(events: Sequence[CanonicalEvent], source: Event) -> Sequence[CanonicalEvent]:
    """The canonical events, the call's end with the simulation id that the platform's event carries."""
    simulation_id = next(_simulation_ids(source.get("detail"), 0), None)
    if simulation_id is None:
        return events
    return [_marked(event, simulation_id) if isinstance(event, CallEndedEvent) else event for event in events]


def _marked(event: CallEndedEvent, simulation_id: str) -> CallEndedEvent:
    return CallEndedEvent.model_validate({**dict(event), "metadata": {SIMULATION: simulation_id, **event.metadata}})


def _simulation_ids(value: object, depth: int) -> Iterator[str]:
    """Values under the header's name: `SipHeader_X-Coval-…`, `sip.h.x-coval-…`, or a name beside a value."""
    if depth > MAX_DEPTH:
        return
    if isinstance(value, Mapping):
        name = value.get("name", value.get("key"))
        pairs = [*value.items(), *([(name, value.get("value"))] if isinstance(name, str) else [])]
        for key, inner in pairs:
            if _is_the_header(key) and isinstance(inner, str) and 0 < len(inner) <= MAX_LENGTH:
                yield inner
            else:
                yield from _simulation_ids(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            yield from _simulation_ids(inner, depth + 1)


def _is_the_header(key: object) -> bool:
    letters = re.sub(r"[^a-z]", "", str(key).lower())
    return letters.endswith(("xcovalsimulationid", "covalsimulationid"))
