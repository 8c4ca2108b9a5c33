"""Queues: their limits, what they are redriven to, who may send."""

from typing import Any

import pytest

from coval_relay.domain.backoff import EXPIRY_SECONDS, by_age
from coval_relay.domain.lifecycle.utterances import FUNCTION_SECONDS
from tests.template.cloudformation import Stack
from tests.template.deployments import FULLEST, QUEUE_OF, key

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
                "ArnEquals": {"aws:SourceArn": ["arn:*:s3:::acme-recordings"]},
                "StringEquals": {"aws:SourceAccount": "111122223333"},
            },
        }
    ]
}
"""Buckets that notify the queue themselves."""
LONGEST_RETENTION_DAYS = 14
each_function = pytest.mark.parametrize("function", QUEUE_OF)


@each_function
def test_queue(smallest: Stack, function: str) -> None:
    queue = QUEUE_OF[function]
    assert smallest.properties(f"{queue}Queue") == {
        "VisibilityTimeout": 1800,
        "MessageRetentionPeriod": LONGEST_RETENTION_DAYS * DAY,
        "RedrivePolicy": {"deadLetterTargetArn": f"{queue}DeadLetterQueue.Arn", "maxReceiveCount": 1000},
        "SqsManagedSseEnabled": True,
    }


@pytest.mark.parametrize("queue", [*(f"{queue}DeadLetter" for queue in QUEUE_OF.values()), "Undelivered"])
def test_dead_letter_queue(smallest: Stack, queue: str) -> None:
    assert smallest.properties(f"{queue}Queue") == {
        "MessageRetentionPeriod": LONGEST_RETENTION_DAYS * DAY,
        "SqsManagedSseEnabled": True,
    }


@each_function
def test_a_message_stays_hidden_for_longer_than_its_function_may_take(smallest: Stack, function: str) -> None:
    hidden = smallest.properties(f"{QUEUE_OF[function]}Queue")["VisibilityTimeout"]
    assert hidden >= smallest.properties(f"{function}Function")["Timeout"]


def test_utterances_settle_for_as_long_as_their_function_may_take(smallest: Stack) -> None:
    assert smallest.properties("SubmitTranscriptFunction")["Timeout"] == FUNCTION_SECONDS


@each_function
def test_receives_last_longer_than_a_message_may_wait(smallest: Stack, function: str) -> None:
    """So that it is the function that ends it, with a reason, and not SQS, without one."""
    pauses, age = 0, 0
    while age < EXPIRY_SECONDS:
        pauses, age = pauses + 1, age + round(by_age(age, 0.0))
    queue = smallest.properties(f"{QUEUE_OF[function]}Queue")
    where_hiding_is_denied = EXPIRY_SECONDS // queue["VisibilityTimeout"]
    assert max(pauses, where_hiding_is_denied) < queue["RedrivePolicy"]["maxReceiveCount"]


def test_all_queues_take_the_customer_s_key_but_the_one_that_tells_of_its_policy(fullest: Stack) -> None:
    queues = fullest.resources("AWS::SQS::Queue")
    assert len(queues) == 7
    assert queues.pop("UndeliveredQueue")["Properties"]["SqsManagedSseEnabled"] is True
    for queue in queues.values():
        assert queue["Properties"]["KmsMasterKeyId"] == key("own")
        assert "SqsManagedSseEnabled" not in queue["Properties"]


PLAIN_HTTP_IS_DENIED = {
    "Sid": "RefusePlainHttp",
    "Effect": "Deny",
    "Principal": "*",
    "Action": "sqs:*",
    "Resource": "*",
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}


@pytest.mark.parametrize("queue", [*(f"{name}Queue" for name in QUEUE_OF.values()), "UndeliveredQueue"])
def test_only_the_rules_may_send_and_only_by_https(smallest: Stack, queue: str) -> None:
    policy = smallest.properties(f"{queue}Policy")
    assert policy["Queues"] == [queue]
    sends, *others = policy["PolicyDocument"]["Statement"]
    assert {name: sends[name] for name in sends if name != "Condition"} == {
        "Sid": "SendFromRules",
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": f"{queue}.Arn",
    }
    from_roles = [] if queue == "UndeliveredQueue" else [others_denied(FUNCTIONS)]
    assert others == [*FROM_BUCKETS.get(queue, ()), *from_roles, PLAIN_HTTP_IS_DENIED]


@each_function
def test_nobody_but_the_function_sends_to_its_dead_letters(smallest: Stack, function: str) -> None:
    queue = f"{QUEUE_OF[function]}DeadLetterQueue"
    policy = smallest.properties(f"{queue}Policy")
    assert policy["Queues"] == [queue]
    assert policy["PolicyDocument"]["Statement"] == [others_denied(FUNCTIONS), PLAIN_HTTP_IS_DENIED]


@pytest.mark.parametrize("deployment", ["smallest", "fullest"])
def test_a_queue_lets_those_rules_in_that_send_to_it(deployment: str, request: pytest.FixtureRequest) -> None:
    stack: Stack = request.getfixturevalue(deployment)
    sent: dict[str, set[str]] = {"UndeliveredQueue": set()}
    for name, rule in stack.resources("AWS::Events::Rule").items():
        (target,) = rule["Properties"]["Targets"]
        sent.setdefault(target["Id"], set()).add(f"{name}.Arn")
        sent["UndeliveredQueue"].add(f"{name}.Arn")
    assert {queue: senders(stack, queue) for queue in sent} == sent


FUNCTIONS = ["SubmitTranscriptRole.Arn", "UploadRecordingRole.Arn", "AttachRecordingRole.Arn"]


def others_denied(senders: list[str]) -> dict[str, Any]:
    """Of everybody else in the account, whatever his own policy allows; AWS's services stand above, one by one."""
    return {
        "Sid": "RefuseOtherSenders",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sqs:SendMessage",
        "Resource": "*",
        "Condition": {
            "Bool": {"aws:PrincipalIsAWSService": "false"},
            "ArnNotLike": {"aws:PrincipalArn": senders},
        },
    }


@pytest.mark.parametrize("kind", ["Queue", "DeadLetterQueue"])
@pytest.mark.parametrize("name", QUEUE_OF.values())
def test_the_door_and_the_named_operators_may_send_too(fullest: Stack, name: str, kind: str) -> None:
    queue = f"{name}{kind}"
    statements = fullest.properties(f"{queue}Policy")["PolicyDocument"]["Statement"]
    senders = [*FUNCTIONS, "ReceiveWebhookRole.Arn", *FULLEST["QueueSenderArns"].split(",")]
    assert others_denied(senders) in statements


def senders(stack: Stack, queue: str) -> set[str]:
    send = stack.properties(f"{queue}Policy")["PolicyDocument"]["Statement"][0]
    found = send["Condition"]["ArnEquals"]["aws:SourceArn"]
    return {found} if isinstance(found, str) else set(found)


@pytest.mark.parametrize("deployment", ["smallest", "fullest"])
@each_function
def test_function_takes_from_its_queue(deployment: str, function: str, request: pytest.FixtureRequest) -> None:
    stack: Stack = request.getfixturevalue(deployment)
    limits = dict(zip(QUEUE_OF, stack.parameter("MaximumConcurrency"), strict=False))  # the door's comes last
    assert stack.properties(f"{function}FunctionQueue") == {
        "BatchSize": 1,
        "EventSourceArn": f"{QUEUE_OF[function]}Queue.Arn",
        "FunctionName": f"{function}Function",
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "ScalingConfig": {"MaximumConcurrency": limits[function]},
    }
