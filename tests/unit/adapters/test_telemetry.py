"""What reaches the log and the metrics: one JSON line an event, nothing private."""

import hashlib
import json
import logging
import re
import shutil
import subprocess
import uuid
from pathlib import Path

import pytest

from coval_relay import __version__
from coval_relay.adapters.aws import telemetry
from coval_relay.domain.log_events import LogEvent

TABLE = "coval-relay-ConversationTable-1A2B3C"


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """A logger of its own name: loggers of one name share the stream that the first one was given."""
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", uuid.uuid4().hex)
    telemetry.logger.cache_clear()
    telemetry.metrics.cache_clear()
    telemetry.metrics().clear_metrics()
    monkeypatch.setenv("TABLE_NAME", TABLE)


def test_a_line_names_its_event_and_its_call(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry.report(LogEvent.RECORDING_REJECTED, "call-1", code="audio_too_short")
    line = json.loads(capsys.readouterr().out)
    shown = {name: line[name] for name in ("level", "message", "event", "external_conversation_id", "code", "version")}
    assert shown == {
        "level": "WARNING",
        "message": "The recording cannot be used.",
        "event": "RECORDING_REJECTED",
        "external_conversation_id": "call-1",
        "code": "audio_too_short",
        "version": __version__,
    }
    assert line["call_digest"] == hashlib.sha256(f"{TABLE}/call-1".encode()).hexdigest()[:16]


@pytest.mark.parametrize(
    ("name", "masked"),
    [
        ("room-+15550100002", "room-***"),
        ("sip_15550100002_x", "sip_***_x"),
        ("15550100002", "***"),
        ("tel4915112345678", "tel***"),
        ("+1 (555) 010-0002", "***"),
        ("room_1_555_010_0002_x", "room_***_x"),
        ("trunk/+1/555/010/0002/leg", "trunk/***/leg"),
        ("555–010–0002:7", "***"),  # noqa: RUF001 - dashes that are no hyphens
        ("%2B1%20555%20010%200002", "%2B***"),
        ("555_010", "555_010"),
        ("acme-8842", "acme-8842"),
        ("a4f6c0de-0000-4000-8000-000000000001", "a4f6c0de-0000-4000-8000-000000000001"),
        ("CA00000000000000000000000000000002", "CA00000000000000000000000000000002"),
    ],
)
def test_phone_numbers_in_ids_are_masked(name: str, masked: str) -> None:
    assert telemetry.call_fields(name)["external_conversation_id"] == masked


def test_stacks_have_digests_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that nobody finds a number by a list of all digests, made once."""
    here = telemetry.call_fields("15550100002")["call_digest"]
    assert telemetry.call_fields("15550100002")["call_digest"] == here
    monkeypatch.setenv("TABLE_NAME", "coval-relay-ConversationTable-9Z8Y7X")
    assert telemetry.call_fields("15550100002")["call_digest"] != here


def test_the_docs_tell_how_to_find_a_call() -> None:
    shell = shutil.which("sh")
    assert shell is not None
    page = (Path(__file__).parents[3] / "docs" / "operations.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"^printf .*sha256sum.*$", page, re.MULTILINE)
    environment = {"TABLE": TABLE, "ID": "room-+15550100002 é", "PATH": "/usr/bin:/bin"}
    printed = subprocess.run([shell, "-c", command], env=environment, capture_output=True, text=True, check=True)
    assert printed.stdout.strip() == telemetry.call_fields("room-+15550100002 é")["call_digest"]


def test_events_with_a_metric_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry.report(LogEvent.CALL_SUBMITTED, "call-1")
    telemetry.report(LogEvent.TRANSCRIPT_RECEIVED, "call-1")
    capsys.readouterr()
    telemetry.metrics().flush_metrics()
    embedded = json.loads(capsys.readouterr().out)
    assert embedded["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "CovalRelay"
    (counted,) = embedded["_aws"]["CloudWatchMetrics"][0]["Metrics"]
    assert (counted["Name"], embedded["Submitted"]) == ("Submitted", [1.0])


def test_libraries_that_log_urls_are_kept_quiet() -> None:
    telemetry.logger()
    for library in ("httpx", "httpcore", "botocore"):
        assert not logging.getLogger(library).isEnabledFor(logging.INFO)


def test_every_event_has_a_level_and_a_message() -> None:
    for event in LogEvent:
        level, message, metric = event.value
        assert isinstance(logging.getLevelName(level), int)
        assert message.endswith(".")
        assert metric is None or metric.isalnum()


@pytest.mark.parametrize(
    ("chosen", "shown"),
    [("INFO", {"INFO", "WARNING", "ERROR"}), ("WARNING", {"WARNING", "ERROR"}), ("ERROR", {"ERROR"})],
)
def test_the_chosen_level_holds_beside_lambda_s_own_and_metrics_stay(
    chosen: str, shown: set[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lambda names its level to the function; Powertools would obey that one."""
    monkeypatch.setenv("AWS_LAMBDA_LOG_LEVEL", "INFO")
    telemetry.set_level(chosen)
    for event in (LogEvent.CALL_SUBMITTED, LogEvent.RECORDING_REJECTED, LogEvent.CALL_REJECTED):
        telemetry.report(event, "call-1")
    telemetry.flush()
    *lines, counted = map(json.loads, capsys.readouterr().out.splitlines())
    assert {line["level"] for line in lines} == shown
    assert "level" not in counted
    assert {"Submitted", "CallRejected"} <= counted.keys()
