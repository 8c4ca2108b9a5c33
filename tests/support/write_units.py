"""What a call costs in the table: `make measure-writes` plays whole calls on an emulated table and prints the units.

The table itself counts (ReturnConsumedCapacity): each write with its index; a write that failed its condition, for
which no answer has the units, by the item that stood there. Reads are those of an hour of sweeps, too.
"""

import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from coval_relay.adapters.aws.dynamodb_aliases import DynamoDbAliases
from coval_relay.adapters.aws.dynamodb_calls import DynamoDbCalls
from coval_relay.adapters.aws.dynamodb_table import Table
from coval_relay.adapters.aws.dynamodb_utterances import DynamoDbUtterances
from coval_relay.configuration import document as configuration
from tests.support import emulator
from tests.support.dynamodb_table import create_table
from tests.support.events import call_ended, event, object_created, wav
from tests.support.fakes import FakeClock
from tests.support.world import DEADLINES, PENDING_SECONDS, World

READS = ("GetItem", "Query")
UTTERANCES = 600
CALL_NAME = {"type": "twilio_call_sid", "value": "CA00000000000000000000000000000002"}
RECORDING_NAME = {"type": "twilio_recording_sid", "value": "RE00000000000000000000000000000003"}
RECORDING_KEY = "odd/AC00000000000000000000000000000001/RE00000000000000000000000000000003"


@dataclass
class Meter:
    """Units and requests by operation, of one client."""

    units: Counter[str] = field(default_factory=Counter)
    requests: Counter[str] = field(default_factory=Counter)

    def attach(self, client: Any) -> None:
        client.meta.events.register("provide-client-params.dynamodb", self._ask)
        client.meta.events.register("after-call.dynamodb", self._count)

    @property
    def writes(self) -> float:
        return sum(units for operation, units in self.units.items() if operation not in READS)

    @property
    def reads(self) -> float:
        return sum(self.units[operation] for operation in READS)

    def _ask(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        if model.name in ("GetItem", "Query", "UpdateItem", "PutItem", "DeleteItem", "TransactWriteItems"):
            params["ReturnConsumedCapacity"] = "INDEXES"

    def _count(self, parsed: dict[str, Any], model: Any, **_: Any) -> None:
        self.requests[model.name] += 1
        consumed = parsed.get("ConsumedCapacity", [])
        for one in consumed if isinstance(consumed, list) else [consumed]:
            self.units[model.name] += one["CapacityUnits"]
        if "Error" in parsed:
            failed = [parsed, *parsed.get("CancellationReasons", [])]
            self.units[model.name] += sum(1 + len(json.dumps(one.get("Item", {}))) // 1024 for one in failed)


def usual(world: World) -> None:
    world.send("call_end", call_ended())
    world.bucket.put("rec/call-1.wav", wav())
    world.send("recording", object_created("rec/call-1.wav", wav()), delay=60)


def recording_first(world: World) -> None:
    world.bucket.put("rec/call-1.wav", wav())
    world.send("recording", object_created("rec/call-1.wav", wav()))
    world.send("call_end", call_ended(), delay=60)


def found_by_its_alias(world: World) -> None:
    """The recording comes last, its key holds an alias of an alias. Of Twilio's the longest counts, so it waits."""
    _aliases(world, delay=120)


def pending_under_its_alias(world: World) -> None:
    """The recording comes first."""
    _aliases(world, delay=0)


def _aliases(world: World, delay: int) -> None:
    world.bucket.put(RECORDING_KEY, wav())
    world.send("recording", object_created(RECORDING_KEY, wav()), delay)
    known = {"schema_version": "1", "alias": CALL_NAME, "aliases": [RECORDING_NAME]}
    world.send("call_end", event("Aliases Known", known), 30)
    world.send("call_end", call_ended(aliases=[CALL_NAME]), 60)


def utterances(world: World) -> None:
    """Each comes in an event of its own, as Genesys Cloud sends them."""
    for number in range(UTTERANCES):
        spoken = {
            "id": f"5b778cb0-3745-4243-b703-{number:012d}",
            "role": ("assistant", "user")[number % 2],
            "content": "Hi, I want to move my appointment to next week, if that is possible.",
            "spoken_at": 1_790_951_470 + number / 2,
            "ended_at": 1_790_951_470.4 + number / 2,
        }
        detail = {"schema_version": "1", "external_conversation_id": "call-1", "utterances": [spoken]}
        world.send("call_end", event("Transcript Utterances", detail))
    collected = {"status": "reference", "reference": {"uri": "utterances:", "format": "utterances"}}
    world.send("call_end", call_ended(transcript=collected, recording={"expected": False}), 60)


def transcript_never_comes(world: World) -> None:
    """Its pointer leads to nothing; when its deadline is over, the recording goes without it."""
    world.send("call_end", call_ended(transcript="reference"))
    world.bucket.put("rec/call-1.wav", wav())
    world.send("recording", object_created("rec/call-1.wav", wav()), delay=60)


CALLS: dict[str, tuple[Callable[[World], None], int]] = {
    "usual call": (usual, 14),
    "recording first": (recording_first, 12),
    "recording found by an alias of an alias": (found_by_its_alias, 26),
    "recording pending under an alias of an alias": (pending_under_its_alias, 54),
    "transcript that never comes": (transcript_never_comes, 60),
    f"{UTTERANCES} utterances": (utterances, 1500),
}
"""How each is played, and the most write units that it may take."""


def measured(name: str, aws_url: str) -> Meter:
    """Plays one of CALLS to its end on a table of its own."""
    client, meter, clock = emulator.client("dynamodb", aws_url), Meter(), FakeClock()
    table = Table(client, name.replace(" ", "-"), clock, retention_days=30)
    create_table(client, table.name)
    meter.attach(client)
    world = World(
        clock=clock,
        store=DynamoDbCalls(table),
        aliases=DynamoDbAliases(table, PENDING_SECONDS),
        utterances=DynamoDbUtterances(table),
        platforms=("twilio",),
        deadlines=replace(DEADLINES, transcript=configuration.Deadlines().transcript_seconds),
    )
    CALLS[name][0](world)
    world.run()
    assert world.store.get("call-1").state == "SUBMITTED"
    assert world.dead == []
    return meter


def main() -> None:
    os.environ |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    with tempfile.TemporaryDirectory() as folder, emulator.running(Path(folder)) as url:
        meters = {name: measured(name, url) for name in CALLS}
    for name, meter in meters.items():
        most = CALLS[name][1]
        requests = ", ".join(f"{count} {operation}" for operation, count in sorted(meter.requests.items()))
        sys.stdout.write(
            f"{name}: {meter.writes:g} write units (at most {most}), {meter.reads:g} read units; {requests}\n"
        )
    sys.exit(any(meters[name].writes > most for name, (_, most) in CALLS.items()))


if __name__ == "__main__":
    main()
