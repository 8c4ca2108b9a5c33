"""Container formats by their first bytes, never by a name or a declared type."""

from typing import Final

_NAMES: Final = (
    (b"OggS", "OGG"),
    (b"fLaC", "FLAC"),
    (b"#!AMR", "AMR"),
    (b"caff", "CAF"),
    (b".snd", "AU"),
    (b"NIST_1A", "SPHERE"),
    (b"ADIF", "AAC"),
    (b"riff\x2e\x91\xcf\x11", "W64"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "WMA"),
)
_EBML = b"\x1a\x45\xdf\xa3"
_ADTS = 0xFFF0
_ADTS_MASK = 0xFFF6
_ADTS_RATES = 13
_LAYER_2 = 0xFFE4
_LAYER_MASK = 0xFFE6
_RESERVED = 3
"""Sample rate index that MPEG audio leaves unused."""


def is_wav(head: bytes) -> bool:
    """RIFF, its big-endian form RIFX, or one of 64 bits (EBU Tech 3306: RF64; ITU-R BS.2088: BW64)."""
    return head[:4] in (b"RIFF", b"RIFX", b"RF64", b"BW64") and head[8:12] == b"WAVE"


def foreign_format(head: bytes) -> str | None:
    """The name of an audio format that Coval does not take; None where the bytes are not known as one."""
    for magic, name in _NAMES:
        if head.startswith(magic):
            return name
    if head[4:8] == b"ftyp":
        return "M4A" if head[8:11] == b"M4A" else "MP4"
    if head.startswith(_EBML):
        return "WEBM" if b"webm" in head[:64] else "MKV"
    if head.startswith(b"FORM") and head[8:12] in (b"AIFF", b"AIFC"):
        return "AIFF"
    if head.startswith(b"RIFF") and head[8:12] == b"AVI ":
        return "AVI"
    return _mpeg_relative(head)


def _mpeg_relative(head: bytes) -> str | None:
    """AAC (ADTS) and MP2 share MP3's sync bits; the two layer bits tell them apart (ISO 11172-3, 13818-7).

    Layer I is left out: with it every UTF-16 text, which begins FF FE, would be called audio.
    """
    word, rates = int.from_bytes(head[:2], "big"), head[2:3]
    if word & _ADTS_MASK == _ADTS and rates and rates[0] >> 2 & 15 < _ADTS_RATES:
        return "AAC"
    if word & _LAYER_MASK == _LAYER_2 and rates and rates[0] >> 2 & 3 != _RESERVED:
        return "MP2"
    return None
