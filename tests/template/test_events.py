"""Rules and schedule: what is listened to, and where it goes."""

import json
from pathlib import Path
from typing import Any

import pytest

from coval_relay.platforms.registry import PLATFORMS
from tests.template.cloudformation import Stack
from tests.template.deployments import PARTNER_BUS, SMALLEST
from tests.template.tools import TEMPLATE

LONGEST_PATTERN = 2048
"""EventBridge: characters of an event pattern."""


def rules(stack: Stack) -> dict[str, dict[str, Any]]:
    """Each rule's bus, pattern and queue."""
    found = {}
    for name, rule in stack.resources("AWS::Events::Rule").items():
        properties = rule["Properties"]
        (target,) = properties["Targets"]
        found[name] = {
            "bus": properties.get("EventBusName", "default"),
            "pattern": pattern(properties["EventPattern"]),
            "queue": target["Arn"].removesuffix("Queue.Arn"),
        }
    return found


def pattern(text: Any) -> Any:
    return json.loads(text) if isinstance(text, str) else text


def detail_types(platform: str) -> list[str]:
    (listing,) = (one for one in PLATFORMS if one.name == platform)
    return list(listing.detail_types)


def told(*names: str) -> dict[str, Any]:
    return {"source": [{"anything-but": {"prefix": "aws."}}], "detail-type": list(names)}


def created(buckets: list[str], prefixes: list[str]) -> dict[str, Any]:
    keys = [{"prefix": prefix} for prefix in prefixes]
    detail = {"bucket": {"name": buckets}, "object": {"key": keys}}
    return {"source": ["aws.s3"], "detail-type": ["Object Created"], "detail": detail}


WRITTEN = Path(TEMPLATE).read_text(encoding="utf-8")
CALL_EVENTS = told(
    *(kind for one in PLATFORMS for kind in one.detail_types if kind != "Recording Ready" and kind in WRITTEN)
)
CONNECT = {
    "source": ["aws.connect"],
    "detail-type": detail_types("amazon_connect"),
    "detail": {
        "$or": [
            {"eventType": ["DISCONNECTED", "COMPLETED"]},
            {"EventType": ["DISCONNECTED", "COMPLETED"]},
            {"state": [{"exists": True}]},
        ]
    },
}
CHIME = {
    "source": ["aws.chime"],
    "detail-type": detail_types("amazon_chime"),
    "detail": {"$or": [{"streamingStatus": ["ENDED"]}, {"eventType": [{"exists": True}]}]},
}
GENESYS = {"source": [{"prefix": "aws.partner/genesys.com/"}], "detail-type": detail_types("genesys")}


def test_every_detail_type_that_is_listened_to_is_understood(smallest: Stack) -> None:
    """The other way round is the deployed stack's to show: AddedDetailTypes is for what is not listed."""
    listened = rules(smallest)["CallEventRule"]["pattern"]["detail-type"]
    known = {kind for one in PLATFORMS for kind in one.detail_types}
    assert set(listened) < known
    assert "Recording Ready" not in listened


def test_rules_of_the_smallest_deployment(smallest: Stack) -> None:
    recordings = created(["acme-recordings"], [""])
    assert rules(smallest) == {
        "CallEventRule": {"bus": "default", "pattern": CALL_EVENTS, "queue": "CallEnd"},
        "RecordingReadyRule": {"bus": "default", "pattern": told("Recording Ready"), "queue": "Attach"},
        "RecordingRule": {"bus": "default", "pattern": recordings, "queue": "Recording"},
    }


def test_rules_of_the_fullest_deployment(fullest: Stack) -> None:
    recordings = created(["acme-recordings", "acme-voicemail"], ["voice/", "calls/2026 é+"])
    transcripts = created(["acme-recordings"], ["Analysis/"])
    added = {
        "source": [{"anything-but": ["coval.relay"]}],
        "detail-type": ["Invented Call Ended", "invented.transcript"],
    }
    assert rules(fullest) == {
        "CallEventRule": {"bus": "calls", "pattern": CALL_EVENTS, "queue": "CallEnd"},
        "AddedCallEventRule": {"bus": "calls", "pattern": added, "queue": "CallEnd"},
        "ConnectRule": {"bus": "default", "pattern": CONNECT, "queue": "CallEnd"},
        "ChimeRule": {"bus": "default", "pattern": CHIME, "queue": "CallEnd"},
        "GenesysRule": {"bus": PARTNER_BUS, "pattern": GENESYS, "queue": "CallEnd"},
        "RecordingReadyRule": {"bus": "calls", "pattern": told("Recording Ready"), "queue": "Attach"},
        "RecordingRule": {"bus": "default", "pattern": recordings, "queue": "Recording"},
        "TranscriptRule": {"bus": "default", "pattern": transcripts, "queue": "CallEnd"},
    }


@pytest.mark.parametrize(
    ("platforms", "heard"),
    [
        ("amazon_connect", {"ConnectRule"}),
        ("canonical,amazon_chime", {"ChimeRule"}),
        ("vapi,amazon_connect,amazon_chime,canonical", {"ConnectRule", "ChimeRule"}),
        ("not_amazon_connect,amazon_chime_too", set()),
        ("genesys,twilio", set()),
    ],
)
def test_connect_and_chime_are_heard_where_they_are_named(smallest: Stack, platforms: str, heard: set[str]) -> None:
    """Every account's default bus has their events, and not every contact is meant for Coval."""
    stack = Stack(smallest.template, {**SMALLEST, "Platforms": platforms})
    assert set(rules(stack)) - set(rules(smallest)) == heard


def test_what_a_rule_cannot_deliver_goes_to_a_queue_that_no_customer_s_key_closes(fullest: Stack) -> None:
    for name, rule in fullest.resources("AWS::Events::Rule").items():
        (target,) = rule["Properties"]["Targets"]
        queue = rules(fullest)[name]["queue"]
        assert target == {
            "Id": f"{queue}Queue",
            "Arn": f"{queue}Queue.Arn",
            "DeadLetterConfig": {"Arn": "UndeliveredQueue.Arn"},
            "RetryPolicy": {"MaximumRetryAttempts": 185, "MaximumEventAgeInSeconds": 86_400},
        }


def test_ten_buckets_with_five_prefixes_fit_into_the_pattern(smallest: Stack) -> None:
    given = {
        "RecordingBuckets": ",".join(f"acme-{number}-{'b' * 56}" for number in range(10)),
        "RecordingPrefixes": ",".join(f"calls/{number}/{'p' * 100}/" for number in range(5)),
    }
    stack = Stack(smallest.template, {**SMALLEST, **given})
    assert len(stack.properties("RecordingRule")["EventPattern"]) < LONGEST_PATTERN


def test_the_list_of_detail_types_has_room_left() -> None:
    assert len(json.dumps(CALL_EVENTS)) < LONGEST_PATTERN / 2


def test_sweep(smallest: Stack) -> None:
    (schedule,) = smallest.resources("AWS::Scheduler::Schedule").values()
    properties = schedule["Properties"]
    target = properties.pop("Target")
    message = json.loads(target.pop("Input"))
    del properties["Description"]
    assert properties == {"ScheduleExpression": "rate(1 minute)", "FlexibleTimeWindow": {"Mode": "OFF"}}
    assert message == {"source": "coval.relay", "detail-type": "Sweep"}
    assert target == {
        "Arn": "AttachRecordingFunction.Arn",
        "RoleArn": "SweepRole.Arn",
        "RetryPolicy": {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60},
    }


def test_a_sweep_that_fails_is_not_repeated(smallest: Stack) -> None:
    (config,) = smallest.resources("AWS::Lambda::EventInvokeConfig").values()
    assert config["Properties"]["FunctionName"] == "AttachRecordingFunction"
    assert config["Properties"]["MaximumRetryAttempts"] == 0
