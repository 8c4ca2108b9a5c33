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


def test_a_message_is_hidden_for_as_long_as_it_waits(sqs: "SQSClient") -> None:
    url = sqs.create_queue(QueueName="q", Attributes={"VisibilityTimeout": "0"})["QueueUrl"]
    SqsQueue(sqs).send(url, "{}")
    (received,) = sqs.receive_message(QueueUrl=url)["Messages"]
    SqsQueue(sqs).hide(url, received["ReceiptHandle"], 900)
    assert "Messages" not in sqs.receive_message(QueueUrl=url)


def test_hidden_messages_are_no_backlog(sqs: "SQSClient") -> None:
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    for _ in range(3):
        SqsQueue(sqs).send(url, "{}")
    sqs.receive_message(QueueUrl=url)
    assert SqsQueue(sqs).backlog(url) == 2


def test_a_message_that_was_received_anew_by_another_is_not_hidden(sqs: "SQSClient") -> None:
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    with pytest.raises(RetryableError) as caught:
        SqsQueue(sqs).hide(url, "no handle of this queue", 900)
    assert caught.value == RetryableError("sqs_ReceiptHandleIsInvalid")


def test_a_queue_that_is_not_there(sqs: "SQSClient") -> None:
    with pytest.raises(RetryableError) as caught:
        SqsQueue(sqs).send("https://sqs.eu-west-2.amazonaws.com/123456789012/none", "{}")
    assert caught.value == RetryableError("sqs_AWS.SimpleQueueService.NonExistentQueue")


def test_a_service_that_is_not_there(sqs: "SQSClient", monkeypatch: pytest.MonkeyPatch) -> None:
    def down(**_: object) -> None:
        raise EndpointConnectionError(endpoint_url="https://sqs")

    monkeypatch.setattr(sqs, "send_message", down)
    monkeypatch.setattr(sqs, "change_message_visibility", down)
    monkeypatch.setattr(sqs, "get_queue_attributes", down)
    queue = SqsQueue(sqs)
    with pytest.raises(RetryableError) as sent:
        queue.send("url", "{}")
    with pytest.raises(RetryableError) as hidden:
        queue.hide("url", "handle", 1)
    with pytest.raises(RetryableError) as counted:
        queue.backlog("url")
    assert sent.value == hidden.value == counted.value == RetryableError("sqs_unreachable")
