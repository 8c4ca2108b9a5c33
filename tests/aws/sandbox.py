"""Stacks in the account that the environment points at: a sandbox of AWS, or the local stack's own.

With RELAY_LIVE=yes (`make test-aws`) it is the account RELAY_SANDBOX_ACCOUNT of AWS, and the simulator of Coval, which
runs on this machine, is reached from there at RELAY_SIMULATOR_URL: an operator's tunnel to RELAY_SIMULATOR_PORT.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import ClientError

from local.simulator.behaviour_switches import DEFAULT_API_KEY
from local.stack.build import build, run
from local.stack.deploy import emulated, mend_concurrency, ship
from local.stack.parameters import CONFIGURATION, PARAMETERS, SUFFIX, merged
from local.stack.paths import BUILD, PROJECT, SAM
from local.stack.server_processes import alone
from scripts.notify_relay import enable
from tests.aws.cost import bill

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_s3 import S3Client

LIVE = os.environ.get("RELAY_LIVE") == "yes"
NAME = "coval-relay-sandbox"
BUCKET, BUS, SECRET, BOUNDARY = f"{NAME}{SUFFIX}", NAME, f"{NAME}/api-key", f"{NAME}-boundary"
SOURCE = "acme.sandbox"
HURRY = {"MaximumConcurrency": PARAMETERS["MaximumConcurrency"]}
HURRIED = merged({name: CONFIGURATION[name] for name in ("coval", "deadlines")}, {"deadlines": {"grace_seconds": 600}})
"""On the local stack nobody waits for minutes, and each worker is a process of this machine."""


class WrongAccount(RuntimeError):
    """The credentials are of another account than the one that was named."""


def account() -> str:
    """The account that the credentials are of; a live one must be the one that the operator has named."""
    found: str = boto3.client("sts").get_caller_identity()["Account"]
    if LIVE and found != os.environ.get("RELAY_SANDBOX_ACCOUNT"):
        raise WrongAccount(f"RELAY_SANDBOX_ACCOUNT is not {found}, the account of these credentials")
    return found


@dataclass(frozen=True)
class Deployment:
    """A stack by its name, and where its parameters and its log are written."""

    name: str
    folder: Path

    def deploy(self, choices: "Choices") -> Mapping[str, str]:
        """The real `sam deploy`, of a new stack or an update; the stack's outputs."""
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self.folder / "parameters.yaml"
        file.write_text(json.dumps(choices.parameters))
        options = (
            "--resolve-s3",
            "--s3-prefix",
            self.name,
            "--capabilities",
            "CAPABILITY_IAM",
            "--no-confirm-changeset",
        )
        with alone(BUILD.with_suffix(".lock")):
            template = _built()
            ship(choices.configuration, template.parent)
            command = [str(SAM), "deploy", "--stack-name", self.name, "--template-file", str(template), *options]
            run(
                [*command, "--no-fail-on-empty-changeset", "--parameter-overrides", f"file://{file}"],
                self.folder / "deploy.log",
                SAM_CLI_POLL_DELAY="3" if LIVE else "0.2",
            )
        if not LIVE:
            mend_concurrency()
        return self.outputs()

    def outputs(self) -> Mapping[str, str]:
        client: CloudFormationClient = boto3.client("cloudformation")
        (stack,) = client.describe_stacks(StackName=self.name)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    def delete(self) -> None:
        """After its bill: the counts go by the stack's resources. What was never made is not missed."""
        with suppress(ClientError, KeyError):
            if LIVE:
                bill(self.name, self.outputs())
        client: CloudFormationClient = boto3.client("cloudformation")
        client.delete_stack(StackName=self.name)
        pause: Any = {"Delay": 5 if LIVE else 1, "MaxAttempts": 360}
        client.get_waiter("stack_delete_complete").wait(StackName=self.name, WaiterConfig=pause)


def _built() -> Path:
    """On AWS for Lambda's own runtime, else as the local stack has it."""
    if not LIVE:
        return emulated(build())
    folder = PROJECT / ".local" / "aws" / "build"
    run([str(SAM), "build", "--build-dir", str(folder)], folder.with_suffix(".log"))
    return folder / "template.yaml"


@dataclass(frozen=True)
class Choices:
    """The template's parameters, and what stands in relay.toml."""

    parameters: Mapping[str, str]
    configuration: Mapping[str, Any]


@dataclass(frozen=True)
class Prerequisites:
    """What an operator has before the first deploy."""

    account: str
    secret: str
    key: str
    boundary: str

    def smallest(self, coval: str) -> Choices:
        """The least that can be given; the rest points the stack at the simulator."""
        needed = {"CovalApiKeySecretArn": self.secret, "RecordingBuckets": BUCKET}
        own_key = {"ReadKmsKeyArns": self.key, "EventBusName": BUS}
        return Choices(
            {**needed, **own_key, **({} if LIVE else HURRY)},
            merged({} if LIVE else HURRIED, {"coval": {"base_url": coval}}),
        )

    def fullest(self, coval: str) -> Choices:
        """With a key of one's own for everything, and what organizations ask for."""
        least = self.smallest(coval)
        parameters = {
            "KmsKeyArn": self.key,
            "EventSources": SOURCE,
            "RecordingPrefixes": "recordings/",
            "TranscriptBuckets": BUCKET,
            "TranscriptPrefixes": "transcripts/",
            "PermissionsBoundaryArn": self.boundary,
            "RolePath": "/coval-relay/",
        }
        configuration = {
            "log_level": "WARNING",
            "bucket_owners": {BUCKET: self.account},
            "key_rules": CONFIGURATION["key_rules"][:1],
        }
        return Choices({**least.parameters, **parameters}, merged(least.configuration, configuration))


@contextmanager
def customer_key() -> Iterator[str]:
    """A key of the account's own; it is scheduled for deletion at the end."""
    kms: Any = boto3.client("kms")
    arn = kms.create_key(Policy=json.dumps(_key_policy(account())), Description=NAME)["KeyMetadata"]["Arn"]
    try:
        yield arn
    finally:
        kms.schedule_key_deletion(KeyId=arn, PendingWindowInDays=7)


@contextmanager
def prerequisites() -> Iterator[Prerequisites]:
    """Made, and taken away again, whatever happens."""
    iam, secrets, events = boto3.client("iam"), boto3.client("secretsmanager"), boto3.client("events")
    with ExitStack() as made:
        key = made.enter_context(customer_key())
        boundary = iam.create_policy(PolicyName=BOUNDARY, PolicyDocument=json.dumps(_everything()))["Policy"]["Arn"]
        made.callback(iam.delete_policy, PolicyArn=boundary)
        secret = secrets.create_secret(Name=SECRET, SecretString=DEFAULT_API_KEY, KmsKeyId=key)["ARN"]
        made.callback(secrets.delete_secret, SecretId=secret, ForceDeleteWithoutRecovery=True)
        events.create_event_bus(Name=BUS)
        made.callback(events.delete_event_bus, Name=BUS)
        boto3.client("s3").create_bucket(Bucket=BUCKET)
        made.callback(emptied, BUCKET)
        _set_up(BUCKET, key)
        yield Prerequisites(account(), secret, key, boundary)


def _set_up(bucket: str, key: str) -> None:
    s3: S3Client = boto3.client("s3")
    encrypt(bucket, key)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    enable(s3, bucket, apply=True)


def encrypt(bucket: str, key: str) -> None:
    """What is put there from now on."""
    s3: S3Client = boto3.client("s3")
    default: Any = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [default]})


def left_by(outputs: Mapping[str, str]) -> list[str]:
    """What a deleted stack leaves behind, as it should; taken away here."""
    if not outputs:
        return []
    dynamodb, table = boto3.client("dynamodb"), outputs["ConversationTableName"]
    left = []
    with suppress(dynamodb.exceptions.ResourceNotFoundException):
        # MiniStack 1.5.33 keeps the text "false" of the parameter, and takes it for true
        if dynamodb.describe_table(TableName=table)["Table"].get("DeletionProtectionEnabled"):
            dynamodb.update_table(TableName=table, DeletionProtectionEnabled=False)
        dynamodb.delete_table(TableName=table)
        left.append("table")
    with suppress(boto3.client("s3").exceptions.NoSuchBucket):
        emptied(outputs["StagingBucketName"])
        left.append("staging bucket")
    return left


def emptied(bucket: str) -> None:
    """Deleted, with all that is in it."""
    found: Any = boto3.resource("s3").Bucket(bucket)
    found.object_versions.delete()
    found.delete()


def _everything() -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


def _key_policy(number: str) -> dict[str, Any]:
    """The account's own, and the two services that use the key by themselves."""
    services = ["events.amazonaws.com", f"logs.{os.environ['AWS_REGION']}.amazonaws.com"]
    actions = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"]
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{number}:root"},
                "Action": "kms:*",
                "Resource": "*",
            },
            {"Effect": "Allow", "Principal": {"Service": services}, "Action": actions, "Resource": "*"},
        ],
    }
