"""The sink as an encoder may use it."""

import os
from typing import BinaryIO

from coval_relay.adapters.audio.native_callback_errors import FirstError


class GuardedSink:
    """Takes nothing more after an error: FFmpeg may write on, and PyAV keeps but one error."""

    def __init__(self, sink: BinaryIO) -> None:
        self._sink = sink
        self.failure = FirstError()

    def write(self, data: bytes) -> int:
        if not self.failure.error:
            with self.failure:
                self._sink.write(data)
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return offset if self.failure.error else self._sink.seek(offset, whence)

    def tell(self) -> int:
        return self._sink.tell()
