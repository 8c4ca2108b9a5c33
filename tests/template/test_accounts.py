"""Accounts with rules of their own: boundaries, paths, partitions, networks, and buckets that are another's."""

import pytest

from tests.template.cloudformation import PSEUDO_PARAMETERS, Stack
from tests.template.deployments import BOUNDARY, FULLEST
from tests.template.tools import TEMPLATE

ROLES = {"SubmitTranscriptRole", "UploadRecordingRole", "AttachRecordingRole", "SweepRole"}


def test_roles_have_the_account_s_boundary_and_path(smallest: Stack, fullest: Stack) -> None:
    for stack, path, boundary in ((smallest, "/", None), (fullest, "/workloads/calls/", BOUNDARY)):
        roles = {name: role["Properties"] for name, role in stack.resources("AWS::IAM::Role").items()}
        assert set(roles) == ROLES
        found = {(role["Path"], role.get("PermissionsBoundary")) for role in roles.values()}
        assert found == {(path, boundary)}


@pytest.mark.parametrize("partition", ["aws-cn", "aws-us-gov"])
def test_every_arn_is_of_the_stack_s_own_partition(smallest: Stack, partition: str) -> None:
    assert "arn:aws:" not in TEMPLATE.read_text(encoding="utf-8")
    given = {name: value.replace("arn:aws:", f"arn:{partition}:") for name, value in FULLEST.items()}
    stack = Stack(smallest.template, given, {**PSEUDO_PARAMETERS, "AWS::Partition": partition})
    assert "arn:aws:" not in str(stack.resources())
    assert f"arn:{partition}:ssm:" in str(stack.properties("SubmitTranscriptRole"))
