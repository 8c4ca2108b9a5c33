"""What is not WAV or MP3 is foreign where the first bytes give its name, and else no audio at all."""

import pytest

from coval_relay.domain.audio import AudioFacts, AudioRejectedError, probe
from tests.unit.audio.made_audio import CountingReader, chunk, id3, riff, wave_format

UNDETECTABLE = AudioRejectedError(
    "audio_unreadable",
    "Invalid or corrupt audio file. Unable to detect audio format. Supported formats: WAV and MP3.",
)
UNREADABLE = AudioRejectedError("audio_unreadable", "Invalid or corrupt audio file. Unable to read audio metadata.")
EBML = bytes.fromhex("1a45dfa3")
ADTS = bytes.fromhex("fff15080")


def rejection(data: bytes) -> AudioRejectedError:
    with pytest.raises(AudioRejectedError) as rejected:
        probe(len(data), CountingReader(data))
    return rejected.value


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
        (bytes.fromhex("fffd8404"), "MP2"),
        (b"FORM\0\0\0\x10AIFF", "AIFF"),
        (b"FORM\0\0\0\x10AIFC", "AIFF"),
        (b"RIFF\0\0\0\x10AVI ", "AVI"),
        (b"riff\x2e\x91\xcf\x11", "W64"),
        (bytes.fromhex("3026b2758e66cf11"), "WMA"),
        (b"NIST_1A\n", "SPHERE"),
        (b".snd", "AU"),
        (b"caff", "CAF"),
        (b"\0\0\0\x20ftyp3gp5", "3GP"),
        (b"\0\0\0\x20ftypqt  ", "MP4"),
        (b"\0\0\1\0moov", "MOV"),
        (b"\0\0\0\x08wide\0\0\1\0mdat", "MOV"),
        (b"wvpk", "WavPack"),
        (b"TTA1", "TTA"),
        (b"Creative Voice File\x1a", "VOC"),
        (bytes.fromhex("0b77abcd"), "AC-3"),
        (b"FLV\1", "FLV"),
        (bytes.fromhex("56e05a20"), "AAC (LATM)"),
        (b"\0\0\1\xba", "MPEG-PS"),
        ((b"\x47" + bytes(187)) * 3, "MPEG-TS"),
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
    ("head", "name"),
    [
        (b"ADIF", "AAC (ADIF)"),
        (bytes.fromhex("7ffe8001"), "DTS"),
        (b"#!SILK_V3", "SILK"),
        (b"\x02#!SILK_V3", "SILK"),
        (b"#!iLBC30\n", "iLBC"),
        (b".RMF", "RealAudio"),
        (b"MAC ", "Monkey's Audio"),
        (b"\x02dss", "DSS"),
        (b"tBaK\1\x0d\0\0", "TAK"),
        (b"OFR \x11\0\0\0", "OptimFROG"),
        (b"DSD \x1c\0\0\0", "DSF"),
        (b"FRM8" + bytes(8) + b"DSD ", "DSDIFF"),
        (b"\xc0\xde\xc2\1\0", "Codec 2"),
        (b"RIFF\0\0\0\x10QLCM", "RIFF QLCM"),
        (b"PK\3\4", "ZIP archive"),
        (b"\x1f\x8b\x08", "gzip archive"),
        (b"-----BEGIN PGP MESSAGE-----\n", "PGP message"),
    ],
)
def test_format_that_nothing_here_reads_is_named(head: bytes, name: str) -> None:
    expected = AudioRejectedError("audio_unsupported_format", f"Unsupported audio format: {name}.")
    assert rejection(head + bytes(100)) == expected
    assert rejection(id3(b"x" * 50) + head + bytes(100)) == expected


def adts(length: int) -> bytes:
    """A frame of AAC-LC, mono, 8 kHz (ISO 13818-7, adts_fixed_header)."""
    number = 0xFFF1 << 40 | 1 << 38 | 11 << 34 | 1 << 30 | length << 13 | 0x7FF << 2
    return number.to_bytes(7, "big").ljust(length, b"s")


@pytest.mark.parametrize(("size", "end"), [(300, 424), (0xFFFFFFFF, 0), (5000, 0), (976, 0)])
def test_samples_of_an_au_end_where_its_header_says(size: int, end: int) -> None:
    """Behind a tag of 100 bytes, with a header of 24."""
    data = id3(bytes(90)) + b".snd" + (24).to_bytes(4, "big") + size.to_bytes(4, "big") + bytes(988)
    facts = probe(len(data), CountingReader(data))
    assert (facts.codec, facts.begin, facts.end) == ("AU", 100, end)


JUNK = (b"\0" * 128, b"HTTP/1.1 200 OK\r\n\r\n", adts(300)[7:], b"\xff\xf1" * 50, id3(b"x" * 50) + b"junk")


@pytest.mark.parametrize("junk", JUNK)
@pytest.mark.parametrize(
    ("audio", "name"),
    [
        (adts(300) * 20, "AAC"),
        (adts(90) + adts(300) + adts(31) * 20, "AAC"),
        (b"OggS\0\2" + bytes(900), "OGG"),
        (b"fLaC\0\0\0\x22" + bytes(900), "FLAC"),
        (b"#!AMR\n" + bytes(900), "AMR"),
        (b"\0\0\0\x20ftypisom" + bytes(900), "MP4"),
    ],
)
def test_audio_behind_a_little_junk_is_found(junk: bytes, audio: bytes, name: str) -> None:
    data = junk + audio
    facts = probe(len(data), CountingReader(data))
    assert (facts.codec, facts.begin) == (name, len(junk))


WHOLE = riff(chunk(b"fmt ", wave_format()), chunk(b"data", bytes(16_000)))
RESPONSE = b"HTTP/1.1 200 OK\r\n\r\n"


@pytest.mark.parametrize(
    ("junk", "wav"),
    [
        (b"\xb1\x02" * 20, WHOLE),
        (b"\xb1\x02" * 20, WHOLE + b"a tag"),
        (b"\xb1\x02" * 20, WHOLE[:4] + b"\xff" * 4 + WHOLE[8:-500]),
        (b"\xb1\x02" * 20, WHOLE[:4] + bytes(4) + WHOLE[8:-500]),
        (b"\xb1\x02" * 20, WHOLE[:4] + (0x7FFFFFFF).to_bytes(4, "little") + WHOLE[8:-500]),
        (RESPONSE, WHOLE[:-500]),
        (bytes(128), WHOLE[:-500]),
    ],
)
def test_wav_behind_a_little_junk_is_found(junk: bytes, wav: bytes) -> None:
    data = junk + wav
    facts = probe(len(data), CountingReader(data))
    assert (facts.format, facts.begin, facts.layout and facts.layout.declared) == ("wav", len(junk), False)


@pytest.mark.parametrize("form", [WHOLE[:8], b"RIFX" + (16_036).to_bytes(4, "big")])
@pytest.mark.parametrize("front", [b"XY\x9a1" + bytes(30), id3(b"x" * 50) + b"XY\x9a1"])
def test_header_that_a_compressor_keeps_is_no_wav(form: bytes, front: bytes) -> None:
    """Half as many bytes follow as it says."""
    data = front + form + WHOLE[8:44] + bytes(8_000)
    assert rejection(data) == (UNREADABLE if front.startswith(b"ID3") else UNDETECTABLE)


def test_audio_inside_of_something_large_is_none() -> None:
    assert rejection(bytes(5000) + b"OggS\0\2" + bytes(900)) == UNDETECTABLE


@pytest.mark.parametrize(
    "data",
    [
        adts(300) + adts(300) + adts(300)[:5],
        adts(6)[:6] * 2,
        bytes([0xFF, 0xF1, 0x3C]) + bytes(3000),
    ],
)
def test_two_frames_may_be_chance(data: bytes) -> None:
    assert rejection(b"junk" + data) == UNDETECTABLE


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
    assert rejection(data) == UNDETECTABLE


@pytest.mark.parametrize("data", [b"ID3" + bytes(7), id3(b"x" * 50), id3(b"") + bytes(50), id3(b"x" * 50)[:20]])
def test_tag_without_audio_is_unreadable(data: bytes) -> None:
    assert rejection(data) == UNREADABLE


@pytest.mark.parametrize("size", [0, -1])
def test_empty_object_is_not_read(size: int) -> None:
    reader = CountingReader(b"")
    with pytest.raises(AudioRejectedError) as rejected:
        probe(size, reader)
    assert rejected.value == AudioRejectedError("audio_empty", "Audio file is empty.")
    assert reader.reads == []
