"""Queues: their limits, what they are redriven to, who may send."""

from typing import Any

import pytest

from tests.template.cloudformation import Stack
from tests.template.deployments import FULLEST, QUEUE_OF, SMALLEST, key

DAY = 86_400
FROM_BUCKETS = {
    "RecordingQueue": [
        {
            "Sid": "SendFromBuckets",
            "Effect": "Allow",
            "Principal": {"Service": "s3.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": "RecordingQueue.Arn",
            "Condition": {
                "ArnEquals": {"aws:SourceArn": ["arn:aws:s3:::acme-recordings"]},
                "StringEquals": {"aws:SourceAccount": "111122223333"},
            },
        }
    ]
}
"""Buckets that notify the queue themselves."""
SENDERS = {
    "CallEnd": ["CallEventRule.Arn"],
    "Recording": "RecordingRule.Arn",
    "Attach": "RecordingReadyRule.Arn",
}
each_function = pytest.mark.parametrize("function", QUEUE_OF)


@each_function
def test_queue(smallest: Stack, function: str) -> None:
    queue = QUEUE_OF[function]
    assert smallest.properties(f"{queue}Queue") == {
        "VisibilityTimeout": 6 * int(str(smallest.parameter(f"{function}TimeoutSeconds"))),
        "MessageRetentionPeriod": 4 * DAY,
        "RedrivePolicy": {"deadLetterTargetArn": f"{queue}DeadLetterQueue.Arn", "maxReceiveCount": 5},
        "SqsManagedSseEnabled": True,
    }


@each_function
def test_dead_letter_queue(smallest: Stack, function: str) -> None:
    assert smallest.properties(f"{QUEUE_OF[function]}DeadLetterQueue") == {
        "MessageRetentionPeriod": 14 * DAY,
        "SqsManagedSseEnabled": True,
    }


@each_function
def test_a_message_stays_hidden_for_six_timeouts_whatever_the_timeout(smallest: Stack, function: str) -> None:
    name = f"{function}TimeoutSeconds"
    for seconds in smallest.template["Parameters"][name]["AllowedValues"]:
        stack = Stack(smallest.template, {**SMALLEST, name: str(seconds)})
        assert stack.properties(f"{QUEUE_OF[function]}Queue")["VisibilityTimeout"] == 6 * seconds
        assert stack.properties(f"{function}Function")["Timeout"] == str(seconds)


def test_all_queues_take_the_customer_s_key(fullest: Stack) -> None:
    queues = fullest.resources("AWS::SQS::Queue")
    assert len(queues) == 6
    for queue in queues.values():
        assert queue["Properties"]["KmsMasterKeyId"] == key("queues")
        assert "SqsManagedSseEnabled" not in queue["Properties"]


@pytest.mark.parametrize("queue", [f"{name}{kind}" for name in SENDERS for kind in ("Queue", "DeadLetterQueue")])
def test_only_the_rules_may_send_and_only_by_https(smallest: Stack, queue: str) -> None:
    policy = smallest.properties(f"{queue}Policy")
    assert policy["Queues"] == [queue]
    assert policy["PolicyDocument"]["Statement"] == [
        {
            "Sid": "SendFromRules",
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": f"{queue}.Arn",
            "Condition": {
                "ArnEquals": {"aws:SourceArn": SENDERS[queue.removesuffix("DeadLetterQueue").removesuffix("Queue")]}
            },
        },
        *FROM_BUCKETS.get(queue, ()),
        refusal(queue, FUNCTIONS),
        {
            "Sid": "RefusePlainHttp",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "sqs:*",
            "Resource": f"{queue}.Arn",
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        },
    ]


FUNCTIONS = ["SubmitTranscriptRole.Arn", "UploadRecordingRole.Arn", "AttachRecordingRole.Arn"]


def refusal(queue: str, senders: list[str]) -> dict[str, Any]:
    """Of everybody else in the account, whatever his own policy allows; AWS's services stand above, one by one."""
    return {
        "Sid": "RefuseOtherSenders",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sqs:SendMessage",
        "Resource": f"{queue}.Arn",
        "Condition": {
            "Bool": {"aws:PrincipalIsAWSService": "false"},
            "ArnNotLike": {"aws:PrincipalArn": senders},
        },
    }


@pytest.mark.parametrize("queue", [f"{name}{kind}" for name in SENDERS for kind in ("Queue", "DeadLetterQueue")])
def test_the_door_and_the_named_operators_may_send_too(fullest: Stack, queue: str) -> None:
    statements = fullest.properties(f"{queue}Policy")["PolicyDocument"]["Statement"]
    senders = [*FUNCTIONS, "ReceiveWebhookRole.Arn", *FULLEST["QueueSenderArns"].split(",")]
    assert refusal(queue, senders) in statements


@pytest.mark.parametrize("kind", ["Queue", "DeadLetterQueue"])
def test_a_queue_lets_those_rules_in_that_send_to_it(smallest: Stack, fullest: Stack, kind: str) -> None:
    for stack in (smallest, fullest):
        sent: dict[str, set[str]] = {}
        for name, rule in stack.resources("AWS::Events::Rule").items():
            (target,) = rule["Properties"]["Targets"]
            sent.setdefault(target["Id"].removesuffix("Queue"), set()).add(f"{name}.Arn")
        assert {queue: senders(stack, f"{queue}{kind}") for queue in SENDERS} == sent


def senders(stack: Stack, queue: str) -> set[str]:
    send = stack.properties(f"{queue}Policy")["PolicyDocument"]["Statement"][0]
    found = send["Condition"]["ArnEquals"]["aws:SourceArn"]
    return {found} if isinstance(found, str) else set(found)


@each_function
def test_function_takes_from_its_queue(smallest: Stack, function: str) -> None:
    batch_size = 1 if function == "UploadRecording" else 5
    assert smallest.properties(f"{function}FunctionQueue") == {
        "BatchSize": batch_size,
        "EventSourceArn": f"{QUEUE_OF[function]}Queue.Arn",
        "FunctionName": f"{function}Function",
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "ScalingConfig": {"MaximumConcurrency": smallest.parameter(f"{function}MaximumConcurrency")},
    }
