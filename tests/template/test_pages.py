"""What the pages say of the template: the parameters that they show are taken, every alarm has its row."""

import re
import shlex
import tomllib
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest

from tests.template.cloudformation import Stack
from tests.template.test_parameters import accepts
from tests.template.tools import PROJECT, SAM, run
from tests.unit.pages.markdown import Page, commands

README, DEPLOY, OPERATIONS = (Page(PROJECT / name) for name in ("README.md", "docs/deploy.md", "docs/operations.md"))
SHELL = {
    "$BUCKET": "amazon-connect-acme",
    "$SECRET": "arn:aws:secretsmanager:eu-west-2:111122223333:secret:coval/api-key-AbCdEf",
}


def in_readme() -> list[str]:
    (command,) = (command for page, command in commands() if page == "README.md" and "--parameter-overrides" in command)
    for name, value in SHELL.items():
        command = command.replace(name, value)
    return [word for word in shlex.split(command) if re.match(r"[A-Z]\w+=", word)]


def in_deploy() -> list[str]:
    (block,) = DEPLOY.blocks("toml")
    overrides: list[str] = tomllib.loads(block)["parameter_overrides"]
    return [re.sub(r"='(.*)'$", r"=\1", one) for one in overrides]


@pytest.mark.parametrize("shown", [in_readme(), in_deploy()], ids=["README", "deploy"])
def test_the_parameters_that_are_shown_are_taken(shown: list[str], translated: dict[str, Any]) -> None:
    given = dict(one.split("=", 1) for one in shown)
    definitions = translated["Parameters"]
    assert [name for name, value in given.items() if not accepts(definitions[name], value)] == []
    assert {name for name, definition in definitions.items() if "Default" not in definition} <= given.keys()
    assert Stack(translated, given).broken_rules() == []


def test_every_alarm_has_a_row_that_says_what_to_do(translated: dict[str, Any]) -> None:
    alarms = [name for name, one in translated["Resources"].items() if one["Type"] == "AWS::CloudWatch::Alarm"]
    rows = re.findall(r"^\| `…?(\w+Alarm)` \|.+\|.+\|$", OPERATIONS.text, re.MULTILINE)
    assert [alarm for alarm in alarms if not alarm.endswith(tuple(rows))] == []
    assert [row for row in rows if not any(alarm.endswith(row) for alarm in alarms)] == []


@pytest.mark.parametrize(
    "command", sorted({part for _, line in commands() for part in re.findall(r"sam [^&|]+", line)})
)
def test_sam_has_the_commands_and_options_that_are_shown(command: str) -> None:
    words = command.split()[1:]
    subcommand = takewhile(lambda word: not word.startswith("-"), words)
    told = run(SAM, *subcommand, "--help", folder=Path(PROJECT))
    assert told.returncode == 0, told.stderr
    assert [word for word in words if word.startswith("--") and word not in told.stdout] == []
