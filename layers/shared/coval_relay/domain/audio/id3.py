"""Tags around MP3 frames: ID3v2 in front (id3.org, v2.4.0 §3.1, §3.4), ID3v1 at the end."""

from coval_relay.domain.audio.ranged_reads import WINDOW, Ranges

HEADER = 10
FOOTER_FLAG = 0x10
ID3V1 = 128


def end_of_leading_tags(source: Ranges) -> int:
    """Where the audio begins: behind all ID3v2 tags, of which some writers put several."""
    position = 0
    while length := _tag_length(source.at(position, HEADER, WINDOW)):
        position += length
    return position


def start_of_trailing_tag(source: Ranges, tail: bytes) -> int:
    """Where the audio ends, seen from the object's last bytes."""
    return source.size - ID3V1 if tail[-ID3V1 : -ID3V1 + 3] == b"TAG" else source.size


def _tag_length(header: bytes) -> int:
    """Header, body and footer; 0 where no tag begins. The size is four 7-bit bytes."""
    if len(header) < HEADER or header[:3] != b"ID3":
        return 0
    body = 0
    for byte in header[6:]:
        body = body << 7 | byte & 0x7F
    footer = HEADER if header[5] & FOOTER_FLAG else 0
    return HEADER + body + footer
