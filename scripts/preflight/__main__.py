"""The command."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from botocore.config import Config

from scripts import deployment, preflight
from scripts.deployment import Deployment
from scripts.preflight.account import Account
from scripts.preflight.looks import looked_at
from scripts.preflight.parameters import DEFAULTS
from scripts.report import printed

RELAY = "relay.toml"
PATIENCE = Config(connect_timeout=5, read_timeout=15, retries={"total_max_attempts": 2})
"""Clients give up soon: what cannot be looked at is said."""


def _assignment(text: str) -> str:
    if "=" not in text:
        raise argparse.ArgumentTypeError(f"no NAME=VALUE: {text}")
    return text


@deployment.plain_errors()
def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python3 -m scripts.preflight",
        description=preflight.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    lacking = "parameters that samconfig.toml lacks"
    parser.add_argument("parameters", nargs="*", type=_assignment, metavar="NAME=VALUE", help=lacking)
    parser.add_argument("--relay-file", default=RELAY, metavar="FILE", help="another relay.toml")
    deployment.add_arguments(parser)
    chosen = parser.parse_args(arguments)
    owners = deployment.read(Path(chosen.relay_file), RELAY).get("bucket_owners", {})
    given = dict(one.split("=", 1) for one in chosen.parameters)
    account = _account(deployment.chosen(chosen), given, owners)
    print(f"account {account.account}, region {account.region}")
    return printed(looked_at(account))


def _account(found: Deployment, given: Mapping[str, str], owners: Mapping[str, str]) -> Account:
    return Account(
        client=lambda service: found.client(service, PATIENCE),
        account=found.client("sts", PATIENCE).get_caller_identity()["Account"],
        region=found.session.region_name,
        parameters={**DEFAULTS, **found.parameters, **given},
        stack=found.stack,
        owners=owners,
        options=found.options,
    )


if __name__ == "__main__":
    sys.exit(main())
