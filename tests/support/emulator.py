"""An AWS emulator of the test's own, on a free port, empty at first, gone at the end."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import httpx
from botocore.config import Config

from local.stack.paths import AWS_PYTHON
from local.stack.server_processes import Server


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """The emulator's URL."""
    server = Server("emulator", folder)
    url = f"http://127.0.0.1:{server.port()}"
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    settings = {"IOT_MTLS_ENABLED": "0", "GATEWAY_PORT": url.rsplit(":", 1)[1], "STATE_DIR": str(folder)}
    command = [str(AWS_PYTHON), "-m", "hypercorn", "ministack.app:app", "--bind", url.removeprefix("http://")]
    server.start([*command, "--log-level", "WARNING"], {**kept, **settings}, lambda: _answers(url), folder)
    try:
        yield url
    finally:
        server.stop()


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/_ministack/health", trust_env=False).is_success
    except httpx.TransportError:
        return False


def client(service: str, url: str) -> Any:
    """A client of the emulator that gives up soon."""
    settings = Config(retries={"total_max_attempts": 2}, s3={"addressing_style": "path"})
    return boto3.client(service, endpoint_url=url, region_name="us-east-1", config=settings)
