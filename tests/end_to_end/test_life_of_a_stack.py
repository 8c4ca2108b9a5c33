"""A stack's life: deployed with the least, calls in an outage of Coval, upgraded to the most meanwhile, deleted.

On the local stack the outage lasts for as long as the upgrade, in an account of AWS for twenty minutes.
"""

import json
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local.simulator import AdminClient
from local.stack.server_processes import wait_until
from local.stack.stack import Stack
from scripts.dead_letters import in_queue
from tests.aws import sandbox
from tests.aws.sandbox import BUCKET, BUS, LIVE, SOURCE, Deployment, Prerequisites
from tests.end_to_end.conftest import FILES
from tests.end_to_end.probes import INLINE, SPOKEN, call_ended

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_s3 import S3Client

pytestmark = pytest.mark.sandbox

OUTAGE_SECONDS = 1200 if LIVE else 0
MOST_SECONDS = 3600 if LIVE else 300
IN_FLIGHT = 3
OUTAGE = {"kind": "status", "status": 503, "body": {"message": "Service Unavailable"}}
OF_COVAL_S_API = "^/v1/"


@dataclass
class Life:
    """What was seen of the stack, from its first deploy on."""

    coval: AdminClient
    first: str = ""
    in_flight: tuple[str, ...] = ()
    smallest: Mapping[str, str] | None = None
    fullest: Mapping[str, str] | None = None
    dead_letters: int = -1
    left: tuple[str, ...] = ()

    def played(self) -> str:
        """A call of its own: its end, with the words, and its recording."""
        call_id = f"sandbox-{uuid.uuid4().hex[:12]}"
        s3: S3Client = boto3.client("s3")
        events: EventBridgeClient = boto3.client("events")
        detail = json.dumps(call_ended(call_id, INLINE)["detail"])
        entry: Any = {"EventBusName": BUS, "Source": SOURCE, "DetailType": "Call Ended", "Detail": detail}
        assert not events.put_events(Entries=[entry])["FailedEntryCount"]
        s3.put_object(Bucket=BUCKET, Key=f"recordings/{call_id}.wav", Body=SPOKEN)
        return call_id

    def held(self, call_id: str) -> list[tuple[bool, bool]]:
        """Of each conversation that Coval has of the call: whether it has words, and audio."""
        found = self.coval.conversations(call_id)
        return [(bool(one["transcript"]), bool(one["audio"])) for one in found]

    def tried(self, call_id: str) -> bool:
        return bool(self.coval.requests(external_conversation_id=call_id))

    def ended(self, *call_ids: str) -> bool:
        return wait_until(lambda: all(self.held(one) == [(True, True)] for one in call_ids), MOST_SECONDS)


@pytest.fixture(scope="module")
def life(stack: Stack) -> Iterator[Life]:
    """The whole story; the tests look at its chapters."""
    deployment = Deployment(sandbox.NAME, FILES.folder / "sandbox")
    with AdminClient(stack.coval_url) as coval, sandbox.prerequisites() as given:
        seen = Life(coval)
        try:
            live(seen, deployment, given, stack.coval_from_aws)
        finally:
            deployment.delete()
            seen.left = tuple(sandbox.left_by(seen.smallest or {}))
        yield seen


def live(seen: Life, deployment: Deployment, given: Prerequisites, coval: str) -> None:
    seen.smallest = deployment.deploy(given.smallest(coval))
    seen.first = seen.played()
    assert seen.ended(seen.first), seen.held(seen.first)
    with_outage(seen, lambda: deployment.deploy(given.fullest(coval)))
    assert seen.fullest
    seen.ended(*seen.in_flight)
    seen.dead_letters = depth(seen.fullest)


def with_outage(seen: Life, upgrade: Any) -> None:
    """Calls come while Coval is away; the upgrade runs meanwhile, and ends before Coval is back."""
    ends = time.monotonic() + OUTAGE_SECONDS
    seen.coval.add_fault(OUTAGE, times=1_000_000, path=OF_COVAL_S_API)
    try:
        seen.in_flight = tuple(seen.played() for _ in range(IN_FLIGHT))
        assert wait_until(lambda: all(map(seen.tried, seen.in_flight)), MOST_SECONDS)
        seen.fullest = upgrade()
        assert wait_until(lambda: time.monotonic() >= ends, OUTAGE_SECONDS + 60)
    finally:
        seen.coval.clear_faults()


def depth(outputs: Mapping[str, str]) -> int:
    """Dead letters in all three queues, hidden ones too."""
    sqs = boto3.client("sqs")
    urls = [outputs[f"{name}DeadLetterQueueUrl"] for name in ("CallEnd", "Recording", "Attach")]
    return sum(in_queue(sqs, url)[0] for url in urls)


def test_with_the_least_parameters_a_call_reaches_coval(life: Life) -> None:
    assert life.held(life.first) == [(True, True)]


def test_calls_in_flight_outlive_the_outage_and_the_upgrade(life: Life) -> None:
    """Each is in Coval once, with its words and its audio."""
    assert {call_id: life.held(call_id) for call_id in life.in_flight} == {
        call_id: [(True, True)] for call_id in life.in_flight
    }
    assert life.dead_letters == 0


def test_the_upgrade_keeps_what_holds_state(life: Life) -> None:
    assert life.smallest
    assert life.fullest
    kept = ("ConversationTableName", "StagingBucketName", "CallEndQueueUrl", "RecordingQueueUrl", "AttachQueueUrl")
    assert {name: life.fullest[name] for name in kept} == {name: life.smallest[name] for name in kept}


@pytest.mark.aws_only
def test_lambda_has_dropped_no_message_for_a_loop(life: Life) -> None:
    """The metric is AWS's own; after more than 16 deliveries of one message."""
    assert life.fullest
    metrics = boto3.client("cloudwatch")
    for function in ("SubmitTranscript", "UploadRecording", "AttachRecording"):
        found = metrics.get_metric_statistics(
            Namespace="AWS/Lambda",
            MetricName="RecursiveInvocationsDropped",
            Dimensions=[{"Name": "FunctionName", "Value": life.fullest[f"{function}FunctionName"]}],
            StartTime=time.time() - 2 * OUTAGE_SECONDS,
            EndTime=time.time(),
            Period=3600,
            Statistics=["Sum"],
        )
        assert [point["Sum"] for point in found["Datapoints"] if point["Sum"]] == []


def test_a_deleted_stack_leaves_its_table_and_its_copies(life: Life) -> None:
    """An operator takes them away by hand, as was done here."""
    assert life.fullest
    assert life.left == ("table", "staging bucket")
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        boto3.client("lambda").get_function(FunctionName=life.fullest["SubmitTranscriptFunctionName"])
