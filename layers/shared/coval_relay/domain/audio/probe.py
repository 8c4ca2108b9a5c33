"""From the first bytes to the reader of their format."""

from coval_relay.domain.audio import mp3, wav
from coval_relay.domain.audio.facts import AudioFacts, empty, foreign
from coval_relay.domain.audio.file_signatures import foreign_format, is_wav
from coval_relay.domain.audio.ranged_reads import WINDOW, Ranges, ReadRange


def probe(size: int, read: ReadRange) -> AudioFacts:
    """Measure a recording of `size` bytes; most need one read of 64 KiB, none more than 40 reads or 2 MiB.

    Other formats are known by their first bytes alone. Raises AudioRejectedError in Coval's words
    for what is empty, no audio, or a WAV or MP3 that cannot be read.
    """
    if size <= 0:
        raise empty()
    source = Ranges(size, read)
    head = source.at(0, WINDOW)
    if is_wav(head):
        return wav.measure(source)
    if name := foreign_format(head):
        return foreign(name, size)
    return mp3.measure(source)
