"""What the pages say of the template and of SAM: every alarm has its row, the commands are there."""

import json
import re
from fnmatch import fnmatchcase
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest

from tests.template.cloudformation import Stack
from tests.template.tools import PROJECT, SAM, run
from tests.unit.pages.markdown import PAGES, Page, commands

FUNCTION = "AWS::Lambda::Function"
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
    ("line", "found"),
    [
        ({"type": "platform.report", "record": {"status": "timeout"}}, True),
        ({"type": "platform.report", "record": {"status": "error"}}, True),
        ({"type": "platform.report", "record": {"status": "success"}}, False),
        ("2026-10-02T14:36:40.000Z 5e1f Task timed out after 120.00 seconds", True),
        ("REPORT RequestId: 5e1f Duration: 120000.00 ms Status: timeout", True),
    ],
)
def test_a_function_that_timed_out_is_found_in_either_form_of_its_log(
    smallest: Stack, line: str | dict[str, Any], found: bool
) -> None:
    """In JSON, as the functions log, Lambda writes no words of it."""
    formats = {one["Properties"]["LoggingConfig"]["LogFormat"] for one in smallest.resources(FUNCTION).values()}
    assert formats == {"JSON"}
    (row,) = re.findall(r"^\| `…ErrorsAlarm` .*$", OPERATIONS.text, re.MULTILINE)
    (statuses,) = re.findall(r"record\.status in (\[[^\]]+\])", row)
    texts = re.findall(r"@message like /([^/]+)/", row)
    message = line if isinstance(line, str) else json.dumps(line)
    status = None if isinstance(line, str) else line["record"]["status"]
    assert (status in json.loads(statuses) or any(re.search(text, message) for text in texts)) is found


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
