"""What is done to the local AWS: its workers killed, its functions throttled, a fault proxy set before it."""

import contextlib
import json
import os
import random
import signal
import ssl
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import boto3
import httpx

from local.load.aws_faults import ADMIN, Shares
from local.stack.paths import PROJECT, PYTHON, Files
from local.stack.server_processes import Server
from local.stack.stack import Stack, answers

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_sqs import SQSClient

FUNCTIONS = ("SubmitTranscript", "UploadRecording", "AttachRecording")
SWEEP = {"source": "coval.relay", "detail-type": "Sweep"}


def workers(files: Files) -> list[int]:
    """The processes in which this stack's functions run, and no other stack's."""
    command = ["ps", "-axwwo", "pid=,command="]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    mark = f" {files.temporary}/ministack-lambda-"
    lines = [line for line in shown.splitlines() if mark in line and line.endswith("/_worker.py")]
    return [int(line.split(maxsplit=1)[0]) for line in lines]


@dataclass
class Killer:
    """Kills workers by SIGKILL, whatever they do.

    Those that start are spared: MiniStack 1.5.33 throws all workers of a function away when one dies in its
    start, the ones that start beside it too, and so on.
    """

    files: Files
    settled_seconds: float
    _seen: dict[int, float] = field(default_factory=dict)

    def look(self) -> list[int]:
        """The workers that have been there for so long."""
        now = time.monotonic()
        self._seen = {worker: self._seen.get(worker, now) for worker in workers(self.files)}
        return [worker for worker, since in self._seen.items() if now - since >= self.settled_seconds]

    def kill_one(self) -> int:
        """How many were killed."""
        settled = self.look()
        if not settled:
            return 0
        with contextlib.suppress(ProcessLookupError):
            os.kill(random.choice(settled), signal.SIGKILL)  # noqa: S311 -- no secret
            return 1
        return 0


@dataclass(frozen=True, slots=True)
class Functions:
    """The deployed functions."""

    stack: Stack
    _client: "LambdaClient" = field(default_factory=lambda: boto3.client("lambda"))
    _queues: "SQSClient" = field(default_factory=lambda: boto3.client("sqs"))

    def call_aws_at(self, endpoint: str) -> None:
        """Let all that the functions ask of AWS go by way of another endpoint."""
        for name in map(self._name, FUNCTIONS):
            configured = self._client.get_function_configuration(FunctionName=name)
            variables = {**configured["Environment"]["Variables"], "AWS_ENDPOINT_URL": endpoint}
            self._client.update_function_configuration(FunctionName=name, Environment={"Variables": variables})

    def throttle(self, function: str) -> None:
        """Let a function not run at all."""
        self._client.put_function_concurrency(FunctionName=self._name(function), ReservedConcurrentExecutions=0)

    def release(self, function: str) -> None:
        self._client.delete_function_concurrency(FunctionName=self._name(function))

    def sweep(self) -> None:
        """As the schedule does."""
        self._client.invoke(
            FunctionName=self._name("AttachRecording"), InvocationType="Event", Payload=json.dumps(SWEEP)
        )

    def redeliver_after(self, seconds: int) -> None:
        for url in self.stack.queues:
            self._queues.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": str(seconds)})

    def _name(self, function: str) -> str:
        return self.stack.outputs[f"{function}FunctionName"]


@dataclass(frozen=True, slots=True)
class FaultProxy:
    """The running fault proxy."""

    url: str
    _http: httpx.Client

    def fail(self, shares: Shares) -> None:
        """Let these shares of the requests fail from now on."""
        self._http.put(ADMIN, content=shares.model_dump_json()).raise_for_status()

    def met(self) -> dict[str, int]:
        """How many requests met which fault, by service."""
        return dict(self._http.get(ADMIN).raise_for_status().json())


@contextlib.contextmanager
def fault_proxy(stack: Stack, files: Files) -> Iterator[FaultProxy]:
    """Run the proxy in a process of its own before the stack's AWS."""
    server = Server("aws_faults", files.folder)
    server.stop()  # of a run that was ended
    url, certificate = f"https://127.0.0.1:{server.port()}", files.aws / "certificate.pem"
    command = [
        *(str(PYTHON), "-m", "local.load.aws_faults", "--port", str(server.port())),
        *(
            "--upstream",
            stack.aws_url,
            "--certificate",
            str(certificate),
            "--key",
            str(files.aws / "key.pem"),
        ),
    ]
    server.start(command, os.environ, lambda: answers(url + ADMIN, files), PROJECT)
    trusted = ssl.create_default_context(cafile=certificate)
    try:
        with httpx.Client(base_url=url, verify=trusted, trust_env=False, timeout=30) as http:
            yield FaultProxy(url, http)
    finally:
        server.stop()
