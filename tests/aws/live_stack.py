"""The local stack's parameters, deployed into the sandbox account: what the demo and the probes run on there."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import boto3

from local.stack.parameters import (
    CONFIGURATION,
    CONFIGURATION_PARAMETER,
    MEDIA,
    PARAMETERS,
    RECORDINGS,
    RECORDINGS_NOTIFYING,
    RECORDINGS_UNVERSIONED,
    TRANSCRIPTS,
    merged,
)
from local.stack.paths import Files
from local.stack.stack import (
    API_KEY,
    CREDENTIALS,
    Stack,
    coval_url,
    resources,
    secrets,
    simulator_server,
    start_simulator,
)
from local.stack.stack import notify_queue as let_the_bucket_notify
from tests.aws.sandbox import Choices, Deployment, account, customer_key, emptied, encrypt, left_by

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

NAME = "coval-relay-live"
REGION = "us-east-1"
"""Whose buckets are made without naming it."""
MEDIA_HOST = f"s3.{REGION}.amazonaws.com"
ENCRYPTED = (RECORDINGS, RECORDINGS_UNVERSIONED, TRANSCRIPTS)
BUCKETS = (RECORDINGS, RECORDINGS_UNVERSIONED, RECORDINGS_NOTIFYING, TRANSCRIPTS, MEDIA)


@contextmanager
def live_stack(files: Files) -> Iterator[Stack]:
    """Up for one session; the simulator of Coval runs here, and a tunnel of the operator's leads to it."""
    account()
    if os.environ.get("AWS_REGION") != REGION:
        raise RuntimeError(f"the live suite runs in {REGION}: AWS_REGION={REGION}")
    server, deployment = simulator_server(files), Deployment(NAME, files.folder / "live")
    files.folder.mkdir(parents=True, exist_ok=True)
    server.record.write_text(json.dumps({"port": int(os.environ["RELAY_SIMULATOR_PORT"])}))
    (files.aws).mkdir(parents=True, exist_ok=True)
    start_simulator(server, files)
    outputs: dict[str, str] = {}
    tunnel = os.environ["RELAY_SIMULATOR_URL"]
    with customer_key() as key:
        try:
            resources(merged(CONFIGURATION, {"coval": {"timeout_seconds": 10}}), partner_bus="")
            for bucket in ENCRYPTED:
                encrypt(bucket, key)
            outputs.update(deployment.deploy(choices(tunnel, key)))
            let_the_bucket_notify(outputs["RecordingQueueArn"])
            yield Stack(f"https://{MEDIA_HOST}", coval_url(files), outputs, tunnel)
        finally:
            _clean_up(deployment, outputs)
            server.stop()


def choices(tunnel: str, key: str) -> Choices:
    """Patient, as the tunnel is slow; S3 stands for a platform's web server, and takes any header.

    With a key of one's own for everything, so that the probes need each statement about keys.
    """
    credentials = secrets({MEDIA_HOST: {"header": "x-relay-test", "value": "any"}})
    client: SecretsManagerClient = boto3.client("secretsmanager")
    for arn in credentials.values():
        client.update_secret(SecretId=arn, KmsKeyId=key)
    keys = {"ReadKmsKeyArns": key, "KmsKeyArn": key}
    links = {"recording_hosts": [MEDIA_HOST], "transcript_hosts": [MEDIA_HOST]}
    return Choices(
        {**PARAMETERS, **credentials, **keys, "PartnerEventBusName": ""},
        {"coval": {"base_url": tunnel}, "links": links},
    )


def _clean_up(deployment: Deployment, outputs: dict[str, str]) -> None:
    """As far as it goes: what was not made is not missed."""
    deployment.delete()
    left_by(outputs)
    client: SecretsManagerClient = boto3.client("secretsmanager")
    parameter: Any = boto3.client("ssm")
    with suppress(client.exceptions.ClientError):
        parameter.delete_parameter(Name=CONFIGURATION_PARAMETER)
    for secret in (API_KEY, CREDENTIALS):
        with suppress(client.exceptions.ClientError):
            client.delete_secret(SecretId=secret, ForceDeleteWithoutRecovery=True)
    for bucket in BUCKETS:
        with suppress(client.exceptions.ClientError):
            emptied(bucket)
