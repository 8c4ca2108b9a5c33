"""Plays calls on the product's own stores and keeps each moment that shows something new."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any
from unittest.mock import patch
from uuid import UUID

import boto3
from moto import mock_aws

from coval_relay.adapters.aws.dynamodb_aliases import DynamoDbAliases
from coval_relay.adapters.aws.dynamodb_calls import DynamoDbCalls
from coval_relay.adapters.aws.dynamodb_table import Table
from coval_relay.adapters.aws.dynamodb_utterances import DynamoDbUtterances
from coval_relay.domain.errors import PermanentError
from scripts.send_again import reopening
from tests.frozen import moment
from tests.frozen.moment import Moment
from tests.support.aws_queues import QueuedMessage
from tests.support.dynamodb_table import create_table
from tests.support.events import call_ended, event, wav
from tests.support.fakes import FakeClock
from tests.support.scenarios import SCENARIOS, put
from tests.support.world import PENDING_SECONDS, Executioner, World

TABLE, RETENTION_DAYS = "calls", 30
DEADLY = ("save", "submit", "attach_audio")
"""Effects after which a worker dies, too: what it leaves is taken over."""
REVISION_REJECTED = 2
"""Of an item that was claimed, then rejected."""
NAME = {"type": "leg", "value": "LEG-1"}
Play = Callable[[World], None]


def _announced_under_an_alias(world: World) -> None:
    """The recording is announced under a name that only the call's end explains."""
    url = "https://media.example.com/leg-1.wav"
    world.urls.contents[url] = wav()
    announced = event("Recording Ready", {"schema_version": "1", "alias": NAME, "recording": {"uri": url}})
    world.send("attach", announced)
    world.send("call_end", call_ended(aliases=[NAME]), delay=60)


def _utterances(world: World) -> None:
    said = {"id": "u1", "role": "user", "content": "Hi.", "spoken_at": 1_790_951_470.5, "ended_at": 1_790_951_471.5}
    detail = {"schema_version": "1", "external_conversation_id": "call-1", "utterances": [said]}
    world.send("call_end", event("Transcript Utterances", detail))
    reference = {"status": "reference", "reference": {"uri": "utterances:", "format": "utterances"}}
    world.send("call_end", call_ended(transcript=reference), delay=30)


def _too_large_for_an_upload(world: World) -> None:
    """Coval will fetch it; it comes first, so it waits for the call's end."""
    world.send("recording", put(world, wav(600.0, 48_000, 2), version="v1"))
    world.send("call_end", call_ended(), delay=60)


def _never_known(world: World) -> None:
    world.send("recording", put(world, wav(), "odd/nobody-s.wav"))


def _sent_again(world: World) -> None:
    """Coval rejects it, and the operator has it sent again."""
    world.coval.errors.append(("submit", PermanentError("INVALID_ARGUMENT", "Too many tags.", "tags", 400), False))
    world.send("call_end", call_ended())
    world.send("call_end", reopening("call-1", REVISION_REJECTED, call_ended()), delay=60)


PLAYS: dict[str, Play] = {scenario.name: scenario.play for scenario in SCENARIOS} | {
    "announced under an alias": _announced_under_an_alias,
    "utterances": _utterances,
    "too large for an upload": _too_large_for_an_upload,
    "never known": _never_known,
    "sent again": _sent_again,
}


@dataclass
class Watched(World):
    """Keeps the moment before each delivery, from `since` effects on."""

    client: Any = None
    since: int = 0
    moments: list[Moment] = field(default_factory=list)

    def deliver(self, message: QueuedMessage) -> None:
        if self.executioner.count >= self.since:
            items = sorted(self.client.scan(TableName=TABLE)["Items"], key=str)
            waiting = moment.queued(self)
            self.moments.append(Moment("", self.clock.now, items, waiting, moment.around(self)))
        super().deliver(message)


def written() -> list[Moment]:
    """Moments that show something which none before does; the same with every run."""
    serial = count()
    shown: set[str] = set()
    found = []
    with patch("uuid.uuid4", lambda: UUID(int=next(serial))), mock_aws():
        client = boto3.client("dynamodb", region_name="us-east-1")
        for name, play in PLAYS.items():
            for each in _played(client, name, play):
                if each.shapes() - shown:
                    shown |= each.shapes()
                    found.append(each)
    return found


def _played(client: Any, name: str, play: Play) -> Iterator[Moment]:
    """The call as it goes, then with a worker that dies after an effect."""
    quiet = _world(client, Executioner())
    yield from _ended(quiet, name, play)
    for at, effect in enumerate(quiet.executioner.names, 1):
        if effect in DEADLY:
            yield from _ended(_world(client, Executioner(at=at, after=True), since=at), name, play)


def _world(client: Any, executioner: Executioner, since: int = 0) -> Watched:
    if TABLE in client.list_tables()["TableNames"]:
        client.delete_table(TableName=TABLE)
    create_table(client, TABLE)
    clock = FakeClock()
    table = Table(client, TABLE, clock, RETENTION_DAYS)
    return Watched(
        clock=clock,
        store=DynamoDbCalls(table),
        aliases=DynamoDbAliases(table, PENDING_SECONDS),
        utterances=DynamoDbUtterances(table),
        executioner=executioner,
        client=client,
        since=since,
    )


def _ended(world: Watched, name: str, play: Play) -> Iterator[Moment]:
    play(world)
    world.run()
    ends = moment.outcome(world)
    for each in world.moments:
        yield replace(each, call=name, ends=ends)
