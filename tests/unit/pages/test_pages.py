"""What is generated stands in the files as today's locks, template and settings make it."""

import re

from coval_relay import __version__
from local.pages.contents import PROJECT, TEMPLATE, VERSION_OUTPUT, generated


def test_generated_files_are_up_to_date() -> None:
    old = [path.name for path, content in generated().items() if path.read_text(encoding="utf-8") != content]
    assert old == [], "run `make pages`"


def test_the_project_is_under_the_apache_licence() -> None:
    licence = (PROJECT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License\n" in licence
    assert "Version 2.0, January 2004" in licence


def test_the_version_is_the_changelog_s_newest_and_the_template_s() -> None:
    changelog = (PROJECT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"^## (\S+)", changelog, re.MULTILINE)
    assert versions[0] == __version__
    assert len(VERSION_OUTPUT.findall(TEMPLATE.read_text(encoding="utf-8"))) == 1
