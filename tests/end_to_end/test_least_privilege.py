"""No statement of a role is superfluous: without any one action of it the function does not do its work.

And without the denial of what lies beside the prefixes it would do more. What the emulator does not enforce
(writing logs, reading the function's own queue, listing a bucket) the template tests assert.
"""

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from coval_relay.adapters.aws import queue_messages
from coval_relay.adapters.aws.webhook_messages import MAX_MESSAGE_BYTES
from coval_relay.domain.messages import Resume
from local.stack.server_processes import wait_until
from local.stack.stack import Stack
from local.webhooks import function_url
from tests.end_to_end.probes import (
    ATTACH,
    BESIDE_THE_PREFIXES,
    EXPECTED,
    FAILED,
    FUNCTIONS,
    REJECTED_BY_THE_CODE,
    SUBMIT,
    UPLOAD,
    Event,
    Outcome,
    Probes,
    rules_silenced,
)

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_lambda import LambdaClient

NOT_ENFORCED = {
    *(("WriteLog", action) for action in ("logs:CreateLogStream", "logs:PutLogEvents")),
    *(("ReceiveMessages", f"sqs:{action}") for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")),
    *((name, "s3:ListBucket") for name in ("TellMissingTranscriptsFromDeniedOnes", "ReadWebhookBodies")),
    *((name, "s3:ListBucket") for name in ("KeepPreparedCopies", "ReadPreparedCopies")),
    ("KeepPreparedCopies", "s3:AbortMultipartUpload"),  # needed where S3 fails in the middle of an upload only
}
SECRET, WHOLE = "secretsmanager:GetSecretValue", "*"
CACHED = {SECRET, "ssm:GetParameter"}
MOST_STARTS = 5
MOST_SECONDS = 60
WORKER_ENDED = {"Worker process died", "Worker returned no response"}
"""What MiniStack 1.5.33 says of a worker that ends under it; one whose folder it has removed cannot find its files."""
PREFIXES = {"RECORDING_PREFIXES", "TRANSCRIPT_PREFIXES"}
Grant = tuple[str, str]
"""A statement's Sid and an action of it; a denial is taken as a whole."""
SHARED: dict[Grant, str] = {
    ("ReceiveMessages", "sqs:ChangeMessageVisibility"): "from its queue",
    ("SendMessages", "sqs:SendMessage"): "without an id",
    ("KeepState", "dynamodb:UpdateItem"): "versioned",
    ("KeepState", "dynamodb:GetItem"): "versioned",
    ("ReadApiKey", SECRET): "versioned",
    ("ReadConfiguration", "ssm:GetParameter"): "versioned",
    ("ReadNothingBesideThePrefixes", WHOLE): BESIDE_THE_PREFIXES,
}
NEEDED: dict[str, dict[Grant, str]] = {
    SUBMIT: {
        **SHARED,
        ("KeepState", "dynamodb:UpdateItem"): "inline",
        ("KeepState", "dynamodb:GetItem"): "taken up again",
        ("KeepState", "dynamodb:DeleteItem"): "under its alias",
        ("KeepState", "dynamodb:Query"): "under its alias",
        ("ReadApiKey", SECRET): "inline",
        ("ReadConfiguration", "ssm:GetParameter"): "inline",
        ("ReadPlatformCredentials", SECRET): "at a link",
        ("ReadTranscripts", "s3:GetObject"): "by reference",
        ("ReadWebhookBodies", "s3:GetObject"): "a webhook in S3",
    },
    UPLOAD: {
        **SHARED,
        ("SendMessages", "sqs:SendMessage"): "beside the place",
        ("KeepState", "dynamodb:DeleteItem"): "named by a sidecar",
        ("KeepState", "dynamodb:Query"): "named by a sidecar",
        ("ReadPlatformCredentials", SECRET): "at a link",
        ("ReadRecordings", "s3:GetObject"): "unversioned",
        ("ReadRecordings", "s3:GetObjectVersion"): "versioned",
        ("ReadRecordings", "s3:GetObjectTagging"): "tagged, unversioned",
        ("ReadRecordings", "s3:GetObjectVersionTagging"): "tagged",
        ("KeepPreparedCopies", "s3:PutObject"): "converted",
        ("KeepPreparedCopies", "s3:GetObject"): "converted",
    },
    ATTACH: {
        **SHARED,
        ("KeepState", "dynamodb:DeleteItem"): "sweep of a bound alias",
        ("FindUnfinishedCalls", "dynamodb:Query"): "sweep",
        ("SeeBacklog", "sqs:GetQueueAttributes"): "sweep of a due call",
        ("ReadRecordings", "s3:GetObjectVersion"): "versioned",
        ("ReadPreparedCopies", "s3:GetObject"): "prepared",
    },
}
"""By function: the probe that ends differently without the grant."""


class Roles:
    """The deployed functions and the policies of their roles."""

    def __init__(self, stack: Stack) -> None:
        self._outputs = stack.outputs
        self._functions: LambdaClient = boto3.client("lambda")
        self._iam: IAMClient = boto3.client("iam")

    def invoke(self, function: str, sent: Event) -> str:
        """A worker that a changed configuration ends while it starts says nothing of the function: once more."""
        for _ in range(MOST_STARTS):
            answer = self._functions.invoke(
                FunctionName=self._name(function), Payload=json.dumps(sent).encode(), LogType="Tail"
            )
            content: Any = json.loads(answer["Payload"].read())
            if not (answer.get("FunctionError") and _ended_by_the_emulator(content)):
                break
        denied = "access denied" if b"AccessDenied" in base64.b64decode(answer.get("LogResult", "")) else ""
        return denied or (FAILED if answer.get("FunctionError") else json.dumps(content))

    def statements(self, function: str) -> list[dict[str, Any]]:
        return list(self._policy(function)["PolicyDocument"]["Statement"])

    @contextmanager
    def without(self, function: str, grant: Grant) -> Iterator[None]:
        """The role without one action of one statement, or without a denial."""
        policy = self._policy(function)
        less = [_less(statement, grant) for statement in policy["PolicyDocument"]["Statement"]]
        forget = self._forget if grant[1] in CACHED else lambda _: None
        self._put(policy, [statement for statement in less if statement["Action"]])
        forget(function)
        try:
            yield
        finally:
            self._put(policy, policy["PolicyDocument"]["Statement"])
            forget(function)

    @contextmanager
    def alone(self, function: str) -> Iterator[None]:
        """The function without the code's own check of the prefixes, so that only its role has one."""
        with self.changed(function, lambda kept: dict.fromkeys(PREFIXES & kept.keys(), "")):
            yield

    @contextmanager
    def sending_to_itself(self, function: str) -> Iterator[None]:
        """The function with its own queue in place of its dead letters."""
        with self.changed(function, lambda kept: {"DEAD_LETTER_QUEUE_URL": kept["QUEUE_URL"]}):
            yield

    @contextmanager
    def changed(self, function: str, changes: Callable[[Mapping[str, str]], Mapping[str, str]]) -> Iterator[None]:
        """The function with other variables."""
        name = self._name(function)
        kept = self._functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        self._configure(name, {**kept, **changes(kept)})
        try:
            yield
        finally:
            self._configure(name, kept)

    def _configure(self, name: str, variables: Mapping[str, str]) -> None:
        """AWS takes seconds to do it."""
        client = self._functions
        client.update_function_configuration(FunctionName=name, Environment={"Variables": variables})
        updated = wait_until(
            lambda: client.get_function_configuration(FunctionName=name)["LastUpdateStatus"] != "InProgress",
            MOST_SECONDS,
        )
        assert updated, f"{name} is still being updated"

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

    def _forget(self, function: str) -> None:
        """A changed configuration ends the function's workers, and with them what they have read, or could not read."""
        name = self._name(function)
        memory = self._functions.get_function_configuration(FunctionName=name)["MemorySize"]
        self._functions.update_function_configuration(FunctionName=name, MemorySize=memory)

    def _name(self, function: str) -> str:
        return self._outputs[f"{function}FunctionName"]


def _ended_by_the_emulator(error: Mapping[str, str]) -> bool:
    return error["errorType"] == "FileNotFoundError" or error["errorMessage"] in WORKER_ENDED


def _less(statement: Mapping[str, Any], grant: Grant) -> dict[str, Any]:
    kept = [action for action in _actions(statement) if (statement["Sid"], action) != grant]
    return {**statement, "Action": [] if (statement["Sid"], WHOLE) == grant else kept}


def _actions(statement: Mapping[str, Any]) -> list[str]:
    actions = statement["Action"]
    return [actions] if isinstance(actions, str) else list(actions)


def _grants(statement: Mapping[str, Any]) -> list[Grant]:
    actions = _actions(statement) if statement["Effect"] == "Allow" else [WHOLE]
    return [(statement["Sid"], action) for action in actions]


@pytest.fixture(scope="module")
def roles(stack: Stack) -> Iterator[Roles]:
    with rules_silenced(stack):
        yield Roles(stack)


@pytest.fixture(scope="module")
def probes(stack: Stack, roles: Roles) -> Iterator[Probes]:
    """What was left waiting is brought to its end: the queues are to be empty for others."""
    probes = Probes(stack, roles.invoke)
    yield probes
    with roles.alone(SUBMIT), roles.without(SUBMIT, ("ReadNothingBesideThePrefixes", WHOLE)):
        for call_id in probes.waiting:
            roles.invoke(SUBMIT, queue_messages.to_event(Resume(call_id)))


@pytest.mark.sandbox
@pytest.mark.parametrize(
    ("function", "probe"), [(function, probe) for function in FUNCTIONS for probe in EXPECTED[function]]
)
def test_with_its_whole_role_a_function_does_its_work(function: str, probe: str, roles: Roles, probes: Probes) -> None:
    with roles.alone(function) if probe == BESIDE_THE_PREFIXES else nullcontext():
        expected = EXPECTED[function][probe]
        assert probes.outcome(function, probe, expected) == expected


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_code_rejects_what_lies_beside_the_prefixes(function: str, roles: Roles, probes: Probes) -> None:
    with roles.without(function, ("ReadNothingBesideThePrefixes", WHOLE)):
        outcome = probes.outcome(function, BESIDE_THE_PREFIXES)
    assert outcome == REJECTED_BY_THE_CODE[function]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_function_can_send_to_the_queue_that_it_consumes(function: str, roles: Roles, probes: Probes) -> None:
    probe = NEEDED[function]["SendMessages", "sqs:SendMessage"]
    with roles.sending_to_itself(function):
        assert probes.outcome(function, probe) == Outcome("access denied")


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_grant_that_can_be_tested_is(function: str, roles: Roles) -> None:
    granted = [
        grant for statement in roles.statements(function) for grant in _grants(statement) if grant not in NOT_ENFORCED
    ]
    assert sorted(granted) == sorted(NEEDED[function])


@pytest.mark.parametrize(
    ("function", "grant"),
    [(function, grant) for function in FUNCTIONS for grant in NEEDED[function]],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_without_a_grant_a_function_does_not_do_its_work(
    function: str, grant: Grant, roles: Roles, probes: Probes
) -> None:
    probe = NEEDED[function][grant]
    checked = roles.alone(function) if probe == BESIDE_THE_PREFIXES else nullcontext()
    with checked, roles.without(function, grant):
        outcome = probes.outcome(function, probe)
    assert outcome != EXPECTED[function][probe]


# --- the door; a function behind a URL has no events but requests

DOOR = "ReceiveWebhook"
SMALL, LARGE = 0, MAX_MESSAGE_BYTES
SENT_AT_MOST, UNAVAILABLE = 3, HTTPStatus.SERVICE_UNAVAILABLE
DOOR_NEEDS: dict[Grant, int] = {
    ("SendWebhooks", "sqs:SendMessage"): SMALL,
    ("ReadWebhookSecret", SECRET): SMALL,
    ("KeepLargeBodies", "s3:PutObject"): LARGE,
}
"""How large a webhook is that the door cannot store without the grant."""


def post(stack: Stack, filled: int) -> int:
    """An event that names no call: it is verified and stored, and ends as a dead letter.

    As vendors do, it is sent again after a 503: the door also answers so where a busy machine is slow to store it.
    """
    sample = {"detail-type": "Call Ended", "detail": {"schema_version": "1", "unknown": "x" * filled}}
    door = function_url(stack.aws_url, stack.outputs)
    answers = (door.post("canonical", sample) for _ in range(SENT_AT_MOST))
    return next((answer for answer in answers if answer != UNAVAILABLE), UNAVAILABLE)


@pytest.mark.parametrize("filled", [SMALL, LARGE])
@pytest.mark.usefixtures("roles")
def test_with_its_whole_role_the_door_stores_webhooks(filled: int, stack: Stack) -> None:
    assert post(stack, filled) == HTTPStatus.OK


def test_every_grant_of_the_door_is_tested(roles: Roles) -> None:
    granted = [grant for statement in roles.statements(DOOR) for grant in _grants(statement)]
    assert sorted(grant for grant in granted if grant not in NOT_ENFORCED) == sorted(DOOR_NEEDS)


@pytest.mark.parametrize("grant", DOOR_NEEDS, ids=" ".join)
def test_without_a_grant_the_door_asks_its_senders_to_come_again(grant: Grant, roles: Roles, stack: Stack) -> None:
    with roles.without(DOOR, grant):
        assert post(stack, DOOR_NEEDS[grant]) == HTTPStatus.SERVICE_UNAVAILABLE
