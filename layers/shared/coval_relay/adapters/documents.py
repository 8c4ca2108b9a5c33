"""Transcripts that lie at https URLs."""

from dataclasses import dataclass

from coval_relay.adapters.https_get import NOT_FOUND, HttpsGet, TooLarge
from coval_relay.domain.errors import NotReady, Permanent
from coval_relay.domain.ports import LinkRefused


@dataclass(frozen=True, slots=True)
class HttpsDocuments:
    """The WebDocuments over https."""

    get: HttpsGet

    def read(self, url: str, max_bytes: int) -> bytes:
        try:
            return b"".join(self.get(url, max_bytes))
        except TooLarge:
            raise Permanent("document_too_large", f"The document has more than {max_bytes} bytes.") from None
        except LinkRefused as error:
            if error.code == NOT_FOUND:
                raise NotReady("document_missing") from None
            raise Permanent(error.code, error.reason) from None
