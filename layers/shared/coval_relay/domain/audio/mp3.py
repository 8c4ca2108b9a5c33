"""MP3: duration from the encoder's own frame count where that fits, else from all frames."""

from coval_relay.domain.audio import id3
from coval_relay.domain.audio.coval_limits import MAX_BYTES
from coval_relay.domain.audio.facts import AudioFacts, foreign, unsupported
from coval_relay.domain.audio.id3 import LeadingTags
from coval_relay.domain.audio.mpeg_frames import (
    MOST_JUNK,
    MOST_SURE,
    SURE_IN_JUNK,
    Frame,
    FrameCount,
    is_free_format,
    synchronise,
)
from coval_relay.domain.audio.ranged_reads import WINDOW, Ranges
from coval_relay.domain.audio.vbr_tag import VbrTag, vbr_tag

SPOT = 16 * 1024
SMALL_REST = 2048
"""Behind the last frame: a tag of a few lines, or a frame that is cut."""


def measure(source: Ranges, tags: LeadingTags) -> AudioFacts | None:
    """Facts of an MP3 behind its tags; None where no frames follow.

    As long as ffmpeg decodes it: without a first frame that only counts, and without the delay and padding
    that the encoder noted. Frames are counted one by one unless a count fits the object's size: what has no
    such count is read whole. What begins otherwise than with ID3 or a frame, or ends with something large
    that is no frame, is to be cut; what changes its rate or channels on the way is to be converted.
    """
    found = _first_frame(source, tags.end)
    if not found:
        if is_free_format(source.at(tags.end, SPOT, WINDOW)):
            raise unsupported("MP3 of free format")
        return None
    start, frame = found
    tag = vbr_tag(frame, source.at(start, frame.length, WINDOW))
    begin = 0 if start == tags.end and tags.clean else start
    if tag and tag.fits(source.size - start):
        return _facts(source, frame, tag, frames=tag.frames, cut=(begin, source.size))
    if source.size > MAX_BYTES:
        return _facts(source, frame, tag, frames=(source.size - start) // frame.length, cut=(begin, source.size))
    count = FrameCount(start)
    count.add_all(source.blocks(start))
    if len(count.forms) > 1:
        return foreign("MP3", source.size, start)
    end = count.end if source.size - count.end > SMALL_REST else source.size
    return _facts(source, frame, tag, frames=count.frames - bool(tag), cut=(begin, end))


def _facts(source: Ranges, frame: Frame, tag: VbrTag | None, *, frames: int, cut: tuple[int, int]) -> AudioFacts:
    samples = frames * frame.samples
    if tag:
        samples -= tag.before + (tag.behind if frames >= tag.frames else 0)
    return AudioFacts(
        format="mp3",
        content_type="audio/mp3",
        duration_milliseconds=max(0, samples) * 1000 // frame.sample_rate,
        channels=frame.channels,
        sample_rate=frame.sample_rate,
        codec="mp3",
        size=source.size,
        padded=not (tag and tag.exact),
        begin=cut[0],
        end=cut[1],
    )


def _first_frame(source: Ranges, tags_end: int) -> tuple[int, Frame] | None:
    """Behind the tags; anywhere behind the header of a tag whose length is wrong.

    The short look lies in the block that is at hand, the long one may cost another read.
    """
    at_once = source.at(tags_end, SPOT, WINDOW)
    found = synchronise(at_once)
    if found and not found[0]:
        return tags_end, found[1]
    if tags_end:
        return _somewhere(source)
    for length in (SPOT, WINDOW):
        if found := synchronise(source.at(0, length, WINDOW), sure=SURE_IN_JUNK):
            return found
    return None


def _somewhere(source: Ranges) -> tuple[int, Frame] | None:
    position, rest = id3.HEADER, b""
    for block in source.blocks(position):
        data = rest + block
        if found := synchronise(data, sure=SURE_IN_JUNK):
            return position - len(rest) + found[0], found[1]
        position += len(block)
        if position > MOST_JUNK:
            break
        rest = data[-MOST_SURE:]
    return None
