"""The files by which hosts and bots work on the project: they parse, and name what is there."""

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

PROJECT = Path(__file__).parents[3]
GITHUB = PROJECT / ".github"


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def test_hosted_ci_runs_what_runs_everywhere() -> None:
    (job,) = read(GITHUB / "workflows" / "ci.yml")["jobs"].values()
    assert job["steps"][-1] == {"run": "bash .ci/run"}
    assert os.access(PROJECT / ".ci" / "run", os.X_OK)


def test_the_update_bot_looks_at_every_lock() -> None:
    pip, actions = read(GITHUB / "dependabot.yml")["updates"]
    watched = {PROJECT / folder.lstrip("/") for folder in pip["directories"]}
    locks = {lock.parent for folder in ("requirements", "layers") for lock in (PROJECT / folder).rglob("*.in")}
    assert watched == locks
    assert (actions["package-ecosystem"], actions["directory"]) == ("github-actions", "/")


def test_hooks_before_a_commit_are_programs_of_the_project() -> None:
    (repository,) = read(PROJECT / ".pre-commit-config.yaml")["repos"]
    entries = [hook["entry"].split() for hook in repository["hooks"]]
    programs = {words[0] for words in entries if words[0] != "make"}
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    lint = makefile.split("\nlint: ", 1)[1].split("\n\n", 1)[0]
    assert programs == {".venv/bin/ruff", ".venv/bin/typos"}
    assert all(f"$(BIN)/{Path(program).name} " in lint for program in programs)
    targets = [words[1] for words in entries if words[0] == "make"]
    assert all(f"\n{target}: " in makefile for target in targets)


@pytest.mark.parametrize("name", ["bug.yml", "platform.yml"])
def test_issue_templates_have_what_the_host_asks_for(name: str) -> None:
    template = read(GITHUB / "ISSUE_TEMPLATE" / name)
    assert {"name", "description", "body"} <= template.keys()
    fields = [part for part in template["body"] if part["type"] != "markdown"]
    assert len({part["id"] for part in fields}) == len(fields)
    assert all(part["attributes"]["label"] for part in fields)
