"""Where the scripts look for a stack: options, samconfig.toml, the environment; what is said where nothing tells."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError

from scripts import check_configuration, dead_letters, deployment, notify_relay, send_again, smoke_test
from scripts.deployment import Deployment
from scripts.preflight import __main__ as preflight

WRITTEN = """
version = 0.1
[default.global.parameters]
stack_name = "global-stack"
region = "eu-west-1"
[default.deploy.parameters]
stack_name = "guided-stack"
profile = "deployer"
parameter_overrides = ["Platforms=vapi"]
[prod.global.parameters]
stack_name = "prod-stack"
"""
PROFILES = "[profile deployer]\nregion = eu-north-1\n[profile other]\nregion = eu-north-1\n"
MAINS: Sequence[tuple[Callable[[Sequence[str]], Any], list[str]]] = [
    (dead_letters.main, ["show"]),
    (notify_relay.main, ["acme-recordings"]),
    (preflight.main, []),
    (send_again.main, []),
    (smoke_test.main, []),
]
EACH_SCRIPT = pytest.mark.parametrize(("main", "needed"), MAINS, ids=lambda value: getattr(value, "__module__", ""))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the command is given; the environment names no region."""
    (tmp_path / "config").write_text(PROFILES)
    (tmp_path / "samconfig.toml").write_text(WRITTEN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name)
    return tmp_path


def found(*options: str) -> Deployment:
    parser = argparse.ArgumentParser()
    deployment.add_stack(parser)
    deployment.add_arguments(parser)
    return deployment.chosen(parser.parse_args(options))


def place(*options: str) -> tuple[str, str | None, str]:
    one = found(*options)
    return one.stack, one.session.region_name, one.session.profile_name


def test_what_deploy_says_comes_before_what_all_commands_are_told() -> None:
    assert place() == ("guided-stack", "eu-west-1", "deployer")
    assert found().parameters == {"Platforms": "vapi"}


def test_the_command_line_comes_before_samconfig() -> None:
    given = ("--stack", "mine", "--region", "us-west-2", "--profile", "other")
    assert place(*given) == ("mine", "us-west-2", "other")


def test_samconfig_comes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_PROFILE", "other")
    assert place() == ("guided-stack", "eu-west-1", "deployer")


@pytest.mark.parametrize(
    ("given", "region"),
    [
        ({"AWS_REGION": "eu-west-2"}, "eu-west-2"),
        ({"AWS_DEFAULT_REGION": "eu-west-3"}, "eu-west-3"),
        ({"AWS_REGION": "eu-west-2", "AWS_DEFAULT_REGION": "eu-west-3"}, "eu-west-3"),
        ({"AWS_REGION": "eu-west-2", "AWS_PROFILE": "other"}, "eu-north-1"),
    ],
)
def test_a_region_is_that_of_sam_or_else_that_of_the_aws_cli(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], region: str
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert place("--config-env", "prod")[:2] == ("prod-stack", region)


def test_another_script_is_told_what_this_one_was() -> None:
    assert found().options == ""
    given = ("--config-env", "prod", "--stack", "a stack", "--region", "us-west-2")
    assert found(*given).options == " --stack 'a stack' --config-env prod --region us-west-2"


# --- what is said where nothing tells


@EACH_SCRIPT
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--config-env", "prod"], deployment.NO_REGION),
        (["--config-env", "prodd"], "samconfig.toml: has no environment prodd; there are: default, prod"),
        (["--config-env", "version"], "samconfig.toml: has no environment version; there are: default, prod"),
        (["--config-file", "none.toml"], "none.toml: there is no such file"),
        (["--profile", "misspelt"], "The config profile (misspelt) could not be found"),
    ],
)
def test_one_line_says_what_is_missing(main: Any, needed: list[str], options: list[str], said: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*needed, *options])
    assert ended.value.code == f"error: {said}"


@EACH_SCRIPT
@pytest.mark.parametrize(
    ("error", "said"),
    [
        (NoCredentialsError(), f"error: {deployment.NO_CREDENTIALS}"),
        (
            ClientError({"Error": {"Code": "ExpiredToken", "Message": "It is expired."}}, "Look"),
            "error: An error occurred (ExpiredToken) when calling the Look operation: It is expired.",
        ),
        (
            EndpointConnectionError(endpoint_url="https://x.test"),
            'error: Could not connect to the endpoint URL: "https://x.test"',
        ),
        (KeyboardInterrupt(), "interrupted"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_so_it_does_where_aws_does_not_answer(
    main: Any, needed: list[str], error: BaseException, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: Any, **__: Any) -> Any:
        raise error

    monkeypatch.setattr(boto3.Session, "client", failing)
    with pytest.raises(SystemExit) as ended:
        main([*needed, "--region", "eu-west-2"])
    assert ended.value.code == said


def test_no_stack_is_guessed(folder: Path) -> None:
    (folder / "samconfig.toml").unlink()
    for main in (dead_letters.main, send_again.main, smoke_test.main):
        with pytest.raises(SystemExit) as ended:
            main(["show", "--region", "eu-west-2"][main is not dead_letters.main :])
        assert ended.value.code == f"error: {deployment.NO_STACK}"


def test_a_stack_without_outputs_is_said_to_be_none(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stacks:
        def describe_stacks(self, **_: Any) -> Any:
            return {"Stacks": [{"StackStatus": "REVIEW_IN_PROGRESS"}]}

    monkeypatch.setattr(boto3.Session, "client", lambda *_, **__: Stacks())
    with pytest.raises(SystemExit) as ended:
        send_again.main([])
    assert ended.value.code == "error: stack guided-stack has no outputs: it is not deployed yet"


def test_a_file_that_is_no_toml_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "samconfig.toml").write_text("[default")
    said = "samconfig.toml: Expected ']' at the end of a table declaration (at end of document)"
    with pytest.raises(SystemExit) as ended:
        preflight.main([])
    assert ended.value.code == f"error: {said}"
    assert check_configuration.main([]) == 1
    assert capsys.readouterr().err == f"{said}\n"


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        (
            "RecordingBuckets=acme-a, acme-b",
            "RecordingBuckets: leave out the blank, or quote the value: 'RecordingBuckets=\"…\"'",
        ),
        (
            "RecordingPrefixes=My Calls/",
            "RecordingPrefixes: leave out the blank, or quote the value: 'RecordingPrefixes=\"…\"'",
        ),
        ('HttpsProxy="http://p', "HttpsProxy: leave out the blank, or quote the value: 'HttpsProxy=\"…\"'"),
        ("VpcSubnetIds=", "VpcSubnetIds: to empty it, write 'VpcSubnetIds=\"\"'"),
    ],
)
def test_an_entry_that_sam_would_cut_or_refuse_is_named(
    entry: str, fault: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "samconfig.toml").write_text(f"[prod.deploy.parameters]\nparameter_overrides = [{entry!r}]\n")
    assert check_configuration.main([]) == 1
    assert capsys.readouterr().err == f"samconfig.toml: {fault}\n"


def test_a_quoted_value_is_whole(folder: Path) -> None:
    entries = """['RecordingPrefixes="My Calls/"', 'KmsKeyArn=""']"""
    written = f'[default.deploy.parameters]\nregion = "eu-west-1"\nparameter_overrides = {entries}\n'
    (folder / "samconfig.toml").write_text(written)
    assert found().parameters == {"RecordingPrefixes": "My Calls/", "KmsKeyArn": ""}
