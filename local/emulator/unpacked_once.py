"""The emulated AWS, whose workers share what is unpacked; hypercorn loads this file in the emulator's environment.

MiniStack 1.5.33 unpacks a function and its layers, 100 MB for the audio's, anew for each worker that starts.
"""

import hashlib
import tempfile
import threading
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ministack.app import app
from ministack.core import lambda_runtime

__all__ = ["app"]

UNPACKED = Path(tempfile.gettempdir()) / "unpacked"
ALONE = threading.Lock()


class SharedZip(zipfile.ZipFile):
    """Leaves links to files that are unpacked once; to functions they are read-only, as on Lambda."""

    def extractall(self, path: Any = None, members: Any = None, pwd: Any = None) -> None:
        for entry in self._shared(members, pwd).iterdir():
            (Path(path) / entry.name).symlink_to(entry)

    def _shared(self, members: Any, pwd: Any) -> Path:
        with Path(str(self.filename)).open("rb") as file:
            shared = UNPACKED / hashlib.file_digest(file, "sha256").hexdigest()
        with ALONE:
            if not shared.exists():
                UNPACKED.mkdir(exist_ok=True)
                begun = Path(tempfile.mkdtemp(dir=UNPACKED))
                super().extractall(begun, members, pwd)
                begun.rename(shared)
        return shared


lambda_runtime.zipfile = SimpleNamespace(**{**vars(zipfile), "ZipFile": SharedZip})
