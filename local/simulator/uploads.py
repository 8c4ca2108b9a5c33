"""Direct uploads: upload ids, and the signed URLs to which the bytes are PUT."""

import hashlib
import hmac
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from local.simulator.audio_storage import Storage, StoredFile, TooManyBytes
from local.simulator.behaviour_switches import MEBIBYTE, Switches
from local.simulator.conversations import spell_instant
from local.simulator.errors import ObjectStoreError
from local.simulator.validation import StrictBody

ContentType = Literal["audio/wav", "audio/mp3"]


class UploadRequest(StrictBody):
    """The body of `audio:upload`; without one, a WAV is meant (Coval API, CreateAudioUploadRequest)."""

    content_type: ContentType = "audio/wav"
    expected_size_bytes: Annotated[int, Field(ge=1, le=100 * MEBIBYTE)] | None = None


@dataclass
class Upload:
    """A place for one recording; usable by one submit, until 7 days after it was issued."""

    upload_id: str
    content_type: ContentType
    issued: float
    url_expires: float
    max_size: int
    file: StoredFile | None = None
    consumed_by: str | None = None

    def is_usable(self, now: float, switches: Switches) -> bool:
        """Whether a submit may name it: bytes are there, it was not used, and it is young enough."""
        is_fresh = now < self.issued + switches.upload_id_seconds
        return self.file is not None and self.consumed_by is None and is_fresh

    def signed_path(self, secret: bytes) -> str:
        """Return path and query of the PUT URL."""
        expires = int(self.url_expires)
        return f"/uploads/{self.upload_id}?expires={expires}&signature={self._signature(secret, expires)}"

    def answer(self, base_url: str, secret: bytes) -> dict[str, Any]:
        """Return the response of `audio:upload`."""
        return {
            "upload_id": self.upload_id,
            "upload_url": base_url + self.signed_path(secret),
            "expires_at": spell_instant(self.url_expires),
            "max_size_bytes": self.max_size,
            "content_type": self.content_type,
        }

    def state(self) -> dict[str, Any]:
        """Return everything about it, for the admin."""
        file = {"bytes": self.file.size, "sha256": self.file.sha256, "path": str(self.file.path)} if self.file else None
        return {
            "upload_id": self.upload_id,
            "content_type": self.content_type,
            "issued": spell_instant(self.issued),
            "url_expires": spell_instant(self.url_expires),
            "file": file,
            "consumed_by": self.consumed_by,
        }

    def check_signature(self, query: Mapping[str, str], secret: bytes, now: float) -> None:
        """Check the URL as an object store does; raises ObjectStoreError 403."""
        expires, signature = query.get("expires", ""), query.get("signature", "")
        if not expires.isdecimal() or not hmac.compare_digest(
            signature.encode(), self._signature(secret, int(expires)).encode()
        ):
            raise signature_mismatch()
        if now > int(expires):
            raise ObjectStoreError(403, "AccessDenied", "Request has expired")

    def check_headers(self, headers: Mapping[str, str]) -> None:
        """Check what a presigned PUT may carry; raises ObjectStoreError (Amazon S3 API, Error responses)."""
        if headers.get("Content-Type") != self.content_type:
            raise signature_mismatch()
        if "Transfer-Encoding" in headers:
            message = "A header you provided implies functionality that is not implemented"
            raise ObjectStoreError(501, "NotImplemented", message)
        if "Content-Length" not in headers:
            raise ObjectStoreError(411, "MissingContentLength", "You must provide the Content-Length HTTP header.")
        if int(headers["Content-Length"]) > self.max_size:
            raise too_large()

    def _signature(self, secret: bytes, expires: int) -> str:
        text = f"PUT\n{self.upload_id}\n{self.content_type}\n{expires}"
        return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()


def signature_mismatch() -> ObjectStoreError:
    """Return S3's answer to a request that is not the one that was signed."""
    message = "The request signature we calculated does not match the signature you provided."
    return ObjectStoreError(403, "SignatureDoesNotMatch", message)


def too_large() -> ObjectStoreError:
    """Return S3's answer to too many bytes."""
    return ObjectStoreError(400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size")


async def receive(upload: Upload, chunks: AsyncIterator[bytes], storage: Storage) -> StoredFile:
    """Store the body of a PUT; the file counts only when all of it came. Raises ObjectStoreError."""
    try:
        file = await storage.write(chunks, upload.max_size)
    except TooManyBytes as error:
        raise too_large() from error
    upload.file = file
    return file
