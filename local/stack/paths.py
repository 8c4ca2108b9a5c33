"""Where the local stack finds its tools and keeps its files."""

from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]

PYTHON = PROJECT / ".venv" / "bin" / "python"
SAM = PROJECT / ".venv-sam" / "bin" / "sam"
SAMCONFIG = PROJECT / "local" / "stack" / "samconfig.toml"
EMULATOR = PROJECT / "local" / "emulator" / "unpacked_once.py"
AWS_PYTHON = PROJECT / ".venv-aws" / "bin" / "python"

BUILD = PROJECT / ".local" / "build"
"""One build serves all stacks of this folder."""

DEFAULT_FOLDER = PROJECT / ".local" / "stack"


@dataclass(frozen=True, slots=True)
class Files:
    """The files of one stack; another folder is another stack, on ports of its own."""

    folder: Path = DEFAULT_FOLDER

    @property
    def aws(self) -> Path:
        return self.folder / "aws"

    @property
    def lock(self) -> Path:
        return self.folder / "lock"

    @property
    def environment(self) -> Path:
        return self.folder / "environment.sh"

    @property
    def deployed(self) -> Path:
        return self.folder / "deployed.json"

    @property
    def parameters(self) -> Path:
        return self.folder / "parameters.yaml"

    @property
    def deploy_log(self) -> Path:
        return self.folder / "deploy.log"

    @property
    def simulator(self) -> Path:
        return self.folder / "simulator"

    @property
    def temporary(self) -> Path:
        return self.folder / "tmp"
