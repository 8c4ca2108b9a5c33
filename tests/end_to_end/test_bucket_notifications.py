"""A bucket that cannot send to EventBridge notifies the recording queue itself."""

import uuid
from typing import TYPE_CHECKING

import boto3

from local.stack.parameters import RECORDINGS_NOTIFYING
from local.stack.server_processes import wait_until
from local.stack.stack import Stack
from tests.support.events import wav

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

SECONDS = 60


def test_its_recording_is_uploaded(stack: Stack) -> None:
    """The key comes form-encoded, other than in an event of EventBridge."""
    s3: S3Client = boto3.client("s3")
    table: DynamoDBClient = boto3.client("dynamodb")
    call_id = f"notified +1 é {uuid.uuid4().hex}"

    def uploaded() -> bool:
        key = {"external_conversation_id": {"S": call_id}, "item_key": {"S": "call"}}
        item = table.get_item(TableName=stack.table, Key=key).get("Item", {})
        return item.get("recording_state", {}).get("S") in ("UPLOADED", "ATTACHED")

    s3.put_object(Bucket=RECORDINGS_NOTIFYING, Key=f"recordings/{call_id}.wav", Body=wav())
    assert wait_until(uploaded, SECONDS)
