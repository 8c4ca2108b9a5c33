"""The look after a deploy: what it says of queues, alarms and ways in, and where it says to wait.

That a stack works is said of each of configurations/: tests/configurations.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import boto3
import pytest

from scripts import smoke_test, ways_in
from scripts.smoke_test import Deployed

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def deployed(outputs: Mapping[str, str], **clients: Any) -> Deployed:
    """A stack, given in its own words on the command line."""
    found: Any = SimpleNamespace(
        stack="coval-relay", options=" --stack coval-relay", client=lambda service, _: clients[service]
    )
    return Deployed(found, outputs)


def said(lines: Iterator[Any]) -> list[str]:
    return [str(line) for line in lines]


# --- dead letters


LOOK = "\n        -> python3 -m scripts.dead_letters show --stack coval-relay"
SOMEBODY_LOOKS = "MEND  AttachDeadLetterQueue: has 2 messages, 2 of them hidden: somebody looks at them"


@pytest.mark.parametrize(
    ("visible", "hidden", "line"),
    [
        ("0", "0", "ok    AttachDeadLetterQueue: is empty"),
        ("3", "0", f"MEND  AttachDeadLetterQueue: has 3 messages{LOOK}"),
        ("0", "2", f"{SOMEBODY_LOOKS}{LOOK}"),
    ],
)
def test_a_dead_letter_queue_is_empty_where_nothing_is_hidden_either(visible: str, hidden: str, line: str) -> None:
    counts = {"ApproximateNumberOfMessages": visible, "ApproximateNumberOfMessagesNotVisible": hidden}
    sqs = SimpleNamespace(
        get_queue_attributes=lambda **asked: {"Attributes": counts if asked["QueueUrl"] == "url" else {}}
    )
    stack = deployed({"AttachDeadLetterQueueUrl": "url"}, sqs=sqs)
    assert said(smoke_test.emptiness(stack, "AttachDeadLetter")) == [line]


# --- alarms


class Pages:
    """A client whose every operation gives pages, cut as AWS may cut them: two in a page."""

    def __init__(self, name: str, entries: list[dict[str, Any]]) -> None:
        self.name, self.entries = name, entries

    def get_paginator(self, _: str) -> "Pages":
        return self

    def paginate(self, **asked: Any) -> Iterator[dict[str, Any]]:
        """Alarms by their names and state."""
        assert len(asked.get("AlarmNames", [])) <= 100
        names, state = asked.get("AlarmNames"), asked.get("StateValue")
        found = [
            entry
            for entry in self.entries
            if (names is None or entry["AlarmName"] in names) and entry.get("StateValue") == state
        ]
        for start in range(0, len(found) or 1, 2):
            yield {self.name: found[start : start + 2]}


def alarm(name: str, state: str = "ALARM", **more: Any) -> dict[str, Any]:
    given = {"AlarmName": name, "AlarmDescription": "It has fired.", "AlarmConfigurationUpdatedTimestamp": LONG_AGO}
    return {**given, "StateValue": state, **more}


def with_alarms(*alarms: dict[str, Any], of_the_stack: list[str]) -> Deployed:
    queue = {"ResourceType": "AWS::SQS::Queue", "PhysicalResourceId": "coval-relay-staging-alarm"}
    failed = {"ResourceType": "AWS::CloudWatch::Alarm"}
    own = [{"ResourceType": "AWS::CloudWatch::Alarm", "PhysicalResourceId": name} for name in of_the_stack]
    resources = Pages("StackResourceSummaries", [queue, failed, *own])
    return deployed({}, cloudformation=resources, cloudwatch=Pages("MetricAlarms", [*alarms]))


def test_only_the_stack_s_own_alarms_are_looked_at() -> None:
    own = [f"coval-relay-alarm-{n}" for n in range(201)]
    there = [alarm("coval-relay-staging-alarm"), *(alarm(name, "OK") for name in own[:-1])]
    assert said(smoke_test.alarms(with_alarms(*there, of_the_stack=own))) == ["ok    alarms: none of 201 has fired"]
    fired = with_alarms(*there, alarm(own[-1]), of_the_stack=own)
    assert said(smoke_test.alarms(fired)) == [f"MEND  {own[-1]}: It has fired.\n        -> docs/operations.md"]


@pytest.mark.parametrize(
    ("missing", "age", "line"),
    [
        (
            "breaching",
            timedelta(minutes=6, seconds=1),
            "?     a: It has fired.\n        -> it is new, and ends once that comes: look again in 14 minutes",
        ),
        ("breaching", timedelta(minutes=20), "MEND  a: It has fired.\n        -> docs/operations.md"),
        ("notBreaching", timedelta(minutes=6), "MEND  a: It has fired.\n        -> docs/operations.md"),
    ],
)
def test_what_has_not_come_yet_is_waited_for_where_its_alarm_is_new(missing: str, age: timedelta, line: str) -> None:
    new = alarm("a", TreatMissingData=missing)
    assert str(smoke_test.alarm_line(new, LONG_AGO + age)) == line


@pytest.mark.parametrize(("age", "mark"), [(timedelta(minutes=4), "?    "), (timedelta(minutes=5), "MEND ")])
def test_the_alarm_that_an_earlier_smoke_test_has_raised_is_told(age: timedelta, mark: str) -> None:
    rejected = alarm("a", MetricName="WebhookRejected", StateUpdatedTimestamp=LONG_AGO)
    assert str(smoke_test.alarm_line(rejected, LONG_AGO + age)).startswith(f"{mark} a: It has fired.")


# --- the command


def test_the_ways_in_are_those_of_the_deployed_platforms(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def recorded(*given: Any) -> Iterator[Any]:
        asked.append(given)
        return iter(())

    description = {
        "Outputs": [{"OutputKey": "RelayVersion", "OutputValue": "0.1.0"}],
        "Parameters": [{"ParameterKey": "Platforms", "ParameterValue": "vapi,canonical"}],
    }
    cloudformation = SimpleNamespace(describe_stacks=lambda **_: {"Stacks": [description]})
    monkeypatch.setattr(boto3.Session, "client", lambda *_, **__: cloudformation)
    monkeypatch.setattr(ways_in, "looked_at", recorded)
    monkeypatch.setattr(smoke_test, "FUNCTIONS", {})
    monkeypatch.setattr(smoke_test, "DEAD_LETTERS", ())
    monkeypatch.setattr(smoke_test, "alarms", lambda _: iter(()))
    assert smoke_test.main(["--stack", "mine", "--webhook", "vapi/eu"]) == 0
    assert asked == [({"RelayVersion": "0.1.0"}, ["vapi", "canonical"], ["vapi/eu"])]
