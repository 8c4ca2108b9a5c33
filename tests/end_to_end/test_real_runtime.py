"""Each built function answers under Lambda's own runtime client, from a clean environment.

On its path are the function, its layers and what the runtime brings (boto3 and what that needs), and nothing
else. A dependency that the layers lack shows only here: the emulator's own packages leak into its functions.
"""

import json
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import httpx
import pytest

from local.stack.deploy import ship
from local.stack.paths import BUILD, PROJECT, SAM
from local.stack.runtime_packages import link_runtime
from local.stack.server_processes import free_port, wait_until
from local.stack.stack import Stack
from local.webhooks import body_of
from tests.end_to_end.conftest import FILES
from tests.end_to_end.probes import (
    ATTACH,
    BESIDE_THE_PREFIXES,
    EXPECTED,
    FUNCTIONS,
    SUBMIT,
    UPLOAD,
    Event,
    Probes,
    rules_silenced,
)
from tests.support.webhooks import http_event, request_of

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

SHARED_LAYER = "SharedLayer"
LAYERS = ("DependenciesLayer", SHARED_LAYER)
AUDIO_LAYER = "AudioLayer"
WEBHOOKS_LAYER = "WebhooksLayer"
DOOR = "ReceiveWebhook"
LAYERS_OF = {SUBMIT: LAYERS, UPLOAD: (*LAYERS, AUDIO_LAYER), ATTACH: LAYERS, DOOR: (*LAYERS, WEBHOOKS_LAYER)}
INVOCATIONS = "/2015-03-31/functions/function/invocations"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Lambda's runtime runs on Linux only")


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The runtime's own packages, and the shared layer with this stack's relay.toml: one build serves many stacks."""
    folder = tmp_path_factory.mktemp("runtime")
    shutil.copytree(BUILD / SHARED_LAYER, folder / SHARED_LAYER)
    ship(json.loads(FILES.deployed.read_text())["configuration"], folder)
    return link_runtime(folder)


@pytest.fixture(scope="module", autouse=True)
def silence(stack: Stack) -> Iterator[Stack]:
    """The deployed functions do not do the probes' work."""
    with rules_silenced(stack):
        yield stack


class Lambda:
    """Runs built functions under the runtime interface emulator, one process each."""

    def __init__(self, stack: Stack, runtime: Path, without: str = "") -> None:
        self._outputs = stack.outputs
        self._without = without
        self._runtime = runtime
        self._client: LambdaClient = boto3.client("lambda")

    def invoke(self, function: str, sent: Event) -> str:
        with self._running(function) as url:
            return httpx.post(url + INVOCATIONS, json=dict(sent), timeout=180, trust_env=False).text

    @contextmanager
    def _running(self, function: str) -> Iterator[str]:
        port = free_port()
        emulator = next((SAM.parents[1] / "lib").glob(f"python*/site-packages/samcli/local/rapid/{_emulator()}"))
        command = [
            *(str(emulator), "--runtime-interface-emulator-address", f"127.0.0.1:{port}"),
            *("--runtime-api-address", f"127.0.0.1:{free_port()}"),
            *(str(Path(sys.executable).resolve()), "-S", "-m", "awslambdaric", "app.handler"),
        ]
        environment = self._environment(function)
        folder = environment["LAMBDA_TASK_ROOT"]
        with subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.DEVNULL) as process:
            try:
                assert wait_until(lambda: _listens(port), 120), "the runtime interface emulator does not start"
                yield f"http://127.0.0.1:{port}"
            finally:
                process.terminate()

    def _environment(self, function: str) -> dict[str, str]:
        name = self._outputs[f"{function}FunctionName"]
        configured = self._client.get_function_configuration(FunctionName=name)
        variables: dict[str, Any] = dict(configured["Environment"]["Variables"])
        code = BUILD / f"{function}Function"
        layers = (layer for layer in LAYERS_OF[function] if layer != self._without)
        folders = ((self._runtime if layer == SHARED_LAYER else BUILD) / layer / "python" for layer in layers)
        packages = [*folders, self._runtime]
        return {
            **variables,
            "PATH": "/usr/bin:/bin",
            "LAMBDA_TASK_ROOT": str(code),
            "PYTHONPATH": ":".join(map(str, [code, *packages])),
            "SSL_CERT_FILE": str(FILES.aws / "certificate.pem"),  # links lead to the local S3
            "AWS_LAMBDA_FUNCTION_NAME": name,
            "AWS_LAMBDA_FUNCTION_TIMEOUT": str(configured["Timeout"]),
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(configured["MemorySize"]),
            **_local_aws(),
            "AWS_SECRET_ACCESS_KEY": "test",  # the emulator's own: it checks presigned URLs with it
        }


def _local_aws() -> dict[str, str]:
    exports = (line.removeprefix("export ") for line in FILES.environment.read_text().splitlines())
    pairs = (line.partition("=") for line in exports if "=" in line)
    return {name: value.strip("'") for name, _, value in pairs}


def _emulator() -> str:
    return {"aarch64": "aws-lambda-rie-arm64"}.get(platform.machine(), "aws-lambda-rie-x86_64")


def _listens(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/", timeout=1, trust_env=False).status_code > 0
    except httpx.TransportError:
        return False


@pytest.mark.parametrize(
    ("function", "probe"),
    [
        (function, probe)
        for function in FUNCTIONS
        for probe in EXPECTED[function]
        if probe != BESIDE_THE_PREFIXES  # here no role denies
    ],
)
def test_a_built_function_does_its_work_under_the_real_runtime(
    function: str, probe: str, stack: Stack, runtime: Path
) -> None:
    outcome = Probes(stack, Lambda(stack, runtime).invoke).outcome(function, probe)

    assert outcome == EXPECTED[function][probe]


@pytest.mark.parametrize("layer", LAYERS)
def test_a_function_without_one_of_its_layers_does_not_start(layer: str, stack: Stack, runtime: Path) -> None:
    answer = json.loads(Lambda(stack, runtime, without=layer).invoke(SUBMIT, {}))

    assert answer["errorType"] == "Runtime.ImportModuleError"


def test_without_the_audio_layer_only_a_conversion_fails(stack: Stack, runtime: Path) -> None:
    probes = Probes(stack, Lambda(stack, runtime, without=AUDIO_LAYER).invoke)

    assert probes.outcome(UPLOAD, "versioned") == EXPECTED[UPLOAD]["versioned"]
    answer = json.loads(probes.outcome(UPLOAD, "converted").answer)
    assert answer["errorType"] == "DeliveryFailedError"
    assert answer["errorMessage"].startswith("ModuleNotFoundError ")


SAMPLES = {
    "telnyx": "telnyx/call_hangup_no_answer",
    "livekit": "livekit/egress_ended_aborted",
    "canonical": "call_ended_not_answered",
}
"""Signed by Ed25519, in a token, and by HMAC; all about calls that leave nothing to do."""


def webhook(platform: str) -> Event:
    """As a function URL hands it over."""
    sample = json.loads((PROJECT / "events" / f"{SAMPLES[platform]}.json").read_text(encoding="utf-8"))
    content_type, body = body_of(sample)
    return http_event(request_of(platform, content_type, body, float(int(time.time()))))


@pytest.mark.parametrize(
    ("without", "platform", "status"),
    [("", "telnyx", 200), ("", "livekit", 200), (WEBHOOKS_LAYER, "canonical", 200), (WEBHOOKS_LAYER, "telnyx", 503)],
)
def test_the_door_verifies_under_the_real_runtime(
    without: str, platform: str, status: int, stack: Stack, runtime: Path
) -> None:
    """Without its own layer it still verifies what is signed by HMAC."""
    answer = json.loads(Lambda(stack, runtime, without=without).invoke(DOOR, webhook(platform)))
    assert answer["statusCode"] == status
