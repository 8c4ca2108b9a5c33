"""Messages to the queues."""

from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from moto import mock_aws

from coval_relay.adapters.aws.sqs import SqsQueue
from coval_relay.domain.errors import RetryableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_sqs import SQSClient


@pytest.fixture
def sqs() -> "Iterator[SQSClient]":
    with mock_aws():
        yield boto3.client("sqs", region_name="eu-west-2")


def test_a_message_with_attributes(sqs: "SQSClient") -> None:
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    SqsQueue(sqs).send(url, '{"a":1}', attributes={"reason_code": "x"})
    received = sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"])["Messages"]
    assert [(m["Body"], m["MessageAttributes"]) for m in received] == [
        ('{"a":1}', {"reason_code": {"StringValue": "x", "DataType": "String"}})
    ]


def test_a_delayed_message(sqs: "SQSClient") -> None:
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    SqsQueue(sqs).send(url, "{}", 900)
    counted = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessagesDelayed"])
    assert counted["Attributes"] == {"ApproximateNumberOfMessagesDelayed": "1"}


def test_a_queue_that_is_not_there(sqs: "SQSClient") -> None:
    with pytest.raises(RetryableError) as caught:
        SqsQueue(sqs).send("https://sqs.eu-west-2.amazonaws.com/123456789012/none", "{}")
    assert caught.value == RetryableError("sqs_AWS.SimpleQueueService.NonExistentQueue")


def test_a_service_that_is_not_there(sqs: "SQSClient", monkeypatch: pytest.MonkeyPatch) -> None:
    def down(**_: object) -> None:
        raise EndpointConnectionError(endpoint_url="https://sqs")

    monkeypatch.setattr(sqs, "send_message", down)
    with pytest.raises(RetryableError) as caught:
        SqsQueue(sqs).send("url", "{}")
    assert caught.value == RetryableError("sqs_unreachable")
