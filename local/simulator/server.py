"""Runs the simulator: in a thread of a test, or as a process."""

import asyncio
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from local.simulator.admin import AdminClient
from local.simulator.app import make_app
from local.simulator.behaviour_switches import Switches

HOST = "127.0.0.1"


@dataclass(frozen=True)
class RunningSimulator:
    """A simulator that runs in this process; `base_url` is what a Coval client is given."""

    url: str
    api_key: str
    admin: AdminClient

    @property
    def base_url(self) -> str:
        return f"{self.url}/v1"


async def serve(
    port: int,
    state_folder: Path,
    seed: str | None,
    switches: Switches,
    ready: Callable[[int, asyncio.Event], None],
) -> None:
    """Serve on the loopback until the event that `ready` is handed is set; port 0 means any free one."""
    stop = asyncio.Event()
    app = await make_app(state_folder, seed, switches)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, HOST, port)
        await site.start()
        ready(int(runner.addresses[0][1]), stop)
        await stop.wait()
    finally:
        await runner.cleanup()


@contextmanager
def running(
    *, state_folder: Path | None = None, seed: str | None = None, **switches: Any
) -> Iterator[RunningSimulator]:
    """Run a simulator in a thread on a free loopback port; the keywords are those of `Switches`."""
    chosen = Switches().changed(switches)
    with tempfile.TemporaryDirectory() as temporary:
        folder = state_folder or Path(temporary)
        with _thread(folder, seed, chosen) as port, AdminClient(f"http://{HOST}:{port}") as admin:
            yield RunningSimulator(f"http://{HOST}:{port}", chosen.api_keys[0], admin)


@contextmanager
def _thread(folder: Path, seed: str | None, switches: Switches) -> Iterator[int]:
    started: Future[tuple[int, asyncio.Event, asyncio.AbstractEventLoop]] = Future()

    def ready(port: int, stop: asyncio.Event) -> None:
        started.set_result((port, stop, asyncio.get_running_loop()))

    thread = threading.Thread(target=lambda: asyncio.run(serve(0, folder, seed, switches, ready)), name="simulator")
    thread.start()
    port, stop, loop = started.result(timeout=30)
    try:
        yield port
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
