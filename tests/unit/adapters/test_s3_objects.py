"""Reading S3: pins, faults, presigned URLs."""

import io
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.response import StreamingBody
from botocore.stub import Stubber
from moto import mock_aws

from coval_relay.adapters.aws.s3_objects import (
    DENIAL,
    S3RecordingObjects,
    S3TranscriptObjects,
    fault,
    s3_client,
)
from coval_relay.domain.allowed_locations import NOT_ALLOWED_LOCATION, AllowedLocations, RecordingLocations
from coval_relay.domain.errors import (
    NotReadyError,
    ObjectGoneError,
    ObjectReplacedError,
    PermanentError,
    RetryableError,
)
from coval_relay.domain.s3_objects import ObjectHead, ObjectVersion

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

OWNER = "123456789012"
BUCKET, KEY = "recordings-bucket", "calls/a b+é%.wav"
AUDIO = bytes(range(256)) * 8192
"""Two chunks of a mebibyte."""


@pytest.fixture
def s3() -> "Iterator[S3Client]":
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket=BUCKET)
        yield client


def put(s3: "S3Client", body: bytes = AUDIO) -> ObjectVersion:
    answer = s3.put_object(
        Bucket=BUCKET, Key=KEY, Body=body, Metadata={"External-Conversation-Id": "call-1"}, Tagging="a=b&c=d"
    )
    return ObjectVersion(BUCKET, KEY, answer["ETag"].strip('"'), answer.get("VersionId"))


def versioned(s3: "S3Client") -> None:
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})


@pytest.mark.parametrize(
    ("answered", "value"),
    [
        ("=?UTF-8?B?QsO8cm8tMQ==?=", "B\u00fcro-1"),
        ("=?UTF-8?Q?B=C3=BCro-1?=", "B\u00fcro-1"),
        ("=?none?Q?x?=", "=?none?Q?x?="),
        ("call=?-1", "call=?-1"),
        ("call-1", "call-1"),
    ],
)
def test_metadata_that_is_not_ascii_comes_encoded(answered: str, value: str, s3: "S3Client") -> None:
    answer = {"ContentLength": 1, "ETag": '"e"', "Metadata": {"external-conversation-id": answered}}
    with Stubber(s3) as stub:
        stub.add_response("head_object", answer)
        head = S3RecordingObjects(s3, OWNER).head(ObjectVersion(BUCKET, KEY, "e"))
    assert head.metadata == {"external-conversation-id": value}


def test_what_came_while_versioning_was_suspended_has_no_lasting_version(s3: "S3Client") -> None:
    """moto names no version then; S3 does, by this name."""
    answer = {"ContentLength": 1, "ETag": '"e"', "VersionId": "null", "Metadata": {}}
    with Stubber(s3) as stubbed:
        stubbed.add_response("head_object", answer)
        head = S3RecordingObjects(s3, OWNER).head(ObjectVersion(BUCKET, KEY, "e"))
    assert head == ObjectHead(1, "e", None)


@pytest.mark.parametrize("with_versions", [False, True])
def test_an_object_is_read_whole_and_in_parts(s3: "S3Client", with_versions: bool) -> None:
    if with_versions:
        versioned(s3)
    version = put(s3)
    source = S3RecordingObjects(s3, OWNER)
    assert source.head(version) == ObjectHead(
        len(AUDIO), version.etag, version.version_id, {"external-conversation-id": "call-1"}
    )
    assert source.tags(version) == {"a": "b", "c": "d"}
    assert source.read_range(version, 10, 4) == AUDIO[10:14]
    assert source.read_range(version, len(AUDIO) - 2, 100) == AUDIO[-2:]
    assert source.read_range(version, len(AUDIO), 100) == b""
    chunks = list(source.stream(version))
    assert ([len(chunk) for chunk in chunks], b"".join(chunks)) == ([1048576, 1048576], AUDIO)


def test_without_an_etag_whatever_stands_there_is_read(s3: "S3Client") -> None:
    put(s3)
    assert S3RecordingObjects(s3, OWNER).head(ObjectVersion(BUCKET, KEY, "")).size == len(AUDIO)


READS: dict[str, Callable[[S3RecordingObjects, ObjectVersion], object]] = {
    "head": lambda source, version: source.head(version),
    "read_range": lambda source, version: source.read_range(version, 0, 4),
    "stream": lambda source, version: list(source.stream(version)),
}


@pytest.mark.parametrize("read", READS)
def test_an_object_that_was_replaced(s3: "S3Client", read: str) -> None:
    version = put(s3)
    put(s3, b"another")
    with pytest.raises(ObjectReplacedError):
        READS[read](S3RecordingObjects(s3, OWNER), version)


OTHER = "444455556666"


@pytest.mark.parametrize("read", [*READS, "tags"])
@pytest.mark.parametrize(("bucket", "owner"), [(BUCKET, OWNER), ("theirs", OTHER)])
def test_a_bucket_of_another_account_is_asked_for_as_theirs(read: str, bucket: str, owner: str) -> None:
    client: Any = Failing(error_of("AccessDenied"))
    source = S3RecordingObjects(client, OWNER, bucket_owners={"theirs": OTHER})
    version = ObjectVersion(bucket, KEY, "e")
    with pytest.raises(PermanentError):
        source.tags(version) if read == "tags" else READS[read](source, version)
    assert [asked["ExpectedBucketOwner"] for asked in client.asked] == [owner]


@pytest.mark.parametrize(("bucket", "owner"), [(BUCKET, OWNER), ("theirs", OTHER)])
def test_so_is_a_transcript_bucket(bucket: str, owner: str) -> None:
    client: Any = Failing(error_of("AccessDenied"))
    with pytest.raises(RetryableError):
        S3TranscriptObjects(lambda: client, OWNER, bucket_owners={"theirs": OTHER}).fetch(bucket, "t.json", 1)
    assert [asked["ExpectedBucketOwner"] for asked in client.asked] == [owner]


@pytest.mark.parametrize("read", READS)
def test_a_version_is_read_although_a_newer_one_stands_there(s3: "S3Client", read: str) -> None:
    versioned(s3)
    version = put(s3)
    put(s3, b"another")
    READS[read](S3RecordingObjects(s3, OWNER), version)


@pytest.mark.parametrize("read", [*READS, "tags"])
@pytest.mark.parametrize("with_versions", [False, True])
def test_an_object_that_is_gone(s3: "S3Client", read: str, with_versions: bool) -> None:
    if with_versions:
        versioned(s3)
    version = put(s3)
    if version.version_id:
        s3.delete_object(Bucket=BUCKET, Key=KEY, VersionId=version.version_id)
    else:
        s3.delete_object(Bucket=BUCKET, Key=KEY)
    source = S3RecordingObjects(s3, OWNER)
    with pytest.raises(ObjectGoneError):
        source.tags(version) if read == "tags" else READS[read](source, version)


class Failing:
    """An S3 client whose every call fails, and keeps what it was asked."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.asked: list[dict[str, Any]] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(**asked: Any) -> Any:
            self.asked.append(asked)
            raise self.error

        return call


def error_of(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "m"}}, "GetObject")


@pytest.mark.parametrize(
    ("read", "version_id", "permission"),
    [
        ("head", None, "s3:GetObject"),
        ("head", "v1", "s3:GetObjectVersion"),
        ("read_range", None, "s3:GetObject"),
        ("stream", "v1", "s3:GetObjectVersion"),
        ("tags", None, "s3:GetObjectTagging"),
        ("tags", "v1", "s3:GetObjectVersionTagging"),
    ],
)
def test_a_denial_names_the_permission(read: str, version_id: str | None, permission: str) -> None:
    client: Any = Failing(error_of("AccessDenied"))
    source = S3RecordingObjects(client, OWNER)
    version = ObjectVersion(BUCKET, KEY, "e", version_id)
    with pytest.raises(PermanentError) as caught:
        source.tags(version) if read == "tags" else READS[read](source, version)
    assert caught.value == PermanentError("access_denied", DENIAL.format(permission=permission))
    assert [asked["ExpectedBucketOwner"] for asked in client.asked] == [OWNER]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (error_of("404"), ObjectGoneError),
        (error_of("NoSuchVersion"), ObjectGoneError),
        (error_of("405"), ObjectGoneError),
        (error_of("412"), ObjectReplacedError),
    ],
)
def test_faults_of_the_object(error: Exception, kind: type[Exception]) -> None:
    assert type(fault(error, "p")) is kind


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (error_of("403"), PermanentError("access_denied", DENIAL.format(permission="p"))),
        (
            error_of("InvalidObjectState"),
            PermanentError("object_archived", "The object is archived: restore it."),
        ),
        (error_of("SlowDown"), RetryableError("s3_SlowDown")),
        (error_of("KMS.DisabledException"), RetryableError("s3_KMS.DisabledException")),
        (EndpointConnectionError(endpoint_url="https://s3"), RetryableError("s3_unreachable")),
        (ConnectionResetError(), RetryableError("s3_unreachable")),
    ],
)
def test_faults_of_the_service(error: Exception, expected: Exception) -> None:
    assert fault(error, "p") == expected


@pytest.mark.parametrize("read", ["read_range", "stream"])
def test_a_body_that_breaks_off(s3: "S3Client", monkeypatch: pytest.MonkeyPatch, read: str) -> None:
    body = StreamingBody(io.BytesIO(b"short"), 100)
    monkeypatch.setattr(s3, "get_object", lambda **_: {"Body": body})
    with pytest.raises(RetryableError) as caught:
        READS[read](S3RecordingObjects(s3, OWNER), ObjectVersion(BUCKET, KEY, "e"))
    assert caught.value == RetryableError("s3_unreachable")


class ResettingBody(io.BytesIO):
    """Gives one chunk, then the connection is reset; knows whether it was closed."""

    def read(self, size: int | None = -1) -> bytes:
        if self.tell():
            raise ConnectionResetError
        return super().read(size)


def test_a_stream_that_is_reset_or_left_is_closed(s3: "S3Client", monkeypatch: pytest.MonkeyPatch) -> None:
    bodies = [ResettingBody(AUDIO), ResettingBody(AUDIO)]
    given = iter(bodies)
    monkeypatch.setattr(s3, "get_object", lambda **_: {"Body": StreamingBody(next(given), len(AUDIO))})
    source, version = S3RecordingObjects(s3, OWNER), ObjectVersion(BUCKET, KEY, "e")
    with pytest.raises(RetryableError):
        list(source.stream(version))
    left = source.stream(version)
    next(left)
    del left
    assert [body.closed for body in bodies] == [True, True]


# --- presigned URLs ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("region", "bucket", "version_id", "host", "path"),
    [
        ("us-east-1", BUCKET, None, f"{BUCKET}.s3.us-east-1.amazonaws.com", "/calls/a%20b%2B%C3%A9%25.wav"),
        ("eu-west-2", BUCKET, "v1", f"{BUCKET}.s3.eu-west-2.amazonaws.com", "/calls/a%20b%2B%C3%A9%25.wav"),
        # a certificate covers one label only
        (
            "eu-west-2",
            "my.bucket",
            None,
            "s3.eu-west-2.amazonaws.com",
            "/my.bucket/calls/a%20b%2B%C3%A9%25.wav",
        ),
    ],
)
def test_presigned_urls(region: str, bucket: str, version_id: str | None, host: str, path: str) -> None:
    url = S3RecordingObjects(s3_client(region), OWNER).presign(ObjectVersion(bucket, KEY, "e", version_id))
    parts = urlsplit(url)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    assert (parts.scheme, parts.netloc, parts.path) == ("https", host, path)
    assert query.pop("X-Amz-Signature")
    date = query.pop("X-Amz-Date")
    assert query == {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": f"testing/{date[:8]}/{region}/s3/aws4_request",
        "X-Amz-Expires": "3600",
        "X-Amz-SignedHeaders": "host",
        **({"versionId": version_id} if version_id else {}),
    }


@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"])
def test_an_endpoint_of_ones_own_has_the_bucket_in_the_path(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "http://127.0.0.1:4566")
    url = S3RecordingObjects(s3_client(), OWNER).presign(ObjectVersion(BUCKET, "k.wav", "e"))
    assert url.startswith(f"http://127.0.0.1:4566/{BUCKET}/k.wav?X-Amz-Algorithm=AWS4-HMAC-SHA256&")


def test_no_credentials_to_presign_with(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # it keeps credentials it has seen
    with pytest.raises(RetryableError) as caught:
        S3RecordingObjects(s3_client("eu-west-2"), OWNER).presign(ObjectVersion(BUCKET, KEY, "e"))
    assert caught.value == RetryableError("presign_failed")


# --- transcripts -------------------------------------------------------------------------------------


def test_a_document(s3: "S3Client") -> None:
    s3.put_object(Bucket=BUCKET, Key="t.json", Body=b"0123456789")
    transcript_objects = S3TranscriptObjects(lambda: s3, OWNER)
    assert transcript_objects.fetch(BUCKET, "t.json", 10) == b"0123456789"
    with pytest.raises(PermanentError) as caught:
        transcript_objects.fetch(BUCKET, "t.json", 9)
    assert caught.value == PermanentError("document_too_large", "The object has more than 9 bytes.")


def test_a_document_that_is_still_to_come(s3: "S3Client") -> None:
    with pytest.raises(NotReadyError) as caught:
        S3TranscriptObjects(lambda: s3, OWNER).fetch(BUCKET, "none.json", 9)
    assert caught.value == NotReadyError("document_missing")


def test_a_denied_document_waits_for_the_operator() -> None:
    """The role may list the bucket, so that S3's answers distinguish a denied object from a missing one."""
    client: Any = Failing(error_of("AccessDenied"))
    with pytest.raises(RetryableError) as caught:
        S3TranscriptObjects(lambda: client, OWNER).fetch(BUCKET, "t.json", 9)
    assert caught.value == RetryableError("access_denied")
    assert client.asked == [{"Bucket": BUCKET, "Key": "t.json", "ExpectedBucketOwner": OWNER}]


# --- places that are not configured ------------------------------------------------------------------

CONFIGURED = AllowedLocations("configured", (BUCKET, "second"), ("calls/", "voice"))
PLACES = RecordingLocations(CONFIGURED, AllowedLocations("stack's own", ("staging",)))
ELSEWHERE = [
    ("foreign", KEY, "object.bucket: is not one of the configured buckets"),
    (f"{BUCKET}.foreign", KEY, "object.bucket: is not one of the configured buckets"),
    (BUCKET, "else/a.wav", "object.key: has none of the configured prefixes"),
    (BUCKET, "/calls/a.wav", "object.key: has none of the configured prefixes"),
    ("second", "private/calls/a.wav", "object.key: has none of the configured prefixes"),
]
elsewhere = pytest.mark.parametrize(("bucket", "key", "rule"), ELSEWHERE)


@elsewhere
@pytest.mark.parametrize("read", [*READS, "tags", "presign"])
def test_of_what_lies_elsewhere_nothing_is_read_or_signed(bucket: str, key: str, rule: str, read: str) -> None:
    client: Any = Failing(error_of("AccessDenied"))
    source, version = S3RecordingObjects(client, OWNER, PLACES), ObjectVersion(bucket, key, "e")
    others = {"tags": source.tags, "presign": source.presign}
    with pytest.raises(PermanentError) as caught:
        others[read](version) if read in others else READS[read](source, version)
    assert (caught.value, client.asked) == (PermanentError(NOT_ALLOWED_LOCATION, rule), [])


@pytest.mark.parametrize(("bucket", "key"), [(BUCKET, KEY), ("second", "voicemail"), ("staging", "prepared/a")])
def test_what_lies_in_its_place_is_asked_for(bucket: str, key: str) -> None:
    client: Any = Failing(error_of("404"))
    with pytest.raises(ObjectGoneError):
        S3RecordingObjects(client, OWNER, PLACES).head(ObjectVersion(bucket, key, "e"))
    assert [(asked["Bucket"], asked["Key"]) for asked in client.asked] == [(bucket, key)]


@elsewhere
def test_a_document_that_lies_elsewhere_is_not_read(bucket: str, key: str, rule: str) -> None:
    client: Any = Failing(error_of("AccessDenied"))
    with pytest.raises(PermanentError) as caught:
        S3TranscriptObjects(lambda: client, OWNER, CONFIGURED).fetch(bucket, key, 9)
    assert (caught.value, client.asked) == (PermanentError(NOT_ALLOWED_LOCATION, rule), [])


def test_a_document_in_its_place_is_read(s3: "S3Client") -> None:
    s3.put_object(Bucket=BUCKET, Key="calls/t.json", Body=b"{}")
    assert S3TranscriptObjects(lambda: s3, OWNER, CONFIGURED).fetch(BUCKET, "calls/t.json", 9) == b"{}"
