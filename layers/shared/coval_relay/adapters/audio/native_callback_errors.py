"""Keeps what was raised inside FFmpeg's callbacks, where FFmpeg makes an end or an error of its own of it."""

from types import TracebackType


class FirstError:
    """A context that lets every error pass, and remembers the first."""

    def __init__(self) -> None:
        self.error: BaseException | None = None

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.error = self.error or error
