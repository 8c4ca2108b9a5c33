"""Servers are started once, found again, and ended by their own id only."""

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from local.stack.server_processes import Server, ServerFailed, free_port, wait_until

pytestmark = pytest.mark.slow
LISTENER = """
import socket
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
input()
"""


def _serve(server: Server, folder: Path) -> None:
    url = f"http://127.0.0.1:{server.port()}"

    def healthy() -> bool:
        try:
            return httpx.get(url, trust_env=False).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    command = [sys.executable, "-m", "http.server", str(server.port()), "--bind", "127.0.0.1"]
    server.start(command, dict(os.environ), healthy, folder)


def test_a_server_runs_from_start_to_stop(tmp_path: Path) -> None:
    server = Server("web", tmp_path)
    assert not server.running()

    _serve(server, tmp_path)
    again = Server("web", tmp_path)
    assert again.running()
    assert again.port() == server.port()

    assert again.stop()
    assert not server.running()
    assert not server.stop()


def test_a_server_that_runs_is_not_started_again(tmp_path: Path) -> None:
    server = Server("web", tmp_path)
    _serve(server, tmp_path)
    try:
        with pytest.raises(ServerFailed, match="web runs already"):
            _serve(server, tmp_path)
    finally:
        server.stop()


def test_a_server_that_dies_at_once_is_reported_with_its_log(tmp_path: Path) -> None:
    server = Server("broken", tmp_path)

    with pytest.raises(ServerFailed, match=r"does not answer; see .*broken\.log"):
        server.start([sys.executable, "-c", "raise SystemExit('no')"], {}, lambda: False, tmp_path)

    assert server.log.read_text() == "no\n"
    assert not server.running()


def test_a_recorded_id_that_belongs_to_somebody_else_is_left_alone(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        (tmp_path / "web.json").write_text(json.dumps({"port": free_port(), "pid": stranger.pid}))

        assert not Server("web", tmp_path).stop()

        assert stranger.poll() is None
        stranger.communicate(b"\n")
    assert stranger.returncode == 0


def test_a_port_that_was_taken_meanwhile_is_given_up(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", LISTENER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as stranger:
        assert stranger.stdout is not None
        taken = int(stranger.stdout.readline())
        (tmp_path / "web.json").write_text(json.dumps({"port": taken}))

        assert Server("web", tmp_path).port() != taken

        stranger.communicate(b"\n")


def test_waiting_gives_up_in_the_end() -> None:
    assert not wait_until(lambda: False, 0.1)
    assert wait_until(lambda: True, 0)
