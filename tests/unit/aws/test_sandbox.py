"""Whose account the live suite touches: the one that the operator has named, and no other."""

import subprocess
from collections.abc import Iterator

import pytest
from moto import mock_aws

from local.stack.paths import PROJECT
from tests.aws import sandbox

MOTO_S = "123456789012"


@pytest.fixture(autouse=True)
def aws() -> Iterator[None]:
    with mock_aws():
        yield


def test_the_named_account_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "LIVE", True)
    monkeypatch.setenv("RELAY_SANDBOX_ACCOUNT", MOTO_S)
    assert sandbox.account() == MOTO_S


@pytest.mark.parametrize("named", [None, "", "111122223333"])
def test_no_other_is(monkeypatch: pytest.MonkeyPatch, named: str | None) -> None:
    monkeypatch.setattr(sandbox, "LIVE", True)
    if named is not None:
        monkeypatch.setenv("RELAY_SANDBOX_ACCOUNT", named)
    with pytest.raises(sandbox.WrongAccount, match=MOTO_S):
        sandbox.account()


def test_the_command_wants_them_all() -> None:
    given = ["AWS_PROFILE=sandbox", "RELAY_SANDBOX_ACCOUNT=111122223333", "RELAY_SIMULATOR_PORT=8080"]
    for variables, status in ((given, 2), ([*given, "RELAY_SIMULATOR_URL=https://x.test"], 0)):
        command = ["make", "sandbox-is-named", *variables]
        assert subprocess.run(command, cwd=PROJECT, capture_output=True, check=False).returncode == status
