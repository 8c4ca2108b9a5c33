"""The tools that judge the template, each in the environment that `make` gives it."""

import os
import subprocess
from pathlib import Path

PROJECT = Path(__file__).parents[2]
TEMPLATE = PROJECT / "template.yaml"
SAM = PROJECT / ".venv-sam" / "bin" / "sam"
SAM_PYTHON = PROJECT / ".venv-sam" / "bin" / "python"
CFN_LINT = PROJECT / ".venv-sam" / "bin" / "cfn-lint"
CHECKOV = PROJECT / ".venv-checkov" / "bin" / "checkov"


def run(
    program: Path, *arguments: str | Path, folder: Path = PROJECT, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a tool, its output kept; the caller looks at the exit status."""
    return subprocess.run(
        [program, *arguments],
        cwd=folder,
        env={**os.environ, "SAM_CLI_TELEMETRY": "0", **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
