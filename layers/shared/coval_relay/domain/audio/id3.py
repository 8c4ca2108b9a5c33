"""Tags around audio: ID3v2 (id3.org, v2.4.0 §3.1, §3.4) and APE (APEv2, tag header) in front, ID3v1 at the end."""

from dataclasses import dataclass

from coval_relay.domain.audio.ranged_reads import WINDOW, Ranges

HEADER = 10
FOOTER_FLAG = 0x10
HIGH_BIT = 0x80
APE_HEADER = 32


@dataclass(frozen=True, slots=True)
class LeadingTags:
    """Where the audio begins behind all tags, of which some writers put several; `clean` if all are as ID3v2 says."""

    end: int = 0
    clean: bool = True


def leading_tags(source: Ranges) -> LeadingTags:
    tags = LeadingTags()
    while length := _tag_length(header := source.at(tags.end, APE_HEADER, WINDOW)):
        tags = LeadingTags(tags.end + length, clean=tags.clean and _is_clean(header))
    return tags


def _tag_length(header: bytes) -> int:
    """Header, body and footer; 0 where no tag begins."""
    if header[:8] == b"APETAGEX" and len(header) == APE_HEADER:
        return APE_HEADER + int.from_bytes(header[12:16], "little")
    if len(header) < HEADER or header[:3] != b"ID3":
        return 0
    footer = HEADER if header[5] & FOOTER_FLAG else 0
    return HEADER + _body_length(header[6:HEADER]) + footer


def _is_clean(header: bytes) -> bool:
    return header[:3] == b"ID3" and max(header[6:HEADER]) < HIGH_BIT


def _body_length(size: bytes) -> int:
    """Four 7-bit bytes; some writers use all 8, which shows where the highest bit is set."""
    if max(size) >= HIGH_BIT:
        return int.from_bytes(size, "big")
    return size[0] << 21 | size[1] << 14 | size[2] << 7 | size[3]
