"""The script that sends rejected calls again: what it lists, sends, deletes, and says to be missing."""

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from coval_relay.adapters.aws.queue_messages import from_text
from coval_relay.adapters.aws.s3_rejected_events import S3RejectedEvents
from coval_relay.domain import lifecycle
from coval_relay.domain.errors import AudioFetchError, PermanentError, Reason, RetryableError
from coval_relay.domain.messages import Reopen
from scripts import send_again
from scripts.dead_letters import QUEUES
from scripts.send_again import Stack
from tests.support.events import call_ended

OWNER = "123456789012"
REASON = Reason("INVALID_ARGUMENT", "Too many tags.")
PHONE = "+15550100002"


@pytest.fixture
def stack() -> Iterator[Stack]:
    with mock_aws():
        s3, sqs, dynamodb = boto3.client("s3", "us-east-1"), boto3.client("sqs"), boto3.client("dynamodb")
        s3.create_bucket(Bucket="staging")
        names = ("external_conversation_id", "item_key")
        dynamodb.create_table(
            TableName="table",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in names],
            KeySchema=[
                {"AttributeName": names[0], "KeyType": "HASH"},
                {"AttributeName": names[1], "KeyType": "RANGE"},
            ],
            BillingMode="PAY_PER_REQUEST",
        )
        queues = {f"{name}QueueUrl": sqs.create_queue(QueueName=name)["QueueUrl"] for name in QUEUES.values()}
        outputs = {"StagingBucketName": "staging", "ConversationTableName": "table", **queues}
        yield Stack(outputs=outputs, s3=s3, sqs=sqs, dynamodb=dynamodb)


def keep(stack: Stack, call_id: str = "call-1", code: str = REASON.code, queue: Any = "call_end") -> dict[str, Any]:
    event = call_ended(call_id)
    kept = S3RejectedEvents(lambda: stack.s3, "staging", OWNER, queue)
    for _ in range(2):
        kept.keep(call_id, Reason(code, REASON.text), json.dumps(event))
    return event


def item(stack: Stack, call_id: str = "call-1", **attributes: Any) -> None:
    values = {"state": {"S": "REJECTED"}, "revision": {"N": "7"}, "call_end": {"S": "WITH_TRANSCRIPT"}, **attributes}
    key = {"external_conversation_id": {"S": call_id}, "item_key": {"S": "call"}}
    stack.dynamodb.put_item(TableName="table", Item={**key, **values})


UNFETCHED = AudioFetchError("Coval's words")


def ended(code: str, state: str = "REJECTED") -> dict[str, Any]:
    """A recording that has ended with this reason."""
    return {"recording": {"M": {"state": {"S": state}, "reason": {"M": {"code": {"S": code}}}}}}


def dropped(**pointer: Any) -> dict[str, Any]:
    """It was rejected because its words cannot be sent."""
    reason = {"M": {"code": {"S": "c"}, "text": {"S": "t"}}}
    return {"call_end": {"S": "WITHOUT_TRANSCRIPT"}, "reason": reason, "dropped": {"M": {"reason": reason, **pointer}}}


def received(stack: Stack, queue: str) -> list[Any]:
    url = stack.outputs[f"{QUEUES[queue]}QueueUrl"]
    found = stack.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    return [from_text(message["Body"]) for message in found]


def test_what_is_kept_is_listed_without_numbers_or_words(stack: Stack) -> None:
    keep(stack)
    keep(stack, PHONE)
    lines = list(send_again.listed(stack, "", ""))
    assert lines[-1] == "2 events of rejected calls are kept"
    printed = "\n".join(lines)
    assert "INVALID_ARGUMENT: Too many tags." in printed
    assert PHONE not in printed
    assert "Acme" not in printed
    keys = [one["Key"] for one in stack.s3.list_objects_v2(Bucket="staging")["Contents"]]
    assert all(key.startswith("rejected/") and PHONE not in key for key in keys)


@pytest.mark.parametrize(("call", "code"), [("call-1", ""), ("", "INVALID_ARGUMENT")])
def test_the_chosen_are_sent_and_no_longer_kept(stack: Stack, call: str, code: str) -> None:
    item(stack)
    event = keep(stack)
    keep(stack, "call-2", "other")
    lines = list(send_again.sent(stack, call, code))
    assert len(lines) == 1
    assert received(stack, "call_end") == [Reopen("call-1", 7, event)]
    assert list(send_again.listed(stack, "", ""))[-1] == "1 events of rejected calls are kept"


def test_each_goes_to_its_own_queue(stack: Stack) -> None:
    event = keep(stack, queue="recording")
    list(send_again.sent(stack, "call-1", ""))
    assert (received(stack, "call_end"), received(stack, "recording")) == ([], [Reopen("call-1", 0, event)])


@pytest.mark.parametrize(
    ("attributes", "message", "sends"),
    [
        ({}, send_again.WORDS_MISSING, True),
        ({"transcript": {"M": {}}}, send_again.GOES_ON, True),
        ({"call_end": {"S": "WITHOUT_TRANSCRIPT"}}, send_again.GOES_ON, True),
        (dropped(), send_again.WORDS_MISSING, True),
        (dropped(pointer={"M": {}}), send_again.GOES_ON, True),
        ({**dropped(), "reason": {"M": {"code": {"S": "other"}}}}, send_again.GOES_ON, True),
        ({"state": {"S": "SUBMITTED"}}, send_again.NOT_REJECTED, False),
        ({"state": {"S": "SUBMITTED"}, **ended("other")}, send_again.NOT_REJECTED, False),
        ({"state": {"S": "SUBMITTED"}, **ended(lifecycle.WAITED_TOO_LONG.code)}, send_again.GOES_ON, True),
        ({"state": {"S": "SUBMITTED"}, **ended(UNFETCHED.reason.code)}, send_again.GOES_ON, True),
        ({"state": {"S": "SUBMITTED"}, **ended(UNFETCHED.reason.code, "ATTACHING")}, send_again.NOT_REJECTED, False),
    ],
)
def test_of_what_was_not_kept_it_says_what_is_missing(
    stack: Stack, attributes: dict[str, Any], message: str, sends: bool
) -> None:
    item(stack, **attributes)
    (line,) = send_again.sent(stack, "call-1", "")
    assert line.endswith(message)
    assert received(stack, "attach") == [Reopen("call-1", 7)] * sends


def test_what_is_too_large_for_a_queue_is_left(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(stack)
    monkeypatch.setattr(send_again, "MAX_MESSAGE_BYTES", 100)
    (line,) = send_again.sent(stack, "call-1", "")
    assert "too large" in line
    assert received(stack, "call_end") == []
    assert list(send_again.listed(stack, "", ""))[-1].startswith("1 ")


def test_a_bucket_that_denies_is_for_the_operator_or_for_later(stack: Stack) -> None:
    gone = S3RejectedEvents(lambda: stack.s3, "no-such-bucket", OWNER, "call_end")
    with pytest.raises(RetryableError):
        gone.keep("call-1", REASON, "{}")

    def denied(**_: Any) -> Any:
        raise ClientError({"Error": {"Code": "AccessDenied"}}, "PutObject")

    client: Any = SimpleNamespace(put_object=denied)
    with pytest.raises(PermanentError) as caught:
        S3RejectedEvents(lambda: client, "staging", OWNER, "call_end").keep("call-1", REASON, "{}")
    assert caught.value.code == "access_denied"


def test_the_command(stack: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    item(stack)
    keep(stack)
    outputs = [{"OutputKey": name, "OutputValue": value} for name, value in stack.outputs.items()]
    clients: dict[str, Any] = {"s3": stack.s3, "sqs": stack.sqs, "dynamodb": stack.dynamodb}

    class CloudFormation:
        def describe_stacks(self, **_: Any) -> Any:
            return {"Stacks": [{"Outputs": outputs}]}

    clients["cloudformation"] = CloudFormation()
    monkeypatch.setattr(boto3.Session, "client", lambda _, service, **__: clients[service])
    send_again.main([])
    assert capsys.readouterr().out.endswith("1 events of rejected calls are kept\n")
    with pytest.raises(SystemExit):
        send_again.main(["--send"])
    send_again.main(["--send", "--reason", "INVALID_ARGUMENT"])
    assert "sent again to call_end" in capsys.readouterr().out
