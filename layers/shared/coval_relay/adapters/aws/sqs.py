"""Sends messages to the functions' queues."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from coval_relay.domain.errors import RetryableError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

NO_ATTRIBUTES: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class SqsQueue:
    """SQS; the queue is named by URL with each message."""

    client: "SQSClient"

    def send(
        self,
        queue_url: str,
        body: str,
        delay_seconds: int = 0,
        attributes: Mapping[str, str] = NO_ATTRIBUTES,
    ) -> None:
        """Send one message, to be seen after at most 900 seconds; raises RetryableError."""
        try:
            self.client.send_message(
                QueueUrl=queue_url,
                MessageBody=body,
                DelaySeconds=delay_seconds,
                MessageAttributes={
                    name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
                },
            )
        except ClientError as error:
            raise RetryableError(f"sqs_{error.response['Error']['Code']}") from error
        except BotoCoreError as error:
            raise RetryableError("sqs_unreachable") from error
