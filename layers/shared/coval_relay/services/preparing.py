"""Makes of a recording what Coval can take: the agent on channel 0, WAV or MP3, its lengths true.

WAV, sides or lengths wrong   rearranged on the way into the upload, or into a copy that Coval fetches
other formats, MP3 swapped    converted into a copy in the staging bucket, which is uploaded or fetched
a link                        copied into the staging bucket first
no version, fetched by URL    copied likewise: the URL could not say which of two objects under a key it means
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, BinaryIO

from coval_relay.domain.audio import (
    AudioFacts,
    Preparation,
    check_limits,
    must_swap,
    preparation,
    probe,
    rearranged,
    rearranged_size,
)
from coval_relay.domain.call import ORDER_MARK, Recording, RecordingState
from coval_relay.domain.coval import MAX_UPLOAD_BYTES, ContentType
from coval_relay.domain.ports import Conversion, Links, Staging
from coval_relay.domain.recordings import ObjectVersion, RecordingSource


@dataclass(frozen=True, slots=True)
class Sendable:
    """The bytes that Coval gets, and the recording as it stands then."""

    recording: Recording
    chunks: Iterable[bytes]
    size: int
    content_type: ContentType


@dataclass(frozen=True, slots=True)
class Preparing:
    """Reads recordings, and writes copies into the stack's own bucket."""

    source: RecordingSource
    links: Links
    staging: Staging
    convert: Conversion

    def fetched(self, url: str) -> tuple[ObjectVersion, int]:
        """Copy what lies at a link; raises LinkRefused, Retryable."""
        return self.staging.store("fetched", partial(_copy, self.links.stream(url)))

    def look(self, recording: Recording) -> tuple[Recording, AudioFacts]:
        """Look at the head; raises AudioRefused, ObjectGone, ObjectReplaced."""
        assert recording.version is not None
        facts = self._probe(recording.version, recording.size)
        need = preparation(facts, recording.agent_channel)
        if need is not Preparation.CONVERT:
            check_limits(facts)
        described = replace(
            recording,
            unprepared=need is not Preparation.NONE,
            **_told(facts),
            order=_order(recording, facts),
        )
        if recording.size > MAX_UPLOAD_BYTES and not described.to_copy:
            described = replace(described, state=RecordingState.LINKED)
        return described, facts

    def sendable(self, recording: Recording, facts: AudioFacts) -> Sendable:
        """The bytes for an upload; what must be converted, or is too large for one, is copied first."""
        assert recording.version is not None
        need = preparation(facts, recording.agent_channel)
        if need is Preparation.REARRANGE and recording.size <= MAX_UPLOAD_BYTES:
            swap = must_swap(facts, recording.agent_channel)
            chunks = rearranged(self.source.stream(recording.version), facts, swap=swap)
            return Sendable(recording, chunks, rearranged_size(facts), facts.content_type)
        if need is not Preparation.NONE or recording.size > MAX_UPLOAD_BYTES:
            recording, facts = self.copied(recording, facts)
        version = recording.prepared or recording.version
        assert version is not None
        return Sendable(recording, self.source.stream(version), facts.size, facts.content_type)

    def copied(self, recording: Recording, facts: AudioFacts) -> tuple[Recording, AudioFacts]:
        """A copy that Coval can take, and what it is; raises AudioRefused."""
        version, size = self.staging.store("prepared", partial(self._write, recording, facts))
        made = self._probe(version, size)
        check_limits(made)
        by_link = size > MAX_UPLOAD_BYTES
        state = RecordingState.LINKED if by_link else RecordingState.READY
        copy = replace(recording, state=state, prepared=version, unprepared=False, **_told(made))
        return copy, made

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
            size, read = facts.end or facts.size, partial(self.source.read_range, version)
            self.convert(size, read, sink, agent_channel=side)

    def _probe(self, version: ObjectVersion, size: int) -> AudioFacts:
        return probe(size, partial(self.source.read_range, version))


def _copy(chunks: Iterable[bytes], sink: BinaryIO) -> None:
    sink.writelines(chunks)


def _told(facts: AudioFacts) -> dict[str, Any]:
    return {
        "content_type": facts.content_type,
        "duration_milliseconds": facts.duration_milliseconds,
        "channels": facts.channels,
    }


def _order(recording: Recording, facts: AudioFacts) -> str:
    """Sorts the recordings of a call: by rank, by length where that decides, then by time."""
    length = facts.duration_milliseconds if recording.traits.longest else 0
    return f"{recording.traits.rank}-{length:010d}{ORDER_MARK}{recording.order}"
