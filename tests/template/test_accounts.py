"""Accounts with rules of their own: boundaries, paths, partitions, networks, and buckets that are another's."""

import json
import re
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.preflight.account import Account
from scripts.preflight.other_accounts import unknown_owners
from scripts.preflight.parameters import DEFAULTS
from scripts.preflight.stack_names import LONGEST_STACK
from tests.template.cloudformation import PSEUDO_PARAMETERS, Stack
from tests.template.deployments import BOUNDARY, FULLEST, SMALLEST, key
from tests.template.tools import CFN_LINT, PROJECT, TEMPLATE, run

PAGE = (PROJECT / "docs" / "accounts.md").read_text(encoding="utf-8")
ROLES = {"SubmitTranscriptRole", "UploadRecordingRole", "AttachRecordingRole", "SweepRole"}
FULLEST_ROLES = ROLES | {"ReceiveWebhookRole"}


def test_roles_have_the_account_s_boundary_and_path(smallest: Stack, fullest: Stack) -> None:
    for stack, path, boundary in ((smallest, "/", None), (fullest, "/workloads/calls/", BOUNDARY)):
        roles = {name: role["Properties"] for name, role in stack.resources("AWS::IAM::Role").items()}
        assert set(roles) == (ROLES if stack is smallest else FULLEST_ROLES)
        found = {(role["Path"], role.get("PermissionsBoundary")) for role in roles.values()}
        assert found == {(path, boundary)}


@pytest.mark.parametrize("partition", ["aws-cn", "aws-us-gov"])
def test_every_arn_is_of_the_stack_s_own_partition(smallest: Stack, partition: str) -> None:
    assert "arn:aws:" not in TEMPLATE.read_text(encoding="utf-8")
    given = {name: value.replace("arn:aws:", f"arn:{partition}:") for name, value in FULLEST.items()}
    stack = Stack(smallest.template, given, {**PSEUDO_PARAMETERS, "AWS::Partition": partition})
    assert "arn:aws:" not in str(stack.resources())
    assert f"arn:{partition}:ssm:" in str(stack.properties("SubmitTranscriptRole"))


# --- networks

FUNCTIONS = FULLEST_ROLES - {"SweepRole"}


def test_functions_run_in_the_account_s_subnets_and_lambda_may_connect_them(smallest: Stack, fullest: Stack) -> None:
    for function in fullest.resources("AWS::Lambda::Function").values():
        assert function["Properties"]["VpcConfig"] == {
            "SubnetIds": FULLEST["VpcSubnetIds"].split(","),
            "SecurityGroupIds": [FULLEST["VpcSecurityGroupIds"]],
        }
    roles = fullest.resources("AWS::IAM::Role")
    assert {name for name, role in roles.items() if "ManagedPolicyArns" in role["Properties"]} == FUNCTIONS
    assert {str(roles[name]["Properties"]["ManagedPolicyArns"]) for name in FUNCTIONS} == {"['NetworkPolicy']"}
    for function in smallest.resources("AWS::Lambda::Function").values():
        assert "VpcConfig" not in function["Properties"]


def test_functions_leave_the_network_a_deploy_before_lambda_may_no_longer_clear_up_there(fullest: Stack) -> None:
    """It deletes the network interfaces up to 20 minutes later, with the function's role."""
    leaving = Stack(fullest.template, {**FULLEST, "VpcSubnetIds": ""})
    functions = leaving.resources("AWS::Lambda::Function").values()
    assert leaving.broken_rules() == []
    assert [one for one in functions if "VpcConfig" in one["Properties"]] == []
    roles = leaving.resources("AWS::IAM::Role")
    policies = {name: role["Properties"].get("ManagedPolicyArns") for name, role in roles.items()}
    assert policies == {"SweepRole": None, **{name: ["NetworkPolicy"] for name in FUNCTIONS}}
    assert "NetworkPolicy" in leaving.resources()


def test_the_network_is_lambda_s_to_connect_not_the_code_s(smallest: Stack, fullest: Stack) -> None:
    (statement,) = fullest.properties("NetworkPolicy")["PolicyDocument"]["Statement"]
    assert statement["Condition"] == {"Null": {"lambda:SourceFunctionArn": "true"}}
    assert {action.split(":")[0] for action in statement["Action"]} == {"ec2"}
    assert fullest.properties("NetworkPolicy")["Path"] == FULLEST["RolePath"]
    assert smallest.resources("AWS::IAM::ManagedPolicy") == {}
    assert all("ManagedPolicyArns" not in one["Properties"] for one in smallest.resources("AWS::IAM::Role").values())


# --- the policies and rules that the page prints for the other account


def printed(language: str) -> list[str]:
    """The page's blocks of a language."""
    found = re.findall(rf"^( *)```{language}\n(.*?)\n\1```$", PAGE, re.DOTALL | re.MULTILINE)
    return [re.sub(f"^{indent}", "", block, flags=re.MULTILINE) for indent, block in found]


def policy(*wanted: str) -> list[dict[str, Any]]:
    """The statements of the JSON block that names all of these."""
    (found,) = (json.loads(block) for block in printed("json") if all(one in block for one in wanted))
    statements: list[dict[str, Any]] = found.get("Statement", [found])
    return statements


OURS = {
    **SMALLEST,
    "RecordingBuckets": "acme-recordings",
    "TranscriptBuckets": "acme-transcripts",
    "ReadKmsKeyArns": key("theirs").replace("111122223333", "444455556666"),
}


def needed(stack: Stack, role: str, service: str) -> Iterator[tuple[str, str]]:
    """Each action on a bucket or key of the other account that the role's own policy allows, and on what."""
    (own,) = stack.properties(role)["Policies"]
    for statement in own["PolicyDocument"]["Statement"]:
        resources, actions = statement.get("Resource", []), statement["Action"]
        for resource in [resources] if isinstance(resources, str) else resources:
            if statement["Effect"] == "Allow" and resource.startswith(("arn:*:s3:::", "arn:aws:kms:")):
                for action in [actions] if isinstance(actions, str) else actions:
                    if action.startswith(service):
                        yield action, resource.replace("arn:*:", "arn:aws:")


def allows(statement: dict[str, Any], role: str, action: str, resource: str) -> bool:
    actions, roles = statement["Action"], statement["Condition"]["ArnLike"]["aws:PrincipalArn"]
    named = f"arn:aws:iam::111122223333:role/coval-relay-{role}-1A2B3C4D"
    return (
        statement["Principal"] == {"AWS": "arn:aws:iam::111122223333:root"}
        and action in ([actions] if isinstance(actions, str) else actions)
        and any(fnmatchcase(named, one) for one in ([roles] if isinstance(roles, str) else roles))
        and (statement["Resource"] in ("*", resource))
    )


@pytest.mark.parametrize("role", ["SubmitTranscriptRole", "UploadRecordingRole", "AttachRecordingRole"])
def test_the_other_account_allows_what_the_role_may_do_and_no_more(smallest: Stack, role: str) -> None:
    stack = Stack(smallest.template, OURS)
    buckets = [*policy("acme-recordings"), *policy("acme-transcripts")]
    asked = set(needed(stack, role, "s3:"))
    assert asked
    assert [one for one in asked if not any(allows(statement, role, *one) for statement in buckets)] == []
    allowed = {
        (action, statement["Resource"])
        for statement in buckets
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
        if allows(statement, role, action, statement["Resource"])
    }
    assert allowed == asked


@pytest.mark.parametrize("role", ["SubmitTranscriptRole", "UploadRecordingRole", "AttachRecordingRole"])
def test_the_other_account_s_key_opens_for_the_role(smallest: Stack, role: str) -> None:
    (statement,) = policy("kms:Decrypt")
    ((action, resource),) = set(needed(Stack(smallest.template, OURS), role, "kms:"))
    assert allows(statement, role, action, resource)
    assert statement["Condition"]["StringEquals"] == {"kms:ViaService": "s3.eu-west-2.amazonaws.com"}


def test_the_roles_bear_the_whole_name_of_a_stack_as_long_as_the_page_says() -> None:
    """64 characters: the stack's name, the role's, two hyphens, and an end of 13 at most."""
    named = {role for block in printed("json") for role in re.findall(r"coval-relay-(\w+Role)-\*", block)}
    assert named == ROLES - {"SweepRole"}
    most = 64 - 13 - 2 - max(map(len, named))
    assert f"a stack's name of up to {most} characters" in PAGE
    assert most == LONGEST_STACK


def test_what_is_forwarded_is_what_the_relay_s_rule_takes(smallest: Stack) -> None:
    forwarding, bus = printed("yaml")
    rule = yaml.safe_load(forwarding.replace("!GetAtt ", ""))["Resources"]["ForwardRecordings"]["Properties"]
    ours = json.loads(Stack(smallest.template, OURS).properties("RecordingRule")["EventPattern"])
    assert ours["detail"].pop("object") == {"key": [{"prefix": ""}]}
    assert rule["EventPattern"] == ours
    (target,) = rule["Targets"]
    assert target["Arn"] == "arn:aws:events:eu-west-2:111122223333:event-bus/default"
    allowed = yaml.safe_load(bus.replace("!Sub ", ""))["Resources"]["LetRecordingsIn"]["Properties"]["Statement"]
    assert allowed["Condition"] == {"StringEquals": {"events:source": ours["source"][0]}}


@pytest.mark.parametrize("block", printed("yaml"))
def test_the_printed_templates_are_templates(block: str, tmp_path: Path) -> None:
    template = tmp_path / "template.yaml"
    template.write_text(block, encoding="utf-8")
    result = run(CFN_LINT, "--regions", "eu-west-2", "--", template)
    assert (result.returncode, result.stdout) == (0, "")


def test_the_printed_owner_is_of_a_bucket_of_the_stack() -> None:
    (block,) = printed("toml")
    owners = tomllib.loads(block)["bucket_owners"]
    assert owners == {"acme-recordings": "444455556666"}
    parameters = {**DEFAULTS, **OURS}
    account = Account(lambda _: None, "111122223333", "eu-west-2", parameters, owners=owners)
    assert list(unknown_owners(account)) == []
