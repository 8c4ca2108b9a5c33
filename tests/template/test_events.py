"""Rules and schedule: what is listened to, and where it goes."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from coval_relay.platforms.registry import PLATFORMS
from tests.template.cloudformation import Stack
from tests.template.conftest import translate
from tests.template.deployments import PARTNER_BUS, SMALLEST
from tests.template.tools import PROJECT, TEMPLATE

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


def event_pattern(
    *names: str, sources: Sequence[Any] = ({"anything-but": {"prefix": ["aws.", "coval.relay"]}},)
) -> dict[str, Any]:
    return {"source": list(sources), "detail-type": list(names)}


def created(buckets: list[str], prefixes: list[str]) -> dict[str, Any]:
    keys = [{"prefix": prefix} for prefix in prefixes]
    detail = {"bucket": {"name": buckets}, "object": {"key": keys}}
    return {"source": ["aws.s3"], "detail-type": ["Object Created"], "detail": detail}


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


READY = "Recording Ready"
CANONICAL = [kind for kind in detail_types("canonical") if kind != READY]
NOTHING = ""
"""No event has an empty detail-type."""


def test_rules_of_the_smallest_deployment(smallest: Stack) -> None:
    recordings = created(["acme-recordings"], [""])
    assert rules(smallest) == {
        "CallEventRule": {"bus": "default", "pattern": event_pattern(NOTHING, *CANONICAL), "queue": "CallEnd"},
        "RecordingReadyRule": {"bus": "default", "pattern": event_pattern(READY), "queue": "Attach"},
        "RecordingRule": {"bus": "default", "pattern": recordings, "queue": "Recording"},
    }


def test_rules_of_the_fullest_deployment(fullest: Stack) -> None:
    recordings = created(["acme-recordings", "acme-voicemail"], ["voice/", "calls/2026 é+"])
    transcripts = created(["acme-recordings"], ["Analysis/"])
    sources = ["acme.calls", "acme telephony"]
    named = [kind for name in ("amazon_connect", "amazon_chime", "genesys") for kind in detail_types(name)]
    calls = event_pattern(NOTHING, *CANONICAL, *named, sources=sources)
    assert rules(fullest) == {
        "CallEventRule": {"bus": "calls", "pattern": calls, "queue": "CallEnd"},
        "ConnectRule": {"bus": "default", "pattern": CONNECT, "queue": "CallEnd"},
        "ChimeRule": {"bus": "default", "pattern": CHIME, "queue": "CallEnd"},
        "GenesysRule": {"bus": PARTNER_BUS, "pattern": GENESYS, "queue": "CallEnd"},
        "RecordingReadyRule": {"bus": "calls", "pattern": event_pattern(READY, sources=sources), "queue": "Attach"},
        "RecordingRule": {"bus": "default", "pattern": recordings, "queue": "Recording"},
        "TranscriptRule": {"bus": "default", "pattern": transcripts, "queue": "CallEnd"},
    }


def heard(template: Mapping[str, Any], platforms: str) -> dict[str, list[str]]:
    """The detail-types that each rule takes from the bus of the calls' events."""
    found = rules(Stack(template, {**SMALLEST, "Platforms": platforms}))
    names = set(found) & {"CallEventRule", "RecordingReadyRule"}
    return {name: [kind for kind in found[name]["pattern"]["detail-type"] if kind] for name in names}


@pytest.mark.parametrize("platform", [listing.name for listing in PLATFORMS])
def test_a_platform_s_events_are_heard_where_it_is_named_and_nothing_else(smallest: Stack, platform: str) -> None:
    for platforms in (platform, f"{platform},not_{platform},{platform}_too"):
        found = heard(smallest.template, platforms)
        assert sorted(kind for kinds in found.values() for kind in kinds) == sorted(detail_types(platform))
        assert found.get("RecordingReadyRule", [READY]) == [READY]


def test_of_two_stacks_on_a_bus_one_takes_a_call(smallest: Stack) -> None:
    """What no platform of both sends reaches one of them; what both take they distinguish by the source."""
    names = [listing.name for listing in PLATFORMS]
    one, other = (heard(smallest.template, ",".join(half)) for half in (names[::2], names[1::2]))
    assert not {kind for kinds in one.values() for kind in kinds} & {kind for kinds in other.values() for kind in kinds}
    sources = [
        rules(Stack(smallest.template, {**SMALLEST, "EventSources": source}))["CallEventRule"]["pattern"]["source"]
        for source in ("acme.sales", "acme.support")
    ]
    assert sources == [["acme.sales"], ["acme.support"]]


def test_a_stack_that_hears_no_platform_hears_no_event(smallest: Stack) -> None:
    found = rules(Stack(smallest.template, {**SMALLEST, "Platforms": "acme"}))
    assert set(found) == {"CallEventRule", "RecordingRule"}
    assert found["CallEventRule"]["pattern"] == event_pattern(NOTHING)


def test_a_platform_s_lines_that_the_page_shows_let_its_events_in(tmp_path: Path) -> None:
    """docs/add-a-platform.md, done word for word in a copy of the template."""
    page = (PROJECT / "docs" / "add-a-platform.md").read_text(encoding="utf-8")
    (condition,), (line,) = re.findall(r"`(HearsAcme: .+?)`", page), re.findall(r"`(- !If \[HearsAcme, .+?)`", page)
    text = TEMPLATE.read_text(encoding="utf-8")
    for added, beside in ((condition, "HearsDaily: !Not"), (line, "- !If [HearsDaily,")):
        assert text.count(beside) == 1
        indent = re.search(rf"^( +){re.escape(beside)}", text, re.MULTILINE)
        assert indent
        text = text.replace(f"{indent[1]}{beside}", f"{indent[1]}{added}\n{indent[1]}{beside}")
    (tmp_path / "template.yaml").write_text(text, encoding="utf-8")
    translated = translate(tmp_path / "template.yaml")["translated"]
    assert heard(translated, "vapi,acme")["CallEventRule"] == ["call.finished", *detail_types("vapi")]
    assert heard(translated, "vapi")["CallEventRule"] == detail_types("vapi")


@pytest.mark.parametrize(
    ("platforms", "expected"),
    [
        ("amazon_connect,canonical", {"ConnectRule"}),
        ("canonical,amazon_chime", {"ChimeRule"}),
        ("genesys,canonical", {"GenesysRule"}),
        ("vapi,amazon_connect,amazon_chime,canonical", {"ConnectRule", "ChimeRule"}),
        ("not_amazon_connect,amazon_chime_too,canonical", set()),
        ("canonical,twilio", set()),
    ],
)
def test_aws_s_and_its_partners_events_are_heard_where_their_platform_is_named(
    smallest: Stack, platforms: str, expected: set[str]
) -> None:
    """Every account's default bus has Connect's and Chime's, and not every contact is meant for Coval."""
    given = {**SMALLEST, "Platforms": platforms, "PartnerEventBusName": PARTNER_BUS}
    assert set(rules(Stack(smallest.template, given))) - set(rules(smallest)) == expected


def test_without_its_bus_genesys_is_heard_by_a_relay_alone(smallest: Stack) -> None:
    assert "GenesysRule" not in rules(Stack(smallest.template, {**SMALLEST, "Platforms": "genesys"}))


@pytest.mark.parametrize("queue", ["AttachQueue", "AttachDeadLetterQueue"])
def test_no_rule_sends_to_a_queue_that_none_is_for(smallest: Stack, queue: str) -> None:
    stack = Stack(smallest.template, {**SMALLEST, "Platforms": "vapi"})
    statements = stack.properties(f"{queue}Policy")["PolicyDocument"]["Statement"]
    assert {one["Effect"] for one in statements} == {"Deny"}


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


def test_the_list_of_detail_types_has_room_left(smallest: Stack) -> None:
    every = ",".join(listing.name for listing in PLATFORMS)
    pattern = rules(Stack(smallest.template, {**SMALLEST, "Platforms": every}))["CallEventRule"]["pattern"]
    assert len(json.dumps(pattern)) < LONGEST_PATTERN / 2


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


def test_a_sweep_that_fails_or_comes_too_late_is_not_repeated(smallest: Stack) -> None:
    (config,) = smallest.resources("AWS::Lambda::EventInvokeConfig").values()
    assert config["Properties"]["FunctionName"] == "AttachRecordingFunction"
    assert config["Properties"]["MaximumRetryAttempts"] == 0
    assert config["Properties"]["MaximumEventAgeInSeconds"] == 60
