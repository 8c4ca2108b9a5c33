"""Deploy the built template by the real `sam deploy`, into the account that the environment points at."""

import hashlib
import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3

from local.stack.build import run, sources_digest
from local.stack.paths import SAM, SAMCONFIG, Files
from local.toml import document

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_lambda import LambdaClient

_POLL_SECONDS = "0.2"
_TIMEOUT = re.compile(r"^(      Timeout: )(?:120|600)$", re.MULTILINE)
"""Of the three functions: a lease lasts as long."""
_ALARM = re.compile(r"^  \w+:\n    Type: AWS::CloudWatch::Alarm\n(?:    .*\n)+", re.MULTILINE)


def deploy(
    template: Path, parameters: Mapping[str, str], configuration: Mapping[str, Any], files: Files
) -> Mapping[str, str]:
    """The stack's outputs; deploys only what is not deployed yet. `configuration` is the relay.toml that goes along.

    A record says what was deployed last; whoever starts an empty account removes it.
    """
    wanted = hashlib.sha256((json.dumps([parameters, configuration]) + sources_digest()).encode()).hexdigest()
    recorded = json.loads(files.deployed.read_text()) if files.deployed.exists() else {}
    if recorded.get("digest") != wanted:
        files.deployed.unlink(missing_ok=True)
        files.parameters.write_text(json.dumps(parameters, indent=2))  # JSON is YAML, which alone SAM takes
        ship(configuration, template.parent)
        run(_command(emulated(template), files.parameters), files.deploy_log, SAM_CLI_POLL_DELAY=_POLL_SECONDS)
        mend_concurrency()
        recorded = {"digest": wanted, "configuration": configuration, "outputs": _outputs()}
        files.deployed.write_text(json.dumps(recorded))
    outputs: Mapping[str, str] = recorded["outputs"]
    return outputs


def ship(configuration: Mapping[str, Any], built: Path) -> None:
    """Put a relay.toml where the build has put the project's: nothing is built anew for it."""
    (built / "SharedLayer" / "python" / "coval_relay" / "relay.toml").write_text(document(configuration))


def emulated(template: Path) -> Path:
    """The built template as the emulator can take it, beside it; nobody waits for long here."""
    made = template.with_name("emulated.yaml")
    made.write_text(_TIMEOUT.sub(r"\g<1>30", without_foreign_alarms(template.read_text())))
    return made


def without_foreign_alarms(template: str) -> str:
    """A built template without the alarms that MiniStack 1.5.33 cannot make: it knows no metric math."""
    return _ALARM.sub(lambda found: "" if "\n      Metrics:" in found[0] else found[0], template)


def stack_name() -> str:
    """The local stack's name in CloudFormation."""
    configuration = tomllib.loads(SAMCONFIG.read_text())
    return str(configuration["local"]["global"]["parameters"]["stack_name"])


def _command(template: Path, parameters: Path) -> list[str]:
    return [
        *(str(SAM), "deploy", "--config-file", str(SAMCONFIG), "--config-env", "local"),
        *("--template-file", str(template)),
        *("--parameter-overrides", f"file://{parameters}"),
    ]


def _outputs() -> dict[str, str]:
    client: CloudFormationClient = boto3.client("cloudformation")
    stack = client.describe_stacks(StackName=stack_name())["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def mend_concurrency() -> None:
    """Give the mappings their limit as a number.

    MiniStack 1.5.33 keeps the text that a parameter gave, and then no queue is read at all.
    """
    client: LambdaClient = boto3.client("lambda")
    for mapping in client.list_event_source_mappings()["EventSourceMappings"]:
        limit = int(mapping["ScalingConfig"]["MaximumConcurrency"])
        client.update_event_source_mapping(UUID=mapping["UUID"], ScalingConfig={"MaximumConcurrency": limit})
