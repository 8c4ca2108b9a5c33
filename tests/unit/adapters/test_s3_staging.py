"""Staging on S3: what is sent, what is given up, that nothing is left behind, and that memory stays constant."""

import tempfile
import tracemalloc
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse, HTTPHeaders
from botocore.exceptions import ClientError, EndpointConnectionError
from moto import mock_aws

from coval_relay.adapters.aws.s3_objects import DENIAL
from coval_relay.adapters.aws.s3_staging import PART_BYTES, S3Staging
from coval_relay.domain.errors import PermanentError, RetryableError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BUCKET, OWNER = "staging", "123456789012"
MEBIBYTE = 1024 * 1024
FEW = ["PutObject"]
MANY = ["CreateMultipartUpload", "UploadPart", "UploadPart", "CompleteMultipartUpload"]


@pytest.fixture
def s3() -> "Iterator[S3Client]":
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket=BUCKET)
        yield client


@pytest.fixture(autouse=True)
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Lambda's /tmp: nothing of a copy has a name there, while it is written or afterwards."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    yield tmp_path
    assert list(tmp_path.iterdir()) == []


class Recorder:
    """What a client asks of S3; `error` is raised by one of its operations."""

    def __init__(self, client: "S3Client", operation: str = "", error: Exception | None = None) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self._operation, self._error = operation, error
        client.meta.events.register("provide-client-params.s3", self._ask)

    def operations(self) -> list[str]:
        return [name for name, _ in self.asked]

    def _ask(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        self.asked.append((model.name, dict(params)))
        if self._error and model.name == self._operation:
            raise self._error


def write_bytes(size: int, start: bytes = b"") -> Callable[[BinaryIO], None]:
    def write(sink: BinaryIO) -> None:
        sink.write(start)
        written = len(start)
        while written < size:
            written += sink.write(bytes(min(MEBIBYTE, size - written)))

    return write


@pytest.mark.parametrize(("size", "operations"), [(PART_BYTES - 1, FEW), (PART_BYTES + 1, MANY)])
def test_one_request_or_parts_each_to_the_bucket_s_owner(s3: "S3Client", size: int, operations: list[str]) -> None:
    recorder = Recorder(s3)
    version, stored = S3Staging(s3, BUCKET, OWNER).store("x", write_bytes(size, b"RIFF"))
    assert (recorder.operations(), stored) == (operations, size)
    assert all(params["ExpectedBucketOwner"] == OWNER for _, params in recorder.asked)
    assert {(params["Bucket"], params["Key"]) for _, params in recorder.asked} == {(BUCKET, version.key)}
    head = s3.head_object(Bucket=BUCKET, Key=version.key)
    assert (head["ContentLength"], head["ContentType"], head["Metadata"]) == (size, "audio/wav", {})
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=BUCKET)


def test_parts_and_the_upload_agree_on_their_checksum(s3: "S3Client") -> None:
    recorder = Recorder(s3)
    S3Staging(s3, BUCKET, OWNER).store("x", write_bytes(PART_BYTES + 1))
    assert [params.get("ChecksumAlgorithm") for _, params in recorder.asked] == ["CRC32", "CRC32", "CRC32", None]


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
def test_the_type_is_known_by_the_first_bytes(s3: "S3Client", start: bytes, content_type: str) -> None:
    version, _ = S3Staging(s3, BUCKET, OWNER).store("x", lambda sink: sink.write(start))
    assert s3.head_object(Bucket=BUCKET, Key=version.key)["ContentType"] == content_type


@pytest.mark.parametrize("error", [RetryableError("broke_off"), KeyboardInterrupt()])
def test_what_the_writer_gave_up_was_never_sent(s3: "S3Client", disk: Path, error: BaseException) -> None:
    recorder = Recorder(s3)

    def write(sink: BinaryIO) -> None:
        sink.write(bytes(2 * PART_BYTES))
        assert list(disk.iterdir()) == []
        raise error

    with pytest.raises(type(error)):
        S3Staging(s3, BUCKET, OWNER).store("x", write)
    assert recorder.asked == []


def error_of(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "m"}}, "PutObject")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (error_of("AccessDenied"), PermanentError("access_denied", DENIAL.format(permission="s3:PutObject"))),
        (error_of("SlowDown"), RetryableError("s3_SlowDown")),
        (error_of("NoSuchBucket"), RetryableError("staging_unavailable")),
        (error_of("NoSuchUpload"), RetryableError("s3_NoSuchUpload")),
        (EndpointConnectionError(endpoint_url="https://s3"), RetryableError("s3_unreachable")),
        (ConnectionResetError(), RetryableError("s3_unreachable")),
    ],
)
@pytest.mark.parametrize(
    ("operation", "size"),
    [
        ("PutObject", 1),
        ("CreateMultipartUpload", PART_BYTES + 1),
        ("UploadPart", PART_BYTES + 1),
        ("CompleteMultipartUpload", PART_BYTES + 1),
    ],
)
def test_faults_of_s3_leave_nothing(
    s3: "S3Client", operation: str, size: int, error: Exception, expected: Exception
) -> None:
    recorder = Recorder(s3, operation, error)
    with pytest.raises(type(expected)) as caught:
        S3Staging(s3, BUCKET, OWNER).store("x", write_bytes(size))
    assert caught.value == expected
    abandoned = recorder.operations().count("AbortMultipartUpload")
    assert abandoned == (operation in ("UploadPart", "CompleteMultipartUpload"))
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=BUCKET)
    assert "Contents" not in s3.list_objects_v2(Bucket=BUCKET)


def test_a_giving_up_that_fails_hides_nothing(s3: "S3Client") -> None:
    Recorder(s3, "UploadPart", error_of("SlowDown"))
    unreachable = Recorder(s3, "AbortMultipartUpload", EndpointConnectionError(endpoint_url="https://s3"))
    with pytest.raises(RetryableError) as caught:
        S3Staging(s3, BUCKET, OWNER).store("x", write_bytes(PART_BYTES + 1))
    assert caught.value == RetryableError("s3_SlowDown")
    assert unreachable.operations()[-1] == "AbortMultipartUpload"


class Answer(BytesIO):
    """S3's answer to any request of an upload, as urllib3 would hand it over."""

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


def take_all(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
    """In the place of S3: reads the body, and keeps nothing of it."""
    body: Any = request.body
    while hasattr(body, "read") and body.read(MEBIBYTE):
        pass
    raw = Answer(b"<Result><UploadId>upload</UploadId></Result>")
    return AWSResponse(str(request.url), 200, HTTPHeaders.from_dict({"ETag": '"e"'}), raw)


def test_memory_is_constant() -> None:
    client = boto3.client("s3", region_name="us-east-1", aws_access_key_id="k", aws_secret_access_key="s")
    client.meta.events.register("before-send.s3", take_all)
    recorder = Recorder(client)
    tracemalloc.start()
    try:
        S3Staging(client, BUCKET, OWNER).store("x", write_bytes(100 * MEBIBYTE))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert recorder.operations().count("UploadPart") == 13
    assert peak < 20 * MEBIBYTE
