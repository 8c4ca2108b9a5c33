"""The stack's own bucket, where prepared copies of recordings lie until Coval has fetched them."""

import io
import uuid
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from botocore.exceptions import ClientError

from coval_relay.adapters.aws.s3_objects import UNREACHABLE, fault
from coval_relay.domain.audio.mpeg_frames import is_layer_3
from coval_relay.domain.errors import PermanentError, RetryableError
from coval_relay.domain.s3_objects import ObjectVersion

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer
    from mypy_boto3_s3 import S3Client

HEAD_BYTES = 8 * 1024 * 1024
"""Held back to the end: a format's lengths stand in its head, and are known when all is written."""
PART_BYTES = 5 * 1024 * 1024
"""S3's least (S3, multipart upload limits): head and part are all that is in memory."""
PERMISSION = "s3:PutObject"


@dataclass(frozen=True, slots=True)
class S3Staging:
    """StagingBucket on S3; `client` may be that of S3RecordingObjects, which reads and presigns from it."""

    client: "S3Client"
    bucket: str
    bucket_owner: str

    def store(self, name: str, write: Callable[[BinaryIO], object]) -> tuple[ObjectVersion, int]:
        place = {"Bucket": self.bucket, "Key": f"{name}/{uuid.uuid4()}"}
        body = _Body(self.client, {**place, "ExpectedBucketOwner": self.bucket_owner})
        with ExitStack() as on_failure:
            on_failure.callback(body.abort)
            write(cast("BinaryIO", body))
            etag = body.complete()
            on_failure.pop_all()
        return ObjectVersion(place["Bucket"], place["Key"], etag), body.size


class _Body(io.RawIOBase):
    """A file that is one PutObject where it fits into the head, else a multipart upload.

    Written at its end, or at any place in the head; closing it does nothing, formats' writers may do so.
    """

    def __init__(self, client: "S3Client", place: dict[str, str]) -> None:
        self._client = client
        self._place: dict[str, Any] = dict(place)
        self._upload: dict[str, Any] | None = None
        self._etags: dict[int, str] = {}
        self._head = bytearray()
        self._part = bytearray()
        self._position = 0
        self.size = 0

    # --- as a file -----------------------------------------------------------------------------------

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}
        target = base[whence] + offset if whence in base else -1
        if not (0 <= target <= len(self._head) or target == self.size):
            raise io.UnsupportedOperation("seeks go into the head, or to the end")
        self._position = target
        return target

    def write(self, data: "ReadableBuffer", /) -> int:
        with memoryview(data).cast("B") as view:
            inside = max(0, min(len(view), HEAD_BYTES - self._position))
            if inside < len(view) and self._position + inside < self.size:
                raise io.UnsupportedOperation("what lies behind the head is sent already")
            self._head[self._position : self._position + inside] = view[:inside]
            self._append(view[inside:])
            self._position += len(view)
            self.size = max(self.size, self._position)
            return len(view)

    def close(self) -> None:
        """The upload ends when the writing function has returned."""

    # --- as an upload --------------------------------------------------------------------------------

    def _append(self, view: memoryview) -> None:
        while view:
            room = PART_BYTES - len(self._part)
            self._part += view[:room]
            view = view[room:]
            if len(self._part) == PART_BYTES:
                self._send_part()

    def _send_part(self) -> None:
        self._send(len(self._etags) + 2, self._part)
        self._part = bytearray()

    def _send(self, number: int, content: bytearray) -> None:
        answer = self._ask(self._client.upload_part, **self._multipart(), PartNumber=number, Body=content)
        self._etags[number] = answer["ETag"]

    def _multipart(self) -> dict[str, Any]:
        if self._upload is None:
            typed = {**self._place, "ContentType": _content_type(self._head)}
            made = self._ask(self._client.create_multipart_upload, **typed)
            self._upload = {**self._place, "UploadId": made["UploadId"]}
        return self._upload

    def complete(self) -> str:
        """Send what is held back; returns the object's ETag."""
        if self._upload is None and not self._part:
            typed = {**self._place, "ContentType": _content_type(self._head)}
            return _etag(self._ask(self._client.put_object, **typed, Body=self._head))
        if self._part:
            self._send_part()
        self._send(1, self._head)
        parts = [{"PartNumber": number, "ETag": self._etags[number]} for number in sorted(self._etags)]
        upload = {**self._multipart(), "MultipartUpload": {"Parts": parts}}
        return _etag(self._ask(self._client.complete_multipart_upload, **upload))

    def abort(self) -> None:
        """Give up the parts that were sent; where that fails, the bucket's lifecycle does it."""
        if self._upload is not None:
            with suppress(ClientError, *UNREACHABLE):
                self._client.abort_multipart_upload(**self._upload)

    def _ask(self, request: Callable[..., Any], **arguments: Any) -> Any:
        try:
            return request(**arguments)
        except (ClientError, *UNREACHABLE) as error:
            found = fault(error, PERMISSION)
            # A bucket or an upload that is missing is no word on the recording.
            known = isinstance(found, PermanentError | RetryableError)
            raise (found if known else RetryableError("staging_unavailable")) from error


def _content_type(head: bytearray) -> str:
    """By the first bytes: a type must be declared before the writer has ended."""
    if head.startswith(b"RIFF"):
        return "audio/wav"
    return "audio/mpeg" if head.startswith(b"ID3") or is_layer_3(head) else "application/octet-stream"


def _etag(answer: dict[str, Any]) -> str:
    return str(answer["ETag"]).strip('"')
