"""Up, down and status of one local stack."""

import json
import os
import shutil
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import boto3
import httpx

from local import webhooks
from local.simulator.behaviour_switches import DEFAULT_API_KEY
from local.stack import environment
from local.stack.build import build
from local.stack.deploy import deploy
from local.stack.parameters import (
    CONFIGURATION,
    CONFIGURATION_PARAMETER,
    MEDIA,
    PARAMETERS,
    PARTNER_BUS,
    RECORDINGS,
    RECORDINGS_NOTIFYING,
    RECORDINGS_UNVERSIONED,
    TRANSCRIPTS,
    merged,
)
from local.stack.paths import AWS_PYTHON, BUILD, EMULATOR, PROJECT, PYTHON, Files
from local.stack.server_processes import Server, alone
from local.toml import document
from scripts.notify_relay import enable

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_ssm import SSMClient

API_KEY = "coval-relay/api-key"
CREDENTIALS = "coval-relay/platform-credentials"
WEBHOOKS = "coval-relay/webhooks"


@dataclass(frozen=True, slots=True)
class Egress:
    """The functions' way out: a proxy, the certificate of what is behind it, and what may be asked there."""

    proxy: str
    certificate: Path
    hosts: tuple[str, ...]
    """Of recordings and transcripts."""
    credentials: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stack:
    """A stack that is up: where its two servers answer, and what CloudFormation says of it."""

    aws_url: str
    coval_url: str
    outputs: Mapping[str, str] = field(default_factory=dict)
    tunnel: str = ""
    """Where functions on AWS reach the simulator."""

    @property
    def coval_from_aws(self) -> str:
        """The functions' own way to Coval."""
        return self.tunnel or self.coval_url

    @property
    def table(self) -> str:
        return self.outputs["ConversationTableName"]

    @property
    def staging_bucket(self) -> str:
        return self.outputs["StagingBucketName"]

    @property
    def queues(self) -> tuple[str, ...]:
        return tuple(self.outputs[f"{name}QueueUrl"] for name in ("CallEnd", "Recording", "Attach"))

    @property
    def dead_letter_queues(self) -> tuple[str, ...]:
        names = (*(f"{name}DeadLetter" for name in ("CallEnd", "Recording", "Attach")), "Undelivered")
        return tuple(self.outputs[f"{name}QueueUrl"] for name in names)


def aws_server(files: Files) -> Server:
    return Server("ministack", files.folder)


def simulator_server(files: Files) -> Server:
    return Server("simulator", files.folder)


def aws_url(files: Files) -> str:
    return f"https://127.0.0.1:{aws_server(files).port()}"


def coval_url(files: Files) -> str:
    return f"http://127.0.0.1:{simulator_server(files).port()}"


def up(
    files: Files,
    egress: Egress | None = None,
    parameters: Mapping[str, str] = MappingProxyType({}),
    configuration: Mapping[str, Any] = MappingProxyType({}),
) -> Stack:
    """Start what does not run, build what has changed, deploy what is not deployed; in that order.

    Without an egress the functions reach the loopback only by its addresses, and nothing else is allowed.
    `parameters` are the template's, `configuration` is relay.toml's, where they are to differ from those of every local
    stack.
    """
    with alone(files.lock):
        environment.isolate(aws_url(files), files.aws)
        start_simulator(simulator_server(files), files)
        _start_aws(aws_server(files), files, egress)
        resources(merged(CONFIGURATION, configuration))
        network = {"HttpsProxy": f"{egress.proxy},127.0.0.1,localhost"} if egress else {}
        local = {_media_host(files): {"username": "local", "password": environment.SECRET_KEY}}
        credentials = {**local, **(egress.credentials if egress else {})}
        chosen = {**PARAMETERS, **secrets(credentials), **network, **parameters}
        with alone(BUILD.with_suffix(".lock")):
            outputs = deploy(build(), chosen, _addresses(files, egress), files)
        notify_queue(outputs["RecordingQueueArn"])
        _write_environment(files, aws_url(files))
    return Stack(aws_url=aws_url(files), coval_url=coval_url(files), outputs=outputs)


def down(files: Files) -> list[str]:
    """End the servers that run; their names."""
    with alone(files.lock):
        ended = [server.name for server in (aws_server(files), simulator_server(files)) if server.stop()]
        files.deployed.unlink(missing_ok=True)
        shutil.rmtree(files.temporary, ignore_errors=True)
    return ended


def is_up(files: Files) -> bool:
    """Whether both servers run."""
    return aws_server(files).running() and simulator_server(files).running()


def status(files: Files) -> dict[str, str]:
    """Each server and where it answers, or that it does not run."""
    servers = {aws_server(files): aws_url(files), simulator_server(files): coval_url(files)}
    return {server.name: url if server.running() else "not running" for server, url in servers.items()}


def answers(url: str, files: Files) -> bool:
    """Whether a health page answers 200."""
    trusted = ssl.create_default_context(cafile=files.aws / "certificate.pem")
    try:
        return httpx.get(url, timeout=2, trust_env=False, verify=trusted).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def _start_aws(server: Server, files: Files, egress: Egress | None) -> None:
    if server.running():
        return
    files.deployed.unlink(missing_ok=True)
    shutil.rmtree(files.temporary, ignore_errors=True)
    files.temporary.mkdir(parents=True)
    certificate, key = str(files.aws / "certificate.pem"), str(files.aws / "key.pem")
    server.start(
        # not its own command: that one opens port 443, too, where it may
        [
            *(
                str(AWS_PYTHON),
                "-m",
                "hypercorn",
                f"{EMULATOR}:app",
                "--bind",
                f"127.0.0.1:{server.port()}",
            ),
            *("--certfile", certificate, "--keyfile", key, "--keep-alive", "75", "--log-level", "WARNING"),
        ],
        _aws_environment(server, files, egress),
        lambda: answers(f"{aws_url(files)}/_ministack/health", files),
        files.folder,
    )


def _aws_environment(server: Server, files: Files, egress: Egress | None) -> dict[str, str]:
    certificate, key = str(files.aws / "certificate.pem"), str(files.aws / "key.pem")
    settings = _server_environment(
        AUTH="true",
        AWS_CA_BUNDLE=certificate,
        AWS_EC2_METADATA_DISABLED="true",
        GATEWAY_PORT=str(server.port()),
        IOT_MTLS_ENABLED="0",
        LAMBDA_EXECUTOR="local",
        MINISTACK_REGION=environment.REGION,
        MINISTACK_SSL_CERT=certificate,
        MINISTACK_SSL_KEY=key,
        REQUESTS_CA_BUNDLE=certificate,
        SSL_CERT_FILE=certificate,
        STATE_DIR=str(files.temporary),
        TMPDIR=str(files.temporary),
        USE_SSL="1",
    )
    return {**settings, **(_trust(egress, files) if egress else {})}


def _trust(egress: Egress, files: Files) -> dict[str, str]:
    """The local AWS and what is behind the proxy are trusted alike: httpx reads one file."""
    trusted = files.aws / "trusted.pem"
    trusted.write_bytes((files.aws / "certificate.pem").read_bytes() + egress.certificate.read_bytes())
    return {"SSL_CERT_FILE": str(trusted)}


def start_simulator(server: Server, files: Files) -> None:
    if server.running():
        return
    server.start(
        [
            str(PYTHON),
            "-m",
            "local.simulator",
            "--port",
            str(server.port()),
            "--state-dir",
            str(files.simulator),
        ],
        # it fetches recordings from the local S3
        _server_environment(SSL_CERT_FILE=str(files.aws / "certificate.pem")),
        lambda: answers(f"{coval_url(files)}/_simulator/health", files),
        PROJECT,
    )


def _server_environment(**settings: str) -> dict[str, str]:
    """Little: the emulator hands its own environment on to every function."""
    kept = ("PATH", "HOME", "LANG", "LC_ALL", "NO_PROXY", "no_proxy")
    return {**{name: os.environ[name] for name in kept if name in os.environ}, **settings}


def resources(configuration: Mapping[str, Any], partner_bus: str = PARTNER_BUS) -> None:
    """What the operator of a real account has already, beside the secrets."""
    _buckets()
    _media()
    events: EventBridgeClient = boto3.client("events")
    if partner_bus and not events.list_event_buses(NamePrefix=partner_bus)["EventBuses"]:
        events.create_event_bus(Name=partner_bus, EventSourceName=partner_bus)
    parameters: SSMClient = boto3.client("ssm")
    parameters.put_parameter(Name=CONFIGURATION_PARAMETER, Value=document(configuration), Type="String", Overwrite=True)


def _buckets() -> None:
    s3: S3Client = boto3.client("s3")
    there = {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}
    for bucket in {RECORDINGS, RECORDINGS_UNVERSIONED, TRANSCRIPTS} - there:
        s3.create_bucket(Bucket=bucket)
        s3.put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}}
        )
        if bucket != RECORDINGS_UNVERSIONED:
            s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})


def notify_queue(queue: str) -> None:
    """Only now: S3 looks whether it may send to the queue."""
    s3: S3Client = boto3.client("s3")
    if RECORDINGS_NOTIFYING not in {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}:
        s3.create_bucket(Bucket=RECORDINGS_NOTIFYING)
    enable(s3, RECORDINGS_NOTIFYING, queue, apply=True)


def _media() -> None:
    s3: S3Client = boto3.client("s3")
    s3.create_bucket(Bucket=MEDIA)
    s3.delete_public_access_block(Bucket=MEDIA)
    everybody = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{MEDIA}/*",
    }
    s3.put_bucket_policy(Bucket=MEDIA, Policy=json.dumps({"Version": "2012-10-17", "Statement": [everybody]}))


def secrets(credentials: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Coval's key, and what the hosts of links want to see."""
    return {
        "CovalApiKeySecretArn": _secret(API_KEY, DEFAULT_API_KEY),
        "PlatformCredentialsSecretArn": _secret(CREDENTIALS, json.dumps(credentials)),
        "WebhookSecretArn": _secret(WEBHOOKS, json.dumps(dict(webhooks.SECRETS))),
    }


def _secret(name: str, content: str) -> str:
    """The secret's ARN; made where it is not there."""
    client: SecretsManagerClient = boto3.client("secretsmanager")
    try:
        return client.describe_secret(SecretId=name)["ARN"]
    except client.exceptions.ResourceNotFoundException:
        return client.create_secret(Name=name, SecretString=content)["ARN"]


def _addresses(files: Files, egress: Egress | None) -> dict[str, Any]:
    """What the deploy alone says: the deployed relay.toml."""
    hosts = [_media_host(files), *(egress.hosts if egress else ())]
    return {"coval": {"base_url": coval_url(files)}, "links": {"recording_hosts": hosts, "transcript_hosts": hosts}}


def _media_host(files: Files) -> str:
    """Where recordings and transcripts may be fetched by https, whatever the egress: the local S3."""
    return aws_url(files).removeprefix("https://")


def _write_environment(files: Files, endpoint: str) -> None:
    exports = environment.aws(endpoint, files.aws).items()
    lines = ["unset AWS_PROFILE AWS_SESSION_TOKEN", *(f"export {name}='{value}'" for name, value in exports)]
    files.environment.write_text("\n".join(lines) + "\n")


def default_files(folder: str | None) -> Files:
    return Files(Path(folder).resolve()) if folder else Files()
