"""The parameters: complete, checked each by itself and against each other."""

import re
from typing import Any

import pytest
from moto import mock_aws

from coval_relay.platforms.registry import PLATFORMS
from local.stack.parameters import PARAMETERS
from scripts.preflight.parameters import PARAMETERS as LOOKED_AT
from scripts.preflight.parameters import Parameter
from tests.aws import live_stack
from tests.aws.sandbox import Prerequisites
from tests.template.cloudformation import Stack
from tests.template.deployments import BOUNDARY, FULLEST, OPERATORS, SECRET, SMALLEST, WEBHOOKS, key
from tests.template.tools import TEMPLATE

Template = dict[str, Any]


def accepts(definition: dict[str, Any], text: str) -> bool:
    """Whether CloudFormation takes a value, as the constraints of its parameter type say."""
    members = text.split(",") if definition["Type"] == "CommaDelimitedList" else [text]
    if definition["Type"] == "Number" and "MinValue" in definition:
        return bool(definition["MinValue"] <= int(text) <= definition["MaxValue"])
    if "AllowedValues" in definition:
        return all(member in map(str, definition["AllowedValues"]) for member in members)
    if len(text) > definition.get("MaxLength", len(text)):
        return False
    return all(re.fullmatch(definition["AllowedPattern"], member) for member in members)


def test_each_parameter_is_typed_described_and_constrained(translated: Template) -> None:
    constraints = ({"AllowedPattern", "ConstraintDescription"}, {"AllowedValues"}, {"MinValue", "MaxValue"})
    for name, definition in translated["Parameters"].items():
        assert definition["Type"] in ("String", "Number", "CommaDelimitedList"), name
        assert definition["Description"].endswith("."), name
        assert any(constraint <= set(definition) for constraint in constraints), name


def test_only_what_nobody_can_guess_is_required(translated: Template) -> None:
    required = {name for name, definition in translated["Parameters"].items() if "Default" not in definition}
    assert required == {"CovalApiKeySecretArn"}


def looked_at(definition: dict[str, Any]) -> Parameter:
    *others, last = map(str, definition.get("AllowedValues", [""]))
    return Parameter(
        definition.get("AllowedPattern", f"^({'|'.join([*others, last])})$"),
        definition.get("ConstraintDescription", f"must be {', '.join(others)} or {last}"),
        str(definition.get("Default", "")),
        definition["Type"] == "CommaDelimitedList",
    )


def test_what_is_looked_at_before_the_deploy_are_the_template_s_parameters(translated: Template) -> None:
    """And no bucket, key or bus of the template's is left out there."""
    written = {name: looked_at(one) for name, one in translated["Parameters"].items()}
    assert {name: written[name] for name in LOOKED_AT} == LOOKED_AT
    kinds = (
        "Buckets",
        "KmsKeyArn",
        "KmsKeyArns",
        "SecretArn",
        "BusName",
        "SenderArns",
        "Concurrency",
        "Proxy",
        "TopicArn",
    )
    assert {name for name in written if name.endswith(kinds)} <= LOOKED_AT.keys()


MOST_PARAMETERS, MOST_LINES = 26, 1290


def test_the_template_can_be_read_by_a_stranger(translated: Template) -> None:
    assert len(translated["Parameters"]) <= MOST_PARAMETERS
    assert len(TEMPLATE.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


def test_defaults_are_accepted(translated: Template) -> None:
    for name, definition in translated["Parameters"].items():
        assert accepts(definition, str(definition.get("Default", SMALLEST.get(name)))), name


def test_each_parameter_stands_in_one_group_and_in_its_order(translated: Template) -> None:
    groups = translated["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    assert [name for group in groups for name in group["Parameters"]] == list(translated["Parameters"])


def test_each_parameter_is_used(templates: dict[str, Template]) -> None:
    used = str({part: templates["source"][part] for part in ("Globals", "Conditions", "Resources")})
    assert [name for name in templates["source"]["Parameters"] if f"'{name}'" not in used] == []


@pytest.mark.parametrize("name", FULLEST)
def test_all_options_are_accepted(translated: Template, name: str) -> None:
    assert accepts(translated["Parameters"][name], FULLEST[name])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CovalApiKeySecretArn", "coval/api-key"),
        ("Platforms", ""),
        ("Platforms", "Vapi"),
        ("Platforms", "vapi,amazon-connect"),
        ("EventBusName", "my bus"),
        ("EventBusName", ""),
        ("EventSources", "acme.calls, acme"),
        ("EventSources", 'acme"'),
        ("EventSources", "acme.calls,coval.relay"),
        ("PartnerEventBusName", "aws.partner/genesys.com/cloud/acme prod"),
        ("RecordingBuckets", "Acme"),
        ("RecordingBuckets", "acme-recordings,s3://acme"),
        ("RecordingPrefixes", "voice/*"),
        ("RecordingPrefixes", 'voice/"'),
        ("RecordingPrefixes", "voice/,głos/"),
        ("RecordingPrefixes", "голос/"),
        ("RecordingPrefixes", "voice/😀"),
        ("RecordingPrefixes", "voice\n"),
        ("TranscriptBuckets", "s3://acme"),
        ("TranscriptPrefixes", "text/?"),
        ("TranscriptPrefixes", "głos/"),
        ("TranscriptPrefixes", "голос/"),
        ("PlatformCredentialsSecretArn", "coval/platforms"),
        ("Webhooks", "yes"),
        ("WebhookSecretArn", "coval/webhooks"),
        ("ConfigurationParameterName", "coval/configuration"),
        ("ConfigurationParameterName", "/coval/*"),
        ("ConfigurationParameterName", "/coval/"),
        ("MaximumConcurrency", "10,1,5,0"),
        ("MaximumConcurrency", "1001,5,5,0"),
        ("MaximumConcurrency", "10, 5,5,0"),
        ("MaximumConcurrency", ""),
        ("VpcSubnetIds", "acme-private-a"),
        ("VpcSecurityGroupIds", "default"),
        ("HttpsProxy", "http://user:password@proxy.acme.example:3128"),
        ("HttpsProxy", "http://proxy.acme.example:3128/"),
        ("HttpsProxy", "http://proxy.acme.example:3128,.amazonaws.com, .acme.example"),
        ("PermissionsBoundaryArn", "workloads"),
        ("RolePath", "workloads"),
        ("QueueSenderArns", "*"),
        ("QueueSenderArns", "operators"),
        ("QueueSenderArns", "arn:aws:sts::111122223333:assumed-role/operators/jo"),
        ("QueueSenderArns", f"{OPERATORS},arn:aws:sts::111122223333:assumed-role/*"),
        ("QueueSenderArns", "arn:aws:iam::111122223333:root"),
        ("QueueSenderArns", "arn:aws:iam::111122223333:group/operators"),
        ("ReadKmsKeyArns", "alias/recordings"),
        ("ReadKmsKeyArns", f"{key('recordings')},alias/transcripts"),
        ("KmsKeyArn", key("own").replace(":key/", ":alias/")),
        ("KmsKeyArn", f"{key('own')},{key('another')}"),
        ("RejectedEventDays", "366"),
        ("LogRetentionDays", "31"),
        ("AlarmTopicArn", "operators"),
        ("SilenceAlarmSeconds", "60"),
    ],
)
def test_wrong_values_are_rejected(translated: Template, name: str, value: str) -> None:
    assert not accepts(translated["Parameters"][name], value)


@pytest.mark.parametrize("name", ["RecordingPrefixes", "TranscriptPrefixes"])
def test_prefixes_are_of_the_characters_that_s3_and_a_policy_have_in_common(translated: Template, name: str) -> None:
    taken = "".join(letter for letter in map(chr, range(0x20, 0x100)) if letter not in ',"\\*?$')
    assert accepts(translated["Parameters"][name], taken)
    assert accepts(translated["Parameters"][name], "entrée/,año=2026/ü+(1)/")


POLICIES = ("AWS::IAM::Role", "AWS::IAM::ManagedPolicy", "AWS::SQS::QueuePolicy", "AWS::S3::BucketPolicy")


def test_nothing_comes_into_a_policy_that_iam_does_not_take(translated: Template) -> None:
    """IAM: a policy is of tabs, line ends and U+0020 to U+00FF; anything else would fail in the midst of a deploy."""
    policies = str([Stack(translated, FULLEST).resources(kind) for kind in POLICIES])
    ending_there = {name for name, value in FULLEST.items() if any(one in policies for one in value.split(","))}
    assert {"RecordingPrefixes", "RolePath", "QueueSenderArns", "KmsKeyArn"} <= ending_there
    for name in sorted(ending_there):
        assert not accepts(translated["Parameters"][name], FULLEST[name] + "ł"), name


@pytest.mark.parametrize(
    "value",
    [
        "arn:aws:iam::111122223333:user/people/jo@acme.example",
        "arn:aws-us-gov:iam::111122223333:role/teams/operators-?",
        "arn:aws:sts::111122223333:federated-user/jo",
    ],
)
def test_who_sends_again_is_named_as_aws_tells_the_queue(translated: Template, value: str) -> None:
    """By aws:PrincipalArn: of a role's session that is the role's ARN."""
    assert accepts(translated["Parameters"]["QueueSenderArns"], value)


@pytest.mark.parametrize(
    ("given", "broken"),
    [
        ({}, []),
        (FULLEST, []),
        ({**FULLEST, "VpcSecurityGroupIds": ""}, ["VpcSubnetIds needs VpcSecurityGroupIds."]),
        (
            {**FULLEST, "TranscriptPrefixes": "", "RecordingPrefixes": ""},
            [
                "Where transcripts lie in a recording bucket, TranscriptPrefixes tells them apart.",
                "Where transcripts lie in a recording bucket, RecordingPrefixes tells the recordings apart.",
            ],
        ),
        ({"Webhooks": "http_api"}, ["Webhooks need a WebhookSecretArn, which verifies them."]),
    ],
)
def test_rules_across_parameters(translated: Template, given: dict[str, str], broken: list[str]) -> None:
    assert Stack(translated, {**SMALLEST, **given}).broken_rules() == broken


def test_the_local_stack_is_a_deployment_like_any_other(translated: Template) -> None:
    given = {**SMALLEST, **PARAMETERS, "WebhookSecretArn": WEBHOOKS}
    assert Stack(translated, given).broken_rules() == []
    assert [name for name in PARAMETERS if not accepts(translated["Parameters"][name], PARAMETERS[name])] == []
    *others, last = PARAMETERS["Platforms"].split(",")
    assert {*others, last} <= {listing.name for listing in PLATFORMS}
    assert last == "canonical"


def test_the_stacks_of_a_sandbox_account_are_deployments_like_any_other(translated: Template) -> None:
    """Nobody can run the live suite here."""
    tunnel, given = "https://coval.tunnel.example", Prerequisites("111122223333", SECRET, key("own"), BOUNDARY)
    with mock_aws():
        live = live_stack.choices(tunnel, key("own")).parameters
    fullest = given.fullest(tunnel).parameters
    for parameters in (live, given.smallest(tunnel).parameters, fullest):
        assert Stack(translated, parameters).broken_rules() == []
        assert [name for name in parameters if not accepts(translated["Parameters"][name], parameters[name])] == []
    keys = {name for name in translated["Parameters"] if "KmsKeyArn" in name}
    assert keys == {name for name in live if live[name] == key("own")}
    assert keys <= fullest.keys()
