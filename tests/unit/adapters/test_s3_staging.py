"""Staging on S3: what is sent when, what is given up, and that memory stays constant."""

import io
import tracemalloc
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from moto import mock_aws

from coval_relay.adapters.aws.s3_objects import DENIAL
from coval_relay.adapters.aws.s3_staging import HEAD_BYTES, PART_BYTES, S3Staging
from coval_relay.domain.errors import PermanentError, RetryableError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BUCKET, OWNER = "staging", "123456789012"
MEBIBYTE = 1024 * 1024


@pytest.fixture
def s3() -> "Iterator[S3Client]":
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket=BUCKET)
        yield client


class Recorder:
    """A client that keeps what it is asked, without the bodies; `error` is raised by one of its methods."""

    def __init__(self, method: str = "", error: Exception | None = None) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self._method, self._error = method, error

    def __getattr__(self, name: str) -> Callable[..., dict[str, str]]:
        def ask(**arguments: Any) -> dict[str, str]:
            body = arguments.pop("Body", None)
            self.asked.append((name, {**arguments, **({"size": len(body)} if body is not None else {})}))
            if self._error and name == self._method:
                raise self._error
            return {"UploadId": "upload", "ETag": f'"etag-{len(self.asked)}"'}

        return ask


def write_bytes(size: int, start: bytes = b"") -> Callable[[BinaryIO], None]:
    def write(sink: BinaryIO) -> None:
        sink.write(start)
        written = len(start)
        while written < size:
            written += sink.write(bytes(min(MEBIBYTE, size - written)))

    return write


def test_a_small_body_is_one_request() -> None:
    client: Any = Recorder()
    version, size = S3Staging(client, BUCKET, OWNER).store("x", write_bytes(HEAD_BYTES, b"RIFF"))
    assert (version.etag, size) == ("etag-1", HEAD_BYTES)
    place = {"Bucket": BUCKET, "Key": version.key, "ExpectedBucketOwner": OWNER}
    assert client.asked == [("put_object", {**place, "ContentType": "audio/wav", "size": HEAD_BYTES})]


def test_a_large_body_goes_in_parts_the_head_last() -> None:
    client: Any = Recorder()
    total = HEAD_BYTES + PART_BYTES + 3
    version, size = S3Staging(client, BUCKET, OWNER).store("x", write_bytes(total, b"ID3"))
    place = {"Bucket": BUCKET, "Key": version.key, "ExpectedBucketOwner": OWNER}
    upload = {**place, "UploadId": "upload"}
    etags = ['"etag-4"', '"etag-2"', '"etag-3"']
    parts = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(etags, 1)]
    assert (version.etag, size) == ("etag-5", total)
    assert client.asked == [
        ("create_multipart_upload", {**place, "ContentType": "audio/mpeg"}),
        ("upload_part", {**upload, "PartNumber": 2, "size": PART_BYTES}),
        ("upload_part", {**upload, "PartNumber": 3, "size": 3}),
        ("upload_part", {**upload, "PartNumber": 1, "size": HEAD_BYTES}),
        ("complete_multipart_upload", {**upload, "MultipartUpload": {"Parts": parts}}),
    ]


@pytest.mark.parametrize(
    ("start", "content_type"),
    [
        (b"RIFF", "audio/wav"),
        (b"ID3", "audio/mpeg"),
        *((bytes([0xFF, second, 0x90]), "audio/mpeg") for second in (0xFB, 0xFA, 0xF3, 0xF2, 0xE3, 0xE2)),
        (b"\xff\xfd\x90", "application/octet-stream"),
        (b"OggS", "application/octet-stream"),
        (b"", "application/octet-stream"),
    ],
)
def test_the_type_is_told_by_the_first_bytes(s3: "S3Client", start: bytes, content_type: str) -> None:
    version, _ = S3Staging(s3, BUCKET, OWNER).store("x", lambda sink: sink.write(start))
    assert s3.head_object(Bucket=BUCKET, Key=version.key)["ContentType"] == content_type


@pytest.mark.parametrize("error", [RetryableError("broke_off"), KeyboardInterrupt()])
def test_what_was_begun_is_given_up(s3: "S3Client", error: BaseException) -> None:
    begun: list[int] = []

    def write(sink: BinaryIO) -> None:
        sink.write(bytes(HEAD_BYTES + PART_BYTES))
        begun.append(len(s3.list_multipart_uploads(Bucket=BUCKET)["Uploads"]))
        raise error

    with pytest.raises(type(error)):
        S3Staging(s3, BUCKET, OWNER).store("x", write)
    assert begun == [1]
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=BUCKET)
    assert "Contents" not in s3.list_objects_v2(Bucket=BUCKET)


def test_what_was_completed_is_not_given_up(s3: "S3Client") -> None:
    version, size = S3Staging(s3, BUCKET, OWNER).store("x", write_bytes(HEAD_BYTES + PART_BYTES))
    assert s3.head_object(Bucket=BUCKET, Key=version.key)["ContentLength"] == size
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=BUCKET)


def test_a_giving_up_that_fails_hides_nothing() -> None:
    client: Any = Recorder("abort_multipart_upload", EndpointConnectionError(endpoint_url="https://s3"))

    def write(sink: BinaryIO) -> None:
        sink.write(bytes(HEAD_BYTES + PART_BYTES))
        raise RetryableError("broke_off")

    with pytest.raises(RetryableError) as caught:
        S3Staging(client, BUCKET, OWNER).store("x", write)
    assert caught.value == RetryableError("broke_off")
    assert [name for name, _ in client.asked][-1] == "abort_multipart_upload"


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "m"}}, "PutObject")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (refusal("AccessDenied"), PermanentError("access_denied", DENIAL.format(permission="s3:PutObject"))),
        (refusal("SlowDown"), RetryableError("s3_SlowDown")),
        (refusal("NoSuchBucket"), RetryableError("staging_unavailable")),
        (refusal("NoSuchUpload"), RetryableError("s3_NoSuchUpload")),
        (EndpointConnectionError(endpoint_url="https://s3"), RetryableError("s3_unreachable")),
        (ConnectionResetError(), RetryableError("s3_unreachable")),
    ],
)
@pytest.mark.parametrize(
    ("method", "size"),
    [
        ("put_object", 1),
        ("create_multipart_upload", HEAD_BYTES + 1),
        ("upload_part", HEAD_BYTES + 1),
        ("complete_multipart_upload", HEAD_BYTES + 1),
    ],
)
def test_faults_of_s3(method: str, size: int, error: Exception, expected: Exception) -> None:
    client: Any = Recorder(method, error)
    with pytest.raises(type(expected)) as caught:
        S3Staging(client, BUCKET, OWNER).store("x", write_bytes(size))
    assert caught.value == expected
    abandoned = [name for name, _ in client.asked].count("abort_multipart_upload")
    assert abandoned == (method in ("upload_part", "complete_multipart_upload"))


@pytest.mark.parametrize(("offset", "whence"), [(-1, 0), (HEAD_BYTES + 1, 0), (-2, 2), (0, 0x10000)])
def test_seeks_that_the_copy_cannot_follow(offset: int, whence: int) -> None:
    client: Any = Recorder()

    def write(sink: BinaryIO) -> None:
        sink.write(bytes(HEAD_BYTES + PART_BYTES))
        sink.seek(offset, whence)

    with pytest.raises(io.UnsupportedOperation):
        S3Staging(client, BUCKET, OWNER).store("x", write)


def test_a_correction_must_not_run_out_of_the_head() -> None:
    client: Any = Recorder()

    def write(sink: BinaryIO) -> None:
        sink.write(bytes(HEAD_BYTES + 1))
        sink.seek(HEAD_BYTES - 1)
        sink.write(b"ab")

    with pytest.raises(io.UnsupportedOperation):
        S3Staging(client, BUCKET, OWNER).store("x", write)


def test_memory_is_constant() -> None:
    client: Any = Recorder()
    tracemalloc.start()
    try:
        S3Staging(client, BUCKET, OWNER).store("x", write_bytes(100 * MEBIBYTE))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 16 * MEBIBYTE
