"""The look before the first deploy: what could not be seen, what cannot be read, whose parameters it takes.

What a secret must hold: test_preflight_secrets.py; what it finds in an account: tests/integration/test_preflight.py.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from scripts import preflight, samconfig
from scripts.preflight.__main__ import main
from scripts.preflight.account import Account
from scripts.preflight.buckets import bucket_lines
from scripts.preflight.buses import other_relays
from scripts.preflight.concurrency import concurrency_limits
from scripts.preflight.looks import looked_at
from scripts.preflight.misread import misread
from scripts.preflight.other_accounts import cut_names, unknown_owners
from scripts.preflight.parameters import DEFAULTS
from scripts.preflight.proxy import proxy
from scripts.preflight.senders import senders
from scripts.preflight.stack_names import stack_of
from scripts.preflight.webhooks import doors
from scripts.report import Line, Mark

BY_BUS = "well where its events come by the bus; else an entry in WebhookSecretArn: docs/webhooks.md"


@pytest.mark.parametrize(
    ("given", "entries", "lines"),
    [
        ({"Platforms": "amazon_connect,genesys,canonical"}, {}, []),
        ({"Platforms": "vapi,canonical", "Webhooks": "both"}, {"vapi/eu": "s", "acme": "s"}, []),
        (
            {"Platforms": "vapi,twilio"},
            {},
            [
                ("webhooks of vapi", "have no secret: there is no way in for them", BY_BUS),
                ("webhooks of twilio", "have no secret: there is no way in for them", BY_BUS),
            ],
        ),
        (
            {"Platforms": "vapi"},
            {"vapi": "s", "retell": "s"},
            [
                ("Webhooks", "none: no entry of the secret is a way in", "set it to function_url or http_api"),
                ("webhooks of retell", "have a secret, and Platforms lacks it", "name it, or leave it out"),
            ],
        ),
    ],
)
def test_platforms_without_a_way_in_and_ways_in_of_none(
    given: dict[str, str], entries: dict[str, str], lines: list[tuple[str, str, str]]
) -> None:
    found = doors(with_parameters(**given), entries)
    assert list(found) == [Line(Mark.UNSEEN, *line) for line in lines]


class Failing:
    """A client of any service whose every call fails."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __getattr__(self, name: str) -> Any:
        def call(*_: Any, **__: Any) -> Any:
            raise self.error

        return call


def answers(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "m"}}, "Looking")


NOT_GIVEN = {"QueueSenderArns", "AlarmTopicArn"}
"""What is empty and may stay so is said without a look."""


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (answers("AccessDeniedException"), "these credentials may not Looking"),
        (answers("AuthorizationError"), "these credentials may not Looking"),
        (answers("Throttling"), "Looking answers Throttling"),
        (
            EndpointConnectionError(endpoint_url="https://x.test"),
            'Could not connect to the endpoint URL: "https://x.test"',
        ),
    ],
)
def test_what_could_not_be_looked_at_is_said_and_the_rest_goes_on(error: Exception, said: str) -> None:
    given = {"CovalApiKeySecretArn": "arn:aws:secretsmanager:eu-west-2:111122223333:secret:coval-AbCdEf"}
    account = Account(lambda _: Failing(error), "111122223333", "eu-west-2", {**DEFAULTS, **given})
    lines = list(looked_at(account))
    assert {line.mark for line in lines} == {Mark.UNSEEN}
    assert [(line.subject, line.said) for line in lines if line.subject not in NOT_GIVEN] == [
        (subject, said) for subject in ("concurrency", "CovalApiKeySecretArn", "EventBusName", "other relays")
    ]


def test_a_bucket_of_another_owner_is_denied() -> None:
    account = Account(lambda _: Failing(answers("403")), "111122223333", "eu-west-2", DEFAULTS)
    (line,) = bucket_lines(account, "acme-recordings")
    assert str(line) == (
        "MEND  bucket acme-recordings: S3 denies it as a bucket of 111122223333\n"
        "        -> name its account in bucket_owners of relay.toml; or look with credentials that may s3:ListBucket"
    )


def test_a_long_stack_s_roles_are_named_otherwise_in_the_other_account() -> None:
    account = replace(with_parameters(), stack="coval-relay-production-europe-w")
    (line,) = cut_names(account, "444455556666")
    said = "the roles' names have coval-relay-production-europe-w cut: has its policy what they begin with?"
    mend = 'docs/accounts.md, "Recordings in another account"; or a stack\'s name of 29 characters'
    assert line == Line(Mark.UNSEEN, "account 444455556666, its policies", said, mend)
    assert list(cut_names(replace(account, stack="s" * 29), "444455556666")) == []


LONG = "coval-relay-production-europe-west-two-of-acme"


@pytest.mark.parametrize(
    ("name", "stack"),
    [
        (f"{LONG[:37]}-CallEventRule-1A2B3C4D5E6F", LONG),
        (f"{LONG[:30]}-CallEventRule-1A2B3C4D5E6F", LONG[:30]),
        (f"{'x' * 37}-CallEventRule-1A2B3C4D5E6F", "x" * 37),
        ("coval-CallEventRule-1A2B3C4D5E6F", "coval"),
        (f"{LONG}-CallEventRule", ""),
    ],
)
def test_a_name_that_was_cut_is_known_for_its_stack_s(name: str, stack: str) -> None:
    assert stack_of(name, "CallEventRule", LONG, 64) == stack


def with_parameters(**given: str) -> Account:
    return Account(lambda _: None, "111122223333", "eu-west-2", {**DEFAULTS, **given})


@pytest.mark.parametrize(
    ("given", "well"),
    [("10,5,5,0", True), ("2,2,2,50", True), ("10,5,5", False), ("10,5,5,0,0", False), ("10,0,5,0", False)],
)
def test_each_place_of_the_concurrency_holds_what_lambda_takes(given: str, well: bool) -> None:
    lines = list(concurrency_limits(with_parameters(MaximumConcurrency=given)))
    assert [line.mark for line in lines] == ([] if well else [Mark.MEND])


@pytest.mark.parametrize(
    ("given", "well"),
    [
        ("", True),
        ("http://proxy.acme.example:3128", True),
        ("http://proxy.acme.example:3128,.amazonaws.com", True),
        ("proxy.acme.example:3128", False),
        (".amazonaws.com,http://proxy.acme.example:3128", False),
        ("http://proxy.acme.example:3128,http://other.acme.example:3128", False),
    ],
)
def test_the_proxy_comes_before_the_hosts_without_it(given: str, well: bool) -> None:
    lines = list(proxy(with_parameters(HttpsProxy=given)))
    assert [line.mark for line in lines] == ([] if well else [Mark.MEND])


# --- who may send again ------------------------------------------------------------------------------

ROLE = "arn:aws:iam::111122223333:role"
SESSION = "arn:aws:sts::111122223333:assumed-role"


def test_nobody_may_send_again_where_nobody_is_named() -> None:
    (line,) = senders(with_parameters())
    assert str(line) == (
        "?     QueueSenderArns: nobody may send dead letters or rejected calls again\n"
        "        -> name whoever is to: docs/operations.md"
    )


def test_who_may_send_again_is_said() -> None:
    named = f"{ROLE}/operators,{ROLE}/aws-reserved/sso.amazonaws.com/*AWSReservedSSO_Operators_*"
    (line,) = senders(with_parameters(QueueSenderArns=named))
    assert str(line) == f"ok    QueueSenderArns: may send again: {named.replace(',', ', ')}"


@pytest.mark.parametrize(
    ("session", "mend"),
    [
        (
            f"{SESSION}/AWSReservedSSO_Op_erators_0123456789abcdef/jo@acme.example",
            f"the role: {ROLE}/aws-reserved/sso.amazonaws.com/*AWSReservedSSO_Op_erators_*",
        ),
        (
            f"{SESSION}/AWSReservedSSO_Operators_*/*",
            f"the role: {ROLE}/aws-reserved/sso.amazonaws.com/*AWSReservedSSO_Operators_*",
        ),
        (
            f"{SESSION}/operators/jo",
            "the role, as this prints it: aws iam get-role --role-name operators --query Role.Arn --output text",
        ),
    ],
)
def test_a_session_s_arn_names_nobody(session: str, mend: str) -> None:
    alone, beside = (with_parameters(QueueSenderArns=arns) for arns in (session, f"{ROLE}/operators,{session}"))
    wrong = Line(Mark.MEND, "QueueSenderArns", f"cannot be {session}", mend)
    assert [*misread(alone), *senders(alone)] == [wrong]
    well = Line(Mark.WELL, "QueueSenderArns", f"may send again: {ROLE}/operators")
    assert [*misread(beside), *senders(beside)] == [wrong, well]


# --- what is given -----------------------------------------------------------------------------------

BUCKETS = "must be bucket names, joined by commas"
CONCURRENCY = "must be four numbers, joined by commas, the first three from 2 to 1000, the last that or 0"
KEYS = "must be empty or ARNs of keys, not aliases"


@pytest.mark.parametrize(
    ("name", "value", "lines"),
    [
        ("MaximumConcurrency", "10, 5,five,0", [("cannot be five", CONCURRENCY)]),
        ("MaximumConcurrency", "10,,1,0", [("cannot be empty", CONCURRENCY), ("cannot be 1", CONCURRENCY)]),
        ("MaximumConcurrency", "", [("cannot be empty", CONCURRENCY)]),
        ("ReadKmsKeyArns", "<key-arn>", [("cannot be <key-arn>", KEYS)]),
        ("ReadKmsKeyArns", "alias/acme", [("cannot be alias/acme", KEYS)]),
        ("KmsKeyArn", "<key-arn>", [("cannot be <key-arn>", "must be empty or a key's ARN, not an alias")]),
        ("RecordingBuckets", "acme-a, <bucket>", [("cannot be <bucket>", BUCKETS)]),
        ("EventBusName", "", [("cannot be empty", "must be the name of an event bus of this account and region")]),
        (
            "HttpsProxy",
            "http://jo:word@proxy.acme.example:3128",
            [
                (
                    "cannot be what is given",
                    "must be empty, or http://HOST:PORT without user name and password, then host names or their ends",
                )
            ],
        ),
        (
            "CovalApiKeySecretArn",
            "a-key",
            [("cannot be what is given", "must be the full ARN of a Secrets Manager secret")],
        ),
    ],
)
def test_what_cannot_be_read_is_told_and_left_out(name: str, value: str, lines: list[tuple[str, str]]) -> None:
    """The rest is looked at: no line but these is of the parameter."""
    secret = "arn:aws:secretsmanager:eu-west-2:111122223333:secret:coval-AbCdEf"
    account = with_parameters(**{"CovalApiKeySecretArn": secret, name: value})
    failing = replace(account, client=lambda _: Failing(answers("Throttling")))
    found = [line for line in looked_at(failing) if line.subject.startswith(name)]
    assert found == [Line(Mark.MEND, name, said, mend) for said, mend in lines]


def test_blanks_around_the_members_of_a_list_are_none() -> None:
    account = with_parameters(
        RecordingBuckets="acme-a, acme-b", TranscriptBuckets=" acme-a", MaximumConcurrency="9, 5,5,0"
    )
    assert account.buckets == ["acme-a", "acme-b"]
    assert list(misread(account)) == list(concurrency_limits(account)) == []


def test_a_rule_of_somebody_else_s_may_look_otherwise() -> None:
    class Rules:
        def get_paginator(self, _: str) -> "Rules":
            return self

        def paginate(self, **_: str) -> list[dict[str, Any]]:
            return [{"Rules": [{"Name": "acme-CallEventRule-1A"}, {"Name": "b-CallEventRule-1", "EventPattern": "{}"}]}]

    lines = other_relays(replace(with_parameters(), client=lambda _: Rules()))
    assert [line.subject for line in lines] == ["stack acme", "stack b"]


@pytest.mark.parametrize("owner", [444455556666, "4444", ["444455556666"]])
def test_an_owner_is_the_text_of_an_account_s_number(owner: Any) -> None:
    account = replace(with_parameters(RecordingBuckets="acme-a"), owners={"acme-a": owner})
    (line,) = unknown_owners(account)
    assert line == Line(Mark.MEND, "bucket_owners acme-a", f"cannot be {owner}", "the account's 12 digits, as text")


def test_its_help_is_what_the_package_says(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    usage, said, _ = capsys.readouterr().out.partition(str(preflight.__doc__))
    assert (usage.split("[")[0], bool(said)) == ("usage: python3 -m scripts.preflight ", True)


def test_a_parameter_that_is_none_is_an_error_of_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["RecordingBuckets"])
    assert capsys.readouterr().err.endswith("error: argument NAME=VALUE: no NAME=VALUE: RecordingBuckets\n")


def configuration(overrides: Any) -> Mapping[str, Any]:
    return {"prod": {"deploy": {"parameters": {"parameter_overrides": overrides}}}}


@pytest.mark.parametrize(
    "written",
    [
        ["RecordingBuckets=a,b", "EventSources='acme telephony'"],
        "RecordingBuckets=a,b EventSources='acme telephony'",
    ],
)
def test_parameters_come_from_samconfig(written: Any) -> None:
    found = samconfig.overrides(configuration(written), "prod")
    assert found == {"RecordingBuckets": "a,b", "EventSources": "acme telephony"}
    assert samconfig.overrides(configuration(written), "default") == {}


def test_what_all_commands_are_told_counts_too() -> None:
    written = {"prod": {"global": {"parameters": {"parameter_overrides": "Platforms=vapi"}}}}
    assert samconfig.overrides(written, "prod") == {"Platforms": "vapi"}
