"""samconfig.toml: the parameters that an environment is deployed with, and where its stack is."""

import shlex
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

DEFAULT = "default"
FILE = "samconfig.toml"


class SettingsError(Exception):
    """What a script has to know is not said, or cannot be read; the text says which."""


def read(file: Path) -> Mapping[str, Any]:
    """The file, empty where there is none; raises SettingsError where it is no TOML."""
    try:
        return tomllib.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file}: {error}") from error


def overrides(configuration: Mapping[str, Any], environment: str = DEFAULT) -> dict[str, str]:
    """The environment's parameters; SAM takes them as one text or as a list.

    Raises SettingsError for an entry of a list that SAM would cut or refuse.
    """
    written = _setting(configuration, environment, "parameter_overrides") or []
    entries = shlex.split(written) if isinstance(written, str) else [_unquoted(entry) for entry in written]
    return dict(entry.split("=", 1) for entry in entries if "=" in entry)


def _unquoted(entry: str) -> str:
    """SAM takes an entry as a shell would, and of several words without a word the first one only."""
    name = entry.partition("=")[0]
    if entry == f"{name}=":
        raise SettingsError(f"{FILE}: {name}: to empty it, write '{name}=\"\"'")
    try:
        words = shlex.split(entry)
    except ValueError:
        words = []
    if len(words) != 1:
        raise SettingsError(f"{FILE}: {name}: leave out the blank, or quote the value: '{name}=\"…\"'")
    return words[0]


def environments(configuration: Mapping[str, Any]) -> Iterator[str]:
    """Those that have parameters."""
    yield from (name for name in known(configuration) if overrides(configuration, name))


def known(configuration: Mapping[str, Any]) -> list[str]:
    """All environments; what else stands at the top, such as the version, is none."""
    return [name for name, written in configuration.items() if isinstance(written, dict)]


def setting(configuration: Mapping[str, Any], name: str, environment: str = DEFAULT) -> str:
    """What `sam deploy` takes by this name, empty where nothing is said."""
    return str(_setting(configuration, environment, name) or "")


def _setting(configuration: Mapping[str, Any], environment: str, name: str) -> Any:
    """A command's own parameters come before those of all commands; `sam deploy --guided` writes the former."""
    commands = configuration.get(environment, {})
    found = (commands.get(command, {}).get("parameters", {}).get(name) for command in ("deploy", "global"))
    return next((value for value in found if value), None)
