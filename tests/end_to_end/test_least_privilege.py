"""No statement of a role is superfluous: without any one action of it the function does not do its work.

What the emulator does not enforce (writing logs, reading the function's own queue) the template tests assert.
"""

import base64
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from local.stack.stack import Stack
from tests.end_to_end.probes import FUNCTIONS, Event, Outcome, Probes

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_lambda import LambdaClient

NOT_ENFORCED = {"WriteLog", "ReceiveMessages"}
ACTIONS = {
    "SubmitTranscript": (
        "sqs:SendMessage",
        "dynamodb:GetItem",
        "dynamodb:UpdateItem",
        "secretsmanager:GetSecretValue",
        "s3:GetObject",
    ),
    "UploadRecording": (
        "sqs:SendMessage",
        "dynamodb:GetItem",
        "dynamodb:UpdateItem",
        "secretsmanager:GetSecretValue",
        "s3:GetObject",
        "s3:GetObjectVersion",
        "s3:GetObjectTagging",
        "s3:GetObjectVersionTagging",
    ),
    "AttachRecording": (
        "sqs:SendMessage",
        "dynamodb:GetItem",
        "dynamodb:UpdateItem",
        "dynamodb:Query",
        "secretsmanager:GetSecretValue",
        "s3:GetObject",
        "s3:GetObjectVersion",
    ),
}


class Roles:
    """The deployed functions and the policies of their roles."""

    def __init__(self, stack: Stack) -> None:
        self._outputs = stack.outputs
        self._functions: LambdaClient = boto3.client("lambda")
        self._iam: IAMClient = boto3.client("iam")

    def invoke(self, function: str, sent: Event) -> str:
        answer = self._functions.invoke(
            FunctionName=self._name(function), Payload=json.dumps(sent).encode(), LogType="Tail"
        )
        content: Any = json.loads(answer["Payload"].read())
        denied = "access denied" if b"AccessDenied" in base64.b64decode(answer.get("LogResult", "")) else ""
        return str(content["errorType"]) if answer.get("FunctionError") else denied or json.dumps(content)

    def statements(self, function: str) -> list[dict[str, Any]]:
        return list(self._policy(function)["PolicyDocument"]["Statement"])

    @contextmanager
    def without(self, function: str, action: str) -> Iterator[None]:
        """The role without the action."""
        policy = self._policy(function)
        less = [_less(statement, action) for statement in policy["PolicyDocument"]["Statement"]]
        self._put(policy, [statement for statement in less if statement["Action"]])
        if action == "secretsmanager:GetSecretValue":
            self._forget_secret(function)
        try:
            yield
        finally:
            self._put(policy, policy["PolicyDocument"]["Statement"])

    def _put(self, policy: Mapping[str, Any], statements: list[dict[str, Any]]) -> None:
        document = {"Version": "2012-10-17", "Statement": statements}
        self._iam.put_role_policy(
            RoleName=policy["RoleName"], PolicyName=policy["PolicyName"], PolicyDocument=json.dumps(document)
        )

    def _policy(self, function: str) -> dict[str, Any]:
        role = self._functions.get_function_configuration(FunctionName=self._name(function))["Role"]
        name = role.rpartition("/")[2]
        (policy,) = self._iam.list_role_policies(RoleName=name)["PolicyNames"]
        return dict(self._iam.get_role_policy(RoleName=name, PolicyName=policy))

    def _forget_secret(self, function: str) -> None:
        """A changed configuration ends the function's workers, and their cache with them."""
        name = self._name(function)
        memory = self._functions.get_function_configuration(FunctionName=name)["MemorySize"]
        self._functions.update_function_configuration(FunctionName=name, MemorySize=memory)

    def _name(self, function: str) -> str:
        return self._outputs[f"{function}FunctionName"]


def _less(statement: Mapping[str, Any], action: str) -> dict[str, Any]:
    if statement["Effect"] == "Deny":
        return dict(statement)
    return {**statement, "Action": [one for one in _actions(statement) if one != action]}


def _actions(statement: Mapping[str, Any]) -> list[str]:
    actions = statement["Action"]
    return [actions] if isinstance(actions, str) else list(actions)


@pytest.fixture(scope="module")
def roles(stack: Stack) -> Iterator[Roles]:
    """No rule tells of the probes' objects: only the probes' own invocations are judged."""
    events: EventBridgeClient = boto3.client("events")
    rules = [rule["Name"] for rule in events.list_rules()["Rules"]]
    for rule in rules:
        events.disable_rule(Name=rule)
    yield Roles(stack)
    for rule in rules:
        events.enable_rule(Name=rule)


@pytest.fixture(scope="module")
def whole(stack: Stack, roles: Roles) -> dict[str, list[Outcome]]:
    """What the probes end in while each role has all that the template gives it."""
    probes = Probes(stack, roles.invoke)
    return {function: probes.outcomes(function) for function in FUNCTIONS}


def test_with_their_whole_roles_the_functions_do_their_work(whole: dict[str, list[Outcome]]) -> None:
    done = '{"batchItemFailures": []}'
    assert whole == {
        "SubmitTranscript": [(done, "", "", ""), *[(done, "SUBMITTED", "", "")] * 3],
        "UploadRecording": [(done, "", "", ""), *[(done, "NONE", "UPLOADED", "")] * 3],
        "AttachRecording": [*[(done, "", "", "")] * 2, *[(done, "SUBMITTED", "ATTACHED", "")] * 2],
    }


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_action_that_can_be_tested_is(function: str, roles: Roles) -> None:
    granted = [
        action
        for statement in roles.statements(function)
        if statement["Effect"] == "Allow" and statement["Sid"] not in NOT_ENFORCED
        for action in _actions(statement)
    ]
    assert sorted(granted) == sorted(ACTIONS[function])


@pytest.mark.parametrize(
    ("function", "action"), [(function, action) for function in FUNCTIONS for action in ACTIONS[function]]
)
def test_without_an_action_a_function_does_not_do_its_work(
    function: str, action: str, stack: Stack, roles: Roles, whole: dict[str, list[Outcome]]
) -> None:
    with roles.without(function, action):
        outcomes = Probes(stack, roles.invoke).outcomes(function)
    assert outcomes != whole[function]
