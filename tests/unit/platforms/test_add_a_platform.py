"""docs/add-a-platform.md, done word for word in a copy of the package: nothing else has to change."""

import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[3]
MODULE = Path("layers/shared/coval_relay/platforms/acme.py")
REGISTRY = Path("layers/shared/coval_relay/platforms/registry.py")
SAMPLE = Path("events/acme/call_finished.json")
TEST = Path("tests/unit/platforms/test_acme.py")


@pytest.fixture(scope="module")
def blocks() -> list[str]:
    """The module, the registry line, the sample and the test, as the page has them."""
    page = (PROJECT / "docs" / "add-a-platform.md").read_text(encoding="utf-8")
    found = re.findall(r"^   ```(?:python|json)\n(.*?)^   ```$", page, re.DOTALL | re.MULTILINE)
    return [textwrap.dedent(block) for block in found]


@pytest.fixture
def copied(blocks: list[str], tmp_path: Path) -> Path:
    shutil.copytree(PROJECT / "layers/shared", tmp_path / "layers/shared")
    module, line, sample, test = blocks
    for path, content in ((MODULE, module), (SAMPLE, sample), (TEST, test)):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(content, encoding="utf-8")
    registry = (tmp_path / REGISTRY).read_text(encoding="utf-8")
    first = "PLATFORMS: tuple[Listing, ...] = (\n"
    assert first in registry
    (tmp_path / REGISTRY).write_text(registry.replace(first, f"{first}    {line.strip()},\n"), encoding="utf-8")
    return tmp_path


def test_one_module_one_line_one_sample_and_one_test_are_enough(copied: Path) -> None:
    outcome = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(TEST)],
        cwd=copied,
        env={"PYTHONPATH": "layers/shared", "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert "2 passed" in outcome.stdout, outcome.stdout + outcome.stderr


def test_what_the_page_shows_is_in_the_projects_own_style(blocks: list[str], tmp_path: Path) -> None:
    for name, block in (("acme.py", blocks[0]), ("test_acme.py", blocks[3])):
        (tmp_path / name).write_text(block, encoding="utf-8")
    ruff = Path(sys.executable).with_name("ruff")
    if not ruff.exists():
        pytest.skip("no linter beside this interpreter")
    command = [str(ruff), "check", "--config", str(PROJECT / "pyproject.toml"), "--ignore", "INP001,S101"]
    outcome = subprocess.run([*command, str(tmp_path)], capture_output=True, text=True, check=False, timeout=300)
    assert outcome.returncode == 0, outcome.stdout
