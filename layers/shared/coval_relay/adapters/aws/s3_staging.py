"""The stack's own bucket, where prepared copies of recordings lie until Coval has fetched them."""

import os
import tempfile
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from coval_relay.adapters.aws.s3_objects import UNREACHABLE, fault_of_put
from coval_relay.domain.audio.mpeg_frames import is_layer_3
from coval_relay.domain.s3_objects import ObjectVersion

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PART_BYTES = 8 * 1024 * 1024
"""All that is in memory: parts go one after the other."""
ONE_BY_ONE = TransferConfig(multipart_threshold=PART_BYTES, multipart_chunksize=PART_BYTES, use_threads=False)
SIGNATURE_BYTES = 16


@dataclass(frozen=True, slots=True)
class S3Staging:
    """StagingBucket on S3; `client` may be that of S3RecordingObjects, which reads and presigns from it.

    A key is written once, so the object needs no ETag to be distinguished from another one.
    """

    client: "S3Client"
    bucket: str
    bucket_owner: str

    def store(self, name: str, write: Callable[[BinaryIO], object]) -> tuple[ObjectVersion, int]:
        key = f"{name}/{uuid.uuid4()}"
        # The file has no name: whatever fails, a killed process included, it is gone with its last handle.
        with tempfile.TemporaryFile() as file:
            write(file)
            size = file.seek(0, os.SEEK_END)
            file.seek(0)
            start = file.read(SIGNATURE_BYTES)
            file.seek(0)
            self._upload(file, key, _content_type(start))
        return ObjectVersion(self.bucket, key, etag=""), size

    def _upload(self, file: BinaryIO, key: str, content_type: str) -> None:
        more: dict[str, Any] = {"ContentType": content_type, "ExpectedBucketOwner": self.bucket_owner}
        try:
            self.client.upload_fileobj(file, self.bucket, key, ExtraArgs=more, Config=ONE_BY_ONE)
        except (ClientError, *UNREACHABLE) as error:
            raise fault_of_put(error) from error


def _content_type(start: bytes) -> str:
    if start.startswith(b"RIFF"):
        return "audio/wav"
    return "audio/mpeg" if start.startswith(b"ID3") or is_layer_3(start) else "application/octet-stream"
