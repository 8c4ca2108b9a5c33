"""Rules and schedule: what is listened to, and where it goes."""

import json
from typing import Any

from tests.template.cloudformation import Stack
from tests.template.deployments import SMALLEST

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


def canonical(detail_type: str) -> dict[str, Any]:
    return {"source": [{"anything-but": {"prefix": "aws."}}], "detail-type": [detail_type]}


def created(buckets: list[str], prefixes: list[str]) -> dict[str, Any]:
    keys = [{"prefix": prefix} for prefix in prefixes]
    detail = {"bucket": {"name": buckets}, "object": {"key": keys}}
    return {"source": ["aws.s3"], "detail-type": ["Object Created"], "detail": detail}


def test_rules_of_the_smallest_deployment(smallest: Stack) -> None:
    recordings = created(["acme-recordings"], [""])
    assert rules(smallest) == {
        "CallEndedRule": {"bus": "default", "pattern": canonical("Call Ended"), "queue": "CallEnd"},
        "RecordingReadyRule": {"bus": "default", "pattern": canonical("Recording Ready"), "queue": "Attach"},
        "RecordingRule": {"bus": "default", "pattern": recordings, "queue": "Recording"},
    }


def test_rules_of_the_fullest_deployment(fullest: Stack) -> None:
    recordings = created(["acme-recordings", "acme-voicemail"], ["voice/", "calls/2026 é+"])
    transcripts = created(["acme-recordings"], ["Analysis/"])
    assert rules(fullest) == {
        "CallEndedRule": {"bus": "calls", "pattern": canonical("Call Ended"), "queue": "CallEnd"},
        "RecordingReadyRule": {"bus": "calls", "pattern": canonical("Recording Ready"), "queue": "Attach"},
        "RecordingRule": {"bus": "default", "pattern": recordings, "queue": "Recording"},
        "TranscriptRule": {"bus": "default", "pattern": transcripts, "queue": "CallEnd"},
    }


def test_what_a_rule_cannot_deliver_goes_to_the_queue_s_dead_letters(fullest: Stack) -> None:
    for name, rule in fullest.resources("AWS::Events::Rule").items():
        (target,) = rule["Properties"]["Targets"]
        queue = rules(fullest)[name]["queue"]
        assert target == {
            "Id": f"{queue}Queue",
            "Arn": f"{queue}Queue.Arn",
            "DeadLetterConfig": {"Arn": f"{queue}DeadLetterQueue.Arn"},
            "RetryPolicy": {"MaximumRetryAttempts": 185, "MaximumEventAgeInSeconds": 86_400},
        }


def test_ten_buckets_with_five_prefixes_fit_into_the_pattern(smallest: Stack) -> None:
    given = {
        "RecordingBuckets": ",".join(f"acme-{number}-{'b' * 56}" for number in range(10)),
        "RecordingPrefixes": ",".join(f"calls/{number}/{'p' * 100}/" for number in range(5)),
    }
    stack = Stack(smallest.template, {**SMALLEST, **given})
    assert len(stack.properties("RecordingRule")["EventPattern"]) < LONGEST_PATTERN


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
