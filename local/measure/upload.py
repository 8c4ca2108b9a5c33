"""Measure the upload of a 100 MB recording: the worker's peak memory, and its speed beside a plain copy.

Each upload runs in a worker of its own, the built code with the deployed function's environment, against the
local stack. The copy pipes the same object from the same S3 to the same simulator and does nothing else.
"""

import http.client
import json
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlsplit

import boto3
import httpx

from local.demo.large_recording import chunks, total_size
from local.measure.deployed import environment_of
from local.simulator.behaviour_switches import DEFAULT_API_KEY
from local.stack.parameters import RECORDINGS_UNVERSIONED
from local.stack.paths import PYTHON, Files
from local.stack.stack import Stack, up

ROUNDS = 5
SMALL_SECONDS, LARGE_SECONDS = 10.0, 1638.0
MEBIBYTE = 1024 * 1024
MOST_GROWTH = 32
PREFIX = "measure/"
"""Where the deployed functions do not look."""

WORKER = """
import json, sys, time
import app
class Context:
    aws_request_id = "measure"
    def get_remaining_time_in_millis(self): return 300_000
def peak():
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
small, large = json.load(sys.stdin)
app.handler(small, Context())
warm, begun = peak(), time.monotonic()
app.handler(large, Context())
print("\\n" + json.dumps([time.monotonic() - begun, warm, peak()]))
"""
"""A warm worker: a small recording first, then the large one; prints seconds and peaks in KiB."""


@dataclass(frozen=True, slots=True)
class Object:
    """A recording in S3, where no rule watches."""

    key: str
    etag: str
    size: int


@dataclass(frozen=True, slots=True)
class Run:
    """One warm worker's large upload."""

    seconds: float
    growth_mebibytes: float


def main() -> None:
    stack = up(Files())
    environment = function_environment(stack)
    small, large = put("measure-small", SMALL_SECONDS), put("measure-large", LARGE_SECONDS)
    size = total_size(LARGE_SECONDS)
    uploads, copies = [], []
    for _ in range(ROUNDS):
        uploads.append(upload([found(small), found(large)], environment))
        copies.append(_copy(large, stack.coval_url))
    growth = max(run.growth_mebibytes for run in uploads)
    ratio = statistics.median(copy / run.seconds for copy, run in zip(copies, uploads, strict=True))
    print(f"upload of {size:,} bytes by a warm worker, {ROUNDS} rounds, upload and copy in turn:")
    print(f"  peak memory grows by {growth:.1f} MiB at most")
    speed = size / MEBIBYTE / statistics.median(run.seconds for run in uploads)
    beside = size / MEBIBYTE / statistics.median(copies)
    print(f"  medians: upload {speed:.0f} MiB/s, copy {beside:.0f} MiB/s; pair by pair {ratio:.2f}")
    sys.exit(growth > MOST_GROWTH)


def function_environment(stack: Stack) -> dict[str, str]:
    """The deployed function's, but that it looks at our objects."""
    return {**environment_of(stack, "UploadRecording"), "RECORDING_PREFIXES": PREFIX}


def put(name: str, seconds: float) -> Object:
    s3 = boto3.client("s3")
    key, body = f"{PREFIX}{name}.wav", b"".join(chunks(seconds))
    answer = s3.put_object(Bucket=RECORDINGS_UNVERSIONED, Key=key, Body=body)
    return Object(key, answer["ETag"].strip('"'), len(body))


def found(recording: Object, agent_channel: int | None = None) -> Mapping[str, object]:
    """The message that announces a recording; each time one of its own, of another call."""
    call_id = f"measured-{uuid.uuid4()}"
    key = f"{PREFIX}{call_id}.wav"
    source = {"Bucket": RECORDINGS_UNVERSIONED, "Key": recording.key}
    boto3.client("s3").copy_object(Bucket=RECORDINGS_UNVERSIONED, Key=key, CopySource=source)
    detail = {
        "target": call_id,
        "uri": f"s3://{RECORDINGS_UNVERSIONED}/{key}",
        "created_at": int(time.time()),
        "hints": {"agent_channel": agent_channel},
    }
    return {"source": "coval.relay", "detail-type": "Recording Announced", "detail": detail}


def upload(messages: Sequence[Mapping[str, object]], environment: Mapping[str, str]) -> Run:
    finished = subprocess.run(
        [str(PYTHON), "-c", WORKER],
        input=json.dumps(messages),
        env=dict(environment),
        capture_output=True,
        text=True,
        check=True,
    )
    if "RECORDING_UPLOADED" not in finished.stdout:
        sys.exit(f"nothing was uploaded:\n{finished.stdout}")
    seconds, warm, peak = json.loads(finished.stdout.strip().splitlines()[-1])
    return Run(seconds, (peak - warm) / 1024)


def _copy(recording: Object, coval_url: str) -> float:
    """Pipe the object into an upload place, and do nothing else."""
    begun = time.monotonic()
    place = httpx.post(
        f"{coval_url}/v1/audio:upload",
        headers={"x-api-key": DEFAULT_API_KEY},
        json={"expected_size_bytes": recording.size},
        trust_env=False,
    ).json()
    body = boto3.client("s3").get_object(Bucket=RECORDINGS_UNVERSIONED, Key=recording.key)["Body"]
    url = urlsplit(place["upload_url"])
    headers = {"Content-Type": place["content_type"], "Content-Length": str(recording.size)}
    with closing(http.client.HTTPConnection(url.netloc)) as connection:
        connection.request("PUT", f"{url.path}?{url.query}", body=body.iter_chunks(MEBIBYTE), headers=headers)
        if connection.getresponse().status != HTTPStatus.OK:
            sys.exit("the copy was rejected")
    return time.monotonic() - begun


if __name__ == "__main__":
    main()
