"""Every generated file, as it should be."""

import re
from pathlib import Path

from coval_relay import __version__
from local.pages import licences

PROJECT = Path(__file__).parents[2]
TEMPLATE = PROJECT / "template.yaml"
VERSION_OUTPUT = re.compile(
    r"(?<=^  RelayVersion:\n    Description: Version of Coval Relay\.\n    Value: ).*$", re.MULTILINE
)


def generated() -> dict[Path, str]:
    template = TEMPLATE.read_text(encoding="utf-8")
    return {
        PROJECT / "NOTICE": licences.notice(),
        TEMPLATE: VERSION_OUTPUT.sub(__version__, template),
    }
