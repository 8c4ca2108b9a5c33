"""Transcripts that lie at https URLs."""

from dataclasses import dataclass

from coval_relay.adapters.web.https_reader import NOT_FOUND, HttpsReader, TooLargeError
from coval_relay.domain.errors import NotReadyError, PermanentError, UrlRejectedError


@dataclass(frozen=True, slots=True)
class HttpsTranscriptUrls:
    """The TranscriptUrls over https."""

    get: HttpsReader

    def fetch(self, url: str, max_bytes: int) -> bytes:
        try:
            return b"".join(self.get(url, max_bytes))
        except TooLargeError:
            raise PermanentError("document_too_large", f"The document has more than {max_bytes} bytes.") from None
        except UrlRejectedError as error:
            if error.code == NOT_FOUND:
                raise NotReadyError("document_missing") from None
            raise PermanentError(error.code, error.text) from None
