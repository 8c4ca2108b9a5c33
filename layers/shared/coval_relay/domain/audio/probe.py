"""From the first bytes to the reader of their format."""

from coval_relay.domain.audio import mp3, riff
from coval_relay.domain.audio.facts import AudioFacts, empty, unsupported
from coval_relay.domain.audio.magic import foreign_format, is_wav
from coval_relay.domain.audio.ranges import WINDOW, Ranges, ReadRange


def probe(size: int, read: ReadRange) -> AudioFacts:
    """Measure a recording of `size` bytes; most need one read of 64 KiB, none more than 40 reads or 2 MiB.

    Raises AudioRefused with Coval's own wording, for anything that is not a readable WAV or MP3.
    """
    if size <= 0:
        raise empty()
    source = Ranges(size, read)
    head = source.at(0, WINDOW)
    if is_wav(head):
        return riff.measure(source)
    if name := foreign_format(head):
        raise unsupported(name)
    return mp3.measure(source)
