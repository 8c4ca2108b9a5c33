"""Recordings that lie at https URLs."""

from collections.abc import Iterator
from dataclasses import dataclass

from coval_relay.adapters.web.https_reader import HttpsReader, TooLargeError
from coval_relay.domain.errors import UrlRejectedError

MEBIBYTE = 1024 * 1024
MAX_BYTES = 201 * MEBIBYTE
"""Coval takes 200 MB (Coval API, submit: audio); a little more is read, for the exact reason to be found."""
TOO_LARGE = "Audio file too large. Maximum size is 200 MB."


@dataclass(frozen=True, slots=True)
class HttpsRecordingUrls:
    """The Links over https."""

    get: HttpsReader
    most_bytes: int = MAX_BYTES

    def stream(self, url: str) -> Iterator[bytes]:
        try:
            yield from self.get(url, self.most_bytes)
        except TooLargeError:
            raise UrlRejectedError("audio_too_large", TOO_LARGE) from None
