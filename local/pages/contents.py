"""Every generated file, and every generated part of a page, as it should be."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from coval_relay import __version__
from local.pages import configuration, document, licences

PROJECT = Path(__file__).parents[2]
TEMPLATE = PROJECT / "template.yaml"
VERSION_OUTPUT = re.compile(
    r"(?<=^  RelayVersion:\n    Description: Version of Coval Relay\.\n    Value: ).*$", re.MULTILINE
)
PART = re.compile(r"(<!-- make pages: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
PARTS: Mapping[str, Callable[[], str]] = {
    "parameters": configuration.parameters,
    "document": document.tables,
    "settings": configuration.settings_tables,
}


def generated() -> dict[Path, str]:
    """By file; the pages of docs/ with their parts written anew."""
    pages = {path: _page(path) for path in sorted((PROJECT / "docs").glob("*.md"))}
    template = VERSION_OUTPUT.sub(__version__, TEMPLATE.read_text(encoding="utf-8"))
    return {
        PROJECT / "NOTICE": licences.notice(),
        PROJECT / "relay.example.toml": document.example(),
        PROJECT / "relay.schema.json": document.schema(),
        TEMPLATE: template,
        **pages,
    }


def _page(path: Path) -> str:
    return PART.sub(lambda part: f"{part[1]}\n{PARTS[part[2]]()}\n{part[3]}", path.read_text(encoding="utf-8"))
