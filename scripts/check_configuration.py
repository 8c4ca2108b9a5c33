"""Check relay.toml, and that it agrees with the parameters in samconfig.toml; `sam build` does so, too.

    python3 -m scripts.check_configuration

Each line names file, key and rule; the exit status is 1 where there is one. It needs pydantic, and layers/shared on
PYTHONPATH.
"""

import argparse
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from coval_relay.configuration.document import Configuration
from coval_relay.configuration.parsing import FILE, ConfigurationError, parse
from scripts import samconfig

NEEDS_KEY_RULES = "canonical"
"""Its events name transcripts, but nobody knows the keys of yours."""


def faults(folder: Path) -> Iterator[str]:
    """What is wrong with the two files."""
    try:
        written = samconfig.read(folder / samconfig.FILE)
        for environment in samconfig.known(written):
            samconfig.overrides(written, environment)
    except samconfig.SettingsError as error:
        yield str(error)
        return
    for environment in samconfig.environments(written):
        left = unfilled(samconfig.overrides(written, environment))
        yield from (f"{samconfig.FILE}: {environment}: {fault}" for fault in left)
    try:
        text = (folder / FILE).read_text(encoding="utf-8")
        configuration = parse(text)
    except ConfigurationError as error:
        yield from _unfilled_or(error, text)
        return
    for environment in samconfig.environments(written):
        parameters = samconfig.overrides(written, environment)
        yield from (f"{FILE}: {fault}, in samconfig.toml's {environment}" for fault in apart(configuration, parameters))


def _unfilled_or(error: ConfigurationError, text: str) -> Sequence[str]:
    """What has to be filled in says more than the rules that it breaks."""
    try:
        return [f"{FILE}: {fault}" for fault in unfilled(tomllib.loads(text))] or error.faults
    except tomllib.TOMLDecodeError:
        return error.faults


def unfilled(values: Any, path: str = "") -> Iterator[str]:
    """What a copied configuration leaves to its operator."""
    if isinstance(values, Mapping):
        for name, value in values.items():
            yield from unfilled(value, f"{path}.{name}".removeprefix("."))
    elif isinstance(values, list):
        for value in values:
            yield from unfilled(value, path)
    elif isinstance(values, str) and values.startswith("<"):
        yield f"{path}: fill in {values}"


def apart(configuration: Configuration, parameters: Mapping[str, str]) -> Iterator[str]:
    """Where the document does not fit to a stack's parameters."""
    platforms = parameters.get("Platforms", "canonical").split(",")
    for name in configuration.platforms:
        if name not in platforms:
            yield f"platforms.{name}: is not one of the parameter Platforms"
    own = any(rule.kind == "transcript" for rule in configuration.key_rules)
    if parameters.get("TranscriptBuckets") and platforms == [NEEDS_KEY_RULES] and not own:
        yield "key_rules: TranscriptBuckets needs a rule of kind transcript, or another platform"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=Path(), help="where the two files are")
    found = list(faults(parser.parse_args(arguments).folder))
    for fault in found:
        print(fault, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
