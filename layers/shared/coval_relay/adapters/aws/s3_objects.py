"""Recordings and transcripts in S3, read only; every request names the bucket's expected owner."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from email.errors import MessageError
from email.header import decode_header, make_header
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from coval_relay.domain.allowed_locations import AllowedLocations, RecordingLocations
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

CHUNK_BYTES = 1024 * 1024
URL_SECONDS = 3600
UNREACHABLE = (BotoCoreError, HTTPError, OSError)
"""What breaks a request or, in the middle, a body; botocore repeats only the former by itself."""

GONE = frozenset({"404", "NoSuchKey", "NoSuchVersion", "NoSuchBucket", "405", "MethodNotAllowed"})
"""405 is a version that is a delete marker (S3, HeadObject and GetObject)."""
REPLACED = frozenset({"412", "PreconditionFailed"})
DENIED = frozenset({"403", "AccessDenied", "AllAccessDisabled"})
ACCESS_DENIED = "access_denied"
REPLACEABLE = "null"
"""The version of what comes while a bucket's versioning is suspended (S3, versioning-suspended buckets)."""
PAST_THE_END = "InvalidRange"


def s3_client(region: str | None = None) -> "S3Client":
    """A client whose presigned URLs Coval can GET: SigV4, and the regional host (it follows no redirect).

    `region` is that of the buckets (default: the function's own). An endpoint of one's own has no host for
    each bucket, so there the bucket stands in the path.
    """
    import boto3  # noqa: PLC0415 - only what makes its own client pays for the import
    from botocore.config import Config  # noqa: PLC0415

    own_endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    style: Any = {
        "addressing_style": "path" if own_endpoint else "virtual",
        "us_east_1_regional_endpoint": "regional",
    }
    config = Config(signature_version="s3v4", s3=style)
    client: S3Client = boto3.client("s3", region_name=region, config=config)
    return client


@dataclass(frozen=True, slots=True)
class S3RecordingObjects:
    """The RecordingObjects on S3; `client` comes from `s3_client`.

    A bucket's owner is the account that `bucket_owners` names for it, else `bucket_owner`.

    Of what lies in none of the `places`, where they are given, nothing is read and no URL is signed, whatever
    the message or the item says; the functions' roles say so a second time.
    """

    client: "S3Client"
    bucket_owner: str
    locations: RecordingLocations | None = None
    bucket_owners: Mapping[str, str] = field(default_factory=dict)

    def head(self, version: ObjectVersion) -> ObjectHead:
        try:
            answer = self.client.head_object(**self._attaching(version))
        except (ClientError, *UNREACHABLE) as error:
            raise fault(error, _permission("GetObject", version)) from error
        metadata = {name.lower(): _decoded(value) for name, value in answer["Metadata"].items()}
        etag = answer["ETag"].strip('"')
        return ObjectHead(answer["ContentLength"], etag, lasting(answer.get("VersionId")), metadata)

    def tags(self, version: ObjectVersion) -> Mapping[str, str]:
        try:
            answer = self.client.get_object_tagging(**self._named(version))
        except (ClientError, *UNREACHABLE) as error:
            raise fault(error, _permission("GetObjectTagging", version)) from error
        return {tag["Key"]: tag["Value"] for tag in answer["TagSet"]}

    def read_range(self, version: ObjectVersion, start: int, length: int) -> bytes:
        asked = self._attaching(version) | {"Range": f"bytes={start}-{start + length - 1}"}
        try:
            with closing(self.client.get_object(**asked)["Body"]) as body:
                return body.read()
        except (ClientError, *UNREACHABLE) as error:
            if _code(error) == PAST_THE_END:
                return b""
            raise fault(error, _permission("GetObject", version)) from error

    def stream(self, version: ObjectVersion) -> Iterator[bytes]:
        try:
            with closing(self.client.get_object(**self._attaching(version))["Body"]) as body:
                yield from body.iter_chunks(CHUNK_BYTES)
        except (ClientError, *UNREACHABLE) as error:
            raise fault(error, _permission("GetObject", version)) from error

    def presign(self, version: ObjectVersion) -> str:
        """A URL of one hour. The owner is not in it: that would be a header, and Coval sends none."""
        named = self._named(version)
        del named["ExpectedBucketOwner"]
        try:
            return self.client.generate_presigned_url("get_object", Params=named, ExpiresIn=URL_SECONDS)
        except BotoCoreError as error:
            raise RetryableError("presign_failed") from error

    def _named(self, version: ObjectVersion) -> dict[str, Any]:
        if self.locations is not None:
            self.locations.check(version)
        owner = self.bucket_owners.get(version.bucket, self.bucket_owner)
        named = {"Bucket": version.bucket, "Key": version.key, "ExpectedBucketOwner": owner}
        return named | ({"VersionId": version.version_id} if version.version_id else {})

    def _attaching(self, version: ObjectVersion) -> dict[str, Any]:
        """The version where there is one, else the ETag where it is known."""
        by_etag = version.etag and not version.version_id
        return self._named(version) | ({"IfMatch": f'"{version.etag}"'} if by_etag else {})


@dataclass(frozen=True, slots=True)
class S3TranscriptObjects:
    """The Documents port on S3; what lies in none of the `places`, where they are given, is not asked for."""

    client: Callable[[], "S3Client"]
    bucket_owner: str
    locations: AllowedLocations | None = None
    bucket_owners: Mapping[str, str] = field(default_factory=dict)

    def fetch(self, bucket: str, key: str, max_bytes: int) -> bytes:
        if self.locations is not None:
            self.locations.check(bucket, key)
        owner = self.bucket_owners.get(bucket, self.bucket_owner)
        try:
            answer = self.client().get_object(Bucket=bucket, Key=key, ExpectedBucketOwner=owner)
            with closing(answer["Body"]) as body:
                if answer["ContentLength"] > max_bytes:
                    raise PermanentError("document_too_large", f"The object has more than {max_bytes} bytes.")
                return body.read()
        except (ClientError, *UNREACHABLE) as error:
            raise _document_fault(error) from error


def _decoded(value: str) -> str:
    """S3 answers with what is not ASCII as RFC 2047 has it for headers."""
    try:
        return str(make_header(decode_header(value)))
    except (LookupError, ValueError, MessageError):
        return value


def lasting(version_id: str | None) -> str | None:
    """The version, where it is one that no later object can replace."""
    return None if version_id == REPLACEABLE else version_id


def _document_fault(error: Exception) -> NotReadyError | ObjectReplacedError | PermanentError | RetryableError:
    """The role may list the bucket, so a denial is one: else S3 would deny a key that is not there, too."""
    found = fault(error, "s3:GetObject")
    if isinstance(found, ObjectGoneError):
        return NotReadyError("document_missing")
    if isinstance(found, PermanentError) and found.code == ACCESS_DENIED:
        return RetryableError(ACCESS_DENIED)
    return found


def fault(error: Exception, permission: str) -> ObjectGoneError | ObjectReplacedError | PermanentError | RetryableError:
    """What an error of S3 means for the reader; `permission` is what the request needed."""
    code = _code(error)
    if code in GONE:
        return ObjectGoneError()
    if code in REPLACED:
        return ObjectReplacedError()
    if code in DENIED:
        return PermanentError(ACCESS_DENIED, DENIAL.format(permission=permission))
    if code == "InvalidObjectState":
        return PermanentError("object_archived", "The object is archived: restore it.")
    return RetryableError(f"s3_{code}" if code else "s3_unreachable")


def fault_of_put(error: Exception) -> PermanentError | RetryableError:
    """What an error means for who writes into the stack's own bucket: that it is missing is no word on a recording."""
    found = fault(error, "s3:PutObject")
    return found if isinstance(found, PermanentError | RetryableError) else RetryableError("staging_unavailable")


DENIAL = (
    "S3 denied {permission}: the function's role or the bucket's policy lacks it, or kms:Decrypt on the "
    "bucket's key, or the bucket has another owner, or the object is missing (without s3:ListBucket S3 "
    "denies a missing key, too)."
)


def _code(error: Exception) -> str:
    return error.response["Error"]["Code"] if isinstance(error, ClientError) else ""


def _permission(action: str, version: ObjectVersion) -> str:
    """S3 checks another permission where a request names a version (GetObject → GetObjectVersion)."""
    return f"s3:{action.replace('Object', 'ObjectVersion')}" if version.version_id else f"s3:{action}"
