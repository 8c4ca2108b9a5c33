"""Bodies of webhooks that are too large for a queue."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from coval_relay.domain.errors import PermanentError, RetryableError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MISSING = frozenset({"NoSuchKey", "404"})


@dataclass(frozen=True, slots=True)
class S3ClaimChecks:
    """The stack's own bucket of them; the client is made for the first one."""

    client: Callable[[], "S3Client"]
    bucket: str
    bucket_owner: str

    def put(self, name: str, body: bytes) -> None:
        """Raises RetryableError: the sender is asked to send again."""
        try:
            self.client().put_object(Bucket=self.bucket, Key=name, Body=body, ExpectedBucketOwner=self.bucket_owner)
        except (ClientError, BotoCoreError) as error:
            raise RetryableError(_code(error)) from error

    def get(self, name: str) -> bytes:
        """Raises RetryableError, or PermanentError where there is nothing any more."""
        try:
            answer = self.client().get_object(Bucket=self.bucket, Key=name, ExpectedBucketOwner=self.bucket_owner)
            with closing(answer["Body"]) as body:
                return body.read()
        except (ClientError, BotoCoreError, OSError) as error:
            if isinstance(error, ClientError) and error.response["Error"]["Code"] in MISSING:
                raise PermanentError("webhook_body_gone", "The body of the webhook is no longer in S3.") from error
            raise RetryableError(_code(error)) from error


def _code(error: Exception) -> str:
    return f"s3_{error.response['Error']['Code']}" if isinstance(error, ClientError) else "s3_unreachable"
