"""The servers of the local stack: started apart from this process, known again by later ones, ended by id.

Each server holds a lock on its own record file for as long as it lives (it inherits the open file), so a
process id is believed only while the lock is held: an id that the system has given to somebody else is never
signalled.
"""

import contextlib
import fcntl
import json
import os
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

FIRST_PORT, PORTS = 10_000, 22_000


class ServerFailed(RuntimeError):
    """A server ended, or did not answer in time; names its log."""


def free_port() -> int:
    """A port of the loopback that nobody listens on; any of those that the system gives to no client."""
    while not _is_free(port := FIRST_PORT + secrets.randbelow(PORTS)):
        pass
    return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Look again and again until the condition holds; False when the seconds are over."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


@contextlib.contextmanager
def alone(file: Path) -> Iterator[None]:
    """Wait until no other process is inside the same block; the system frees the lock of one that dies."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@dataclass(frozen=True, slots=True)
class Server:
    """One server process and its files in the stack's folder."""

    name: str
    folder: Path

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}.log"

    @property
    def record(self) -> Path:
        return self.folder / f"{self.name}.json"

    def port(self) -> int:
        """The server's port: the recorded one, or a free one that is recorded for all later runs."""
        recorded = self._read().get("port")
        if recorded is None or not (self.running() or _is_free(recorded)):
            recorded = free_port()
            self.folder.mkdir(parents=True, exist_ok=True)
            self.record.write_text(json.dumps({"port": recorded}))
        return int(recorded)

    def running(self) -> bool:
        """Whether the process that was started still lives."""
        if not self.record.exists():
            return False
        with self.record.open() as record:
            return not _lock(record.fileno(), fcntl.LOCK_SH)

    def start(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        healthy: Callable[[], bool],
        directory: Path,
    ) -> None:
        """Start the server and wait until it answers; raises ServerFailed."""
        port = self.port()
        with self.record.open("r+") as record, self.log.open("ab") as log:
            if not wait_until(lambda: _lock(record.fileno(), fcntl.LOCK_EX), 1):
                raise ServerFailed(f"{self.name} runs already")
            process = subprocess.Popen(
                command,
                cwd=directory,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[record.fileno()],
                start_new_session=True,
            )
            record.truncate()
            record.write(json.dumps({"port": port, "pid": process.pid}))
        answered = wait_until(lambda: process.poll() is not None or healthy(), 180)
        died, process.returncode = process.poll() is not None, 0  # it may outlive this process, on purpose
        if died or not answered:
            self.stop()
            raise ServerFailed(f"{self.name} does not answer; see {self.log}")

    def stop(self) -> bool:
        """End the server and all that it started; False where it did not run."""
        if not self.running():
            return False
        group = int(self._read()["pid"])
        for sign in (signal.SIGTERM, signal.SIGKILL):
            os.killpg(group, sign)
            if wait_until(lambda: not self.running(), 30):
                _reap(group)
                return True
        raise ServerFailed(f"{self.name} (process {group}) does not end")

    def _read(self) -> dict[str, int]:
        return json.loads(self.record.read_text()) if self.record.exists() else {}


def _reap(process: int) -> None:
    """Let the system forget an ended process, where it was this process's own child."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(process, 0)


def _lock(descriptor: int, kind: int) -> bool:
    """Try to lock: a server holds its record exclusively, who looks shares it with others who look."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
