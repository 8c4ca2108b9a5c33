"""Whatever fails, whatever Coval answers and wherever a secret stands: no log line or attribute has it."""

from pathlib import Path

import pytest

from tests.support.log_scan import (
    ERRORS,
    Ear,
    Unforeseen,
    assert_silence_about_a_failure,
    assert_silence_about_a_sample,
    assert_silence_about_an_answer,
    listening,
)
from tests.support.platform_samples import EVENTS
from tests.support.scenarios import SCENARIOS, Scenario
from tests.support.world import Killed

METHODS = ("submit", "attach", "get", "find", "create_upload", "put_audio")


SAMPLES = sorted(path for path in EVENTS.glob("*/*.json"))


@pytest.fixture
def ear(capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> Ear:
    return listening(capsys, caplog, monkeypatch)


@pytest.mark.parametrize("error", [Killed, Unforeseen], ids=lambda e: e.__name__)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_a_failure_at_any_effect(scenario: Scenario, error: type[BaseException], ear: Ear) -> None:
    assert_silence_about_a_failure(scenario, error, ear)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("error", ERRORS, ids=lambda e: f"{type(e).__name__}-{getattr(e, 'code', '')}")
def test_an_error_of_coval_that_quotes_the_call(method: str, error: Exception, ear: Ear) -> None:
    assert_silence_about_an_answer(method, error, ear)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_sample_with_a_secret_anywhere(path: Path, ear: Ear) -> None:
    assert_silence_about_a_sample(path, ear)
