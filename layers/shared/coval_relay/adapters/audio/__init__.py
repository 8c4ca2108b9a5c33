"""Makes of audio that Coval rejects, or that has the speakers the wrong way round, what Coval takes.

Built on PyAV (FFmpeg's libraries), which lies in a layer of its own and is loaded when it is needed.
"""

from typing import BinaryIO

from coval_relay.adapters.audio.output_file import GuardedSink
from coval_relay.adapters.audio.ranged_file import RangedFile
from coval_relay.domain.audio import ReadRange
from coval_relay.domain.coval import ContentType


class PyAvConverter:
    """Decodes a recording read by ranges, and writes it as WAV or MP3."""

    def __call__(self, size: int, read: ReadRange, sink: BinaryIO, *, agent_channel: int | None) -> ContentType:
        """Write the recording to `sink`, the agent on channel 0 where it is known; return what it became.

        Lossless and telephony's narrow-band codecs become 16-bit WAV at their own rate if it stays below
        100 MB, everything else MP3. Of the sink, `write`, `tell` and `seek` are used; what is sought is its
        start, and its end again. Takes memory for a few blocks.

        Raises AudioRejectedError in Coval's wording for what cannot be decoded or lasts over an hour (by a
        margin); what `read` and `sink` raise passes through.
        """
        from coval_relay.adapters.audio.transcoding import transcode  # noqa: PLC0415 - loads PyAV

        return transcode(RangedFile(size, read), GuardedSink(sink), agent_channel)
