"""The template, translated once, and the two deployments of it."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.template.cloudformation import Stack
from tests.template.deployments import FULLEST, SMALLEST
from tests.template.tools import SAM_PYTHON, TEMPLATE, run

Template = dict[str, Any]


def translate(template: Path) -> dict[str, Template]:
    """`source` as it is written, `translated` as CloudFormation sees it."""
    result = run(SAM_PYTHON, Path(__file__).with_name("translate.py"), template, json.dumps(SMALLEST))
    assert result.returncode == 0, result.stderr
    found: dict[str, Template] = json.loads(result.stdout)
    return found


@pytest.fixture(scope="session")
def templates() -> dict[str, Template]:
    return translate(TEMPLATE)


@pytest.fixture(scope="session")
def translated(templates: dict[str, Template]) -> Template:
    return templates["translated"]


@pytest.fixture(scope="session")
def smallest(translated: Template) -> Stack:
    """What is deployed with the required parameters alone."""
    return Stack(translated, SMALLEST)


@pytest.fixture(scope="session")
def fullest(translated: Template) -> Stack:
    """What is deployed with every option taken."""
    return Stack(translated, FULLEST)
