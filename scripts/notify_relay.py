"""Let existing buckets notify the relay of new recordings, and keep their other notifications.

    python3 -m scripts.notify_relay acme-recordings
    python3 -m scripts.notify_relay acme-recordings --apply

By EventBridge; or, where a bucket cannot have that, straight to the recording queue (--queue: its ARN,
which the stack puts out). S3 then tries whether it may send there, and writes nothing where it may not.

PutBucketNotificationConfiguration replaces everything that is there, so this reads, merges, shows, and
writes only with --apply. It needs boto3, and s3:GetBucketNotification and s3:PutBucketNotification on the
buckets.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError

from scripts import deployment

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import NotificationConfigurationTypeDef

ID = "coval-relay"
SWITCH, QUEUES = "EventBridgeConfiguration", "QueueConfigurations"
REFUSED = """
A queue lets in the buckets that RecordingBuckets names; its key, where it is one of yours, has to let S3 in:
docs/deploy.md, "Customer-managed keys"."""


class ChangedMeanwhile(RuntimeError):
    """What was read after the write is not what was written."""


def current(client: "S3Client", bucket: str) -> dict[str, Any]:
    """The bucket's whole notification configuration."""
    answer = dict(client.get_bucket_notification_configuration(Bucket=bucket))
    answer.pop("ResponseMetadata")
    return answer


def merged(configuration: Mapping[str, Any], queue: str = "") -> dict[str, Any]:
    """The same configuration with EventBridge switched on, or with this queue (ARN) notified."""
    if not queue:
        return {**configuration, SWITCH: {}}
    others = configuration.get(QUEUES, [])
    return {
        **configuration,
        QUEUES: [*others, {"Id": ID, "QueueArn": queue, "Events": ["s3:ObjectCreated:*"]}],
    }


def is_on(configuration: Mapping[str, Any], queue: str = "") -> bool:
    if not queue:
        return SWITCH in configuration
    return any(other["QueueArn"] == queue for other in configuration.get(QUEUES, []))


def write(client: "S3Client", bucket: str, configuration: Mapping[str, Any], *, tried: bool) -> None:
    """Replace the configuration: all of its destinations are tried, or none, which spares them test messages.

    Nothing else ever says that a queue or its key does not let S3 in. Raises ChangedMeanwhile where somebody else
    wrote at the same time: S3 has no conditional write for this.
    """
    client.put_bucket_notification_configuration(
        Bucket=bucket,
        NotificationConfiguration=cast("NotificationConfigurationTypeDef", configuration),
        SkipDestinationValidation=not tried,
    )
    if not any(current(client, bucket) == configuration for _ in looks()):
        raise ChangedMeanwhile(bucket)


def looks(pause: Callable[[float], None] = time.sleep) -> Iterator[None]:
    """Some, with longer and longer pauses: a bucket's configuration may be an old one for a while after a write."""
    for seconds in (0, 1, 2, 4):
        pause(seconds)
        yield


def enable(client: "S3Client", bucket: str, queue: str = "", *, apply: bool) -> str:
    """Switch one bucket on, or say what would be written."""
    way = "the queue" if queue else "EventBridge"
    found = current(client, bucket)
    if is_on(found, queue):
        return f"{bucket}: {way} is on already"
    wanted = merged(found, queue)
    if not apply:
        return f"{bucket}: would be written with --apply:\n{json.dumps(wanted, indent=2)}"
    write(client, bucket, wanted, tried=bool(queue))
    return f"{bucket}: {way} is on; kept: {', '.join(found) or 'nothing else was there'}"


@deployment.plain_errors()
def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("buckets", nargs="+", metavar="BUCKET")
    parser.add_argument("--queue", default="", metavar="ARN", help="notify this queue instead of EventBridge")
    parser.add_argument("--apply", action="store_true", help="write; without it nothing is changed")
    deployment.add_arguments(parser)
    chosen = parser.parse_args(arguments)
    client = deployment.chosen(chosen).client("s3")
    failed = [line for bucket in chosen.buckets if (line := _served(client, bucket, chosen.queue, apply=chosen.apply))]
    if failed:
        sys.exit("\n".join(failed))


def _served(client: "S3Client", bucket: str, queue: str, *, apply: bool) -> str:
    """What went wrong with this bucket, which keeps no other one from being served."""
    try:
        print(enable(client, bucket, queue, apply=apply))
    except ClientError as error:
        return f"{bucket}: {error}{REFUSED if queue else ''}"
    except ChangedMeanwhile:
        return f"{bucket}: somebody else wrote at the same time: look at its notifications, and try again"
    return ""


if __name__ == "__main__":
    main()
