"""The folders of configurations/, as an operator fills them in."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scripts import samconfig

FOLDERS = sorted(path for path in (Path(__file__).parents[2] / "configurations").iterdir() if path.is_dir())
HOST = "media.example.com"


def parameters(folder: Path, bucket: str, bus: str, secrets: Mapping[str, str]) -> dict[str, str]:
    """Its parameters; `secrets` are ARNs by the parameter's name."""
    written = samconfig.overrides(samconfig.read(folder / "samconfig.toml"))
    filled = {"<bucket>": bucket, "<bus>": bus}
    return {
        name: secrets[name] if value.endswith("-arn>") else filled.get(value, value) for name, value in written.items()
    }


def document(folder: Path) -> dict[str, Any]:
    """Its relay.toml."""
    return tomllib.loads((folder / "relay.toml").read_text(encoding="utf-8").replace("<host>", HOST))
