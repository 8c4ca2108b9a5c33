"""The event buses, and who else hears there."""

from collections.abc import Iterator

from scripts.preflight.account import Account
from scripts.preflight.json_object import json_object
from scripts.preflight.stack_names import LONGEST_RULE, stack_of
from scripts.report import Line, Mark


def bus(account: Account, name: str) -> Iterator[Line]:
    if given := account.one(name):
        account.client("events").describe_event_bus(Name=given)
        yield Line(Mark.WELL, name, f"{given} is there")


def other_relays(account: Account) -> Iterator[Line]:
    """Stacks that take the same sources' events from the bus: which platforms they share is for the reader."""
    client, own = account.client("events"), set(account.listed("EventSources"))
    if not (bus_name := account.one("EventBusName")):
        return
    pages = client.get_paginator("list_rules").paginate(EventBusName=bus_name)
    for rule in (rule for page in pages for rule in page["Rules"]):
        stack = stack_of(rule["Name"], "CallEventRule", account.stack, LONGEST_RULE)
        if stack in ("", account.stack):
            continue
        pattern = json_object(rule.get("EventPattern", ""))
        sources = {source for source in pattern.get("source", []) if isinstance(source, str)}
        if not (own and sources) or own & sources:
            heard = ", ".join(kind for kind in pattern.get("detail-type", []) if kind and isinstance(kind, str))
            mend = "see that the two share no platform; or set EventSources, or a bus, for each"
            yield Line(Mark.UNSEEN, f"stack {stack}", f"hears on the same bus: {heard}", mend)
