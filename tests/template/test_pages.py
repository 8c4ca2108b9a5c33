"""What the pages say of the template and of SAM: every alarm has its row, the commands are there."""

import re
from fnmatch import fnmatchcase
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest

from tests.template.cloudformation import Stack
from tests.template.tools import PROJECT, SAM, run
from tests.unit.pages.markdown import PAGES, Page, commands

OPERATIONS = Page(PROJECT / "docs" / "operations.md")


def test_every_alarm_has_a_row_that_says_what_to_do(translated: dict[str, Any]) -> None:
    alarms = [name for name, one in translated["Resources"].items() if one["Type"] == "AWS::CloudWatch::Alarm"]
    rows = re.findall(r"^\| `…?(\w+Alarm)` \|.+\|.+\|$", OPERATIONS.text, re.MULTILINE)
    assert [alarm for alarm in alarms if not alarm.endswith(tuple(rows))] == []
    assert [row for row in rows if not any(alarm.endswith(row) for alarm in alarms)] == []


def test_who_sends_again_is_told_what_a_key_has_to_allow(fullest: Stack) -> None:
    """The same as to the functions, which receive and send too."""
    (policy,) = fullest.properties("SubmitTranscriptRole")["Policies"]
    (own,) = (one for one in policy["PolicyDocument"]["Statement"] if one["Sid"] == "UseOwnKey")
    section = OPERATIONS.text.partition("\n## Dead letters\n")[2].partition("\n## ")[0]
    assert [action for action in own["Action"] if f"`{action}`" not in section] == []


@pytest.mark.parametrize(
    "command", sorted({part for _, line in commands() for part in re.findall(r"sam [^&|]+", line)})
)
def test_sam_has_the_commands_and_options_that_are_shown(command: str) -> None:
    words = command.split()[1:]
    subcommand = takewhile(lambda word: not word.startswith("-"), words)
    printed = run(SAM, *subcommand, "--help", folder=Path(PROJECT))
    assert printed.returncode == 0, printed.stderr
    assert [word for word in words if word.startswith("--") and word not in printed.stdout] == []


def test_the_senders_that_are_shown_are_named_as_aws_tells_the_queues(translated: dict[str, Any]) -> None:
    pattern = translated["Parameters"]["QueueSenderArns"]["AllowedPattern"]
    shown = {arn for page in PAGES for arn in re.findall(r"`(arn:aws:(?:iam|sts):[^`]+)`", page.prose)}
    wrong = {arn for arn in shown if not re.fullmatch(pattern, arn)}
    assert (len(shown), wrong) == (3, {"arn:aws:sts::111122223333:assumed-role/operators/jo"})
    (sso,) = (arn for arn in shown if "AWSReservedSSO" in arn)
    path = sso.replace("*AWSReserved", "eu-central-1/AWSReserved")
    assert fnmatchcase(f"{path[:-1]}0123456789abcdef", sso)
