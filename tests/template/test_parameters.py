"""The parameters: complete, checked each by itself and against each other."""

import re
from typing import Any

import pytest
from moto import mock_aws

from coval_relay.platforms.registry import PLATFORMS
from local.stack.parameters import PARAMETERS
from scripts import preflight
from tests.aws import live_stack
from tests.aws.sandbox import Prerequisites
from tests.template.cloudformation import Stack
from tests.template.deployments import BOUNDARY, FULLEST, SECRET, SMALLEST, WEBHOOKS, key

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
    assert required == set(SMALLEST)


def test_what_is_looked_at_before_the_deploy_are_the_template_s_parameters(translated: Template) -> None:
    """And no bucket, key or bus of the template's is left out there."""
    written = {name: str(one.get("Default", "")) for name, one in translated["Parameters"].items()}
    assert {name: written[name] for name in preflight.DEFAULTS} == preflight.DEFAULTS
    kinds = ("Buckets", "KmsKeyArn", "KmsKeyArns", "SecretArn", "BusName", "MaximumConcurrency")
    assert {name for name in written if name.endswith(kinds)} <= preflight.DEFAULTS.keys()


def test_defaults_are_accepted(translated: Template) -> None:
    for name, definition in translated["Parameters"].items():
        assert accepts(definition, str(definition.get("Default", SMALLEST.get(name)))), name


def test_each_parameter_stands_in_one_group(translated: Template) -> None:
    groups = translated["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    listed = [name for group in groups for name in group["Parameters"]]
    assert sorted(listed) == sorted(translated["Parameters"])


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
        ("CovalBaseUrl", "http://api.coval.dev"),
        ("CovalBaseUrl", "https://api.coval.dev/v1"),
        ("CovalPathFamily", "v2"),
        ("DefaultAgentId", "too-short"),
        ("AgentIds", "front-desk=abcdefghij0123456789AB"),
        ("AgentIds", '{"front-desk": "short"}'),
        ("AgentIds", "{" + '"a": "abcdefghij0123456789AB",' * 100 + '"a": "abcdefghij0123456789AB"}'),
        ("EventBusName", "my bus"),
        ("EventBusName", ""),
        ("EventSources", "acme.calls, acme"),
        ("EventSources", 'acme"'),
        ("EventSources", "acme.calls,coval.relay"),
        ("BucketOwners", '{"acme-voicemail": 444455556666}'),
        ("BucketOwners", "acme-voicemail=444455556666"),
        ("VpcSubnetIds", "acme-private-a"),
        ("VpcSecurityGroupIds", "default"),
        ("HttpsProxy", "http://user:password@proxy.acme.example:3128"),
        ("HttpsProxy", "proxy.acme.example:3128"),
        ("NoProxy", ".amazonaws.com, .acme.example"),
        ("PermissionsBoundaryArn", "workloads"),
        ("RolePath", "workloads"),
        ("PartnerEventBusName", "aws.partner/genesys.com/cloud/acme prod"),
        ("AddedDetailTypes", "invented, ended"),
        ("AddedDetailTypes", "e" * 129),
        ("Platforms", ""),
        ("Platforms", "Vapi"),
        ("Platforms", "vapi,amazon-connect"),
        ("AgentChannels", '{"vapi": 2}'),
        ("AgentChannels", '{"vapi": "0"}'),
        ("AgentChannels", '{"Vapi": 0}'),
        ("AgentChannels", "vapi=0"),
        ("SeparateTranscripts", "Twilio"),
        ("Redaction", "both"),
        ("EstimatedTimes", "true"),
        ("PlatformCredentialsSecretArn", "coval/platforms"),
        ("PlatformCredentialsSecretKmsKeyArn", "alias/platforms"),
        ("Webhooks", "yes"),
        ("WebhookSecretArn", "coval/webhooks"),
        ("WebhookSecretKmsKeyArn", "alias/webhooks"),
        ("ReceiveWebhookReservedConcurrency", "-1"),
        ("QueueSenderArns", "*"),
        ("QueueSenderArns", "operators"),
        ("MaxPayloadBytes", "262145"),
        ("RecordingBuckets", ""),
        ("RecordingBuckets", "acme-recordings,s3://acme"),
        ("RecordingPrefixes", "voice/*"),
        ("RecordingPrefixes", 'voice/"'),
        ("RecordingKeyPattern", r"^voice/([^/]+)\.wav$"),
        ("RecordingKmsKeyArns", "alias/recordings"),
        ("RecordingUrlHosts", "https://media.example.com"),
        ("RecordingUrlHosts", "media.example.com/calls"),
        ("TranscriptUrlHosts", "Media.example.com"),
        ("KeyRules", '{"name": "own"}'),
        ("KeyRules", '["own"]'),
        ("KeyRules", f'[{{"name": "{"n" * 1000}"}}]'),
        ("KeyRulesParameterName", "coval/key-rules"),
        ("KeyRulesParameterName", "/coval/*"),
        ("KeyRulesParameterName", "/coval/"),
        ("IgnoredKeyPattern", " tmp$"),
        ("SettlingSeconds", "901"),
        ("PendingSeconds", "604801"),
        ("StagingRetentionDays", "6"),
        ("RejectedEventDays", "366"),
        ("StagingKmsKeyArn", "alias/staging"),
        ("TranscriptKeyPattern", ".*"),
        ("SweepSchedule", "cron(0 * * * ? *)"),
        ("GraceSeconds", "518401"),
        ("RetentionDays", "7"),
        ("LogLevel", "DEBUG"),
        ("UploadRecordingTimeoutSeconds", "301"),
        ("UploadRecordingMaximumConcurrency", "1"),
        ("AlarmTopicArn", "operators"),
        ("TableKmsKeyArn", key("table").replace(":key/", ":alias/")),
    ],
)
def test_wrong_values_are_refused(translated: Template, name: str, value: str) -> None:
    assert not accepts(translated["Parameters"][name], value)


NO_TRANSCRIPT_KEYS = (
    "TranscriptBuckets needs a TranscriptKeyPattern, KeyRules or another platform, to find the call's id in the keys."
)
TIMEOUT = "TimeoutSeconds must be at least twice CovalTimeoutSeconds."


@pytest.mark.parametrize(
    ("given", "broken"),
    [
        ({}, []),
        (FULLEST, []),
        ({**FULLEST, "VpcSecurityGroupIds": ""}, ["VpcSubnetIds needs VpcSecurityGroupIds."]),
        ({"CovalTimeoutSeconds": "10", "UploadRecordingTimeoutSeconds": "30"}, []),
        ({"UploadRecordingTimeoutSeconds": "60"}, []),
        (
            {"TranscriptBuckets": "acme-transcripts"},
            [NO_TRANSCRIPT_KEYS],
        ),
        ({"TranscriptBuckets": "acme-transcripts", "Platforms": "canonical,amazon_connect"}, []),
        ({"TranscriptBuckets": "acme-transcripts", "KeyRules": '[{"name": "own"}]'}, []),
        ({"TranscriptBuckets": "acme-transcripts", "KeyRulesParameterName": "/coval/key-rules"}, []),
        (
            {**FULLEST, "TranscriptPrefixes": "", "RecordingPrefixes": ""},
            [
                "Where transcripts lie in a recording bucket, TranscriptPrefixes tells them apart.",
                "Where transcripts lie in a recording bucket, RecordingPrefixes tells the recordings apart.",
            ],
        ),
        ({"Webhooks": "http_api"}, ["Webhooks need a WebhookSecretArn, which verifies them."]),
        ({"SubmitTranscriptTimeoutSeconds": "30"}, [f"SubmitTranscript{TIMEOUT}"]),
        ({"UploadRecordingTimeoutSeconds": "30"}, [f"UploadRecording{TIMEOUT}"]),
        ({"CovalTimeoutSeconds": "20", "AttachRecordingTimeoutSeconds": "30"}, [f"AttachRecording{TIMEOUT}"]),
        (
            {"CovalTimeoutSeconds": "60", "SubmitTranscriptTimeoutSeconds": "60"},
            [f"SubmitTranscript{TIMEOUT}"],
        ),
        ({"CovalTimeoutSeconds": "45", "AttachRecordingTimeoutSeconds": "60"}, [f"AttachRecording{TIMEOUT}"]),
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
        live = live_stack.parameters(tunnel, key("own"))
    for parameters in (live, given.smallest(tunnel), given.fullest(tunnel)):
        assert Stack(translated, parameters).broken_rules() == []
        assert [name for name in parameters if not accepts(translated["Parameters"][name], parameters[name])] == []
    keys = {name for name in translated["Parameters"] if "KmsKeyArn" in name}
    keys -= {"WebhookSecretKmsKeyArn"}  # the live suite has no vendor that signs
    assert keys == {name for name in live if live[name] == key("own")}
    assert keys - {"PlatformCredentialsSecretKmsKeyArn"} <= given.fullest(tunnel).keys()


def test_timeout_rules_cover_every_pair(translated: Template) -> None:
    """The rules spell the comparison out, since CloudFormation cannot compare numbers."""
    parameters = translated["Parameters"]
    for request in parameters["CovalTimeoutSeconds"]["AllowedValues"]:
        for invocation in parameters["UploadRecordingTimeoutSeconds"]["AllowedValues"]:
            given = {
                "CovalTimeoutSeconds": str(request),
                "SubmitTranscriptTimeoutSeconds": "900",
                "UploadRecordingTimeoutSeconds": str(invocation),
                "AttachRecordingTimeoutSeconds": "900",
            }
            broken = Stack(translated, {**SMALLEST, **given}).broken_rules()
            assert bool(broken) == (invocation < 2 * request), given
