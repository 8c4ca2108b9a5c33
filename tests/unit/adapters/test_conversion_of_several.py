"""Recordings behind each other (chained Ogg), tracks beside each other, and damage that is not the end."""

import io
from collections.abc import Callable
from fractions import Fraction
from typing import Any, cast

import av
import numpy as np
import pytest
from av import AudioStream
from av.error import InvalidDataError

from coval_relay.adapters.audio.decoding import Recording
from coval_relay.adapters.audio.ogg_links import links
from coval_relay.adapters.audio.ranged_file import RangedFile, Section
from coval_relay.domain.audio import AudioRejectedError
from tests.support import voices
from tests.support.conversion import converted
from tests.support.voices import Sound, by_ffmpeg, by_libsndfile, call, correlation, decoded, narrow

OPUS = by_ffmpeg("ogg", "libopus", b="64k")
VORBIS = by_libsndfile("OGG", "VORBIS")
FLAC = by_ffmpeg("ogg", "flac")
HALF = 2.7


def heard_in(data: bytes, agent_channel: int | None = None) -> tuple[Sound, int]:
    return decoded(converted(data, agent_channel)[1])


def rejection(data: bytes) -> AudioRejectedError:
    with pytest.raises(AudioRejectedError) as rejected:
        converted(data)
    return rejected.value


# --- behind each other


@pytest.mark.parametrize(
    ("links_of_chain", "channels", "junk"),
    [
        ([(OPUS, 48_000, 1), (OPUS, 48_000, 2)], 2, b""),
        ([(OPUS, 48_000, 2), (OPUS, 48_000, 1)], 2, b"OggS junk"),
        ([(VORBIS, 16_000, 1), (VORBIS, 44_100, 1)], 1, bytes(100_000)),
        ([(VORBIS, 44_100, 2), (OPUS, 48_000, 2), (VORBIS, 8_000, 2)], 2, b""),
        ([(FLAC, 8_000, 2), (FLAC, 16_000, 2)], 2, b""),
        ([(OPUS, 48_000, 2)] * 3, 2, b""),
    ],
)
def test_all_links_of_a_chain_are_heard(
    links_of_chain: list[tuple[Callable[[Sound, int], bytes], int, int]], channels: int, junk: bytes
) -> None:
    said = [call(HALF, rate, number) for _, rate, number in links_of_chain]
    data = junk.join(encode(sound, rate) for sound, (encode, rate, _) in zip(said, links_of_chain, strict=True))
    heard, rate = heard_in(data)
    assert heard.shape[1] == channels
    assert len(heard) / rate == pytest.approx(HALF * len(said), abs=0.05)
    for number, (sound, (_, own, _)) in enumerate(zip(said, links_of_chain, strict=True)):
        part = narrow(heard[round(number * HALF * rate) : round((number + 1) * HALF * rate)], rate)
        for channel in range(channels):
            side = narrow(sound, own)[:, min(channel, sound.shape[1] - 1)]
            assert correlation(part[:, channel], side) > 0.85


def test_sides_of_a_chain_are_swapped() -> None:
    said = call(HALF, 48_000, 2, agent_channel=1)
    heard, rate = heard_in(OPUS(said, 48_000) * 2, agent_channel=1)
    second = narrow(heard[round(HALF * rate) :], rate)
    assert correlation(second[:, 0], narrow(said, 48_000)[:, 1]) > 0.9


def spans(data: bytes) -> list[tuple[int, int]]:
    return links(RangedFile(len(data), lambda start, length: data[start : start + length]), len(data))


def page(flags: int, body: bytes = b"x" * 300) -> bytes:
    """RFC 3533 §6; the checksum is not looked at."""
    table = bytes([255, len(body) - 255])
    return b"OggS\0" + bytes([flags]) + bytes(20) + bytes([len(table)]) + table + body


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"fLaC" + bytes(100), [(0, 104)]),
        (b"", [(0, 0)]),
        (page(2) + page(0) * 3, [(0, 4 * 329)]),
        (page(2) * 2 + page(0) * 3, [(0, 5 * 329)]),
        (page(2) + page(0) + page(2) * 2 + page(4), [(0, 658), (658, 5 * 329)]),
        (page(2) + page(0) + b"OggS" * 9 + page(2) + page(4), [(0, 694), (694, 4 * 329 + 36)]),
        (page(2) + page(0)[:-50] + page(2) + page(4), [(0, 608), (608, 4 * 329 - 50)]),
        (page(2) + page(0) + page(2)[:20], [(0, 678)]),
    ],
)
def test_where_links_begin(data: bytes, expected: list[tuple[int, int]]) -> None:
    assert spans(data) == expected


def test_chain_of_thousands_is_named() -> None:
    with pytest.raises(AudioRejectedError, match="Unsupported audio format: OGG of more than 500 recordings"):
        spans((page(2) + page(0)) * 502)


def test_file_in_sections_reads_as_each_alone() -> None:
    content = bytes(range(256)) * 20
    file = RangedFile(len(content), lambda start, length: content[start : start + length])
    first, second = Section(file, 10, 300), Section(file, 300, len(content))
    assert (first.read(100), second.read(5), first.read(1000)) == (content[10:110], content[300:305], content[110:300])
    assert (first.read(1), first.tell(), first.rest) == (b"", 290, 0)
    assert (second.seek(-3, 2), second.read(9), second.seek(1), second.read(1)) == (
        len(content) - 303, content[-3:], 1, content[301:302],
    )  # fmt: skip


# --- beside each other


def tracks(container: str, codec: str, sounds: list[Sound], rates: list[int], late: float = 0.0) -> bytes:
    """A file with a track for each sound; the last begins later."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        packets = []
        for number, (sound, rate) in enumerate(zip(sounds, rates, strict=True)):
            layout = {1: "mono", 2: "stereo"}[sound.shape[1]]
            stream = output.add_stream(codec, rate=rate, layout=layout)
            assert isinstance(stream, AudioStream)
            for frame in voices.frames(sound, rate, layout):
                assert frame.pts is not None
                frame.pts += round(late * rate) if number == len(sounds) - 1 else 0
                packets += stream.encode(frame)
            packets += stream.encode(None)
        output.start_encoding()
        for packet in sorted(packets, key=lambda each: (each.dts or 0) * (each.time_base or Fraction(1))):
            output.mux(packet)
    return file.getvalue()


def mono(band: tuple[float, float], seconds: float, rate: int) -> Sound:
    return voices.voice(band, seconds, rate)[:, None]


@pytest.mark.parametrize(
    ("container", "codec", "rates", "agent_channel"),
    [
        ("ipod", "aac", [16_000, 16_000], None),
        ("mp4", "aac", [16_000, 44_100], 1),
        ("matroska", "libopus", [48_000, 48_000], 0),
        ("matroska", "flac", [8_000, 16_000], 1),
        ("mov", "pcm_s16le", [8_000, 8_000], None),
    ],
)
def test_two_tracks_of_a_side_each_become_two_channels(
    container: str, codec: str, rates: list[int], agent_channel: int | None
) -> None:
    sounds = [mono(voices.AGENT, 4.0, rates[0]), mono(voices.CALLER, 5.3, rates[1])]
    heard, rate = heard_in(tracks(container, codec, sounds, rates), agent_channel)
    assert len(heard) / rate == pytest.approx(5.3, abs=0.06)
    heard = narrow(heard, rate)
    sides = [narrow(sound, own)[:, 0] for sound, own in zip(sounds, rates, strict=True)]
    for channel, side in enumerate(reversed(sides) if agent_channel == 1 else sides):
        assert correlation(heard[:, channel], side) > 0.9


def test_tracks_keep_their_time() -> None:
    sounds = [mono(voices.AGENT, 5.0, 16_000), mono(voices.CALLER, 3.0, 16_000)]
    heard, rate = heard_in(tracks("matroska", "flac", sounds, [16_000] * 2, late=1.5))
    assert len(heard) / rate == pytest.approx(5.0, abs=0.05)
    assert np.abs(heard[: round(1.4 * rate), 1]).max() < 0.01
    assert correlation(narrow(heard[round(1.5 * rate) :], rate)[:, 1], narrow(sounds[1], 16_000)[:, 0]) > 0.9


@pytest.mark.parametrize(
    ("channels", "named"),
    [((1, 2), "2 audio tracks (channels: 1, 2)"), ((1, 1, 1), "3 audio tracks (channels: 1, 1, 1)")],
)
def test_other_tracks_are_named(channels: tuple[int, ...], named: str) -> None:
    data = tracks("matroska", "flac", [call(1, 8_000, number) for number in channels], [8_000] * len(channels))
    assert rejection(data) == AudioRejectedError(
        "audio_unsupported_format", f"Unsupported audio format: matroska,webm with {named}."
    )


# --- damage


def test_much_that_cannot_be_decoded_is_rejected() -> None:
    """AAC of which two packets in three are noise, behind headers that are whole."""
    data = bytearray(by_ffmpeg("adts", "aac", b="64k")(call(5, 16_000, 1), 16_000))
    noise = np.random.default_rng(1).bytes(len(data))
    position = number = 0
    while position + 7 < len(data):
        length = int.from_bytes(data[position + 3 : position + 6], "big") >> 5 & 0x1FFF
        if number % 3:
            data[position + 7 : position + length] = noise[position + 7 : position + length]
        position, number = position + length, number + 1
    assert rejection(bytes(data)).code == "audio_unreadable"


class Broken:
    """A container that breaks after its first packet."""

    streams = (None,)
    start_time = None

    def demux(self, _track: Any) -> Any:
        raise InvalidDataError(1, "broken")
        yield


@pytest.mark.parametrize("read", [0, 100_000 - 65_536 - 1])
def test_break_with_much_behind_it_is_not_the_end(read: int) -> None:
    section = Section(RangedFile(100_000, lambda _start, length: bytes(length)), 0, 100_000)
    section.read(read)
    recording = Recording(section, cast("Any", Broken()), cast("Any", None))
    with pytest.raises(InvalidDataError):
        list(recording.frames())


def test_break_at_the_end_is_the_end() -> None:
    section = Section(RangedFile(100_000, lambda _start, length: bytes(length)), 0, 100_000)
    section.read(100_000 - 65_536)
    assert list(Recording(section, cast("Any", Broken()), cast("Any", None)).frames()) == []
