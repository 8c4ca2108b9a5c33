"""samconfig.toml: the parameters that an environment is deployed with."""

import shlex
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

DEFAULT = "default"


def read(file: Path) -> Mapping[str, Any]:
    """The file, empty where there is none."""
    return tomllib.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


def overrides(configuration: Mapping[str, Any], environment: str = DEFAULT) -> dict[str, str]:
    """The environment's parameters; SAM takes them as one text or as a list."""
    written = _of(configuration, environment, "deploy").get("parameter_overrides", [])
    entries = shlex.split(written) if isinstance(written, str) else [shlex.split(entry)[0] for entry in written]
    return dict(entry.split("=", 1) for entry in entries if "=" in entry)


def environments(configuration: Mapping[str, Any]) -> Iterator[str]:
    """Those that have parameters."""
    yield from (
        name for name in configuration if isinstance(configuration[name], dict) and overrides(configuration, name)
    )


def stack_name(configuration: Mapping[str, Any], environment: str = DEFAULT) -> str:
    return str(_of(configuration, environment, "global").get("stack_name") or "coval-relay")


def _of(configuration: Mapping[str, Any], environment: str, command: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = configuration.get(environment, {}).get(command, {}).get("parameters", {})
    return found
