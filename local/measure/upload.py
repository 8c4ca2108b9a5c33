"""Measure the upload of a 100 MB recording: the worker's peak memory, and its speed beside a plain copy.

Each upload runs in a process of its own, with the deployed function's environment, against the running local
stack (`make up`). The copy pipes the same object from the same S3 to the same simulator and does nothing else.
"""

import http.client
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import boto3
import httpx

from local.demo.large_recording import chunks, total_size
from local.stack.paths import BUILD, PYTHON, Files
from local.stack.stack import API_KEY, RECORDINGS, up

ROUNDS = 5
SMALL_SECONDS, LARGE_SECONDS = 10.0, 1638.0
MEBIBYTE = 1024 * 1024

WORKER = """
import json, resource, sys, time
import app
class Context:
    aws_request_id = "measure"
    def get_remaining_time_in_millis(self): return 300_000
event = json.load(sys.stdin)
begun = time.monotonic()
app.handler(event, Context())
spent = time.monotonic() - begun
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print("\\n" + json.dumps({"seconds": spent, "peak_kibibytes": peak}))
"""


@dataclass(frozen=True, slots=True)
class Run:
    """One upload in a process of its own."""

    seconds: float
    peak_mebibytes: float


def main() -> None:
    stack = up(Files())
    environment = _function_environment()
    small, large = _put("measure-small", SMALL_SECONDS), _put("measure-large", LARGE_SECONDS)
    size = total_size(LARGE_SECONDS)
    rest, uploads, copies = [], [], []
    for round_ in range(ROUNDS):
        rest.append(_upload(small, environment, f"small-{round_}"))
        uploads.append(_upload(large, environment, f"large-{round_}"))
        copies.append(_copy(large, stack.coval_url, size))
    growth = statistics.median(run.peak_mebibytes for run in uploads) - statistics.median(
        run.peak_mebibytes for run in rest
    )
    ratio = statistics.median(copy / run.seconds for copy, run in zip(copies, uploads, strict=True))
    print(f"upload of {size:,} bytes, medians of {ROUNDS} rounds, upload and copy in turn:")
    print(f"  peak memory grows by {growth:.1f} MiB over an upload of {total_size(SMALL_SECONDS):,} bytes")
    print(f"  upload {size / MEBIBYTE / statistics.median(r.seconds for r in uploads):.0f} MiB/s")
    print(f"  copy   {size / MEBIBYTE / statistics.median(copies):.0f} MiB/s; upload / copy, pair by pair: {ratio:.2f}")
    sys.exit(growth > 32)


def _function_environment() -> dict[str, str]:
    """What the template gave the deployed function, and where its built code is."""
    resources = boto3.client("cloudformation").describe_stack_resource(
        StackName="coval-relay-local", LogicalResourceId="UploadRecordingFunction"
    )
    name = resources["StackResourceDetail"]["PhysicalResourceId"]
    configuration = boto3.client("lambda").get_function_configuration(FunctionName=name)
    layers = sorted(BUILD.glob("*Layer/python"))
    path = os.pathsep.join(map(str, [BUILD / "UploadRecordingFunction", *layers]))
    return {**os.environ, **configuration["Environment"]["Variables"], "PYTHONPATH": path}


def _put(name: str, seconds: float) -> Mapping[str, object]:
    """Put a recording into the unwatched part of the bucket, and make the event that S3 would send."""
    s3 = boto3.client("s3")
    key = f"recordings/{name}-{int(time.time())}.wav"
    body = b"".join(chunks(seconds))
    answer = s3.put_object(Bucket=RECORDINGS, Key=key, Body=body)
    told = {"key": key, "size": len(body), "etag": answer["ETag"].strip('"'), "sequencer": "01"}
    if "VersionId" in answer:
        told["version-id"] = answer["VersionId"]
    return {
        "source": "aws.s3",
        "detail-type": "Object Created",
        "time": "2026-10-02T14:38:20Z",
        "detail": {"bucket": {"name": RECORDINGS}, "object": told},
    }


def _upload(event: Mapping[str, object], environment: Mapping[str, str], call_id: str) -> Run:
    detail = event["detail"]
    assert isinstance(detail, dict)
    unique = f"{call_id}-{time.time_ns()}"
    created = {
        "version": {"bucket": RECORDINGS, "key": detail["object"]["key"], "etag": detail["object"]["etag"]},
        "size": detail["object"]["size"],
        "order": "1",
        "created_at": int(time.time()),
    }
    found = {
        "source": "coval.relay",
        "detail-type": "Recording Found",
        "detail": {"external_conversation_id": unique, "created": created},
    }
    finished = subprocess.run(
        [str(PYTHON), "-c", WORKER],
        input=json.dumps(found),
        env=dict(environment),
        capture_output=True,
        text=True,
        check=True,
    )
    figures = json.loads(finished.stdout.strip().splitlines()[-1])
    return Run(figures["seconds"], figures["peak_kibibytes"] / 1024)


def _copy(event: Mapping[str, object], coval_url: str, size: int) -> float:
    detail = event["detail"]
    assert isinstance(detail, dict)
    ask = httpx.post(
        f"{coval_url}/v1/audio:upload", headers={"x-api-key": API_KEY}, json={"expected_size_bytes": size}
    ).json()
    begun = time.monotonic()
    body = boto3.client("s3").get_object(Bucket=RECORDINGS, Key=detail["object"]["key"])["Body"]
    url = urlsplit(ask["upload_url"])
    connection = http.client.HTTPConnection(url.netloc)
    headers = {"Content-Type": ask["content_type"], "Content-Length": str(size)}
    connection.request("PUT", f"{url.path}?{url.query}", body=body.iter_chunks(MEBIBYTE), headers=headers)
    status = connection.getresponse().status
    connection.close()
    assert status == 200, status
    return time.monotonic() - begun


if __name__ == "__main__":
    main()
