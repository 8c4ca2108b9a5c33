"""What reaches the log and the metrics: one JSON line an event, nothing private."""

import json
import logging
import uuid

import pytest

from coval_relay import observability
from coval_relay.domain.journal import LogEvent


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """A logger of its own name: loggers of one name share the stream that the first one was given."""
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", uuid.uuid4().hex)
    observability.logger.cache_clear()
    observability.metrics.cache_clear()
    observability.metrics().clear_metrics()


def test_a_line_names_its_event_and_its_call(capsys: pytest.CaptureFixture[str]) -> None:
    observability.journal(LogEvent.RECORDING_REFUSED, "call-1", code="audio_too_short")
    line = json.loads(capsys.readouterr().out)
    told = {name: line[name] for name in ("level", "message", "event", "external_conversation_id", "code")}
    assert told == {
        "level": "WARNING",
        "message": "The recording cannot be used.",
        "event": "RECORDING_REFUSED",
        "external_conversation_id": "call-1",
        "code": "audio_too_short",
    }
    assert line["call_digest"] == "5d7963c4f471e142"


@pytest.mark.parametrize(
    ("name", "masked"),
    [
        ("room-+15550100002", "room-***"),
        ("sip_15550100002_x", "sip_***_x"),
        ("15550100002", "***"),
        ("tel4915112345678", "tel***"),
        ("+1 (555) 010-0002", "***"),
        ("acme-8842", "acme-8842"),
        ("a4f6c0de-0000-4000-8000-000000000001", "a4f6c0de-0000-4000-8000-000000000001"),
        ("CA00000000000000000000000000000002", "CA00000000000000000000000000000002"),
    ],
)
def test_phone_numbers_in_ids_are_masked(name: str, masked: str) -> None:
    assert observability.call_fields(name)["external_conversation_id"] == masked


def test_events_with_a_metric_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    observability.journal(LogEvent.CALL_SUBMITTED, "call-1")
    observability.journal(LogEvent.SWEPT, count=3)
    capsys.readouterr()
    observability.metrics().flush_metrics()
    embedded = json.loads(capsys.readouterr().out)
    assert embedded["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "CovalRelay"
    assert (embedded["Submitted"], embedded.get("Swept")) == ([1.0], None)


def test_libraries_that_log_urls_are_kept_quiet() -> None:
    observability.logger()
    for library in ("httpx", "httpcore", "botocore"):
        assert not logging.getLogger(library).isEnabledFor(logging.INFO)


def test_every_event_has_a_level_and_a_message() -> None:
    for event in LogEvent:
        level, message, metric = event.value
        assert isinstance(logging.getLevelName(level), int)
        assert message.endswith(".")
        assert metric is None or metric.isalnum()
