"""A staged copy, as Coval fetches it: by a presigned URL."""

import boto3
import httpx
import pytest

from coval_relay.adapters.aws.s3_objects import S3RecordingObjects, s3_client
from coval_relay.adapters.aws.s3_staging import PART_BYTES, S3Staging

BUCKET, OWNER, SECRET = "staged-copies", "000000000000", "test"
"""The emulator's account is its key id; it checks the signatures of presigned URLs."""


@pytest.mark.parametrize("size", [1000, 2 * PART_BYTES + 3])
def test_a_staged_copy_is_fetched_by_its_url(aws_url: str, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # it keeps credentials it has seen
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws_url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", OWNER)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    boto3.client("s3").create_bucket(Bucket=BUCKET)
    client = s3_client()
    content = b"RIFF" + bytes(size - 4)
    version, _ = S3Staging(client, BUCKET, OWNER).store("call-1", lambda sink: sink.write(content))
    answer = httpx.get(S3RecordingObjects(client, OWNER).presign(version), trust_env=False)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "audio/wav")
    assert answer.content == content
