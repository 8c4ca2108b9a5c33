"""The other way in, what is too large for a queue, and what is not let in; test_platforms.py posts every sample."""

import json
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from coval_relay.adapters.aws.webhook_messages import MAX_MESSAGE_BYTES
from local.demo.watcher import plain
from local.stack.server_processes import wait_until
from local.stack.stack import Stack
from local.webhooks import WayIn, function_url, http_api

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

SECONDS = 120
LARGER_THAN_A_QUEUE = 1_100_000


def sample(call_id: str, filled: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path("events/call_ended_inline.json").read_text(encoding="utf-8"))
    found["detail"] |= {"external_conversation_id": call_id, "aliases": [], "unknown": "x" * filled}
    return found


def item(stack: Stack, call_id: str) -> Mapping[str, Any]:
    client: DynamoDBClient = boto3.client("dynamodb")
    key = {"external_conversation_id": {"S": call_id}, "item_key": {"S": "call"}}
    return plain(client.get_item(TableName=stack.table, Key=key, ConsistentRead=True).get("Item", {}))


@pytest.fixture(scope="module")
def ways(stack: Stack) -> dict[str, WayIn]:
    found = {"function URL": function_url, "HTTP API": http_api}
    return {name: way(stack.aws_url, stack.outputs) for name, way in found.items()}


@pytest.mark.parametrize(("way", "filled"), [("function URL", LARGER_THAN_A_QUEUE), ("HTTP API", 0)])
def test_a_signed_call_is_submitted_and_its_tampered_twin_is_not(
    stack: Stack, ways: dict[str, WayIn], way: str, filled: int
) -> None:
    call_id, twin = f"webhook-{uuid.uuid4().hex}", f"webhook-{uuid.uuid4().hex}"
    assert ways[way].forge("canonical", sample(call_id, filled), sample(twin)) == 401
    assert ways[way].post("canonical", sample(call_id, filled)) == 200
    assert wait_until(lambda: item(stack, call_id).get("state") == "SUBMITTED", SECONDS)
    assert json.loads(item(stack, call_id)["facts"])["provenance"] == "webhook:canonical"
    assert item(stack, twin) == {}


def test_a_large_body_lies_in_the_bucket_of_its_own(stack: Stack) -> None:
    """Of the call that the test above has sent, or of one of an earlier run of it: what a queue takes is not there."""
    client: S3Client = boto3.client("s3")
    found = client.list_objects_v2(Bucket=stack.outputs["WebhookBucketName"]).get("Contents", [])
    assert [one["Size"] > MAX_MESSAGE_BYTES for one in found] == [True] * len(found)


def test_what_is_not_let_in(ways: dict[str, WayIn]) -> None:
    asked: tuple[tuple[str, str, dict[str, Any], int], ...] = (
        ("function URL", "acme", {}, 404),
        ("HTTP API", "acme", {}, 404),
        ("function URL", "canonical/eu", {}, 404),
        ("function URL", "canonical", {"headers": {}}, 401),
        ("function URL", "canonical", {"headers": {"content-encoding": "gzip"}}, 415),
        ("HTTP API", "canonical/eu/x", {}, 404),
    )
    with ThreadPoolExecutor(2) as pool:
        found = pool.map(lambda one: _status(ways, *one), asked)
    assert list(found) == [status for *_, status in asked]


def _status(ways: dict[str, WayIn], way: str, path: str, changes: dict[str, Any], _: int) -> int:
    """What has no way in bears the signature of one that has."""
    return ways[way].post(path, sample("webhook-rejected"), **changes)
