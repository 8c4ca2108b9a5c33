"""A worker's start: what it loads, and that the collector rests meanwhile, and no longer."""

import gc
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from coval_relay import settings
from coval_relay.configuration.document import Configuration
from coval_relay.entrypoints import lambda_handler
from coval_relay.platforms import registry
from coval_relay.settings import Settings
from tests.support.environment_variables import COMMON, RECORDINGS

PROJECT = Path(__file__).parents[3]
MISCONFIGURED = """
import app, gc, json
class Context:
    aws_request_id = "x"
found = [gc.isenabled()]
try:
    app.handler({}, Context())
except Exception as error:
    found.append(str(error))
print(json.dumps([*found, gc.isenabled()]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("function", ["submit_transcript", "upload_recording", "attach_recording"])
def test_a_worker_starts_without_it_and_a_broken_start_wakes_it(function: str) -> None:
    path = os.pathsep.join([str(PROJECT / "functions" / function), str(PROJECT / "layers" / "shared")])
    environment = {**COMMON, **RECORDINGS, "TABLE_NAME": "", "PYTHONPATH": path}
    worker = subprocess.run(
        [sys.executable, "-c", MISCONFIGURED], env=environment, capture_output=True, text=True, check=True
    )
    fault = "TABLE_NAME: String should have at least 1 character"
    assert json.loads(worker.stdout) == [False, fault, True]


LOADED = """
import app, json, sys
print(json.dumps([name for name in sys.argv[1:] if name in sys.modules]))
"""
HANDLER = "coval_relay.entrypoints.lambda_handler"
AUDIO = ["coval_relay.domain.audio", "coval_relay.adapters.audio", "av"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("function", "spared"),
    [("submit_transcript", AUDIO), ("upload_recording", AUDIO[1:]), ("attach_recording", AUDIO)],
)
def test_a_worker_loads_what_its_first_call_needs(function: str, spared: list[str]) -> None:
    path = os.pathsep.join([str(PROJECT / "functions" / function), str(PROJECT / "layers" / "shared")])
    platforms = [f"coval_relay.platforms.{name}" for name in registry.NAMES if name != "canonical"]
    worker = subprocess.run(
        [sys.executable, "-c", LOADED, HANDLER, *platforms, *spared],
        env={"PYTHONPATH": path, "POWERTOOLS_SERVICE_NAME": "relay"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(worker.stdout) == [HANDLER]


class Context:
    """Lambda's, as far as it is looked at."""

    aws_request_id = "x"

    def get_remaining_time_in_millis(self) -> int:
        return 1000


@pytest.fixture
def resting() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()
    gc.unfreeze()


@pytest.mark.usefixtures("resting")
def test_the_first_call_wakes_it_and_what_was_made_is_not_searched_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(settings, "load", lambda _: None)
    monkeypatch.setattr(lambda_handler, "configuration_source", lambda *_: Configuration)
    monkeypatch.setattr(lambda_handler, "deployed", Configuration)
    woken: list[bool] = []

    def serve(event: Any, _: Any) -> dict[str, Any]:
        woken.append(gc.isenabled() and gc.get_freeze_count() > 0)
        gc.unfreeze()
        return {"seen": event}

    handler = lambda_handler.handler_of(Settings, lambda *_: serve)  # type: ignore[arg-type]
    assert [handler(event, Context()) for event in (1, 2)] == [{"seen": 1}, {"seen": 2}]
    assert woken == [True, False]
