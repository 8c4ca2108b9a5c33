"""Send rejected calls again, once the cause is mended.

    python3 -m scripts.send_again                  # lists what was kept, of the stack of samconfig.toml
    python3 -m scripts.send_again --stack coval-relay --reason INVALID_ARGUMENT --send
    python3 -m scripts.send_again --stack coval-relay --call YOUR-CALL-ID --send

The events of rejected calls are kept for RejectedEventDays. It needs boto3; cloudformation:DescribeStacks,
s3:ListBucket, s3:GetObject and s3:DeleteObject on the staging bucket (and kms:Decrypt on its key), dynamodb:GetItem on
the table, and sqs:SendMessage on the queues, whose policies deny everybody that the stack's parameter
QueueSenderArns does not name. It prints no event: calls are named as in the log.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scripts import deployment
from scripts.dead_letters import QUEUES, digest_of, shown

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

PREFIX = "rejected/"
"""Of the keys in the staging bucket (coval_relay/adapters/aws/s3_rejected_events.py)."""
MAX_MESSAGE_BYTES = 1_048_576
WORDS_MISSING = (
    "brought back, but its words are missing: its event was not kept (RejectedEventDays), or no longer. "
    "Put its event on the bus again within 13 days"
)
GOES_ON = "brought back: the sweep goes on with it"
NOT_REJECTED = "nothing was kept of it, and it is not rejected"
IN_VAIN = ("waited_too_long", "audio_fetch_failed")
"""Why a recording has ended that may be brought back (coval_relay/domain/lifecycle/claims.py)."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A rejected event, as it lies in the bucket."""

    key: str
    call_id: str
    queue: str
    code: str
    reason: str
    event: Any


def reopening(call_id: str, revision: int, event: Any = None) -> str:
    """The message that brings a rejected call back, if its item stands as it was read, and takes its event in anew."""
    detail = {"external_conversation_id": call_id, "revision": revision, "event": event}
    return json.dumps({"source": "coval.relay", "detail-type": "Reopen", "detail": detail})


@dataclass(frozen=True, kw_only=True)
class Stack:
    """What the command uses of a stack."""

    outputs: Mapping[str, str]
    s3: "S3Client"
    sqs: "SQSClient"
    dynamodb: "DynamoDBClient"

    @property
    def bucket(self) -> str:
        return self.outputs["StagingBucketName"]

    @property
    def table(self) -> str:
        return self.outputs["ConversationTableName"]

    def kept(self, call: str, code: str) -> Iterator[Kept]:
        """What was kept of one call, or of all, with this reason."""
        prefix = f"{PREFIX}{_digest(call)}/" if call else PREFIX
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        for found in (one for page in pages for one in page.get("Contents", [])):
            read = json.loads(self.s3.get_object(Bucket=self.bucket, Key=found["Key"])["Body"].read())
            kept = Kept(
                key=found["Key"],
                call_id=read["external_conversation_id"],
                queue=read["queue"],
                code=read["reason"]["code"],
                reason=read["reason"]["text"],
                event=_parsed(read["event"]),
            )
            if code in ("", kept.code):
                yield kept

    def send(self, queue: str, body: str) -> None:
        self.sqs.send_message(QueueUrl=self.outputs[f"{QUEUES[queue]}QueueUrl"], MessageBody=body)

    def item(self, call: str) -> Mapping[str, Any]:
        return item_of(self.dynamodb, self.table, call)

    def name(self, call: str) -> str:
        return f"{shown(call)} ({digest_of(call, self.table)})"


def item_of(dynamodb: "DynamoDBClient", table: str, call: str) -> Mapping[str, Any]:
    """A call's item as it is now, empty where there is none."""
    key = {"external_conversation_id": {"S": call}, "item_key": {"S": "call"}}
    return dynamodb.get_item(TableName=table, Key=key, ConsistentRead=True).get("Item", {})


def _digest(call: str) -> str:
    return hashlib.sha256(call.encode(errors="surrogatepass")).hexdigest()[:32]


def _parsed(event: str) -> Any:
    try:
        return json.loads(event)
    except ValueError:
        return None


def listed(stack: Stack, call: str, code: str) -> Iterator[str]:
    """What could be sent again."""
    count = 0
    for kept in stack.kept(call, code):
        count += 1
        yield f"{stack.name(kept.call_id)}  {kept.queue}  {shown(kept.code)}: {shown(kept.reason)}"
    yield f"{count} events of rejected calls are kept"


def sent(stack: Stack, call: str, code: str) -> Iterator[str]:
    """Send it; each is deleted only when it has been sent, and kept anew where it is rejected again.

    All are read before the first is sent, so that what is rejected again at once is not sent for ever.
    """
    found = list(stack.kept(call, code))
    revisions = {name: _revision(stack.item(name)) for name in {kept.call_id for kept in found}}
    for kept in found:
        message = reopening(kept.call_id, revisions[kept.call_id], kept.event)
        if len(message.encode()) > MAX_MESSAGE_BYTES:
            yield f"{stack.name(kept.call_id)}: left, since it is too large to be sent again by a queue"
            continue
        stack.send(kept.queue, message)
        stack.s3.delete_object(Bucket=stack.bucket, Key=kept.key)
        yield f"{stack.name(kept.call_id)}: sent again to {kept.queue}"
    if call and not found:
        yield f"{stack.name(call)}: {_without_event(stack, call)}"


def _without_event(stack: Stack, call: str) -> str:
    """Brings back a call of which no call end was kept, or its recording; says what is missing."""
    item = stack.item(call)
    if item.get("state", {}).get("S") != "REJECTED" and not _has_ended_in_vain(item):
        return NOT_REJECTED
    stack.send("attach", reopening(call, _revision(item)))
    if item.get("state", {}).get("S") != "REJECTED":
        return GOES_ON
    return WORDS_MISSING if _words_came_in_the_event(item) else GOES_ON


def _words_came_in_the_event(item: Mapping[str, Any]) -> bool:
    """Whether the item does not say where they lie, though the call needs them."""
    dropped = item.get("dropped", {}).get("M", {})
    if dropped and dropped.get("reason") == item.get("reason"):
        return "pointer" not in dropped
    return item.get("call_end", {}).get("S") == "WITH_TRANSCRIPT" and "transcript" not in item


def _has_ended_in_vain(item: Mapping[str, Any]) -> bool:
    """Whether only the recording has ended, as one that has waited too long, or that Coval could not fetch."""
    recording = item.get("recording", {}).get("M", {})
    if recording.get("state", {}).get("S") != "REJECTED":
        return False
    return recording.get("reason", {}).get("M", {}).get("code", {}).get("S") in IN_VAIN


def _revision(item: Mapping[str, Any]) -> int:
    return int(item.get("revision", {}).get("N", 0))


# --- the command -------------------------------------------------------------------------------------


@deployment.plain_errors()
def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    deployment.add_stack(parser)
    parser.add_argument("--call", default="", metavar="ID", help="only this call")
    parser.add_argument("--reason", default="", metavar="CODE", help="only what was rejected for this")
    parser.add_argument("--send", action="store_true", help="send it again, instead of listing it")
    deployment.add_arguments(parser)
    given = parser.parse_args(arguments)
    if given.send and not (given.call or given.reason):
        sys.exit("--send needs --call or --reason")
    chosen = deployment.chosen(given)
    stack = Stack(
        outputs=chosen.found().outputs,
        s3=chosen.client("s3"),
        sqs=chosen.client("sqs"),
        dynamodb=chosen.client("dynamodb"),
    )
    for line in (sent if given.send else listed)(stack, given.call, given.reason):
        print(line)


if __name__ == "__main__":
    main()
