"""Whoever may send to the bus cannot send what only the relay's own functions may send each other."""

import json
from typing import Any

import pytest

from coval_relay.adapters.aws.queue_messages import KINDS
from coval_relay.domain.messages import SOURCE
from tests.template.cloudformation import Stack


def patterns(stack: Stack) -> dict[str, dict[str, Any]]:
    found = {}
    for name, rule in stack.resources("AWS::Events::Rule").items():
        pattern = rule["Properties"]["EventPattern"]
        found[name] = json.loads(pattern) if isinstance(pattern, str) else pattern
    return found


def takes(pattern: dict[str, Any], source: str, detail_type: str) -> bool:
    """EventBridge's rule, as far as these patterns go: exact words, a prefix, `anything-but` of either."""
    sources = pattern.get("source", [{"anything-but": []}])
    return detail_type in pattern["detail-type"] and any(_fits(one, source) for one in sources)


def _fits(rule: Any, source: str) -> bool:
    if isinstance(rule, str):
        return rule == source
    if "prefix" in rule:
        return source.startswith(rule["prefix"])
    excluded = rule["anything-but"]
    if isinstance(excluded, dict):
        return not source.startswith(tuple(excluded["prefix"]))
    return source not in excluded


@pytest.mark.parametrize("kind", KINDS)
def test_no_rule_takes_a_message_of_the_relay_s_own(smallest: Stack, fullest: Stack, kind: str) -> None:
    for stack in (smallest, fullest):
        assert not [name for name, found in patterns(stack).items() if takes(found, SOURCE, kind)]


@pytest.mark.parametrize("kind", KINDS)
def test_not_even_where_a_platform_s_line_names_its_kind(smallest: Stack, kind: str) -> None:
    found = patterns(smallest)["CallEventRule"]
    added = {**found, "detail-type": [*found["detail-type"], kind]}
    assert takes(added, "acme", kind)
    assert not takes(added, SOURCE, kind)


def test_the_events_of_a_telephony_of_one_s_own_are_taken(smallest: Stack) -> None:
    """So that the tests above cannot pass for want of rules."""
    found = patterns(smallest)
    assert takes(found["CallEventRule"], "acme", "Call Ended")
    assert takes(found["RecordingReadyRule"], "acme", "Recording Ready")
    assert not takes(found["CallEventRule"], "aws.acme", "Call Ended")
