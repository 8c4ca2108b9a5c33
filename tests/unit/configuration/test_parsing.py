"""relay.toml: every key can be written, faults name file, key, rule and the nearest name, and never a value."""

from pathlib import Path

import pytest

from coval_relay.configuration.document import Configuration
from coval_relay.configuration.parsing import ConfigurationError, parse

PROJECT = Path(__file__).parents[3]


def test_an_empty_document_is_all_defaults() -> None:
    assert parse("") == Configuration()


def test_the_document_of_the_repository_is_valid() -> None:
    assert parse((PROJECT / "relay.toml").read_text(encoding="utf-8")) == Configuration()


def fault_of(text: str, deployed: Configuration | None = None) -> str:
    with pytest.raises(ConfigurationError) as caught:
        parse(text, "relay.toml", deployed)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[deadlines]\ngrace_secnods = 5", "deadlines.grace_secnods: is not known; is grace_seconds meant?"),
        ("[deadlines]\ngrace_seconds = 0", "deadlines.grace_seconds: Input should be greater than or equal to 1"),
        ("[deadlines]\nretention_days = 13", "deadlines.retention_days: Input should be greater than or equal to 14"),
        (
            "[deadlines]\nretention_days = 20\nrecording_seconds = 1_728_000",
            "deadlines.retention_days: must be longer than recording_seconds",
        ),
        (
            "[deadlines]\nretention_days = 14\nrecording_seconds = 2_592_000",
            "deadlines.retention_days: must be longer than recording_seconds",
        ),
        ("[dedlines]", "dedlines: is not known; is deadlines meant?"),
        ("zzz = 1", "zzz: is not known"),
        ("[platforms.vapy]\nagent_channel = 0", "platforms.vapy: is not known; is vapi meant?"),
        (
            "[platforms.vapi]\nagent_channels = 0",
            "platforms.vapi.agent_channels: is not known; is agent_channel meant?",
        ),
        ("[platforms.vapi]\nagent_channel = 2", "platforms.vapi.agent_channel: Input should be 0 or 1"),
        ('[calls.agent_ids]\n"front-desk" = "a secret"', "calls.agent_ids.front-desk: String should match pattern"),
        ('[links]\nrecording_hosts = ["https://a.example"]', "links.recording_hosts[0]: String should match pattern"),
        ('[coval]\nbase_url = "http://a.example"', "coval.base_url: String should match pattern"),
        ('[bucket_owners]\nacme = "1"', "bucket_owners.acme: String should match pattern"),
        ('ignored_keys = ["("]', "ignored_keys: must be a regular expression"),
        ("platforms = 3", "platforms: Input should be a valid dictionary"),
        ("[deadlines", "Expected ']' at the end of a table declaration"),
        ("a = " + "[" * 100_000, "is nested too deeply"),
    ],
)
def test_faults(text: str, fault: str) -> None:
    said = fault_of(text)
    assert said.startswith(f"relay.toml: {fault}")
    assert "secret" not in said


@pytest.mark.parametrize(("days", "seconds"), [(14, 1_209_599), (21, 1_728_000), (31, 2_592_000)])
def test_what_waits_is_kept_for_longer(days: int, seconds: int) -> None:
    found = parse(f"[deadlines]\nretention_days = {days}\nrecording_seconds = {seconds}").deadlines
    assert (found.retention_days, found.recording_seconds) == (days, seconds)


def test_every_fault_is_named() -> None:
    assert fault_of("[deadlines]\ngrace_seconds = 0\nresume_seconds = 0").count("relay.toml: deadlines.") == 2


# --- in the place of a deployed document -------------------------------------------------------------

TEXT = """
    bucket_owners = {acme-recordings = "444455556666"}
    [coval]
    base_url = "https://coval.example"
    timeout_seconds = 20
    [calls]
    redaction = "redacted"
    [links]
    recording_hosts = ["media.example.com"]
"""
DEPLOYED = parse(TEXT)


def test_the_deploy_keeps_what_would_redirect_data_and_nothing_else() -> None:
    found = parse('log_level = "ERROR"\n[calls]\ntags = ["a"]', "/relay", DEPLOYED)
    assert (found.log_level, found.calls.tags, found.coval.timeout_seconds) == ("ERROR", ("a",), 30)
    assert (found.calls.redaction, found.coval.base_url) == ("redacted", "https://coval.example")
    assert found.links.recording_hosts == ("media.example.com",)
    assert found.bucket_owners == {"acme-recordings": "444455556666"}


def test_the_deployed_document_can_be_put_there_as_it_is() -> None:
    assert parse(TEXT, "/relay", DEPLOYED) == DEPLOYED


def test_a_section_that_is_none_is_rejected_there_too() -> None:
    assert fault_of("coval = 3", DEPLOYED).startswith("relay.toml: coval: Input should be a valid dictionary")


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('[coval]\nbase_url = "https://elsewhere.example"', "coval.base_url"),
        ('[calls]\nredaction = "original"', "calls.redaction"),
        ("[links]\nrecording_hosts = []", "links.recording_hosts"),
        ('[links]\ntranscript_hosts = ["a.example"]', "links.transcript_hosts"),
        ('[bucket_owners]\nacme = "444455556666"', "bucket_owners"),
    ],
)
def test_what_would_redirect_data_is_rejected_elsewhere(text: str, key: str) -> None:
    assert fault_of(text, DEPLOYED) == f"relay.toml: {key}: comes with the deploy only"
