"""From the first bytes to the reader of their format."""

from coval_relay.domain.audio import id3, mp3, wav
from coval_relay.domain.audio.facts import AudioFacts, empty, foreign, undetectable, unreadable, unsupported
from coval_relay.domain.audio.file_signatures import declared_end, embedded, foreign_format, is_wav, unread_format
from coval_relay.domain.audio.ranged_reads import WINDOW, Ranges, ReadRange
from coval_relay.domain.audio.raw import may_be_raw, measure, raw_by_name, unread_by_name
from coval_relay.domain.raw_audio import RawAudio


def probe(size: int, read: ReadRange, raw: RawAudio | None = None, name: str = "") -> AudioFacts:
    """Measure a recording of `size` bytes; most need one read of 64 KiB, none more than 40 reads or 2 MiB.

    But for an MP3 without a count of its frames, which is read whole. Other formats are known by their first
    bytes alone, behind tags. Raises AudioRejectedError for what is empty, no audio, or a WAV or MP3 that
    cannot be read. What begins with no known header is as `raw` says, or else the extension of `name`.
    """
    if size <= 0:
        raise empty()
    source = Ranges(size, read)
    raw = raw or raw_by_name(name)
    if raw and may_be_raw(source.at(0, WINDOW)):
        return measure(raw, size)
    tags = id3.leading_tags(source)
    found = _known(source, tags.end) or mp3.measure(source, tags) or _behind_junk(source, tags.end)
    if found:
        return found
    if codec := unread_by_name(name):
        raise unsupported(codec)
    raise unreadable() if tags.end else undetectable()


def _known(source: Ranges, begin: int) -> AudioFacts | None:
    head = source.at(begin, WINDOW)
    if is_wav(head):
        return wav.measure(source, begin)
    if name := unread_format(head):
        raise unsupported(name)
    name = foreign_format(head)
    end = declared_end(head)
    end = begin + end if end and begin + end < source.size else 0
    return foreign(name, source.size, begin, end) if name else None


def _behind_junk(source: Ranges, tags_end: int) -> AudioFacts | None:
    """But for the header of a WAV that a compressor keeps beside what it made of the samples: sent, that is noise.

    It tells of more than is there. So does a recording that is cut, but that stands behind text or zeros.
    """
    head = source.at(tags_end, WINDOW)
    junk = embedded(head)
    if junk is None:
        return None
    begin = tags_end + junk
    if is_wav(head[junk:]) and not head[:junk].isascii() and wav.claims_more(head[junk:], source.size - begin):
        return None
    return _known(source, begin)
