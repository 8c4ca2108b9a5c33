"""Makes of a recording what Coval can take: the agent on channel 0, WAV or MP3, its lengths true.

WAV, sides or lengths wrong   rearranged on the way into the upload, or into a copy that Coval fetches
other formats, MP3 swapped    converted into a copy in the staging bucket, which is uploaded or fetched
a URL                         copied into the staging bucket first
no version, fetched by URL    copied likewise: the URL could not say which of two objects under a key it means
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from coval_relay.domain.audio import (
    AudioFacts,
    AudioRejectedError,
    Preparation,
    check_limits,
    must_swap,
    preparation,
    probe,
    rearranged,
    rearranged_size,
)
from coval_relay.domain.audio.facts import undecodable, unreadable
from coval_relay.domain.call import SORT_KEY_SEPARATOR, Recording, RecordingState
from coval_relay.domain.coval import MAX_UPLOAD_BYTES, ContentType
from coval_relay.domain.ports import AudioConverter, RecordingUrls, StagingBucket
from coval_relay.domain.s3_objects import ObjectVersion, RecordingObjects


@dataclass(frozen=True, slots=True)
class PreparedAudio:
    """The bytes that Coval gets, and the recording as it stands then."""

    recording: Recording
    chunks: Iterable[bytes]
    size: int
    content_type: ContentType


@dataclass(frozen=True, slots=True)
class RecordingPreparer:
    """Reads recordings, and writes copies into the stack's own bucket."""

    source: RecordingObjects
    urls: RecordingUrls
    staging: StagingBucket
    convert: AudioConverter

    def fetch(self, url: str) -> tuple[ObjectVersion, int]:
        """Copy what lies at a URL; raises UrlRejectedError, RetryableError."""
        return self.staging.store("fetched", partial(_copy, self.urls.stream(url)))

    def inspect(self, recording: Recording) -> tuple[Recording, AudioFacts]:
        """Look at the head; raises AudioRejectedError, ObjectGoneError, ObjectReplacedError."""
        assert recording.version is not None
        facts = self._probe(recording.version, recording.size, recording)
        need = preparation(facts, recording.agent_channel)
        if need is not Preparation.CONVERT:
            check_limits(facts)
        described = replace(
            recording,
            needs_preparation=need is not Preparation.NONE,
            **_measured(facts),
            sort_key=_sort_key(recording, facts),
        )
        if recording.size > MAX_UPLOAD_BYTES and not described.needs_copy:
            described = replace(described, state=RecordingState.BY_URL)
        return described, facts

    def must_copy(self, recording: Recording, facts: AudioFacts) -> bool:
        """Whether an upload, or what takes its place, needs a copy in the staging bucket first."""
        need = preparation(facts, recording.agent_channel)
        return recording.prepared is None and (need is Preparation.CONVERT or recording.size > MAX_UPLOAD_BYTES)

    def prepare(self, recording: Recording, facts: AudioFacts) -> PreparedAudio:
        """The bytes for an upload; raises AudioRejectedError, ObjectGoneError, ObjectReplacedError."""
        assert recording.version is not None
        if recording.prepared:
            facts = self._probe(recording.prepared, self.source.head(recording.prepared).size)
            return self._prepared(recording, recording.prepared, facts)
        if preparation(facts, recording.agent_channel) is Preparation.REARRANGE:
            swap = must_swap(facts, recording.agent_channel)
            chunks = rearranged(self.source.stream(recording.version), facts, swap=swap)
            return PreparedAudio(recording, chunks, rearranged_size(facts), facts.content_type)
        return self._prepared(recording, recording.version, facts)

    def _prepared(self, recording: Recording, version: ObjectVersion, facts: AudioFacts) -> PreparedAudio:
        return PreparedAudio(recording, self.source.stream(version), facts.size, facts.content_type)

    def make_copy(self, recording: Recording, facts: AudioFacts) -> Recording:
        """The recording with a copy that Coval can take; raises AudioRejectedError."""
        version, size = self.staging.store("prepared", partial(self._write, recording, facts))
        made = self._probe(version, size)
        check_limits(replace(made, padded=made.padded or facts.padded))
        state = RecordingState.BY_URL if size > MAX_UPLOAD_BYTES else RecordingState.READY
        return replace(recording, state=state, prepared=version, needs_preparation=False, **_measured(made))

    def _write(self, recording: Recording, facts: AudioFacts, sink: BinaryIO) -> None:
        version, side = recording.version, recording.agent_channel
        assert version is not None
        need = preparation(facts, side)
        if need is Preparation.NONE:
            _copy(self.source.stream(version), sink)
        elif need is Preparation.REARRANGE:
            swap = must_swap(facts, side)
            _copy(rearranged(self.source.stream(version), facts, swap=swap), sink)
        else:
            # What follows a WAV's samples is kept from the decoder: FFmpeg takes as much memory as it claims.
            self._convert(version, facts, sink, side)

    def _convert(self, version: ObjectVersion, facts: AudioFacts, sink: BinaryIO, side: int | None) -> None:
        """What stands around the audio is kept from the decoder: FFmpeg takes as much memory as a chunk claims."""
        begin, read = facts.begin, partial(self.source.read_range, version)
        size = (facts.end or facts.size) - begin
        try:
            self.convert(
                size, lambda start, length: read(begin + start, length), sink, agent_channel=side, raw=facts.raw
            )
        except AudioRejectedError as error:
            raise (undecodable(facts.codec) if error == unreadable() else error) from None

    def _probe(self, version: ObjectVersion, size: int, original: Recording | None = None) -> AudioFacts:
        """Of a platform's own file, the rule or the name may say what it is."""
        read = partial(self.source.read_range, version)
        if original is None:
            return probe(size, read)
        return probe(size, read, original.hints.raw, urlsplit(original.url).path or version.key)


def _copy(chunks: Iterable[bytes], sink: BinaryIO) -> None:
    sink.writelines(chunks)


def _measured(facts: AudioFacts) -> dict[str, Any]:
    return {
        "content_type": facts.content_type,
        "duration_milliseconds": facts.duration_milliseconds,
        "channels": facts.channels,
    }


def _sort_key(recording: Recording, facts: AudioFacts) -> str:
    """Sorts the recordings of a call: by rank, by length where that decides, then by time."""
    length = facts.duration_milliseconds if recording.hints.longest else 0
    return f"{recording.hints.rank}-{length:010d}{SORT_KEY_SEPARATOR}{recording.sort_key}"
