"""Transcripts that are not in the event: objects, documents at a URL, collected fragments."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from coval_relay.domain.call import Call, Facts, TranscriptPointer
from coval_relay.domain.errors import InvalidInput, NotReady, Permanent
from coval_relay.domain.ports import Clock, Documents, Fragments, WebDocuments
from coval_relay.domain.transcript import Fragment, Transcript

MOST_DOCUMENT_BYTES = 8 * 1024 * 1024
MOST_PAGES = 50
FRAGMENTS = "fragments"


class Parse(Protocol):
    """Reads the pages of a transcript of this format; raises InvalidInput."""

    def __call__(self, format_: str, pages: Sequence[object], facts: Facts | None) -> Transcript: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptFiles:
    """Loads what a call's pointer points to."""

    documents: Documents
    web: WebDocuments
    fragments: Fragments
    parse: Parse
    next_page: Callable[[str, object], str | None]
    clock: Clock
    settle_seconds: int
    """How long after the call's end its last fragments may still come."""

    def load(self, call: Call) -> Transcript:
        """Raises NotReady, InvalidInput, Permanent, Retryable."""
        assert call.transcript is not None
        pointer = call.transcript
        if pointer.format == FRAGMENTS:
            pages: Sequence[object] = [self._collected(call)]
        elif pointer.url:
            pages = self._web_pages(pointer)
        else:
            pages = [_parsed(self.documents.read(pointer.bucket, pointer.key, MOST_DOCUMENT_BYTES))]
        return self.parse(pointer.format, pages, call.facts)

    def _web_pages(self, pointer: TranscriptPointer) -> list[object]:
        pages: list[object] = []
        url: str | None = pointer.url
        while url:
            if len(pages) == MOST_PAGES:
                raise Permanent("transcript_too_long", f"The transcript has more than {MOST_PAGES} pages.")
            pages.append(_parsed(self.web.read(url, MOST_DOCUMENT_BYTES)))
            url = self.next_page(pointer.format, pages[-1])
        return pages

    def _collected(self, call: Call) -> list[Fragment]:
        if self.clock() < call.waiting_since + self.settle_seconds:
            raise NotReady("fragments_may_come")
        collected = self.fragments.read(call.external_conversation_id)
        if not collected:
            raise NotReady("fragments_missing")
        return list(collected)


def _parsed(raw: bytes) -> object:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        raise InvalidInput("transcript", "must be JSON") from None
