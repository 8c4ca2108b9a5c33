"""Sends messages to the functions' queues, and hides those that wait."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from coval_relay.domain.errors import RetryableError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

MAX_MESSAGE_BYTES = 1_048_576
"""Of a body with its attributes (SQS, quotas: message size)."""
Answer = TypeVar("Answer")
NO_ATTRIBUTES: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class SqsQueue:
    """SQS; the queue is named by URL each time. All raise RetryableError."""

    client: "SQSClient"

    def send(self, queue_url: str, body: str, attributes: Mapping[str, str] = NO_ATTRIBUTES) -> None:
        """Send one message."""
        _asked(
            lambda: self.client.send_message(
                QueueUrl=queue_url,
                MessageBody=body,
                MessageAttributes={
                    name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
                },
            )
        )

    def backlog(self, queue_url: str) -> int:
        """About how many messages wait for a worker, without those that are hidden (SQS, GetQueueAttributes)."""
        names: list[Literal["ApproximateNumberOfMessages"]] = ["ApproximateNumberOfMessages"]
        found = _asked(lambda: self.client.get_queue_attributes(QueueUrl=queue_url, AttributeNames=names))
        return int(found["Attributes"]["ApproximateNumberOfMessages"])

    def hide(self, queue_url: str, handle: str, seconds: int) -> None:
        """Keep a received message from being received again, at most 12 hours from its receipt."""
        _asked(
            lambda: self.client.change_message_visibility(
                QueueUrl=queue_url, ReceiptHandle=handle, VisibilityTimeout=seconds
            )
        )


def _asked(request: Callable[[], Answer]) -> Answer:
    try:
        return request()
    except ClientError as error:
        raise RetryableError(f"sqs_{error.response['Error']['Code']}") from error
    except BotoCoreError as error:
        raise RetryableError("sqs_unreachable") from error
