"""What the figures in docs/testing.md come from runs on the deployed stack; the commands print the figures."""

from pathlib import Path

import pytest

from local.measure import cold_start, upload
from local.stack.runtime_packages import link_runtime
from local.stack.stack import Stack


@pytest.mark.parametrize("agent_channel", [None, 1])
def test_an_upload(stack: Stack, agent_channel: int | None) -> None:
    recording = upload.put("a-test", upload.SMALL_SECONDS)
    messages = [upload.found(recording, agent_channel) for _ in range(2)]
    assert upload.upload(messages, upload.function_environment(stack)).growth_mebibytes < upload.MOST_GROWTH


@pytest.mark.parametrize("handler", cold_start.HANDLERS)
def test_a_cold_start(stack: Stack, tmp_path: Path, handler: str) -> None:
    environment = cold_start.environments_of(stack, link_runtime(tmp_path))[handler]
    assert cold_start.start(cold_start.HANDLERS[handler], environment, cold_start.event_for(handler)) > 0
