"""The record of requests, waiting for it, seeds, resets, and the simulator as a process."""

import hashlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from local.simulator import AdminClient, running
from tests.support.audio_files import wav
from tests.support.simulator import MESSAGE, Api


def test_records_requests_whole_but_for_the_key(api: Api) -> None:
    body = {"transcript": [MESSAGE], "external_conversation_id": "call-1"}
    _, answer = api.submit(body)
    (request,) = api.simulator.admin.requests()
    for name in ("time", "seconds"):
        request.pop(name)
    headers = {name.lower(): value for name, value in request.pop("headers").items()}
    assert request == {
        "n": 1,
        "method": "POST",
        "path": "/v1/conversations:submit",
        "query": {},
        "body": body,
        "bytes_received": int(headers["content-length"]),
        "external_conversation_id": "call-1",
        "conversation_id": answer["conversation"]["conversation_id"],
        "upload_id": None,
        "fault": None,
        "outcome": "answered",
        "response_status": 200,
        "response_body": answer,
    }
    assert headers["x-api-key"] == f"sha256:{hashlib.sha256(api.simulator.api_key.encode()).hexdigest()}"


def test_counts_the_bytes_of_an_upload(api: Api) -> None:
    content = wav()
    upload_id = api.upload(content)
    found = [(item["bytes_received"], item["upload_id"]) for item in api.simulator.admin.requests(method="PUT")]
    assert found == [(len(content), upload_id)]


def test_narrows_the_record(api: Api) -> None:
    conversation_id = api.submitted(external_conversation_id="call-1")
    api.submitted(external_conversation_id="call-2")
    api.get(conversation_id)
    admin = api.simulator.admin
    assert [item["n"] for item in admin.requests(external_conversation_id="call-1")] == [1, 3]
    assert [item["n"] for item in admin.requests(path="/v1/conversations:")] == [1, 2]
    assert [item["n"] for item in admin.requests(after=1, method="POST")] == [2]
    assert admin.requests(after=3) == []


def test_waits_for_the_next_request(api: Api) -> None:
    api.submitted(external_conversation_id="call-1")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(api.simulator.admin.requests, after=1, wait=30, external_conversation_id="call-3")
        api.submitted(external_conversation_id="call-2")
        api.submitted(external_conversation_id="call-3")
        assert [item["n"] for item in waiting.result(10)] == [3]


def test_does_not_wait_for_ever(api: Api) -> None:
    assert api.simulator.admin.requests(wait=0.05) == []


def test_an_admin_learns_what_is_wrong(api: Api) -> None:
    with pytest.raises(httpx.HTTPStatusError, match="400 Bad Request"):
        api.simulator.admin.configure(no_such_switch=True)


def test_a_reset_forgets_everything_but_the_first_switches(api: Api) -> None:
    api.simulator.admin.configure(filter_simulations=False, list_lag_seconds=99)
    api.submitted(upload_id=api.upload(wav()))
    api.simulator.admin.add_fault({"kind": "cut"})
    api.simulator.admin.reset()
    admin = api.simulator.admin
    assert [admin.requests(), admin.conversations(), admin.uploads(), admin.faults(), admin.webhooks()] == [[]] * 5
    assert (admin.config()["filter_simulations"], admin.config()["list_lag_seconds"]) == (True, 0)


def identifiers(api: Api, seed: str | None) -> list[str]:
    api.simulator.admin.reset(seed)
    upload_id = api.upload(wav())
    return [upload_id, api.submitted(upload_id=upload_id), api.submitted()]


def test_a_seed_repeats_identifiers(api: Api) -> None:
    first, second, other, random = (identifiers(api, seed) for seed in ("a", "a", "b", None))
    assert first == second
    assert len({*first, *other, *random}) == 9


def test_deletes_as_a_user_does(api: Api) -> None:
    conversation_id = api.submitted()
    assert api.simulator.admin.delete_conversation(conversation_id)["status"] == "CANCELLED"


def test_runs_beside_another_in_one_process(tmp_path: Path) -> None:
    with running(state_folder=tmp_path, seed="a", api_keys=["one"]) as first, running() as second:
        assert (first.api_key, first.url != second.url) == ("one", True)
        empty = {"status": "ok", "requests": 0, "conversations": 0}
        assert (first.admin.health(), second.admin.health()) == (empty, empty)
        assert first.base_url == f"{first.url}/v1"
    assert (tmp_path / "audio").is_dir()


ROOT = Path(__file__).parents[3]


@contextmanager
def process(*options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The simulator as a process, and its URL."""
    command = [sys.executable, "-m", "local.simulator", "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=dict(os.environ)) as one:
        assert one.stdout is not None
        try:
            yield one, one.stdout.readline().split()[2].removesuffix("/v1")
        finally:
            one.terminate()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_runs_as_a_process_until_it_is_stopped(tmp_path: Path, number: signal.Signals) -> None:
    options = ("--seed", "a", "--state-dir", str(tmp_path), "--switches", '{"list_lag_seconds": 7}')
    with process(*options) as (one, url):
        with AdminClient(url) as admin:
            assert admin.config()["list_lag_seconds"] == 7
        one.send_signal(number)
        assert one.wait(10) == 0


def peak_mebibytes(pid: int) -> int:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) // 1024


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads Linux's /proc")
def test_a_large_upload_costs_no_memory() -> None:
    size = 100 * 1024 * 1024
    with process() as (one, url), httpx.Client(trust_env=False) as http:
        key = {"x-api-key": "coval_sk_simulator"}
        upload = http.post(f"{url}/v1/audio:upload", headers=key).json()
        before = peak_mebibytes(one.pid)
        headers = {"Content-Type": "audio/wav", "Content-Length": str(size)}
        chunks = (bytes(1024 * 1024) for _ in range(100))
        assert http.put(upload["upload_url"], content=chunks, headers=headers).status_code == 200
        assert peak_mebibytes(one.pid) - before <= 16
