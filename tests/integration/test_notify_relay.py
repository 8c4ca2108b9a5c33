"""The script that switches EventBridge on at a bucket that has other notifications."""

import uuid
from typing import TYPE_CHECKING

import pytest

from scripts import notify_relay
from tests.support import emulator

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient


@pytest.fixture
def client(aws_url: str) -> "S3Client":
    found: S3Client = emulator.client("s3", aws_url)
    return found


@pytest.fixture
def bucket(client: "S3Client") -> str:
    name = f"recordings-{uuid.uuid4().hex}"
    client.create_bucket(Bucket=name)
    return name


@pytest.fixture
def notified(client: "S3Client", bucket: str, aws_url: str) -> str:
    """A bucket that notifies a queue of new objects."""
    queues: SQSClient = emulator.client("sqs", aws_url)
    url = queues.create_queue(QueueName=bucket)["QueueUrl"]
    arn = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    client.put_bucket_notification_configuration(
        Bucket=bucket,
        NotificationConfiguration={
            "QueueConfigurations": [
                {
                    "Id": "index",
                    "QueueArn": arn,
                    "Events": ["s3:ObjectCreated:*"],
                    "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "voice/"}]}},
                }
            ]
        },
    )
    return bucket


def test_other_notifications_stay(client: "S3Client", notified: str) -> None:
    before = notify_relay.current(client, notified)
    said = notify_relay.enable(client, notified, apply=True)
    assert said == f"{notified}: EventBridge is on; kept: QueueConfigurations"
    assert before["QueueConfigurations"][0]["Id"] == "index"
    assert notify_relay.current(client, notified) == {**before, "EventBridgeConfiguration": {}}


def test_nothing_is_written_unasked(client: "S3Client", notified: str) -> None:
    before = notify_relay.current(client, notified)
    said = notify_relay.enable(client, notified, apply=False)
    assert said.startswith(f"{notified}: would be written with --apply:\n")
    assert '"EventBridgeConfiguration": {}' in said
    assert notify_relay.current(client, notified) == before


def test_what_is_on_stays_on(client: "S3Client", bucket: str) -> None:
    first = notify_relay.enable(client, bucket, apply=True)
    second = notify_relay.enable(client, bucket, apply=True)
    assert first == f"{bucket}: EventBridge is on; kept: nothing else was there"
    assert second == f"{bucket}: EventBridge is on already"


def test_a_write_of_somebody_else_is_noticed(
    client: "S3Client", notified: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stale = notify_relay.current(client, notified)
    monkeypatch.setattr(notify_relay, "current", lambda *_: stale)
    monkeypatch.setattr(notify_relay, "looks", lambda: iter([None]))
    with pytest.raises(notify_relay.ChangedMeanwhile, match=notified):
        notify_relay.enable(client, notified, apply=True)


def test_what_s3_tells_late_is_looked_for_again(
    client: "S3Client", notified: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With growing pauses: the old configuration is told twice after the write."""
    stale, current, told = notify_relay.current(client, notified), notify_relay.current, iter([False, True, True])
    monkeypatch.setattr(notify_relay, "current", lambda *given: stale if next(told, False) else current(*given))
    paused: list[float] = []
    looks = notify_relay.looks
    monkeypatch.setattr(notify_relay, "looks", lambda: looks(paused.append))
    assert notify_relay.enable(client, notified, apply=True).startswith(f"{notified}: EventBridge is on")
    assert paused == [0, 1, 2]


def test_a_bucket_that_fails_keeps_no_other_from_being_served(
    client: "S3Client", bucket: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("boto3.Session.client", lambda *_, **__: client)
    with pytest.raises(SystemExit, match=r"no-such-bucket-of-ours: .*NoSuchBucket"):
        notify_relay.main(["no-such-bucket-of-ours", bucket, "--apply"])
    assert capsys.readouterr().out.startswith(f"{bucket}: EventBridge is on")


def test_each_named_bucket_is_served(
    client: "S3Client", bucket: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("boto3.Session.client", lambda *_, **__: client)
    notify_relay.main([bucket, bucket, "--apply"])
    on, already = capsys.readouterr().out.splitlines()
    assert (on.split("; ")[0], already) == (
        f"{bucket}: EventBridge is on",
        f"{bucket}: EventBridge is on already",
    )


def test_a_queue_that_s3_may_not_send_to_is_not_written(
    client: "S3Client", notified: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = notify_relay.current(client, notified)
    monkeypatch.setattr("boto3.Session.client", lambda *_, **__: client)
    queue = "arn:aws:sqs:us-east-1:000000000000:relay"
    with pytest.raises(SystemExit) as ended:
        notify_relay.main([notified, "--queue", queue, "--apply"])
    assert ended.value.code == (
        f"{notified}: An error occurred (InvalidArgument) when calling the PutBucketNotificationConfiguration "
        f"operation: Unable to validate the following destination configurations: {queue}{notify_relay.REFUSED}"
    )
    assert notify_relay.current(client, notified) == before


def test_eventbridge_is_switched_on_whatever_became_of_the_others(
    client: "S3Client", notified: str, aws_url: str
) -> None:
    queues: SQSClient = emulator.client("sqs", aws_url)
    queues.delete_queue(QueueUrl=queues.get_queue_url(QueueName=notified)["QueueUrl"])
    assert (
        notify_relay.enable(client, notified, apply=True) == f"{notified}: EventBridge is on; kept: QueueConfigurations"
    )


def test_a_queue_is_added_to_the_others_and_once(client: "S3Client", notified: str, aws_url: str) -> None:
    before = notify_relay.current(client, notified)
    queues: SQSClient = emulator.client("sqs", aws_url)
    queue = before["QueueConfigurations"][0]["QueueArn"].replace("recordings", "relay")
    queues.create_queue(QueueName=queue.rpartition(":")[2])
    said = [notify_relay.enable(client, notified, queue, apply=True) for _ in range(2)]
    assert said == [
        f"{notified}: the queue is on; kept: QueueConfigurations",
        f"{notified}: the queue is on already",
    ]
    added = {"Id": "coval-relay", "QueueArn": queue, "Events": ["s3:ObjectCreated:*"]}
    configurations = [*before["QueueConfigurations"], added]
    assert notify_relay.current(client, notified) == {**before, "QueueConfigurations": configurations}
