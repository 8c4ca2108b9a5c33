"""MP3: every MPEG version, tags in front and behind, with the encoder's count and without."""

import struct
from random import Random

import pytest

from coval_relay.domain.audio import (
    AudioFacts,
    AudioRejectedError,
    Preparation,
    check_limits,
    preparation,
    probe,
    rearranged,
    rearranged_size,
)
from tests.unit.audio.made_audio import CountingReader, id3, mpeg_frame

ID3V1 = b"TAG" + bytes(125)
FRAME = mpeg_frame(2, 4, 2)
"""32 kbit/s at 16 kHz: 144 bytes, 36 ms."""
UNREADABLE = AudioRejectedError("audio_unreadable", "Invalid or corrupt audio file. Unable to read audio metadata.")


def measured(data: bytes) -> AudioFacts:
    return probe(len(data), CountingReader(data))


def mp3_facts(
    size: int, milliseconds: int, channels: int = 2, sample_rate: int = 16_000, *, padded: bool = True, begin: int = 0
) -> AudioFacts:
    return AudioFacts(
        format="mp3",
        content_type="audio/mp3",
        duration_milliseconds=milliseconds,
        channels=channels,
        sample_rate=sample_rate,
        codec="mp3",
        size=size,
        padded=padded,
        begin=begin,
    )


def xing(
    frames: int | None, length: int | None, name: bytes = b"Xing", *, mode: int = 0, noted: bytes = b"", flags: int = 0
) -> bytes:
    """A tag frame, of MPEG 2 at 64 kbit/s and 16 kHz; stereo has 17 bytes of side information, mono 9."""
    flags |= (frames is not None) | (length is not None) << 1
    numbers = b"".join(struct.pack(">I", n) for n in (frames, length) if n is not None)
    numbers += bytes(100 * bool(flags & 4) + 4 * bool(flags & 8))
    side = bytes(9 if mode == 3 else 17)
    return mpeg_frame(2, 8, 2, mode, payload=side + name + struct.pack(">I", flags) + numbers + noted)


def lame(before: int, behind: int, name: bytes = b"LAME3.100") -> bytes:
    """LAME's addition: who encoded, and by its bytes 21 to 23 the samples before and behind the sound."""
    return name + bytes(12) + (before << 12 | behind).to_bytes(3, "big") + bytes(12)


def vbri(frames: int, length: int) -> bytes:
    return mpeg_frame(2, 8, 2, payload=bytes(32) + b"VBRI" + struct.pack(">HHHII", 1, 0, 75, length, frames))


@pytest.mark.parametrize(
    ("frame", "samples", "sample_rate", "channels"),
    [
        (mpeg_frame(3, 9, 1, 1), 1152, 48_000, 2),
        (mpeg_frame(3, 1, 2, 3), 1152, 32_000, 1),
        (mpeg_frame(2, 4, 2, 0), 576, 16_000, 2),
        (mpeg_frame(2, 8, 1, 2), 576, 24_000, 2),
        (mpeg_frame(0, 1, 2, 3), 576, 8_000, 1),
        (mpeg_frame(0, 14, 1, 3), 576, 12_000, 1),
    ],
)
def test_versions(frame: bytes, samples: int, sample_rate: int, channels: int) -> None:
    data = frame * 500
    assert measured(data) == mp3_facts(len(data), 500 * samples * 1000 // sample_rate, channels, sample_rate)


@pytest.mark.parametrize(
    "data",
    [
        FRAME * 500,
        FRAME * 500 + ID3V1,
        id3(b"x" * 50) + FRAME * 500,
        id3(b"x" * 50, footer=True) + FRAME * 500,
        id3(b"x" * 50) + id3(b"y" * 9, footer=True) + FRAME * 500 + ID3V1,
        id3(b"\xff\xe3\x10\x00" * 60_000) + FRAME * 500,
        id3(b"x" * 50, footer=True) + id3(mpeg_frame(2, 8, 2) * 600) + FRAME * 500,
        id3(bytes(200_000)) + id3(bytes(200_000)) + FRAME * 500,
    ],
)
def test_tags_around_the_frames_do_not_count(data: bytes) -> None:
    facts = measured(data)
    assert facts == mp3_facts(len(data), 18_000)
    assert preparation(facts, None) is Preparation.NONE


def ape(body: bytes) -> bytes:
    """APEv2: version, length without the header, items, flags."""
    return b"APETAGEX" + struct.pack("<IIII", 2000, len(body), 1, 0xA000_0000) + bytes(8) + body


@pytest.mark.parametrize(("kept", "frames"), [(3, 500), (4, 501), (143, 501)])
def test_last_frame_that_is_cut_counts(kept: int, frames: int) -> None:
    """ffmpeg decodes it, too."""
    data = FRAME * 500 + FRAME[:kept]
    assert measured(data) == mp3_facts(len(data), frames * 36)


PICTURE = bytes(Random(2).choices(range(256), k=60_000))  # noqa: S311  a seeded choice


@pytest.mark.parametrize(
    "junk",
    [
        bytes(1000),
        FRAME[:100],
        FRAME[-100:],
        mpeg_frame(2, 8, 2)[33:],
        ape(b"x" * 50),
        id3(b"x" * 50) + ape(b"y" * 9),
        id3(b"") + bytes(30_000),
        id3(b"x" * 50) + FRAME[1:],
        b"ID3\3\0\0" + struct.pack(">I", 60_000) + PICTURE,
        b"ID3\3\0\0" + struct.pack(">I", 200_000) + bytes(200_000),
        b"ID3\3\0\0" + bytes([0, 0, 1, 0]) + PICTURE,
        b"ID3\3\0\0" + bytes([0, 127, 127, 127]) + PICTURE,
        b"ID3\3\0\0" + bytes([0, 0, 1, 0]) + bytes(3_000_000),
        PICTURE[:50_000],
        b"HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\n\r\n",
    ],
)
@pytest.mark.parametrize("behind", [b"", ID3V1, ape(PICTURE), PICTURE])
def test_what_is_no_tag_before_the_frames_is_cut_off(junk: bytes, behind: bytes) -> None:
    """And so is what is large behind them: Coval knows a format by its first bytes, and may go by the size."""
    data = junk + FRAME * 500 + behind
    facts = measured(data)
    assert facts == mp3_facts(len(data), 18_000, begin=len(junk))
    assert preparation(facts, None) is Preparation.REARRANGE
    made = b"".join(rearranged([data[start : start + 777] for start in range(0, len(data), 777)], facts, swap=False))
    assert made == FRAME * 500 + (ID3V1 if behind == ID3V1 else b"")
    assert rearranged_size(facts) == len(made)
    assert preparation(measured(made), None) is Preparation.NONE


@pytest.mark.parametrize("front", [b"", id3(b"x" * 50), id3(bytes(100_000))])
@pytest.mark.parametrize("cover", [ape(PICTURE[:9_000]), PICTURE, bytes(5_000)])
def test_only_frames_count_where_a_picture_follows(front: bytes, cover: bytes) -> None:
    data = front + FRAME * 86 + cover
    facts = measured(data)
    assert (facts.duration_milliseconds, facts.begin) == (3_096, 0)
    assert b"".join(rearranged([data], facts, swap=False)) == front + FRAME * 86


@pytest.mark.parametrize("between", [PICTURE, bytes(2_000_000), id3(bytes(90_000)), FRAME[:70]])
def test_what_stands_between_frames_does_not_count(between: bytes) -> None:
    data = FRAME * 300 + between + FRAME * 200
    assert measured(data) == mp3_facts(len(data), 18_000)


@pytest.mark.parametrize(
    "tail", [mpeg_frame(2, 4, 1) * 300, mpeg_frame(3, 9, 1) * 300, mpeg_frame(2, 4, 2, mode=3) * 300]
)
def test_stream_that_changes_its_form_is_converted(tail: bytes) -> None:
    data = FRAME * 300 + tail
    facts = measured(data)
    assert (facts.format, facts.codec, preparation(facts, None)) == ("foreign", "MP3", Preparation.CONVERT)


@pytest.mark.parametrize("front", [b"", id3(b"x" * 50)])
@pytest.mark.parametrize("length", [100, 417, 1500])
def test_free_format_is_named(front: bytes, length: int) -> None:
    frame = bytes([0xFF, 0xFB, 0x00, 0xC0]).ljust(length, b"s")
    padded = bytes([0xFF, 0xFB, 0x02, 0xC0]).ljust(length + 1, b"s")
    with pytest.raises(AudioRejectedError) as rejected:
        measured(front + (frame + padded) * 200)
    assert rejected.value == AudioRejectedError(
        "audio_unsupported_format", "Unsupported audio format: MP3 of free format."
    )


@pytest.mark.parametrize(
    "tag",
    [
        xing(1000, 288 + 144 * 500),
        xing(1000, 288 + 144 * 500, b"Info"),
        xing(1000, 288 + 144 * 501),
        vbri(1000, 288 + 144 * 500),
    ],
)
def test_count_of_the_encoder_is_believed_where_its_length_fits(tag: bytes) -> None:
    data = tag + FRAME * 500
    reader = CountingReader(data)
    assert probe(len(data), reader) == mp3_facts(len(data), 36_000)
    assert reader.reads == [(0, 65536)]


def test_count_stands_elsewhere_in_mono() -> None:
    data = xing(1000, 288 + 144 * 500, mode=3) + mpeg_frame(2, 4, 2, 3) * 500
    assert measured(data) == mp3_facts(len(data), 36_000, channels=1)


@pytest.mark.parametrize(
    "tag",
    [
        xing(1000, 144 * 900),
        xing(1000, 144 * 480),
        xing(1000, 144 * 300),
        xing(0, 288 + 144 * 500),
        xing(None, 288 + 144 * 500),
        xing(1000, None),
        xing(1000, 0),
        vbri(1000, 144 * 900),
        vbri(0, 144 * 900),
    ],
)
def test_count_that_does_not_fit_is_not_believed(tag: bytes) -> None:
    """Cut, joined, or never filled in: the frames themselves are counted, but for the tag's own."""
    data = tag + FRAME * 500
    assert measured(data) == mp3_facts(len(data), 18_000)


@pytest.mark.parametrize("tag", [xing(0, 0), xing(None, None), vbri(0, 0)])
def test_tag_that_counts_nothing_is_a_frame(tag: bytes) -> None:
    """As ffmpeg has it."""
    data = tag + FRAME * 500
    assert measured(data) == mp3_facts(len(data), 18_036)


BEFORE, BEHIND = 1105, 1000


@pytest.mark.parametrize("length", [288 + 144 * 500, 144 * 900])
@pytest.mark.parametrize("flags", [0, 4, 8, 12])
@pytest.mark.parametrize("name", [b"LAME3.100", b"Lavf", b"Lavc62.28"])
def test_what_the_encoder_put_around_the_sound_does_not_count(length: int, flags: int, name: bytes) -> None:
    """Of delay and padding, 529 samples are the decoder's: they come later, so that as many less are padding."""
    tag = xing(500, length, flags=flags, noted=lame(576, BEHIND, name.ljust(9, b"\0")))
    data = tag + FRAME * 500
    samples = 500 * 576 - BEFORE - (BEHIND - 529)
    assert measured(data) == mp3_facts(len(data), samples * 1000 // 16_000, padded=False)


@pytest.mark.parametrize(("more", "seconds"), [(0, "60.0"), (16, "60.1")])
def test_an_hour_is_an_hour(more: int, seconds: str) -> None:
    """Of 100,002 frames, 1,152 samples are delay and padding."""
    frames, spare = 100_002, 100_002 * 576 - BEFORE - 3600 * 16_000
    tag = xing(frames, 288 + 144 * frames, noted=lame(576, 529 + spare - more))
    data = tag + FRAME * frames
    facts = measured(data)
    assert facts.duration_milliseconds == 3_600_000 + more // 16
    if more:
        with pytest.raises(AudioRejectedError, match=f"Audio too long: {seconds} minutes"):
            check_limits(facts)
    else:
        check_limits(facts)


def test_padding_of_a_stream_that_was_cut_is_gone_with_its_end() -> None:
    data = xing(500, 288 + 144 * 500, noted=lame(576, BEHIND)) + FRAME * 400
    assert measured(data) == mp3_facts(len(data), (400 * 576 - BEFORE) * 1000 // 16_000, padded=False)


def test_other_encoders_note_nothing() -> None:
    data = xing(500, 288 + 144 * 500, noted=lame(576, BEHIND, b"GOGO3.100")) + FRAME * 500
    assert measured(data) == mp3_facts(len(data), 18_000)


def test_large_stream_without_a_count_is_read_once() -> None:
    frames = 100_000
    data = FRAME * frames
    reader = CountingReader(data)
    assert probe(len(data), reader) == mp3_facts(len(data), frames * 36)
    block = 1024 * 1024
    assert reader.reads == [(0, 65536), *((at, min(block, len(data) - at)) for at in range(0, len(data), block))]


@pytest.mark.parametrize("pause", [0, 3_000, 30_000])
def test_variable_rate_is_counted_wherever_it_varies(pause: int) -> None:
    """Silence at the start, in the middle and at the end looks like a constant rate in three places."""
    silence = [mpeg_frame(2, 1, 2)] * pause
    music = [mpeg_frame(2, index, 2) for index in Random(1).choices(range(1, 15), k=12_000)]  # noqa: S311  a seeded choice
    data = b"".join([*silence, *music[:6000], *silence, *music[6000:], *silence])
    assert measured(data) == mp3_facts(len(data), (3 * pause + 12_000) * 36)


def test_joined_recordings_count_together() -> None:
    """Their tags stay in between, and the second may have another bit rate."""
    second = mpeg_frame(2, 8, 2) * 500
    for between in (ID3V1, id3(b"x" * 50), ID3V1 + id3(b"x" * 50)):
        data = FRAME * 500 + between + second
        assert measured(data) == mp3_facts(len(data), 36_000)


def test_more_than_coval_takes_is_not_read() -> None:
    size = 201 * 1024 * 1024
    reader = CountingReader(FRAME * 1000)
    facts = probe(size, reader)
    assert sum(length for _, length in reader.reads) == 65536
    with pytest.raises(AudioRejectedError, match=r"Audio file too large: 201\.0 MB"):
        check_limits(facts)


def test_tags_without_end_cost_no_more_than_the_budget() -> None:
    data = id3(bytes(70_000)) * 100 + FRAME * 500
    reader = CountingReader(data)
    with pytest.raises(AudioRejectedError) as rejected:
        probe(len(data), reader)
    assert rejected.value == UNREADABLE
    assert sum(length for _, length in reader.reads) <= 2 * 1024 * 1024
