"""Makes of audio that Coval rejects, or that has the speakers the wrong way round, what Coval takes.

Built on PyAV (FFmpeg's libraries), which lies in a layer of its own and is loaded when it is needed.
"""

from typing import BinaryIO

from coval_relay.adapters.audio.output_file import GuardedSink
from coval_relay.adapters.audio.ranged_file import RangedFile
from coval_relay.domain.audio import ReadRange
from coval_relay.domain.audio.flac import with_true_metadata
from coval_relay.domain.audio.raw import oki_header
from coval_relay.domain.coval import ContentType
from coval_relay.domain.raw_audio import RawAudio


class PyAvConverter:
    """Decodes a recording read by ranges, and writes it as WAV or MP3."""

    def __call__(
        self, size: int, read: ReadRange, sink: BinaryIO, *, agent_channel: int | None, raw: RawAudio | None = None
    ) -> ContentType:
        """Write the recording to `sink`, the agent on channel 0 where it is known; return what it became.

        Lossless and telephony's narrow-band codecs become 16-bit WAV at their own rate if it stays below
        100 MB, everything else MP3. Of the sink, `write`, `tell` and `seek` are used; what is sought is its
        start, and its end again. Takes memory for a few blocks.

        Raises AudioRejectedError in Coval's wording for what cannot be decoded or lasts over an hour (by a
        margin); what `read` and `sink` raise passes through.
        """
        from coval_relay.adapters.audio.transcoding import transcode  # noqa: PLC0415 - loads PyAV

        if raw and raw.codec == "vox":
            header = oki_header(raw, size)
            size, read, raw = len(header) + size, _behind(header, read), None
        return transcode(RangedFile(size, _mended(read)), GuardedSink(sink), agent_channel, raw.codec if raw else None)


def _behind(header: bytes, read: ReadRange) -> ReadRange:
    def both(start: int, length: int) -> bytes:
        head = header[start : start + length]
        rest = length - len(head)
        return head + (read(start + len(head) - len(header), rest) if rest else b"")

    return both


def _mended(read: ReadRange) -> ReadRange:
    def mended(start: int, length: int) -> bytes:
        data = read(start, length)
        return data if start else with_true_metadata(data)

    return mended
