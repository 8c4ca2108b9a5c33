"""What is not WAV or MP3 is foreign where the first bytes tell its name, and else no audio at all."""

import pytest

from coval_relay.domain.audio import AudioFacts, AudioRejectedError, probe
from tests.unit.audio.made_audio import CountingReader, id3

UNDETECTABLE = AudioRejectedError(
    "audio_unreadable",
    "Invalid or corrupt audio file. Unable to detect audio format. Supported formats: WAV and MP3.",
)
UNREADABLE = AudioRejectedError("audio_unreadable", "Invalid or corrupt audio file. Unable to read audio metadata.")
EBML = bytes.fromhex("1a45dfa3")
ADTS = bytes.fromhex("fff15080")


def refusal(data: bytes) -> AudioRejectedError:
    with pytest.raises(AudioRejectedError) as refused:
        probe(len(data), CountingReader(data))
    return refused.value


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"\0\0\0\x20ftypisom", "MP4"),
        (b"\0\0\0\x20ftypM4A ", "M4A"),
        (b"OggS\0\2", "OGG"),
        (b"fLaC\0\0", "FLAC"),
        (EBML + b"\x9f\x42\x86\x81\x01\x42\x82\x84webm", "WEBM"),
        (EBML + b"\x9f\x42\x86\x81\x01\x42\x82\x88matroska", "MKV"),
        (b"#!AMR\n", "AMR"),
        (ADTS, "AAC"),
        (bytes.fromhex("fff95080"), "AAC"),
        (b"ADIF", "AAC"),
        (bytes.fromhex("fffd8404"), "MP2"),
        (b"FORM\0\0\0\x10AIFF", "AIFF"),
        (b"FORM\0\0\0\x10AIFC", "AIFF"),
        (b"RIFF\0\0\0\x10AVI ", "AVI"),
        (b"riff\x2e\x91\xcf\x11", "W64"),
        (bytes.fromhex("3026b2758e66cf11"), "WMA"),
        (b"NIST_1A\n", "SPHERE"),
        (b".snd", "AU"),
        (b"caff", "CAF"),
    ],
)
@pytest.mark.parametrize("tag", [b"", id3(b"x" * 50), id3(b"x" * 100_000), id3(b"x" * 50) + id3(b"", footer=True)])
def test_known_format_is_named(head: bytes, name: str, tag: bytes) -> None:
    data = tag + head + bytes(100)
    assert probe(len(data), CountingReader(data)) == AudioFacts(
        format="foreign",
        content_type="audio/wav",
        duration_milliseconds=0,
        channels=0,
        sample_rate=0,
        codec=name,
        size=len(data),
        padded=True,
        begin=len(tag),
    )


@pytest.mark.parametrize(
    "data",
    [
        b"a",
        b"Recording of this call is not available.\n",
        bytes(200_000),
        b"\xff" * 200_000,
        b"\xff\xfe" + "Recording".encode("utf-16-le"),
        b"RIFF",
        b"RIFF\0\0\0\0WEBP",
        b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>",
    ],
)
def test_unknown_bytes_are_undetectable(data: bytes) -> None:
    assert refusal(data) == UNDETECTABLE


@pytest.mark.parametrize("data", [b"ID3" + bytes(7), id3(b"x" * 50), id3(b"") + bytes(50), id3(b"x" * 50)[:20]])
def test_tag_without_audio_is_unreadable(data: bytes) -> None:
    assert refusal(data) == UNREADABLE


@pytest.mark.parametrize("size", [0, -1])
def test_empty_object_is_not_read(size: int) -> None:
    reader = CountingReader(b"")
    with pytest.raises(AudioRejectedError) as refused:
        probe(size, reader)
    assert refused.value == AudioRejectedError("audio_empty", "Audio file is empty.")
    assert reader.reads == []
