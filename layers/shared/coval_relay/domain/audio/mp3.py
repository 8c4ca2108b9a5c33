"""MP3: duration from the encoder's own frame count, else from the mean rate of the frames."""

from coval_relay.domain.audio import id3, mpeg_frames
from coval_relay.domain.audio.facts import AudioFacts, foreign, undetectable, unreadable
from coval_relay.domain.audio.file_signatures import foreign_format
from coval_relay.domain.audio.mpeg_frames import Frame, Run
from coval_relay.domain.audio.ranged_reads import WINDOW, Ranges
from coval_relay.domain.audio.vbr_tag import vbr_tag

SPOT = 16 * 1024
"""A look at whether the bit rate is still the same."""
SAMPLES = 32
SAMPLE = 48 * 1024
WHOLE = SAMPLES * SAMPLE
"""Up to here a stream without a count is read whole, and its frames are counted."""


def measure(source: Ranges) -> AudioFacts:
    """Facts of an MP3, or of what stands behind its tags; raises AudioRejectedError where that is no audio.

    With a Xing, Info or VBRI count, and at a constant bit rate, the duration is exact to a frame, encoder
    delay and padding counted in. At a variable rate without a count it is exact up to WHOLE bytes; beyond,
    it is estimated from SAMPLES windows spread over the object. Measured over an hour of conversation: no
    bias, standard deviation 1 %, worst of 60 seen 2.3 %; with minutes of silence or noise on hold, up to 6 %.
    """
    tags_end = id3.end_of_leading_tags(source)
    found = _first_frame(source, tags_end)
    if not found:
        return _relative(source, tags_end)
    start, frame = tags_end + found[0], found[1]
    samples, estimated = _tagged_samples(source, start, frame), False
    if samples is None:
        samples, estimated = _untagged_samples(source, start, frame)
    return AudioFacts(
        format="mp3",
        content_type="audio/mp3",
        duration_milliseconds=samples * 1000 // frame.sample_rate,
        channels=frame.channels,
        sample_rate=frame.sample_rate,
        codec="mp3",
        size=source.size,
        estimated=estimated,
    )


def _first_frame(source: Ranges, tags_end: int) -> tuple[int, Frame] | None:
    """The short look lies in the block that is at hand, the long one may cost another read."""
    for length in (SPOT, WINDOW):
        if found := mpeg_frames.synchronise(source.at(tags_end, length, WINDOW)):
            return found
    return None


def _relative(source: Ranges, tags_end: int) -> AudioFacts:
    """FLAC and AAC come with ID3 tags, too."""
    if name := foreign_format(source.at(tags_end, SPOT, WINDOW)):
        return foreign(name, source.size)
    raise unreadable() if tags_end else undetectable()


def _tagged_samples(source: Ranges, start: int, frame: Frame) -> int | None:
    """A count that does not fit the object (joined, cut) is not believed."""
    tag = vbr_tag(frame, source.at(start, frame.length, WINDOW))
    return tag.frames * frame.samples if tag and tag.fits(source.size - start) else None


def _untagged_samples(source: Ranges, start: int, frame: Frame) -> tuple[int, bool]:
    """All bytes between the tags, at the mean rate of those seen; True where that is an estimate."""
    seen = mpeg_frames.run(source.at(start, SPOT, WINDOW), frame)
    tail = source.at(max(start, source.size - SPOT), SPOT)
    end = id3.start_of_trailing_tag(source, tail)
    estimated = False
    if end - start <= WHOLE:
        seen = mpeg_frames.run(source.at(start, end - start), frame)
    else:
        seen += mpeg_frames.run(tail, frame) + mpeg_frames.run(source.at((start + end) // 2, SPOT), frame)
        if estimated := len(seen.bit_rates) > 1:
            seen = _sampled(source, start, end, frame)
    if not seen.length:
        raise unreadable()
    return (end - start) * seen.samples // seen.length, estimated


def _sampled(source: Ranges, start: int, end: int, frame: Frame) -> Run:
    """One window from the middle of each of SAMPLES equal parts."""
    part = (end - start) // SAMPLES
    middles = (start + part * number + part // 2 for number in range(SAMPLES))
    windows = (source.at(middle - SAMPLE // 2, SAMPLE) for middle in middles)
    return sum((mpeg_frames.run(window, frame) for window in windows), Run())
