"""Container formats by their first bytes, never by a name or a declared type."""

import re
from typing import Final

_NAMES: Final = (
    (b"OggS", "OGG"),
    (b"fLaC", "FLAC"),
    (b"#!AMR", "AMR"),
    (b"caff", "CAF"),
    (b".snd", "AU"),
    (b"NIST_1A", "SPHERE"),
    (b"riff\x2e\x91\xcf\x11", "W64"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "WMA"),
    (b"wvpk", "WavPack"),
    (b"TTA1", "TTA"),
    (b"Creative Voice File\x1a", "VOC"),
    (b"\x0b\x77", "AC-3"),
    (b"FLV\x01", "FLV"),
    (b"\0\0\x01\xba", "MPEG-PS"),
)
"""What FFmpeg reads."""
_UNREAD: Final = (
    (b"ADIF", "AAC (ADIF)"),
    (b"\x7f\xfe\x80\x01", "DTS"),
    (b"#!SILK", "SILK"),
    (b"\x02#!SILK", "SILK"),
    (b"#!iLBC", "iLBC"),
    (b"#!EVRC", "EVRC"),
    (b"#!QCELP", "QCELP"),
    (b"#!SMV", "SMV"),
    (b".RMF", "RealAudio"),
    (b".ra\xfd", "RealAudio"),
    (b"MAC ", "Monkey's Audio"),
    (b"MP+", "Musepack"),
    (b"MPCK", "Musepack"),
    (b"ajkg", "Shorten"),
    (b"tBaK", "TAK"),
    (b"OFR ", "OptimFROG"),
    (b"DSD ", "DSF"),
    (b"FRM8", "DSDIFF"),
    (b"\xc0\xde\xc2", "Codec 2"),
    (b"\x02dss", "DSS"),
    (b"\x03dss", "DSS"),
    (b"\x02ds2", "DSS Pro"),
    (b"\x03ds2", "DSS Pro"),
    (b"MThd", "MIDI"),
    (b"PK\x03\x04", "ZIP archive"),
    (b"\x1f\x8b", "gzip archive"),
    (b"7z\xbc\xaf", "7z archive"),
    (b"Rar!", "RAR archive"),
    (b"-----BEGIN PGP", "PGP message"),
    (b"Salted__", "encrypted file"),
)
"""What is known by name only: nothing here reads it, or it is no recording itself."""
_EMBEDDED = re.compile(
    rb"(?s)(?:RIFF|RIFX|RF64|BW64)....WAVE|OggS\0\x02|fLaC\0\0\0\x22|#!AMR(?:-WB)?\n|....ftyp(?:M4A |isom|mp4|3gp)"
)
AU_UNKNOWN = 0xFFFFFFFF
MOST_JUNK = 4096
"""Response headers, resource forks and padding before the audio; behind more it may be part of anything."""
_PATTERNS: Final = tuple(
    (re.compile(pattern, re.DOTALL), name)
    for pattern, name in (
        (rb"....ftypM4A", "M4A"),
        (rb"....ftyp3g[p2]", "3GP"),
        (rb"....ftyp", "MP4"),
        (rb"[\0-\x0f]...(?:moov|mdat|wide|free|skip|pnot)", "MOV"),
        (rb"\x1aE\xdf\xa3.{,60}webm", "WEBM"),
        (rb"\x1aE\xdf\xa3", "MKV"),
        (rb"FORM....AIF[FC]", "AIFF"),
        (rb"RIFF....AVI ", "AVI"),
        (rb"G.{187}G.{187}G", "MPEG-TS"),
        (rb"V[\xe0-\xff]", "AAC (LATM)"),
    )
)
_ADTS = 0xFFF0
_ADTS_MASK = 0xFFF6
_ADTS_RATES = 13
_ADTS_HEADER = 6
_ADTS_SURE = 3
_LAYER_2 = 0xFFE4
_LAYER_MASK = 0xFFE6
_RESERVED = 3
"""Sample rate index that MPEG audio leaves unused."""


def is_wav(head: bytes) -> bool:
    """RIFF, its big-endian form RIFX, or one of 64 bits (EBU Tech 3306: RF64; ITU-R BS.2088: BW64)."""
    return head[:4] in (b"RIFF", b"RIFX", b"RF64", b"BW64") and head[8:12] == b"WAVE"


def unread_format(head: bytes) -> str | None:
    """The name of a format that nothing here can read."""
    if head.startswith(b"RIFF") and head[8:12] in (b"QLCM", b"XWMA", b"RMID"):
        return f"RIFF {head[8:12].decode()}"
    return next((name for magic, name in _UNREAD if head.startswith(magic)), None)


def foreign_format(head: bytes) -> str | None:
    """The name of an audio format that Coval does not take; None where the bytes are not known as one."""
    named = (name for magic, name in _NAMES if head.startswith(magic))
    matched = (name for pattern, name in _PATTERNS if pattern.match(head))
    return next(named, None) or next(matched, None) or _mpeg_relative(head)


def declared_end(head: bytes) -> int:
    """Where the samples of an AU end (0: unknown): ffmpeg takes what follows for more of them."""
    offset, size = (int.from_bytes(head[start : start + 4], "big") for start in (4, 8))
    return offset + size if head.startswith(b".snd") and size != AU_UNKNOWN else 0


def embedded(head: bytes) -> int | None:
    """Where a known format begins behind a little junk, if one does."""
    found = _EMBEDDED.search(head, 0, MOST_JUNK)
    return found.start() if found else _adts_frames(head)


def _mpeg_relative(head: bytes) -> str | None:
    """AAC (ADTS) and MP2 share MP3's sync bits; the two layer bits tell them apart (ISO 11172-3, 13818-7).

    Layer I is left out: with it every UTF-16 text, which begins FF FE, would be called audio.
    """
    word, rates = int.from_bytes(head[:2], "big"), head[2:3]
    if _is_adts(head):
        return "AAC"
    if word & _LAYER_MASK == _LAYER_2 and rates and rates[0] >> 2 & 3 != _RESERVED:
        return "MP2"
    return None


def _is_adts(head: bytes) -> bool:
    word, rates = int.from_bytes(head[:2], "big"), head[2:3]
    return word & _ADTS_MASK == _ADTS and bool(rates) and rates[0] >> 2 & 15 < _ADTS_RATES


def _adts_frames(head: bytes) -> int | None:
    """The first of some AAC frames that follow each other."""
    position = head.find(b"\xff", 0, MOST_JUNK)
    while position >= 0:
        if _follow_each_other(head, position):
            return position
        position = head.find(b"\xff", position + 1, MOST_JUNK)
    return None


def _follow_each_other(head: bytes, position: int) -> bool:
    for _ in range(_ADTS_SURE):
        frame = head[position : position + _ADTS_HEADER]
        length = (int.from_bytes(frame[3:6], "big") >> 5 & 0x1FFF) if len(frame) == _ADTS_HEADER else 0
        if not _is_adts(frame) or length < _ADTS_HEADER:
            return False
        position += length
    return True
