"""Where a stack is, and whose credentials reach it.

The command line says it, else samconfig.toml, else the environment, as with `sam deploy`: a script looks where that
has put the stack.
"""

import argparse
import os
import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from scripts import samconfig
from scripts.samconfig import SettingsError

DEFAULTS = {"stack": "", "config_env": samconfig.DEFAULT, "config_file": samconfig.FILE, "region": "", "profile": ""}
"""The options of the command line that say it."""
NO_REGION = f"no region: set AWS_DEFAULT_REGION, or region in {samconfig.FILE}, or give --region"
NO_STACK = f"no stack: give --stack, or set stack_name in {samconfig.FILE}"
NO_CREDENTIALS = f"no credentials: log in, or set AWS_PROFILE, or profile in {samconfig.FILE}, or give --profile"


@dataclass(frozen=True, slots=True)
class Deployment:
    """A stack's place, and the parameters that samconfig.toml has for it."""

    session: boto3.Session
    stack: str
    """Empty where nobody names it."""
    parameters: Mapping[str, str]
    options: str = ""
    """What was said on the command line, with a space before it: so that another script finds the same stack."""

    def client(self, service: Any, config: Config | None = None) -> Any:
        return self.session.client(service, config=config)

    def found(self) -> "Found":
        """As CloudFormation has it; raises SettingsError where it has no name, or nothing is deployed."""
        if not self.stack:
            raise SettingsError(NO_STACK)
        (found,) = self.client("cloudformation").describe_stacks(StackName=self.stack)["Stacks"]
        if not found.get("Outputs"):
            raise SettingsError(f"stack {self.stack} has no outputs: it is not deployed yet")
        return Found(
            outputs={output["OutputKey"]: output["OutputValue"] for output in found["Outputs"]},
            parameters={one["ParameterKey"]: one["ParameterValue"] for one in found.get("Parameters", [])},
        )


@dataclass(frozen=True, slots=True)
class Found:
    """A stack's outputs, and the parameters that it was deployed with."""

    outputs: Mapping[str, str]
    parameters: Mapping[str, str]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """All but --stack, which not every script needs."""
    environment = f"the environment in {samconfig.FILE}"
    parser.add_argument("--config-env", default=DEFAULTS["config_env"], metavar="NAME", help=environment)
    parser.add_argument("--config-file", default=DEFAULTS["config_file"], metavar="FILE", help="another samconfig.toml")
    parser.add_argument("--region", default="", help="another region than samconfig.toml or the environment says")
    parser.add_argument("--profile", default="", help="another profile, likewise")


def add_stack(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--stack", default="", metavar="NAME", help="another stack than that of samconfig.toml")


def chosen(arguments: argparse.Namespace) -> Deployment:
    """Raises SettingsError where an environment or a region is missing."""
    given = {name: getattr(arguments, name, default) for name, default in DEFAULTS.items()}
    environment, written = given["config_env"], _written(Path(given["config_file"]), given["config_env"])
    return Deployment(
        session=_session(
            given["region"] or samconfig.setting(written, "region", environment),
            given["profile"] or samconfig.setting(written, "profile", environment),
        ),
        stack=given["stack"] or samconfig.setting(written, "stack_name", environment),
        parameters=samconfig.overrides(written, environment),
        options="".join(
            f" --{name.replace('_', '-')} {shlex.quote(given[name])}"
            for name, default in DEFAULTS.items()
            if given[name] != default
        ),
    )


def read(file: Path, default: str) -> Mapping[str, Any]:
    """A TOML file, which may be missing where nobody named it."""
    if not file.exists() and str(file) != default:
        raise SettingsError(f"{file}: there is no such file")
    return samconfig.read(file)


def _written(file: Path, environment: str) -> Mapping[str, Any]:
    """An environment that is named has to be there."""
    found = read(file, samconfig.FILE)
    if environment not in (samconfig.DEFAULT, *samconfig.known(found)):
        known = ", ".join(samconfig.known(found)) or "none"
        raise SettingsError(f"{file}: has no environment {environment}; there are: {known}")
    return found


def _session(region: str, profile: str) -> boto3.Session:
    """AWS_REGION, which the AWS CLI heeds and neither SAM nor boto3 does, counts where nothing else names a region."""
    found = boto3.Session(region_name=region or None, profile_name=profile or None)
    if found.region_name:
        return found
    if not os.environ.get("AWS_REGION"):
        raise SettingsError(NO_REGION)
    return boto3.Session(region_name=os.environ["AWS_REGION"], profile_name=profile or None)


@contextmanager
def plain_errors() -> Iterator[None]:
    """One line instead of a traceback where AWS cannot be asked."""
    try:
        yield
    except NoCredentialsError:
        sys.exit(f"error: {NO_CREDENTIALS}")
    except (SettingsError, BotoCoreError, ClientError) as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit("interrupted")
