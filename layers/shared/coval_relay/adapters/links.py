"""Recordings that lie at https URLs."""

from collections.abc import Iterator
from dataclasses import dataclass

from coval_relay.adapters.https_get import HttpsGet, TooLarge
from coval_relay.domain.ports import LinkRefused

MEBIBYTE = 1024 * 1024
MOST_BYTES = 201 * MEBIBYTE
"""Coval takes 200 MB (Coval API, submit: audio); a little more is read, for the exact reason to be found."""
TOO_LARGE = "Audio file too large. Maximum size is 200 MB."


@dataclass(frozen=True, slots=True)
class HttpsLinks:
    """The Links over https."""

    get: HttpsGet
    most_bytes: int = MOST_BYTES

    def stream(self, url: str) -> Iterator[bytes]:
        try:
            yield from self.get(url, self.most_bytes)
        except TooLarge:
            raise LinkRefused("audio_too_large", TOO_LARGE) from None
