"""What each role may do, word for word."""

import json
from typing import Any

import pytest

from tests.template.cloudformation import Stack
from tests.template.deployments import CREDENTIALS, FULLEST, QUEUE_OF, SECRET, SMALLEST, WEBHOOKS, key

Statement = dict[str, Any]
GET_WITH_TAGS = [
    "s3:GetObject",
    "s3:GetObjectVersion",
    "s3:GetObjectTagging",
    "s3:GetObjectVersionTagging",
]
LARGEST_POLICY = 10_240
each_function = pytest.mark.parametrize("function", QUEUE_OF)


def statements(stack: Stack, role: str) -> dict[str, Statement]:
    """The role's statements by their Sid; the role has one inline policy and nothing else."""
    properties = stack.properties(role)
    options = {"PermissionsBoundary", "ManagedPolicyArns"}
    assert set(properties) - options == {"AssumeRolePolicyDocument", "Policies", "Path"}
    (policy,) = properties["Policies"]
    found = policy["PolicyDocument"]["Statement"]
    by_sid = {one["Sid"]: {name: one[name] for name in one if name != "Sid"} for one in found}
    assert len(by_sid) == len(found)
    return by_sid


def allow(action: str | list[str], resource: str | list[str]) -> Statement:
    return {"Effect": "Allow", "Action": action, "Resource": resource}


def use_key(services: str | list[str], resource: str | list[str], action: str | list[str] = "kms:Decrypt") -> Statement:
    via = [f"{service}.eu-west-2.amazonaws.com" for service in ([services] if isinstance(services, str) else services)]
    condition = {"StringEquals": {"kms:ViaService": via[0] if isinstance(services, str) else via}}
    return {**allow(action, resource), "Condition": condition}


KEEP = ["dynamodb:GetItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:Query"]


def common(function: str) -> dict[str, Statement]:
    """What every function needs."""
    queue = QUEUE_OF[function]
    receive = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ChangeMessageVisibility"]
    to = [*(f"{other}Queue.Arn" for other in QUEUE_OF.values() if other != queue), f"{queue}DeadLetterQueue.Arn"]
    return {
        "WriteLog": allow(["logs:CreateLogStream", "logs:PutLogEvents"], f"{function}LogGroup.Arn"),
        "ReceiveMessages": allow(receive, f"{queue}Queue.Arn"),
        "SendMessages": allow("sqs:SendMessage", to),
        "KeepState": allow(KEEP[:3] if function == "AttachRecording" else KEEP, "ConversationTable.Arn"),
        "ReadApiKey": allow("secretsmanager:GetSecretValue", SECRET),
    }


def recordings(actions: str | list[str], buckets: list[str], prefixes: list[str]) -> dict[str, Statement]:
    return {
        "ReadRecordings": allow(actions, buckets),
        "ReadNothingBesideThePrefixes": {"Effect": "Deny", "Action": actions, "NotResource": prefixes},
    }


PREPARED = "StagingBucket.Arn/*"
GET_OR_MISS = ["s3:GetObject", "s3:ListBucket"]
"""Without the second S3 denies what is not there."""
STAGING = ["StagingBucket.Arn", PREPARED]
KEEP_COPIES = {"KeepPreparedCopies": allow(["s3:PutObject", "s3:AbortMultipartUpload", *GET_OR_MISS], STAGING)}
READ_COPIES = {"ReadPreparedCopies": allow(GET_OR_MISS, STAGING)}
SWEEP = {
    "FindUnfinishedCalls": allow("dynamodb:Query", "ConversationTable.Arn/index/due"),
    "SeeBacklog": allow("sqs:GetQueueAttributes", ["CallEndQueue.Arn", "RecordingQueue.Arn"]),
}

SMALLEST_OWN: dict[str, dict[str, Statement]] = {
    "SubmitTranscript": {},
    "UploadRecording": {
        **recordings(GET_WITH_TAGS, ["arn:*:s3:::acme-recordings/*"], [PREPARED, "arn:*:s3:::*/*"]),
        **KEEP_COPIES,
    },
    "AttachRecording": {
        **recordings("s3:GetObjectVersion", ["arn:*:s3:::acme-recordings/*"], ["arn:*:s3:::*/*"]),
        **READ_COPIES,
        **SWEEP,
    },
}

BUCKETS = ["arn:*:s3:::acme-recordings/*", "arn:*:s3:::acme-voicemail/*"]
PREFIXES = ["arn:*:s3:::*/voice/*", "arn:*:s3:::*/calls/2026 é+*"]
PARAMETER = "arn:aws:ssm:eu-west-2:111122223333:parameter/coval/relay/configuration"
READ_CREDENTIALS = {"ReadPlatformCredentials": allow("secretsmanager:GetSecretValue", CREDENTIALS)}
KEEP_REJECTED = {"KeepRejectedEvents": allow("s3:PutObject", "StagingBucket.Arn/rejected/*")}
"""Of those that may not write copies."""
READ_KEYS = FULLEST["ReadKmsKeyArns"].split(",")
USE = ["kms:Decrypt", "kms:GenerateDataKey"]
FULLEST_COMMON = {
    "ReadConfiguration": allow("ssm:GetParameter", PARAMETER),
    "DecryptWhatIsRead": use_key(["s3", "secretsmanager", "sqs"], READ_KEYS),
    "UseOwnKey": use_key(["s3", "sqs", "dynamodb"], key("own"), USE),
}
FULLEST_OWN: dict[str, dict[str, Statement]] = {
    "SubmitTranscript": {
        "ReadTranscripts": allow("s3:GetObject", ["arn:*:s3:::acme-recordings/*"]),
        "TellMissingTranscriptsFromDeniedOnes": allow("s3:ListBucket", ["arn:*:s3:::acme-recordings"]),
        "ReadNothingBesideThePrefixes": {
            "Effect": "Deny",
            "Action": "s3:GetObject",
            "NotResource": ["WebhookBucket.Arn/*", "arn:*:s3:::*/Analysis/*"],
        },
        "ReadWebhookBodies": allow(GET_OR_MISS, ["WebhookBucket.Arn", "WebhookBucket.Arn/*"]),
        **KEEP_REJECTED,
        **READ_CREDENTIALS,
    },
    "UploadRecording": {
        **recordings(GET_WITH_TAGS, BUCKETS, [PREPARED, *PREFIXES]),
        **KEEP_COPIES,
        **READ_CREDENTIALS,
    },
    "AttachRecording": {
        **recordings("s3:GetObjectVersion", BUCKETS, PREFIXES),
        **READ_COPIES,
        **KEEP_REJECTED,
        **SWEEP,
    },
}


@each_function
def test_statements_of_the_smallest_deployment(smallest: Stack, function: str) -> None:
    assert statements(smallest, f"{function}Role") == {**common(function), **SMALLEST_OWN[function]}


@each_function
def test_statements_of_the_fullest_deployment(fullest: Stack, function: str) -> None:
    expected = {**common(function), **FULLEST_OWN[function], **FULLEST_COMMON}
    assert statements(fullest, f"{function}Role") == expected


@each_function
@pytest.mark.parametrize("own", [key("new"), ""])
def test_what_was_written_with_a_key_of_before_can_still_be_read(smallest: Stack, function: str, own: str) -> None:
    """SQS and S3 encrypt nothing anew where the key changes or goes; DynamoDB does."""
    changed = Stack(smallest.template, {**SMALLEST, "KmsKeyArn": own, "ReadKmsKeyArns": key("old")})
    found = statements(changed, f"{function}Role")
    assert found["DecryptWhatIsRead"] == use_key(["s3", "secretsmanager", "sqs"], [key("old")])
    assert found.get("UseOwnKey") == (use_key(["s3", "sqs", "dynamodb"], own, USE) if own else None)


@each_function
def test_policies_with_ten_buckets_and_five_prefixes_have_room_left(smallest: Stack, function: str) -> None:
    """IAM: 10,240 characters of inline policies a role, blanks not counted; ids grow to ARNs of 120."""
    buckets = ",".join(f"acme-{number}-{'b' * 56}" for number in range(10))
    prefixes = ",".join(f"calls/{number}/{'p' * 100}/" for number in range(5))
    lists = {
        f"{kind}{what}": text
        for kind in ("Recording", "Transcript")
        for what, text in (("Buckets", buckets), ("Prefixes", prefixes))
    }
    (policy,) = Stack(smallest.template, {**FULLEST, **lists}).properties(f"{function}Role")["Policies"]
    text = json.dumps(policy["PolicyDocument"], separators=(",", ":"))
    assert len(text) + 120 * text.count(".Arn") < LARGEST_POLICY * 3 / 4


def test_the_schedule_may_start_the_sweep(fullest: Stack) -> None:
    expected = {"StartSweep": allow("lambda:InvokeFunction", "AttachRecordingFunction.Arn")}
    assert statements(fullest, "SweepRole") == expected


@each_function
def test_only_lambda_takes_a_function_s_role(smallest: Stack, function: str) -> None:
    assert smallest.properties(f"{function}Role")["AssumeRolePolicyDocument"] == {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }


def test_only_schedules_of_this_account_take_the_sweep_s_role(smallest: Stack) -> None:
    (trust,) = smallest.properties("SweepRole")["AssumeRolePolicyDocument"]["Statement"]
    group = "arn:aws:scheduler:eu-west-2:111122223333:schedule-group/default"
    assert trust == {
        "Effect": "Allow",
        "Principal": {"Service": "scheduler.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {
            "StringEquals": {"aws:SourceAccount": "111122223333"},
            "ArnEquals": {"aws:SourceArn": group},
        },
    }


DOOR = {
    "WriteLog": allow(["logs:CreateLogStream", "logs:PutLogEvents"], "ReceiveWebhookLogGroup.Arn"),
    "SendWebhooks": allow("sqs:SendMessage", "CallEndQueue.Arn"),
    "KeepLargeBodies": allow("s3:PutObject", "WebhookBucket.Arn/*"),
    "ReadWebhookSecret": allow("secretsmanager:GetSecretValue", WEBHOOKS),
}
DOOR_KEYS = {
    "DecryptWhatIsRead": use_key("secretsmanager", READ_KEYS),
    "UseOwnKey": use_key(["s3", "sqs"], key("own"), USE),
}


def test_the_door_may_store_webhooks_and_read_what_verifies_them(smallest: Stack, fullest: Stack) -> None:
    plain = Stack(smallest.template, {**SMALLEST, "Webhooks": "http_api", "WebhookSecretArn": WEBHOOKS})
    assert statements(plain, "ReceiveWebhookRole") == DOOR
    assert statements(fullest, "ReceiveWebhookRole") == {**DOOR, **DOOR_KEYS}


def test_each_function_has_its_own_role_and_no_other_exists(smallest: Stack, fullest: Stack) -> None:
    for stack, names in ((smallest, [*QUEUE_OF]), (fullest, [*QUEUE_OF, "ReceiveWebhook"])):
        functions = stack.resources("AWS::Lambda::Function")
        roles = {name: function["Properties"]["Role"] for name, function in functions.items()}
        assert roles == {f"{function}Function": f"{function}Role.Arn" for function in names}
        assert set(stack.resources("AWS::IAM::Role")) == {*(f"{name}Role" for name in names), "SweepRole"}
    assert not [name for name, one in smallest.resources().items() if "Permission" in one["Type"]]


def test_nobody_but_the_ways_in_may_call_the_door(fullest: Stack) -> None:
    permissions = fullest.resources("AWS::Lambda::Permission")
    function = {"FunctionName": "ReceiveWebhookFunction"}
    assert {name: one["Properties"] for name, one in permissions.items()} == {
        "WebhookUrlPermission": {
            **function,
            "Action": "lambda:InvokeFunctionUrl",
            "Principal": "*",
            "FunctionUrlAuthType": "NONE",
        },
        "WebhookUrlInvokePermission": {
            **function,
            "Action": "lambda:InvokeFunction",
            "Principal": "*",
            "InvokedViaFunctionUrl": True,
        },
        "WebhookApiPermission": {
            **function,
            "Action": "lambda:InvokeFunction",
            "Principal": "apigateway.amazonaws.com",
            "SourceArn": "arn:aws:execute-api:eu-west-2:111122223333:WebhookApi/*/POST/*",
        },
    }


@pytest.mark.parametrize("deployment", ["smallest", "fullest"])
def test_no_function_may_send_to_a_queue_that_it_consumes(deployment: str, request: pytest.FixtureRequest) -> None:
    """Lambda stops the 17th invocation of one chain of messages; what waits is hidden in its queue instead."""
    stack: Stack = request.getfixturevalue(deployment)
    consumed = {
        source["Properties"]["FunctionName"]: source["Properties"]["EventSourceArn"]
        for source in stack.resources("AWS::Lambda::EventSourceMapping").values()
    }
    assert consumed == {f"{function}Function": f"{queue}Queue.Arn" for function, queue in QUEUE_OF.items()}
    for function, queue in consumed.items():
        role = stack.properties(function)["Role"].removesuffix(".Arn")
        allowed = [one for one in statements(stack, role).values() if one["Effect"] == "Allow"]
        sent_to = [one["Resource"] for one in allowed if set(actions(one)) & {"sqs:SendMessage", "sqs:*", "*"}]
        assert sent_to
        assert queue not in str(sent_to)


def actions(statement: Statement) -> list[str]:
    found = statement["Action"]
    return [found] if isinstance(found, str) else found


def test_nothing_is_allowed_by_wildcard(fullest: Stack) -> None:
    """A key of a bucket is the only part of a resource that is left open, and the partition: a role has but one."""
    for role in fullest.resources("AWS::IAM::Role"):
        for sid, statement in statements(fullest, role).items():
            assert "*" not in str(statement["Action"]), (role, sid)
            resources = statement.get("Resource", [])
            for resource in [resources] if isinstance(resources, str) else resources:
                assert "*" not in resource.removeprefix("arn:*:s3:::").removesuffix("/*"), (role, sid)
