"""Transcripts that are not in the event: objects, documents at a URL, collected utterances."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from coval_relay.domain import lifecycle
from coval_relay.domain.call import UTTERANCES, Call, CallFacts, TranscriptPointer
from coval_relay.domain.errors import InvalidInputError, NotReadyError, PermanentError
from coval_relay.domain.lifecycle import Deadlines
from coval_relay.domain.ports import Clock, TranscriptObjects, TranscriptUrls, UtteranceStore
from coval_relay.domain.transcript import Transcript, Utterance, digest_of

MAX_DOCUMENT_BYTES = 8 * 1024 * 1024
MAX_PAGES = 50


class Parse(Protocol):
    """Reads the pages of a transcript of this format; raises InvalidInputError."""

    def __call__(self, format_: str, pages: Sequence[object], facts: CallFacts | None) -> Transcript: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptLoader:
    """Loads what a call's pointer points to."""

    objects: TranscriptObjects
    urls: TranscriptUrls
    utterances: UtteranceStore
    parse: Parse
    next_page: Callable[[str, object], str | None]
    clock: Clock
    deadlines: Deadlines

    def load(self, call: Call) -> Transcript:
        """Raises NotReadyError, InvalidInputError, PermanentError, RetryableError."""
        assert call.transcript is not None
        pointer = call.transcript
        if pointer.format == UTTERANCES:
            utterances = self._collected(call)
            return replace(self.parse(pointer.format, [utterances], call.facts), utterances=digest_of(utterances))
        pages: Sequence[object]
        if pointer.url:
            pages = self._web_pages(pointer)
        else:
            pages = [_parsed(self.objects.fetch(pointer.bucket, pointer.key, MAX_DOCUMENT_BYTES))]
        return self.parse(pointer.format, pages, call.facts)

    def _web_pages(self, pointer: TranscriptPointer) -> list[object]:
        pages: list[object] = []
        url: str | None = pointer.url
        while url:
            if len(pages) == MAX_PAGES:
                raise PermanentError("transcript_too_long", f"The transcript has more than {MAX_PAGES} pages.")
            pages.append(_parsed(self.urls.fetch(url, MAX_DOCUMENT_BYTES)))
            url = self.next_page(pointer.format, pages[-1])
        return pages

    def _collected(self, call: Call) -> list[Utterance]:
        if rest := max(lifecycle.utterances_settle_at(call, self.deadlines) - self.clock(), 0):
            raise NotReadyError("utterances_may_come", rest)
        collected = self.utterances.get_all(call.external_conversation_id)
        if not collected:
            raise NotReadyError("utterances_missing")
        return list(collected)


def _parsed(raw: bytes) -> object:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        raise InvalidInputError("transcript", "must be JSON") from None
