"""A worker dies before and after each remote effect, on real parts.

The use cases run on DynamoDB and S3 of the emulator and on the strict simulator, over HTTP; only the queues
and the clock are the test's own. Whatever dies, the call ends the same, with one conversation.
"""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pytest

from coval_relay.adapters.aws.dynamodb_aliases import DynamoDbAliases
from coval_relay.adapters.aws.dynamodb_calls import DynamoDbCalls
from coval_relay.adapters.aws.dynamodb_table import Table
from coval_relay.adapters.aws.dynamodb_utterances import DynamoDbUtterances
from coval_relay.adapters.aws.s3_objects import S3RecordingObjects
from coval_relay.adapters.aws.s3_staging import S3Staging
from coval_relay.adapters.coval import Gate, HttpCovalClient, http_client
from local.simulator import RunningSimulator, running
from tests.support import emulator
from tests.support.coval_sdk_judge import judge_patch, judge_submit, judge_upload
from tests.support.dynamodb_table import create_table, empty
from tests.support.fakes import FakeClock
from tests.support.scenarios import SCENARIOS, Scenario, compared
from tests.support.world import FUNCTION_SECONDS, PENDING_SECONDS, Executioner, World

TABLE, OWNER = "crashes", "000000000000"
PLAYED = [s for s in SCENARIOS if s.name != "recording rejected by Coval"]
"""Without the one whose rejection only the stand-in for Coval knows."""


class Key:
    def __init__(self, key: str) -> None:
        self._key = key

    def get(self) -> str:
        return self._key

    refresh = get


class EmulatedBucket(S3RecordingObjects):
    """The bucket of the scenarios, on the emulator."""

    def put(self, key: str, content: bytes) -> None:
        self.client.put_object(Bucket="recordings", Key=key, Body=content)


@dataclass(frozen=True)
class Parts:
    """The real parts that all runs share."""

    aws: dict[str, Any]
    simulator: RunningSimulator
    coval: HttpCovalClient


@pytest.fixture(scope="module")
def parts(aws: dict[str, Any]) -> Iterator[Parts]:
    with running() as simulator, closing(http_client()) as http:
        coval = HttpCovalClient(
            base_url=simulator.url,
            path_family="conversations",
            api_key=Key(simulator.api_key),
            timeout_seconds=10,
            time_left=lambda: FUNCTION_SECONDS,
            gate=Gate(lambda *_: None),
            http=http,
        )
        yield Parts(aws, simulator, coval)


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    with emulator.running(tmp_path_factory.mktemp("emulator")) as url:
        clients = {service: emulator.client(service, url) for service in ("dynamodb", "s3")}
        create_table(clients["dynamodb"], TABLE)
        for bucket in ("recordings", "staging"):
            clients["s3"].create_bucket(Bucket=bucket)
        yield clients


def played(scenario: Scenario, parts: Parts, executioner: Executioner) -> World:
    parts.simulator.admin.reset()
    dynamodb, s3 = parts.aws["dynamodb"], parts.aws["s3"]
    empty(dynamodb, TABLE)
    clock = FakeClock()
    table = Table(dynamodb, TABLE, clock, 30)
    world = World(
        clock=clock,
        store=DynamoDbCalls(table),
        aliases=DynamoDbAliases(table, PENDING_SECONDS),
        utterances=DynamoDbUtterances(table),
        coval=parts.coval,
        bucket=EmulatedBucket(s3, OWNER),
        staging=S3Staging(s3, "staging", OWNER),
        executioner=executioner,
    )
    scenario.play(world)
    world.run()
    return world


def outcome(world: World, simulator: RunningSimulator) -> tuple[str, str | None, bool, bool]:
    judges = {":submit": judge_submit, "audio:upload": judge_upload}
    for request in simulator.admin.requests(path="/v1/"):
        judge = judge_patch if request["method"] == "PATCH" else None
        judge = judge or next((judges[end] for end in judges if request["path"].endswith(end)), None)
        if judge:
            judge(json.dumps(request["body"]).encode())
    assert world.dead == []
    return compared(world, simulator.admin.conversations("call-1"))


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("scenario", PLAYED, ids=str)
def test_a_death_at_any_effect_changes_nothing_in_the_end(scenario: Scenario, after: bool, parts: Parts) -> None:
    quiet = Executioner()
    assert outcome(played(scenario, parts, quiet), parts.simulator) == scenario.expected
    assert quiet.count > 0
    for at in range(1, quiet.count + 1):
        executioner = Executioner(at=at, after=after)
        world = played(scenario, parts, executioner)
        where = f"died {'after' if after else 'before'} effect {at}: {executioner.names[at - 1]}"
        assert outcome(world, parts.simulator) == scenario.expected, where
