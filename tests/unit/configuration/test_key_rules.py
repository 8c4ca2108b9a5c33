"""The operator's own key rules: what is accepted, and what is not and why."""

from typing import Any

import pytest

from coval_relay.configuration.parsing import ConfigurationError, validated
from coval_relay.domain.call import RecordingHints
from coval_relay.domain.object_key_rules import KeyRule
from coval_relay.domain.raw_audio import RawAudio

BY_ID = r"^calls/(?P<external_conversation_id>[^/]+)\.wav$"
BY_ALIAS = r"/(?P<alias>RE[0-9a-f]{32})\."


def rules_of(*rules: Any) -> tuple[KeyRule, ...]:
    return tuple(rule.key_rule() for rule in validated({"key_rules": [*rules]}).key_rules)


def rule(**fields: Any) -> dict[str, Any]:
    return {"name": "own", "pattern": BY_ID, **fields}


def test_a_rule_in_full() -> None:
    whole = rule(
        name="twins",
        platform="twilio",
        bucket="my-recordings",
        pattern=BY_ALIAS,
        kind="transcript",
        alias_type="twilio_recording_sid",
        format="twilio_sentences",
        agent_channel=1,
        rank=3,
        redacted=True,
        several=True,
        longest=True,
        raw={"codec": "pcm_mulaw", "sample_rate": 8000, "channels": 2},
    )
    assert rules_of(whole) == (
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
    first, second = rules_of(rule(name="b"), rule(name="a"))
    assert first == KeyRule(name="b", platform="custom", pattern=BY_ID)
    assert second.name == "a"


ONE_GROUP = "must have exactly one of the groups external_conversation_id and alias"
RAW_CODECS = "Input should be 'pcm_s16le', 'pcm_mulaw', 'pcm_alaw', 'g722', 'gsm' or 'vox'"
TOGETHER = "alias_type goes together with the group alias"
FORMATS = (
    "must be one of: canonical_v1, utterances, contact_lens_v1, transcribe_call_analytics, twilio_sentences, "
    "livekit_session_report, vapi, retell, elevenlabs"
)


@pytest.mark.parametrize(
    ("rejected", "fault"),
    [
        (7, ": Input should be a valid dictionary or instance of Rule"),
        ({"name": "x"}, ".pattern: Field required"),
        (rule(name=""), ".name: String should have at least 1 character"),
        (rule(raw={"codec": "g729", "sample_rate": 8000}), f".raw.codec: {RAW_CODECS}"),
        (rule(pattern="("), ".pattern: must be a regular expression"),
        (rule(pattern="x"), f".pattern: {ONE_GROUP}"),
        (rule(pattern=BY_ID + BY_ALIAS), f".pattern: {ONE_GROUP}"),
        (rule(pattern=BY_ALIAS), f": {TOGETHER}"),
        (rule(alias_type="leg"), f": {TOGETHER}"),
        (rule(pattern=BY_ALIAS, alias_type="leg#1"), ".alias_type: String should match pattern '^[a-z0-9_]+$'"),
        (rule(kind="video"), ".kind: Input should be 'recording' or 'transcript'"),
        (rule(format="contact_lens"), f".format: {FORMATS}"),
        (rule(agent_channel=2), ".agent_channel: Input should be 0 or 1"),
        (rule(patern="x"), ".patern: is not known; is pattern meant?"),
        (rule(raw={"codec": "gsm", "sample_rte": 8000}), ".raw.sample_rate: Field required"),
        (rule(sidecar="x"), ".sidecar: is not known"),
    ],
)
def test_rules_that_are_rejected(rejected: Any, fault: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        rules_of(rejected)
    assert str(caught.value).split("; relay.toml: ")[0] == f"relay.toml: key_rules[0]{fault}"
