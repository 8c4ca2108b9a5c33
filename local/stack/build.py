"""Build the package for this machine: the real `sam build`, only when a source has changed."""

import hashlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from local.stack.paths import AWS_PYTHON, BUILD, PROJECT, SAM, SAMCONFIG

_SOURCES = ("template.yaml", "relay.toml", "local/stack/samconfig.toml", "functions", "layers", ".venv-aws/pyvenv.cfg")
_IGNORED = ("__pycache__", ".mypy_cache", ".ruff_cache")


class BuildFailed(RuntimeError):
    """`sam build` or `sam deploy` ended with an error."""


def run(command: list[str], log: Path, **environment: str) -> None:
    """Run a tool with its output in a log; raises BuildFailed with the log's end."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        code = subprocess.run(
            command,
            cwd=PROJECT,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            check=False,
        ).returncode
    if code:
        end = "\n".join(log.read_text(errors="replace").splitlines()[-25:])
        raise BuildFailed(f"{' '.join(command[:2])} failed ({code}); {log} ends with:\n{end}")


def build() -> Path:
    """The built template; builds first where a source differs from those of the last build."""
    built = BUILD / "template.yaml"
    stamp = BUILD.with_suffix(".sha256")
    digest = sources_digest()
    if not (built.exists() and stamp.exists() and stamp.read_text() == digest):
        stamp.unlink(missing_ok=True)
        command = [
            str(SAM),
            "build",
            "--config-file",
            str(SAMCONFIG),
            "--config-env",
            "local",
            "--build-dir",
            str(BUILD),
        ]
        run(command, BUILD.with_suffix(".log"), PATH=_tools_first(), RELAY_BUILD_PYTHON=str(AWS_PYTHON))
        stamp.write_text(digest)
    return built


def _tools_first() -> str:
    """With the project's own uv before all others."""
    return os.pathsep.join([str(PROJECT / ".venv-bootstrap" / "bin"), os.environ["PATH"]])


def sources_digest() -> str:
    """A hash over all that the build reads."""
    digest = hashlib.sha256()
    for file in _files():
        digest.update(f"{file.relative_to(PROJECT)}\0".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _files() -> Iterator[Path]:
    for source in _SOURCES:
        path = PROJECT / source
        found = sorted(path.rglob("*")) if path.is_dir() else [path]
        yield from (file for file in found if file.is_file() and not set(file.parts) & set(_IGNORED))
