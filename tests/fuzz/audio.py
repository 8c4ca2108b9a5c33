"""Audio: heads that are measured and rearranged, and whole files that are converted."""

from collections.abc import Sequence
from functools import cache
from random import Random
from typing import Final

from coval_relay.adapters.audio import PyAvConverter
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
from coval_relay.domain.call import Recording, RecordingState
from coval_relay.domain.s3_objects import ObjectVersion
from coval_relay.services.recording_preparer import RecordingPreparer
from tests.fuzz.boundary import Fault, outcome_of
from tests.fuzz.mutation import mutated_bytes
from tests.support.fakes import FakeBucket
from tests.support.in_memory import InMemoryStaging, InMemoryUrls
from tests.support.voices import KINDS, call
from tests.unit.audio.made_audio import (
    FIXTURES,
    CountingReader,
    chunk,
    extensible,
    id3,
    mpeg_frame,
    riff,
    wave_format,
)

HEAD: Final = 4096
SECONDS: Final = 0.4
SIDES: Final = (None, 0, 1, 5, 31)
BEYOND: Final = (0, 0, 1, 2**20, 2**32, 2**45)
PIECES: Final = (
    b"RIFF", b"RF64", b"BW64", b"WAVE", b"fmt ", b"data\0\0\0\0", b"ds64", b"ID3\x04\0\0", b"TAG", b"Info",
    b"Xing\0\0\0\x0f", b"VBRI", b"\xff" * 4, b"\0" * 4, b"OggS", b"fLaC", b"ftypM4A ", b"\x1aE\xdf\xa3",
    b".snd", b"FORM", b"AIFF", b"caff", b"#!AMR\n", chunk(b"fmt ", wave_format()),
    chunk(b"fmt ", extensible(1, 2)), id3(b"x" * 20), mpeg_frame(3, 9, 0), mpeg_frame(2, 4, 1),
    mpeg_frame(0, 1, 2), riff(),
)  # fmt: skip
Sound = tuple[bytes, int, int | None]
"""The bytes that there are, how many more the object is said to have, and the agent's channel."""
WINDOW, MOST_READS, MAX_BYTES = 64 * 1024, 40, 2 * 1024 * 1024
MOST_COUNTED = 200 * 1024 * 1024
"""Frames are counted in a recording that Coval would take: it is read whole then, once or twice."""


def heads() -> list[Sound]:
    fixtures = [file.read_bytes()[:HEAD] for file in sorted(FIXTURES.iterdir()) if file.suffix != ".json"]
    whole = riff(chunk(b"fmt ", wave_format(7, 2, 8000, 8)), chunk(b"data", bytes(100_000)))
    frames = mpeg_frame(3, 9, 0) * 60
    return [(data, 0, side) for data in (*fixtures, *files(), whole, frames, b"".join(PIECES)) for side in (None, 1)]


@cache
def files() -> tuple[bytes, ...]:
    """A short file of each format that a platform may send."""
    return tuple(
        kind.encode(call(SECONDS, kind.rate, channels), kind.rate) for kind in KINDS for channels in kind.layouts[-1:]
    )


def whole_files() -> list[Sound]:
    return [(data, 0, side) for data in files() for side in (None, 1)]


def mutated_sound(random: Random, sound: Sound, corpus: Sequence[Sound]) -> Sound:
    data, beyond, side = sound
    if random.random() < 0.2:
        beyond = random.choice(BEYOND)
    if random.random() < 0.2:
        side = random.choice(SIDES)
    if random.random() < 0.2:
        at, piece = random.randint(0, min(len(data), 128)), random.choice(PIECES)
        data = data[:at] + piece + data[at + random.choice((0, len(piece))) :]
    return mutated_bytes(random, data, [other for other, _, _ in corpus[-8:]]), beyond, side


# --- heads -------------------------------------------------------------------------------------------


def judged_head(sound: Sound) -> str:
    data, beyond, side = sound
    reader = CountingReader(data)
    found: list[AudioFacts] = []
    size = len(data) + beyond
    outcome = outcome_of(lambda: found.append(probe(size, reader)))
    counting = [length for _, length in reader.reads if length > WINDOW]
    looked = [length for _, length in reader.reads if length <= WINDOW]
    if len(looked) > MOST_READS or sum(looked) > MAX_BYTES or sum(counting) > 2 * min(size, MOST_COUNTED):
        raise Fault("reads more than its budget")
    if any(start < 0 or length <= 0 or start + length > size for start, length in reader.reads):
        raise Fault("reads beyond the object")
    return " ".join([outcome, *(_judged_facts(facts, data, side) for facts in found)])


def _judged_facts(facts: AudioFacts, data: bytes, side: int | None) -> str:
    need = preparation(facts, side)
    within = outcome_of(lambda: check_limits(facts)) if facts.format != "foreign" else "foreign"
    if facts.layout:
        _judged_layout(facts, data, swap=must_swap(facts, side))
    elif need is Preparation.REARRANGE:
        _judged_cut(facts, data)
    return f"{facts.codec} {facts.channels} {need.value} {within}"


def _judged_layout(facts: AudioFacts, data: bytes, *, swap: bool) -> None:
    assert facts.layout is not None
    if facts.layout.data_offset + facts.layout.data_size > facts.size:
        raise Fault("samples beyond the object")
    if facts.size != len(data):
        return
    cut = [data[start : start + 777] for start in range(0, len(data), 777)]
    made = b"".join(rearranged(cut, facts, swap=swap))
    if len(made) != rearranged_size(facts):
        raise Fault("another length than was computed")
    again = probe(len(made), CountingReader(made))
    if (again.channels, again.sample_rate) != (facts.channels, facts.sample_rate):
        raise Fault("another form than the recording's")


def _judged_cut(facts: AudioFacts, data: bytes) -> None:
    if not 0 <= facts.begin <= facts.end <= facts.size:
        raise Fault("an MP3 beyond the object")
    if facts.size != len(data):
        return
    made = b"".join(rearranged([data], facts, swap=False))
    again = probe(len(made), CountingReader(made))
    if (again.duration_milliseconds, again.begin) != (facts.duration_milliseconds, 0):
        raise Fault("another recording than was found")


# --- conversion --------------------------------------------------------------------------------------


def judged_conversion(sound: Sound) -> str:
    """As the upload does it: look, and make a copy where Coval could not take the recording."""
    data, _, side = sound
    bucket = FakeBucket()
    bucket.put("a", data)
    preparer = RecordingPreparer(bucket, InMemoryUrls(), InMemoryStaging(bucket), PyAvConverter())
    recording = Recording(
        identity="s3://recordings/a#1", sort_key="1", created_at=1,
        state=RecordingState.READY, size=len(data),
        version=ObjectVersion("recordings", "a", ""), agent_channel=side,
    )  # fmt: skip
    looked: list[tuple[Recording, AudioFacts]] = []
    outcome = outcome_of(lambda: looked.append(preparer.inspect(recording)))
    if not looked or not looked[0][0].needs_preparation:
        return f"looked at: {outcome}"
    copies: list[Recording] = []
    outcome = outcome_of(lambda: copies.append(preparer.make_copy(*looked[0])))
    return " ".join([f"copied: {outcome}", *(f"{copy.content_type} {copy.channels}" for copy in copies)])
