"""Whether a bucket tells of its new objects, and by which way."""

from collections.abc import Iterator
from enum import Enum

from scripts.preflight.account import Account
from scripts.preflight.stack_names import LONGEST_QUEUE, stack_of
from scripts.report import Line, Mark


class Way(Enum):
    """By which a bucket tells of its new objects."""

    EVENTBRIDGE = "EventBridge is on"
    QUEUE = "the recording queue is notified"
    NONE = "EventBridge is off: its new objects reach nobody"


def ways(account: Account, bucket: str, owner: str) -> set[Way]:
    found = account.client("s3").get_bucket_notification_configuration(Bucket=bucket, ExpectedBucketOwner=owner)
    queues = [one["QueueArn"].rpartition(":")[2] for one in found.get("QueueConfigurations", [])]
    known = {Way.EVENTBRIDGE} if "EventBridgeConfiguration" in found else set()
    if any(stack_of(queue, "RecordingQueue", account.stack, LONGEST_QUEUE) == account.stack for queue in queues):
        known.add(Way.QUEUE)
    return known or {Way.NONE}


def switch(account: Account, bucket: str, owner: str) -> Iterator[Line]:
    for way in sorted(ways(account, bucket, owner), key=list(Way).index):
        mend = f"python3 -m scripts.notify_relay {bucket} --apply{account.options}" if way is Way.NONE else ""
        yield Line(Mark.MEND if mend else Mark.WELL, f"bucket {bucket}, its events", way.value, mend)
