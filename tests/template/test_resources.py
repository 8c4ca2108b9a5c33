"""Table, staging bucket, functions, layers, logs and alarms."""

import json
from typing import Any

import pytest

from coval_relay.domain.log_events import LogEvent
from tests.template.cloudformation import Stack
from tests.template.deployments import QUEUE_OF, TOPIC, key

FOLDERS = {
    "SubmitTranscript": "submit_transcript",
    "UploadRecording": "upload_recording",
    "AttachRecording": "attach_recording",
}
each_function = pytest.mark.parametrize("function", FOLDERS)


def test_table(smallest: Stack) -> None:
    assert smallest.properties("ConversationTable") == {
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [
            {"AttributeName": "external_conversation_id", "AttributeType": "S"},
            {"AttributeName": "sweep_shard", "AttributeType": "N"},
            {"AttributeName": "due_at", "AttributeType": "N"},
        ],
        "KeySchema": [{"AttributeName": "external_conversation_id", "KeyType": "HASH"}],
        "GlobalSecondaryIndexes": [
            {
                "IndexName": "due",
                "KeySchema": [
                    {"AttributeName": "sweep_shard", "KeyType": "HASH"},
                    {"AttributeName": "due_at", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
        "TimeToLiveSpecification": {"AttributeName": "expires_at", "Enabled": True},
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
        "SSESpecification": {"SSEEnabled": True, "SSEType": "KMS"},
        "DeletionProtectionEnabled": "true",
    }


def test_table_outlives_the_stack(translated: dict[str, Any]) -> None:
    table = translated["Resources"]["ConversationTable"]
    assert (table["DeletionPolicy"], table["UpdateReplacePolicy"]) == ("Retain", "Retain")


def test_table_takes_the_customer_s_key(fullest: Stack) -> None:
    encryption = fullest.properties("ConversationTable")["SSESpecification"]
    assert encryption == {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": key("table")}


# --- prepared copies of recordings

PREPARED = {
    "BucketEncryption": {
        "ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
    },
    "LifecycleConfiguration": {
        "Rules": [
            {
                "Id": "Forget",
                "Status": "Enabled",
                "ExpirationInDays": "8",
                "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
            }
        ]
    },
    "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
    "PublicAccessBlockConfiguration": {
        "BlockPublicAcls": True,
        "BlockPublicPolicy": True,
        "IgnorePublicAcls": True,
        "RestrictPublicBuckets": True,
    },
}


def test_staging_bucket(smallest: Stack) -> None:
    assert list(smallest.resources("AWS::S3::Bucket")) == ["StagingBucket"]
    assert smallest.properties("StagingBucket") == PREPARED


def test_staging_bucket_takes_the_customer_s_key(fullest: Stack) -> None:
    found = fullest.properties("StagingBucket")
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key("staging")}
    expected = [{"BucketKeyEnabled": True, "ServerSideEncryptionByDefault": default}]
    assert found["BucketEncryption"] == {"ServerSideEncryptionConfiguration": expected}
    assert found["LifecycleConfiguration"]["Rules"][0]["ExpirationInDays"] == "7"


def test_staging_bucket_is_reached_by_https_alone(smallest: Stack) -> None:
    assert smallest.properties("StagingBucketPolicy") == {
        "Bucket": "StagingBucket",
        "PolicyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "RefusePlainHttp",
                    "Effect": "Deny",
                    "Principal": "*",
                    "Action": "s3:*",
                    "Resource": ["StagingBucket.Arn", "StagingBucket.Arn/*"],
                    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                }
            ],
        },
    }


@pytest.mark.parametrize("name", ["StagingBucket", "StagingBucketPolicy"])
def test_copies_in_the_staging_bucket_never_hold_the_stack(translated: dict[str, Any], name: str) -> None:
    """S3 deletes no bucket with objects in it; a kept one empties itself, its policy stays with it."""
    resource = translated["Resources"][name]
    assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")


def test_the_staging_bucket_sends_no_events(fullest: Stack) -> None:
    assert "NotificationConfiguration" not in fullest.properties("StagingBucket")


@each_function
def test_function(smallest: Stack, function: str) -> None:
    properties = smallest.properties(f"{function}Function")
    chosen = ("Handler", "Runtime", "Architectures", "MemorySize", "Timeout", "Role", "LoggingConfig")
    assert {name: properties[name] for name in chosen} == {
        "Handler": "app.handler",
        "Runtime": "python3.13",
        "Architectures": ["arm64"],
        "MemorySize": smallest.parameter(f"{function}MemoryMegabytes"),
        "Timeout": smallest.parameter(f"{function}TimeoutSeconds"),
        "Role": f"{function}Role.Arn",
        "LoggingConfig": {"LogFormat": "JSON", "LogGroup": f"{function}LogGroup"},
    }
    left_to_aws = {"ReservedConcurrentExecutions", "EphemeralStorage", "TracingConfig", "FunctionName"}
    assert not left_to_aws & set(properties)


@pytest.mark.parametrize(
    ("stack", "architecture", "processor"), [("smallest", "arm64", "Arm"), ("fullest", "x86_64", "X86")]
)
def test_layers_match_the_processor(
    stack: str, architecture: str, processor: str, request: pytest.FixtureRequest
) -> None:
    """Only the function that converts recordings carries what it converts them with, and so for webhooks."""
    deployment: Stack = request.getfixturevalue(stack)
    layers = deployment.resources("AWS::Lambda::LayerVersion")
    logical = {name[:-10]: made["Properties"] for name, made in layers.items()}  # less the hash of the content
    dependencies, audio, webhooks = (f"{name}{processor}Layer" for name in ("Dependencies", "Audio", "Webhooks"))
    carried = {
        "UploadRecordingFunction": [audio],
        **({"ReceiveWebhookFunction": [webhooks]} if stack == "fullest" else {}),
    }
    assert set(logical) == {dependencies, "SharedLayer", *(one for own in carried.values() for one in own)}
    for layer in logical.keys() - {"SharedLayer"}:
        assert logical[layer]["CompatibleArchitectures"] == [architecture]
    for name, function in deployment.resources("AWS::Lambda::Function").items():
        expected = [dependencies, "SharedLayer", *carried.get(name, [])]
        assert [layer[:-10] for layer in function["Properties"]["Layers"]] == expected
        assert function["Properties"]["Architectures"] == [architecture]


@each_function
def test_log_group(smallest: Stack, fullest: Stack, function: str) -> None:
    expected = {"LogGroupName": f"/aws/lambda/relay/{FOLDERS[function]}", "RetentionInDays": "30"}
    assert smallest.properties(f"{function}LogGroup") == expected
    assert fullest.properties(f"{function}LogGroup") == {**expected, "KmsKeyId": key("logs")}


def test_no_resource_has_a_fixed_name(translated: dict[str, Any]) -> None:
    """Fixed names block a replacement, and a second stack in the account."""
    named = (
        "TableName",
        "QueueName",
        "RoleName",
        "FunctionName",
        "Name",
        "AlarmName",
        "DashboardName",
        "BucketName",
    )
    fixed = [
        (name, resource["Properties"][property_name])
        for name, resource in translated["Resources"].items()
        for property_name in named
        if isinstance(resource["Properties"].get(property_name), str)
    ]
    assert fixed == []


# --- alarms


def alarms(stack: Stack) -> dict[tuple[str, str, str], dict[str, Any]]:
    """By namespace, metric and the one dimension's value."""
    found = {}
    for resource in stack.resources("AWS::CloudWatch::Alarm").values():
        properties = resource["Properties"]
        (dimension,) = properties["Dimensions"]
        found[properties["Namespace"], properties["MetricName"], dimension["Value"]] = properties
    return found


EXPECTED_ALARMS = {
    *(
        ("AWS/SQS", "ApproximateNumberOfMessagesVisible", f"{queue}DeadLetterQueue.QueueName")
        for queue in QUEUE_OF.values()
    ),
    *(("AWS/SQS", "ApproximateAgeOfOldestMessage", f"{queue}Queue.QueueName") for queue in QUEUE_OF.values()),
    *(("AWS/Lambda", "Errors", f"{function}Function") for function in QUEUE_OF),
    *(("AWS/Lambda", "Throttles", f"{function}Function") for function in QUEUE_OF),
    ("CovalRelay", "ExtraConversationDeleted", "relay"),
    ("CovalRelay", "RejectedInput", "relay"),
    ("CovalRelay", "KeyRulesUnreadable", "relay"),
}
WEBHOOK_ALARMS = {
    ("CovalRelay", "WebhookRejected", "relay"),
    ("CovalRelay", "WebhookFailed", "relay"),
    ("AWS/Lambda", "Errors", "ReceiveWebhookFunction"),
    ("AWS/Lambda", "Throttles", "ReceiveWebhookFunction"),
}
"""Looked at every minute: what is lost here is lost for good, where the vendor does not send again."""
DIMENSIONS = {"AWS/SQS": "QueueName", "AWS/Lambda": "FunctionName", "CovalRelay": "service"}
STATISTICS = {"AWS/SQS": "Maximum", "AWS/Lambda": "Sum", "CovalRelay": "Sum"}


def test_everything_that_can_go_wrong_has_its_alarm(smallest: Stack, fullest: Stack) -> None:
    assert set(alarms(smallest)) == EXPECTED_ALARMS
    assert set(alarms(fullest)) == EXPECTED_ALARMS | WEBHOOK_ALARMS
    assert len(fullest.resources("AWS::CloudWatch::Alarm")) == len(EXPECTED_ALARMS | WEBHOOK_ALARMS)


def test_alarms_rise_at_the_first_sign_and_tell_the_topic(fullest: Stack) -> None:
    for (namespace, metric, value), alarm in alarms(fullest).items():
        period = 60 if (namespace, metric, value) in WEBHOOK_ALARMS else 300
        threshold = "3600" if metric == "ApproximateAgeOfOldestMessage" else 0
        del alarm["AlarmDescription"]
        assert alarm == {
            "Namespace": namespace,
            "MetricName": metric,
            "Dimensions": [{"Name": DIMENSIONS[namespace], "Value": alarm["Dimensions"][0]["Value"]}],
            "Statistic": STATISTICS[namespace],
            "Period": period,
            "EvaluationPeriods": 1,
            "ComparisonOperator": "GreaterThanThreshold",
            "Threshold": threshold,
            "TreatMissingData": "notBreaching",
            "AlarmActions": [TOPIC],
            "OKActions": [TOPIC],
        }


def test_alarms_without_a_topic_tell_nobody(smallest: Stack) -> None:
    for alarm in alarms(smallest).values():
        assert not {"AlarmActions", "OKActions"} & set(alarm)


def test_alarmed_metrics_are_those_that_the_code_counts(fullest: Stack) -> None:
    counted = {event.value[2] for event in LogEvent}
    own = {metric for namespace, metric, _ in alarms(fullest) if namespace == "CovalRelay"}
    assert own <= counted
    assert {metric for metric in counted if metric and f'"{metric}"' in dashboard(fullest)} >= own


def dashboard(stack: Stack) -> str:
    """All of them."""
    return "\n".join(
        one["Properties"]["DashboardBody"] for one in stack.resources("AWS::CloudWatch::Dashboard").values()
    )


@pytest.mark.parametrize(("name", "title"), [("Dashboard", "Calls"), ("WebhookDashboard", "Webhooks")])
def test_dashboard_is_json_and_shows_counted_metrics_only(fullest: Stack, name: str, title: str) -> None:
    widgets = json.loads(fullest.properties(name)["DashboardBody"])["widgets"]
    calls = next(one["properties"]["metrics"] for one in widgets if one["properties"]["title"] == title)
    assert {metric[1] for metric in calls} <= {event.value[2] for event in LogEvent}


def test_outputs_name_what_operators_use(smallest: Stack) -> None:
    outputs = smallest.outputs()
    expected = {
        "ConversationTableName": "ConversationTable",
        "ConversationTableArn": "ConversationTable.Arn",
        "StagingBucketName": "StagingBucket",
        "StagingBucketArn": "StagingBucket.Arn",
    }
    for function, queue in QUEUE_OF.items():
        expected |= {
            f"{function}FunctionName": f"{function}Function",
            f"{function}FunctionArn": f"{function}Function.Arn",
            f"{function}LogGroupName": f"{function}LogGroup",
            f"{queue}QueueUrl": f"{queue}Queue",
            f"{queue}QueueArn": f"{queue}Queue.Arn",
            f"{queue}DeadLetterQueueUrl": f"{queue}DeadLetterQueue",
            f"{queue}DeadLetterQueueArn": f"{queue}DeadLetterQueue.Arn",
        }
    assert outputs == expected
