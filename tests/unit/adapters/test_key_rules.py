"""The operator's own key rules: what is accepted, what is refused and why, and how SSM's are kept."""

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from moto import mock_aws

from coval_relay.adapters.aws.ssm_object_key_rules import SsmKeyRules, parse_key_rules
from coval_relay.domain.call import RecordingHints
from coval_relay.domain.errors import InvalidInputError, RetryableError
from coval_relay.domain.object_key_rules import KeyRule
from coval_relay.domain.raw_audio import RawAudio

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_ssm import SSMClient

BY_ID = r"^calls/(?P<external_conversation_id>[^/]+)\.wav$"
BY_ALIAS = r"/(?P<alias>RE[0-9a-f]{32})\."
PARAMETER = "/relay/key-rules"


def text(**fields: Any) -> str:
    return json.dumps([{"name": "own", "pattern": BY_ID, **fields}])


def test_a_rule_in_full() -> None:
    rule = {
        "name": "twins",
        "platform": "twilio",
        "bucket": "my-recordings",
        "pattern": BY_ALIAS,
        "kind": "transcript",
        "alias_type": "twilio_recording_sid",
        "format": "twilio_sentences",
        "agent_channel": 1,
        "rank": 3,
        "redacted": True,
        "several": True,
        "longest": True,
        "raw": {"codec": "pcm_mulaw", "sample_rate": 8000, "channels": 2},
    }
    assert parse_key_rules(json.dumps([rule]), "KeyRules") == (
        KeyRule(
            name="twins",
            platform="twilio",
            bucket="my-recordings",
            pattern=BY_ALIAS,
            kind="transcript",
            alias_type="twilio_recording_sid",
            format="twilio_sentences",
            redacted=True,
            hints=RecordingHints(
                agent_channel=1, rank=3, several=True, longest=True, raw=RawAudio(codec="pcm_mulaw", channels=2)
            ),
        ),
    )


def test_a_rule_in_short_and_the_order() -> None:
    first, second = parse_key_rules(
        json.dumps([{"name": "b", "pattern": BY_ID}, {"name": "a", "pattern": BY_ID}]), "KeyRules"
    )
    assert first == KeyRule(name="b", platform="custom", pattern=BY_ID)
    assert second.name == "a"


@pytest.mark.parametrize("nothing", ["", " \n", "[]"])
def test_no_rules(nothing: str) -> None:
    assert parse_key_rules(nothing, "KeyRules") == ()


ONE_GROUP = "must have exactly one of the groups external_conversation_id and alias"
RAW_CODECS = "Input should be 'pcm_s16le', 'pcm_mulaw', 'pcm_alaw', 'g722', 'gsm' or 'vox'"
TOGETHER = "alias_type goes together with the group alias"


@pytest.mark.parametrize(
    ("rules", "place", "rule"),
    [
        ("{", "", "Invalid JSON: EOF while parsing an object at line 1 column 1"),
        ("{}", "", "Input should be a valid array"),
        ("[7]", "[0]", "Input should be an object"),
        ('[{"name": "x"}]', "[0].pattern", "Field required"),
        (text(name=""), "[0].name", "String should have at least 1 character"),
        (text(raw={"codec": "g729", "sample_rate": 8000}), "[0].raw.codec", RAW_CODECS),
        (text(pattern="("), "[0].pattern", "must be a regular expression"),
        (text(pattern="x"), "[0].pattern", ONE_GROUP),
        (text(pattern=BY_ID + BY_ALIAS), "[0].pattern", ONE_GROUP),
        (text(pattern=BY_ALIAS), "[0]", TOGETHER),
        (text(alias_type="leg"), "[0]", TOGETHER),
        (
            text(pattern=BY_ALIAS, alias_type="leg#1"),
            "[0].alias_type",
            "String should match pattern '^[a-z0-9_]+$'",
        ),
        (text(kind="video"), "[0].kind", "Input should be 'recording' or 'transcript'"),
        (text(agent_channel=2), "[0].agent_channel", "Input should be 0 or 1"),
        (text(patern="x"), "[0].patern", "Extra inputs are not permitted"),
        (text(sidecar="x"), "[0].sidecar", "Extra inputs are not permitted"),
    ],
)
def test_rules_that_are_refused(rules: str, place: str, rule: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse_key_rules(rules, "KeyRules")
    assert caught.value == InvalidInputError(f"KeyRules{place}", rule)


# --- in SSM ------------------------------------------------------------------------------------------


@dataclass
class Rules:
    """Rules in a parameter, with a clock, and what was reported."""

    ssm: "SSMClient"
    now: float = 1000.0
    reports: list[Exception] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.read = SsmKeyRules(self.ssm, PARAMETER, lambda: self.now, self.reports.append)

    def put(self, value: str) -> None:
        self.ssm.put_parameter(Name=PARAMETER, Value=value, Type="String", Overwrite=True)

    def names(self) -> list[str]:
        return [rule.name for rule in self.read()]


@pytest.fixture
def rules() -> "Iterator[Rules]":
    with mock_aws():
        yield Rules(boto3.client("ssm", region_name="eu-west-2"))


def test_they_are_read_again_after_five_minutes(rules: Rules) -> None:
    rules.put(text(name="one"))
    assert rules.names() == ["one"]
    rules.put(text(name="two"))
    rules.now += 299.9
    assert rules.names() == ["one"]
    rules.now += 0.1
    assert (rules.names(), rules.reports) == (["two"], [])


def test_good_rules_outlive_broken_ones(rules: Rules) -> None:
    rules.put(text(name="good"))
    assert rules.names() == ["good"]
    rules.put(text(pattern="("))
    rules.now += 300
    assert (rules.names(), rules.names()) == (["good"], ["good"])
    assert rules.reports == [InvalidInputError(f"{PARAMETER}[0].pattern", "must be a regular expression")]
    rules.put(text(name="mended"))
    rules.now += 300
    assert rules.names() == ["mended"]


def test_good_rules_outlive_a_fault_of_ssm(rules: Rules, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(**_: object) -> None:
        raise EndpointConnectionError(endpoint_url="https://ssm")

    rules.put(text(name="good"))
    assert rules.names() == ["good"]
    monkeypatch.setattr(rules.ssm, "get_parameter", down)
    rules.now += 300
    assert (rules.names(), rules.reports) == (["good"], [RetryableError("ssm_unreachable")])


def test_without_good_rules_messages_wait(rules: Rules) -> None:
    with pytest.raises(RetryableError) as missing:
        rules.read()
    rules.put("{")
    with pytest.raises(RetryableError) as broken:
        rules.read()
    assert missing.value == RetryableError("ssm_ParameterNotFound")
    assert broken.value == RetryableError("key_rules_unusable")
    assert [type(report) for report in rules.reports] == [RetryableError, InvalidInputError]
    rules.put(text(name="good"))
    assert rules.names() == ["good"]


def test_a_secret_parameter_is_not_decrypted(rules: Rules) -> None:
    rules.ssm.put_parameter(Name=PARAMETER, Value=text(), Type="SecureString")
    with pytest.raises(RetryableError) as caught:
        rules.read()
    assert caught.value == RetryableError("key_rules_unusable")
