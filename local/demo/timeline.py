"""The time line: one line for each thing that happens, as it happens."""

import threading
import time
from dataclasses import dataclass, field


@dataclass
class Timeline:
    """Prints from many threads, one whole line at a time."""

    width: int
    began: float = field(default_factory=time.monotonic)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, call: str, text: str) -> None:
        with self._lock:
            print(f"{time.monotonic() - self.began:6.1f} s  {call:<{self.width}}  {text}", flush=True)
