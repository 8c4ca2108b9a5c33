"""The environment of everything local: nothing of the user's AWS leaks in, nothing of ours leaks out."""

import os
from collections.abc import Mapping
from pathlib import Path

from local.stack import certificate

ACCOUNT = "000000000000"
REGION = "us-east-1"
SECRET_KEY = "local-only"  # noqa: S105 -- the emulator's root key: an account number and any word

_FOREIGN = ("AWS_", "BOTO_", "SAM_", "COVAL_", "POWERTOOLS_", "MINISTACK_")
_LOOPBACK = "127.0.0.1,localhost,::1"


def cleaned(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without what steers AWS tools, and with no proxy before the loopback."""
    kept = {name: value for name, value in environment.items() if not name.startswith(_FOREIGN)}
    return {**kept, "NO_PROXY": _LOOPBACK, "no_proxy": _LOOPBACK}


def aws(endpoint: str, folder: Path) -> dict[str, str]:
    """What points AWS tools at the local endpoint, and only there.

    Both of the tools' files are named, so that neither ~/.aws/config nor ~/.aws/credentials is read.
    """
    return {
        "AWS_ACCESS_KEY_ID": ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_CONFIG_FILE": str(folder / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / "credentials"),
        "AWS_CA_BUNDLE": str(folder / "certificate.pem"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "SAM_CLI_TELEMETRY": "0",
    }


def isolate(endpoint: str, folder: Path) -> None:
    """Make this process, and all that it starts, see the local AWS only."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("config", "credentials"):
        (folder / name).touch()
    certificate.ensure(folder / "certificate.pem", folder / "key.pem")
    environment = {**cleaned(os.environ), **aws(endpoint, folder)}
    os.environ.clear()
    os.environ.update(environment)
