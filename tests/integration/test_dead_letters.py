"""The script on real queues: dead letters of the functions, and those that SQS moves itself."""

import json
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from coval_relay.adapters.aws.sqs import SqsQueue
from coval_relay.domain.errors import Reason
from coval_relay.entrypoints.consumer import dead_letter_attributes
from scripts import dead_letters
from scripts.dead_letters import Chosen, Queue
from tests.support import emulator
from tests.support.events import call_ended

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_sqs import SQSClient

ROOM = "room-+15550100002"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dead_letters, "LONG_POLL_SECONDS", 1)


@pytest.fixture
def sqs(aws_url: str) -> "Iterator[SQSClient]":
    client: SQSClient = emulator.client("sqs", aws_url)
    yield client
    client.close()


@pytest.fixture
def queue(sqs: "SQSClient") -> Queue:
    """A queue as in the template, whose messages are visible again at once, and are moved after five receives."""
    name = uuid.uuid4().hex
    dead = sqs.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 5})
    attributes: Any = {"RedrivePolicy": redrive, "VisibilityTimeout": "0"}
    url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    return Queue("call_end", url, dead, "/logs/submit_transcript", "table")


def shown(sqs: "SQSClient", queue: Queue) -> list[str]:
    """The lines, without the times."""
    return [
        part.split("old)  ", 1)[-1].strip()
        for line in dead_letters.show(sqs, [queue], Chosen(), bodies=False)
        for part in line.splitlines()
    ]


def test_a_dead_letter_of_a_function(sqs: "SQSClient", queue: Queue) -> None:
    body = json.dumps(call_ended(ROOM))
    reason = Reason("access_denied", "S3 denied s3:GetObject")
    SqsQueue(sqs).send(queue.dead_letters_url, body, attributes=dead_letter_attributes(reason))
    for _ in range(2):
        count, subject, why = shown(sqs, queue)
        assert (count, why) == ("call_end: 1 of 1 dead letters", "access_denied: S3 denied s3:GetObject")
        assert subject.startswith("Call Ended  room-*** (")
    assert len(list(dead_letters.send_again(sqs, [queue], Chosen(reason="access_denied")))) == 1
    assert list(dead_letters.send_again(sqs, [queue], Chosen())) == []
    (message,) = sqs.receive_message(QueueUrl=queue.url)["Messages"]
    assert message["Body"] == body


def test_a_dead_letter_that_sqs_moved(sqs: "SQSClient", queue: Queue) -> None:
    body = json.dumps(call_ended(ROOM))
    SqsQueue(sqs).send(queue.url, body)
    for _ in range(6):
        sqs.receive_message(QueueUrl=queue.url)
    assert shown(sqs, queue)[2].startswith("received_1000_times: SQS moved it")
    assert len(list(dead_letters.send_again(sqs, [queue], Chosen()))) == 1
    (message,) = sqs.receive_message(QueueUrl=queue.url, MessageAttributeNames=["All"])["Messages"]
    assert (message["Body"], message.get("MessageAttributes")) == (body, None)
