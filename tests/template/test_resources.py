"""Table, staging bucket, functions, layers and logs."""

from typing import Any

import pytest

from coval_relay import __version__
from coval_relay.adapters.web import recording_urls
from coval_relay.domain.audio import coval_limits
from coval_relay.domain.backoff import GIVE_UP_SECONDS
from coval_relay.domain.lifecycle.utterances import FUNCTION_SECONDS
from tests.template.cloudformation import Stack
from tests.template.deployments import QUEUE_OF, key
from tests.template.tools import PROJECT

DAY = 86_400
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
            {"AttributeName": "item_key", "AttributeType": "S"},
            {"AttributeName": "sweep_shard", "AttributeType": "N"},
            {"AttributeName": "due_at", "AttributeType": "N"},
        ],
        "KeySchema": [
            {"AttributeName": "external_conversation_id", "KeyType": "HASH"},
            {"AttributeName": "item_key", "KeyType": "RANGE"},
        ],
        "GlobalSecondaryIndexes": [
            {
                "IndexName": "due",
                "KeySchema": [
                    {"AttributeName": "sweep_shard", "KeyType": "HASH"},
                    {"AttributeName": "due_at", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
        ],
        "TimeToLiveSpecification": {"AttributeName": "expires_at", "Enabled": True},
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
        "SSESpecification": {"SSEEnabled": True, "SSEType": "KMS"},
        "DeletionProtectionEnabled": True,
    }


def test_table_outlives_the_stack(translated: dict[str, Any]) -> None:
    table = translated["Resources"]["ConversationTable"]
    assert (table["DeletionPolicy"], table["UpdateReplacePolicy"]) == ("Retain", "Retain")


def test_table_takes_the_customer_s_key(fullest: Stack) -> None:
    encryption = fullest.properties("ConversationTable")["SSESpecification"]
    assert encryption == {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": key("own")}


# --- prepared copies of recordings

PREPARED = {
    "BucketEncryption": {
        "ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
    },
    "LifecycleConfiguration": {
        "Rules": [
            {"Id": "ForgetParts", "Status": "Enabled", "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}},
            {"Id": "ForgetPreparedCopies", "Status": "Enabled", "Prefix": "prepared/", "ExpirationInDays": 30},
            {"Id": "ForgetFetchedCopies", "Status": "Enabled", "Prefix": "fetched/", "ExpirationInDays": 30},
            {"Id": "ForgetRejectedEvents", "Status": "Enabled", "Prefix": "rejected/", "ExpirationInDays": 1},
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


def test_copies_outlast_what_may_still_want_them(smallest: Stack) -> None:
    """A call that waits until it is given up, and then its dead letter."""
    rules = smallest.properties("StagingBucket")["LifecycleConfiguration"]["Rules"]
    kept = [rule["ExpirationInDays"] * DAY for rule in rules if rule.get("Prefix") in ("prepared/", "fetched/")]
    letters = smallest.properties("AttachDeadLetterQueue")["MessageRetentionPeriod"]
    assert len(kept) == 2
    assert min(kept) > GIVE_UP_SECONDS + letters


def test_staging_bucket_takes_the_customer_s_key(fullest: Stack) -> None:
    found = fullest.properties("StagingBucket")
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key("own")}
    expected = [{"BucketKeyEnabled": True, "ServerSideEncryptionByDefault": default}]
    assert found["BucketEncryption"] == {"ServerSideEncryptionConfiguration": expected}
    rules = {rule["Prefix"]: rule["ExpirationInDays"] for rule in found["LifecycleConfiguration"]["Rules"][1:]}
    assert rules == {"prepared/": 30, "fetched/": 30, "rejected/": "30"}


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


@pytest.mark.parametrize(
    ("function", "memory", "seconds"),
    [("SubmitTranscript", 512, FUNCTION_SECONDS), ("UploadRecording", 1769, 600), ("AttachRecording", 512, 120)],
)
def test_function(smallest: Stack, function: str, memory: int, seconds: int) -> None:
    properties = smallest.properties(f"{function}Function")
    chosen = ("Handler", "Runtime", "Architectures", "MemorySize", "Timeout", "Role", "LoggingConfig")
    assert {name: properties[name] for name in chosen} == {
        "Handler": "app.handler",
        "Runtime": "python3.13",
        "Architectures": ["arm64"],
        "MemorySize": memory,
        "Timeout": seconds,
        "Role": f"{function}Role.Arn",
        "LoggingConfig": {"LogFormat": "JSON", "ApplicationLogLevel": "INFO", "LogGroup": f"{function}LogGroup"},
    }
    left_to_aws = {"ReservedConcurrentExecutions", "TracingConfig", "FunctionName"}
    assert not left_to_aws & set(properties)


def test_a_copy_of_the_largest_recording_fits_on_the_disk(smallest: Stack) -> None:
    disks = {name: smallest.properties(f"{name}Function").get("EphemeralStorage") for name in FOLDERS}
    assert disks == {"SubmitTranscript": None, "UploadRecording": {"Size": 512}, "AttachRecording": None}
    assert max(recording_urls.MAX_BYTES, coval_limits.MAX_BYTES) * 2 <= 512 * 1024 * 1024


@pytest.mark.parametrize("stack", ["smallest", "fullest"])
def test_layers_match_the_processor(stack: str, request: pytest.FixtureRequest) -> None:
    """Only the function that converts recordings carries what it converts them with, and so for webhooks."""
    deployment: Stack = request.getfixturevalue(stack)
    layers = deployment.resources("AWS::Lambda::LayerVersion")
    logical = {name[:-10]: made["Properties"] for name, made in layers.items()}  # less the hash of the content
    own = {"UploadRecordingFunction": "Audio"} | ({"ReceiveWebhookFunction": "Webhooks"} if stack == "fullest" else {})
    assert {name: (layer["LayerName"], layer["CompatibleArchitectures"]) for name, layer in logical.items()} == {
        "SharedLayer": ("relay-shared", ["arm64", "x86_64"]),
        **{f"{name}Layer": (f"relay-{name.lower()}", ["arm64"]) for name in ("Dependencies", *own.values())},
    }
    for name, function in deployment.resources("AWS::Lambda::Function").items():
        carried = ["DependenciesLayer", "SharedLayer", *(f"{layer}Layer" for layer in [own.get(name)] if layer)]
        assert [layer[:-10] for layer in function["Properties"]["Layers"]] == carried
        assert function["Properties"]["Architectures"] == ["arm64"]


@each_function
def test_log_group(smallest: Stack, fullest: Stack, function: str) -> None:
    expected = {"LogGroupName": f"/aws/lambda/relay/{FOLDERS[function]}", "RetentionInDays": "30"}
    assert smallest.properties(f"{function}LogGroup") == expected
    assert fullest.properties(f"{function}LogGroup") == {**expected, "KmsKeyId": key("own")}


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


def test_outputs_name_what_operators_and_commands_use(smallest: Stack) -> None:
    expected = {
        "RelayVersion": __version__,
        "ConversationTableName": "ConversationTable",
        "StagingBucketName": "StagingBucket",
        "UndeliveredQueueUrl": "UndeliveredQueue",
    }
    for function, queue in QUEUE_OF.items():
        expected |= {
            f"{function}FunctionName": f"{function}Function",
            f"{function}LogGroupName": f"{function}LogGroup",
            f"{queue}QueueUrl": f"{queue}Queue",
            f"{queue}QueueArn": f"{queue}Queue.Arn",
            f"{queue}DeadLetterQueueUrl": f"{queue}DeadLetterQueue",
        }
    assert smallest.outputs() == expected


@pytest.mark.parametrize("layer", ["audio", "dependencies", "shared", "webhooks"])
def test_makefiles_name_the_template_s_runtime(smallest: Stack, layer: str) -> None:
    makefile = (PROJECT / "layers" / layer / "Makefile").read_text(encoding="utf-8")
    runtime = smallest.properties("SubmitTranscriptFunction")["Runtime"].removeprefix("python")
    assert f"\nRUNTIME := {runtime}\n" in makefile
