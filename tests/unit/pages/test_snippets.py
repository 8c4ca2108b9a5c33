"""What the pages show works: each command's program, options and files are there, each snippet does what it says."""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore import xform_name

from coval_relay.adapters.aws.dynamodb_calls import DERIVED
from coval_relay.adapters.web.platform_credentials import headers_by_host
from coval_relay.configuration.parsing import parse
from coval_relay.domain.call import Call
from coval_relay.domain.log_events import LogEvent
from coval_relay.domain.messages import CallEnded, Message
from coval_relay.domain.object_key_rules import KeyRule
from coval_relay.domain.raw_audio import RawAudio
from coval_relay.platforms import registry
from coval_relay.platforms.shared.contract import PlatformOptions
from local.demo.scenarios import SCENARIOS
from local.pages import configuration
from scripts.preflight import keys
from tests.unit.pages.markdown import PAGES, PROJECT, SPAN, Page, commands

MAKEFILE = (PROJECT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z0-9%-]+):", MAKEFILE, re.MULTILINE))
DOCS = {page.path.stem: page for page in PAGES if page.path.parent.name == "docs"}
CHECKED = {
    "sh": "test_shell_commands_begin_with_a_program_that_a_test_knows",
    "mermaid": "test_diagrams.py",
    "toml": "tests/template/test_pages.py",
    "json": "JSON_OF",
    "python": "PYTHON_OF",
    "yaml": "test_templates_that_are_shown_can_be_read",
    "": "test_the_tree_shows_folders_that_are_there",
}
JSON_OF = {f"docs/{name}.md" for name in ("accounts", "add-a-platform", "connect", "deploy", "webhooks")}
PYTHON_OF = {"docs/events.md", "docs/add-a-platform.md", "docs/webhooks.md"}
"""docs/add-a-platform.md is carried out by tests/unit/platforms/test_add_a_platform.py, docs/webhooks.md by
tests/unit/webhooks/test_documentation.py, docs/accounts.md by tests/template/test_accounts.py."""
PROGRAMS = (
    "aws ",
    "make ",
    "cp configurations/",
    "sam ",
    "pip install ",
    "python3 -m scripts.",
    "git pull",
    "printf ",
    "print(json",
    "RecordingBuckets=",
    "cloudflared tunnel ",
    "AWS_PROFILE=",
)
"""`printf`: tests/unit/adapters/test_telemetry.py runs it. `print` and `RecordingBuckets` are the second lines of
commands; `AWS_PROFILE` and the variables behind it come before `make test-aws`, `cloudflared` is a tunnel for it."""


def test_every_kind_of_snippet_is_checked() -> None:
    assert {language for page in PAGES for language in page.languages()} <= {*CHECKED}
    assert {page.name for page in PAGES if "json" in page.languages()} == JSON_OF
    assert {page.name for page in PAGES if "python" in page.languages()} == PYTHON_OF


@pytest.mark.parametrize(("page", "command"), [*commands()])
def test_shell_commands_begin_with_a_program_that_a_test_knows(page: str, command: str) -> None:
    command = re.sub(r"^\w+=\$\(", "", command)
    assert all(part.strip().startswith((*PROGRAMS, "pre-commit ")) for part in command.split(" && ")), page


def calls(program: str) -> Iterator[str]:
    for _, command in commands():
        yield from re.findall(rf"\b{program}[^&|)]+", command)


@pytest.mark.parametrize("call", sorted({*calls("aws ")}))
def test_aws_commands_are_operations_of_aws_with_their_parameters(call: str) -> None:
    service, operation, *rest = call.split()[1:]
    model = botocore.session.get_session().get_service_model(service)
    names = {xform_name(name, "-"): name for name in model.operation_names}
    shape = model.operation_model(names[operation]).input_shape
    assert shape is not None
    members = {xform_name(name, "-") for name in shape.members}
    options = {word.removeprefix("--") for word in rest if word.startswith("--")}
    assert options <= {*members, "query", "output"}


def understood(entry: dict[str, str]) -> Sequence[Message]:
    event = {"source": entry["Source"], "detail-type": entry["DetailType"], "detail": json.loads(entry["Detail"])}
    return registry.translate(event, PlatformOptions(), now=0)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_make_has_the_targets_and_variables_that_are_named(page: Page) -> None:
    lines = [span for span in SPAN.findall(page.prose) if span.startswith("make ")]
    lines += [part for _, command in commands() for part in command.split(" && ") if part.startswith("make ")]
    for line in lines:
        target, *settings = shlex.split(line)[1:]
        assert target in TARGETS or (target.startswith("test-") and (PROJECT / "tests" / folder(target)).is_dir()), line
        assert all(f"\n{setting.partition('=')[0]} ?=" in MAKEFILE for setting in settings), line


def folder(target: str) -> str:
    return target.removeprefix("test-").replace("-", "_")


@pytest.mark.slow
@pytest.mark.parametrize("call", sorted({*calls(r"python3 -m scripts\.")}))
def test_scripts_have_the_options_that_are_shown(call: str) -> None:
    words = shlex.split(call.replace("python3 -m scripts.", "python3 -mscripts."))[1:]
    subcommand = [word for word in words[1:2] if word in ("show", "send-again")]
    command = [sys.executable, words[0], *subcommand, "--help"]
    printed = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    assert [word for word in words if word.startswith("--") and word not in printed] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_and_folders_that_are_named_are_there(page: Page) -> None:
    roots = ("tests/", "scripts/", "layers/", "local/", "requirements/", "functions/", "events/", "docs/")
    named = [span.split(" ")[0] for span in SPAN.findall(page.prose) if span.startswith(roots)]
    missing = [path for path in named if not {"*", "<"} & {*path} and not (PROJECT / path).exists()]
    assert set(missing) <= ACME


ACME = {
    "layers/shared/coval_relay/platforms/acme.py",
    "events/acme/call_finished.json",
    "tests/unit/platforms/test_acme.py",
}
"""What a reader of docs/add-a-platform.md makes."""


def test_the_tree_shows_folders_that_are_there() -> None:
    (tree,) = DOCS["architecture"].blocks("")
    parents: list[str] = []
    for line in tree.splitlines():
        depth = (len(line) - len(line.lstrip())) // 2
        names = re.findall(r"[\w.<>-]+(?:/[\w.<>-]+)*/?", line.strip().split("   ")[0])
        parents[depth:] = [names[0].rstrip("/")]
        for name in names:
            path = Path(*parents[:depth], name.replace("<name>", "upload_recording"))
            assert (PROJECT / path).exists(), path


def test_templates_that_are_shown_can_be_read() -> None:
    assert configuration.read("Arn: !GetAtt A.Arn") == {"Arn": "A.Arn"}
    assert all(isinstance(configuration.read(block), dict) for page in PAGES for block in page.blocks("yaml"))


def test_the_key_rules_that_are_shown_find_what_they_say() -> None:
    support, legs = rules_of("recordings")
    assert support.compiled.search("support/A-1/main.wav")
    assert legs.compiled.search("x/leg-" + "0" * 32 + ".ogg")


def rules_of(page: str) -> list[KeyRule]:
    (document,) = DOCS[page].blocks("toml")
    return [rule.key_rule() for rule in parse(document).key_rules]


def test_the_key_rule_for_recordings_without_a_header_says_how_they_are_read() -> None:
    (pbx,) = rules_of("audio")
    found = pbx.compiled.search("pbx/A-1.raw")
    assert found is not None
    assert found["external_conversation_id"] == "A-1"
    assert pbx.hints.raw == RawAudio(codec="pcm_mulaw", sample_rate=8000, channels=2)


def test_the_logins_that_are_shown_are_ones() -> None:
    (logins,) = DOCS["connect"].blocks("json")
    assert {*headers_by_host(logins)} == {*json.loads(logins)}


def test_the_key_policies_are_statements() -> None:
    (policy,) = DOCS["deploy"].blocks("json")
    conditions = {}
    for statement in json.loads(policy):
        assert {"Effect", "Principal", "Action", "Resource"} == statement.keys() - {"Condition"}
        conditions[statement["Principal"]["Service"]] = "Condition" in statement
    logs = f"{keys.LOGS.format(region='eu-west-2')}amazonaws.com"
    assert conditions == {keys.EVENTS: True, logs: True, keys.S3: False}


class Events:
    """Stands for boto3's client of EventBridge."""

    def __init__(self) -> None:
        self.entries: list[dict[str, str]] = []

    def client(self, service: str) -> "Events":
        assert service == "events"
        return self

    def put_events(self, *, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803 - the client's own name
        self.entries += Entries
        return {"FailedEntryCount": 0, "Entries": [{}]}


def test_the_event_of_a_pipecat_bot_is_understood() -> None:
    (source,) = DOCS["events"].blocks("python")
    events = Events()
    names: dict[str, Any] = {"datetime": datetime, "UTC": UTC, "json": json, "boto3": events}
    exec(compile(source, "events.md", "exec"), names)  # noqa: S102 - the page's own snippet
    began = datetime(2026, 10, 2, 14, 31, tzinfo=UTC)
    spoken = [("system", "Be nice.", 0), ("assistant", "Hello.", 1), ("user", "Hi.", 3), ("tool", "", 4)]
    context = [
        {"role": role, "content": content, "timestamp": began.replace(second=second).isoformat()}
        for role, content, second in spoken
    ]
    names["call_ended"]("room-1", context, began, "default")
    (entry,) = events.entries
    (ended,) = (message for message in understood(entry) if isinstance(message, CallEnded))
    assert ended.transcript is not None
    assert [turn["start_time"] for turn in ended.transcript.messages] == [1.0, 3.0]


def test_the_picture_of_the_demo_shows_today_s_scenarios() -> None:
    picture = (PROJECT / "docs" / "images" / "demo.svg").read_text(encoding="utf-8")
    shown = [line.split("  ")[0].strip() for line in re.findall(r">([^<]+)  as expected</text>", picture)]
    assert shown == [scenario.name for scenario in SCENARIOS]


def test_the_attributes_that_are_explained_are_the_item_s() -> None:
    table = DOCS["operations"].text.split("| Attribute | Says |")[1].split("\n\n")[0]
    named = [name for row in table.splitlines() for name in re.findall(r"`(\w+)`", row.split(" | ")[0])]
    assert named
    assert {*named} <= {field.name for field in fields(Call)} | {*DERIVED}


def test_the_log_codes_that_are_named_exist() -> None:
    named = re.findall(r"\b[A-Z]{3,}(?:_[A-Z]+)+\b", DOCS["operations"].prose)
    assert named
    assert {*named} <= {event.name for event in LogEvent}


NAMES_OF_OTHERS = {
    *("CallSid", "CallStatus", "EventBridge"),
    *("MatchedEvents", "FailedInvocations", "InvocationsFailedToBeSentToDlq", "RuleName"),
}
"""Twilio's fields, AWS's service, its metrics and the dimensions they have."""
FULL_OF_OTHERS = {"accounts", "errors", "platforms", "webhooks"}
"""Pages that name much of AWS's and of platforms'."""


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page.path.stem not in FULL_OF_OTHERS], ids=lambda page: page.name
)
def test_the_parameters_outputs_and_metrics_that_are_named_exist(page: Page) -> None:
    read = configuration.template()
    known = {*read["Parameters"], *read["Outputs"], *read["Resources"], *(event.value[2] for event in LogEvent)}
    spans = (re.match(r"…?((?:[A-Z][a-z0-9]+){2,})(?:=|$)", span) for span in SPAN.findall(page.prose))
    named = {span[1] for span in spans if span and not span[0].startswith("…")}
    assert named - known - NAMES_OF_OTHERS == set()
