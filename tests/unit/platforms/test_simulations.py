"""A call that one event knows as Coval's own simulation is one, though another event ends it."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from coval_relay.domain.call_aliases import Alias
from coval_relay.domain.errors import InvalidInputError
from coval_relay.platforms.registry import translate
from coval_relay.platforms.shared import canonical_events as canonical
from coval_relay.platforms.shared.canonical_events import MAX_METADATA_BYTES
from coval_relay.platforms.shared.contract import PlatformOptions
from coval_relay.platforms.shared.simulation_header import with_simulation
from tests.support.events import event
from tests.unit.platforms.calls import CALLS, played, sample_event
from tests.unit.platforms.calls import event as part

BY_NAME = {call.name: call for call in CALLS}


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_simulation_that_only_one_leg_names_is_filtered(order: tuple[int, int]) -> None:
    call = BY_NAME["Telnyx, two legs, in S3"]
    other = sample_event("telnyx", "call_hangup_other_leg")
    other["detail"] = _renamed(other["detail"])
    legs = (call.parts[0], replace(call.parts[1], event=other))
    world = played(call, [(legs[order[0]], 0), (legs[order[1]], 5), (call.parts[-1], 10)])
    (item,) = world.store.items.values()
    assert (item.state, item.recording.state) == ("FILTERED", "REJECTED")


def test_a_simulation_that_the_room_names_is_filtered() -> None:
    call = BY_NAME["LiveKit, custom key and own id"]
    room = sample_event("livekit", "room_finished")
    room["detail"] = _renamed(room["detail"])
    world = played(call, [(part(room), 0), (call.parts[1], 5)])
    (item,) = world.store.items.values()
    assert item.state == "FILTERED"


def _renamed(value: object) -> object:
    if isinstance(value, dict):
        return {name: _renamed(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_renamed(inner) for inner in value]
    return value.replace("simulation-1", "sim_1") if isinstance(value, str) else value


OTHER = canonical.AliasesKnownEvent(external_conversation_id="call-1", aliases=(Alias("room", "R1"),))


def call_ended(metadata: dict[str, str | int]) -> canonical.CallEndedEvent:
    return canonical.CallEndedEvent(
        external_conversation_id="call-1",
        started_at=datetime(2026, 10, 2, 14, 30, 50, tzinfo=UTC),
        metadata={**metadata},
    )


@pytest.mark.parametrize(
    "carried",
    [
        {"SipHeader_X-Coval-Simulation-Id": "sim_1"},
        {"sip_headers": [{"name": "X-Coval-Simulation-Id", "value": "sim_1"}]},
        {"participant": {"attributes": {"sip.h.x-coval-simulation-id": "sim_1"}}},
        {"dynamic_variables": {"coval_simulation_id": "sim_1"}},
    ],
)
def test_the_header_is_found_wherever_it_stands(carried: dict[str, object]) -> None:
    marked = call_ended({"coval_simulation_id": "sim_1", "a": 1})
    assert with_simulation([call_ended({"a": 1}), OTHER], {"detail": {"deep": [carried]}}) == [marked, OTHER]


def test_without_the_header_nothing_is_added() -> None:
    ended = call_ended({})
    assert with_simulation([ended], {"detail": {"X-Other-Simulation": "x"}}) == [ended]


def test_a_header_that_the_metadata_has_no_room_for_is_an_error_of_the_call() -> None:
    full = call_ended({"long": "x" * (MAX_METADATA_BYTES - 20)})
    with pytest.raises(InvalidInputError) as caught:
        with_simulation([full], {"detail": {"X-Coval-Simulation-Id": "sim_1"}})
    rule = f"must have at most {MAX_METADATA_BYTES} bytes"
    assert caught.value == InvalidInputError("detail.metadata", rule, "call-1")


def test_a_detail_without_metadata_is_marked_too() -> None:
    started = {"schema_version": "1", "external_conversation_id": "c", "started_at": "2026-10-02T14:30:50Z"}
    (ended,) = translate(event("Call Ended", {**started, "x_coval_simulation_id": "sim_1"}), PlatformOptions(), 0)
    assert ended.facts.metadata["coval_simulation_id"] == "sim_1"  # type: ignore[union-attr]
