"""Whole EventBridge events, put where their platform puts them.

Only AWS and its partners may send a source that begins with `aws.`, here as in a real account: their events
go straight into the queues of the rules whose deployed patterns EventBridge finds to match.
"""

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import boto3

from local.stack.parameters import PARTNER_BUS

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_sqs import SQSClient

Event = Mapping[str, Any]


class NotDelivered(RuntimeError):
    """EventBridge rejected an event, or no rule is for it."""


def put(event: Event) -> None:
    """Bring an event as it stands in `events/`; raises NotDelivered."""
    if event["source"].startswith("aws."):
        _deliver(event, PARTNER_BUS if event["source"].startswith("aws.partner/") else "default")
    else:
        _send(event)


def _send(event: Event) -> None:
    events: EventBridgeClient = boto3.client("events")
    entry = {
        "Source": event["source"],
        "DetailType": event["detail-type"],
        "Detail": json.dumps(event["detail"]),
    }
    answer = events.put_events(Entries=[entry])  # type: ignore[list-item]
    if answer["FailedEntryCount"]:
        raise NotDelivered(str(answer["Entries"]))


def _deliver(event: Event, bus: str) -> None:
    queues: SQSClient = boto3.client("sqs")
    arns = set(_targets(json.dumps(event), bus))
    if not arns:
        raise NotDelivered(f"no rule of the bus {bus} matches {event['detail-type']}")
    for arn in arns:
        url = queues.get_queue_url(QueueName=arn.rpartition(":")[2])["QueueUrl"]
        queues.send_message(QueueUrl=url, MessageBody=json.dumps(event))


def _targets(event: str, bus: str) -> Iterator[str]:
    """The targets of the rules that match."""
    events: EventBridgeClient = boto3.client("events")
    for rule in events.list_rules(EventBusName=bus)["Rules"]:
        pattern = rule.get("EventPattern")
        if pattern and events.test_event_pattern(EventPattern=pattern, Event=event)["Result"]:
            targets = events.list_targets_by_rule(Rule=rule["Name"], EventBusName=bus)["Targets"]
            yield from (target["Arn"] for target in targets)
