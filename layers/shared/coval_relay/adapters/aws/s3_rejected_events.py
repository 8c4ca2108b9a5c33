"""Events of rejected calls, in the stack's own bucket: its lifecycle rule ends them, its key encrypts them."""

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from coval_relay.adapters.aws.s3_objects import UNREACHABLE, fault_of_put
from coval_relay.domain.call_aliases import QueueName
from coval_relay.domain.errors import Reason

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_s3 import S3Client

PREFIX = "rejected/"


@dataclass(frozen=True, slots=True)
class S3RejectedEvents:
    """RejectedEvents on S3, of one queue; what is rejected twice lies there once.

        rejected/<digest of the call's id>/<queue>-<digest of the event>.json

    A key shows no id: ids may hold phone numbers.
    """

    client: "Callable[[], S3Client]"
    bucket: str
    bucket_owner: str
    queue: QueueName

    def keep(self, external_conversation_id: str, reason: Reason, event: str) -> None:
        kept = {
            "external_conversation_id": external_conversation_id,
            "queue": self.queue,
            "reason": asdict(reason),
            "event": event,
        }
        key = f"{PREFIX}{digest(external_conversation_id)}/{self.queue}-{digest(event)}.json"
        try:
            self.client().put_object(
                Bucket=self.bucket,
                Key=key,
                Body=json.dumps(kept).encode(),
                ContentType="application/json",
                ExpectedBucketOwner=self.bucket_owner,
            )
        except (ClientError, *UNREACHABLE) as error:
            raise fault_of_put(error) from error


def digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:32]
