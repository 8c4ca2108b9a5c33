"""The list: paging, order, filter, expansions, lag and strong reads (Coval API, list conversations)."""

import base64
from typing import Any

import pytest

from tests.support.simulator import Answer, Api, invalid

FILTER = "Invalid filter expression"
STRONG = {"consistency": "strong", "page_size": 2, "filter": 'external_conversation_id="a"'}


def not_strong(rule: str) -> Answer:
    return invalid("Invalid consistency", "consistency", f"consistency=strong: {rule}")


def submit_three(api: Api) -> None:
    api.submitted(external_conversation_id="a", occurred_at="2025-11-01T10:00:00Z", metadata={"tier": "gold", "n": 1})
    api.submitted(external_conversation_id="b", occurred_at="2025-11-03T10:00:00Z", metadata={"tier": "free", "n": 9})
    api.submitted(external_conversation_id="c", occurred_at="2025-11-02T10:00:00Z", metadata={"n": 10, "ok": True})


def test_lists_newest_call_first(each_family: Api) -> None:
    submit_three(each_family)
    assert each_family.listed() == ["b", "c", "a"]


def test_shows_less_than_a_single_get(each_family: Api) -> None:
    conversation_id = each_family.submitted()
    _, single = each_family.get(conversation_id)
    (resource,) = single.values()
    for name in ("source", "destination", "progress", "workspace_id", "transcript"):
        resource.pop(name, None)
    expected = {each_family.family.list_envelope: [resource], "next_page_token": None}
    assert each_family.list_page() == (200, expected)


@pytest.mark.parametrize(
    ("order_by", "expected"),
    [
        ("occurred_at", ["a", "c", "b"]),
        ("-occurred_at", ["b", "c", "a"]),
        ("create_time", ["a", "b", "c"]),
        ("-create_time", ["c", "b", "a"]),
        ("status", ["a", "b", "c"]),
    ],
)
def test_orders(api: Api, order_by: str, expected: list[str]) -> None:
    submit_three(api)
    assert api.listed(order_by=order_by) == expected


def test_pages_by_token(each_family: Api) -> None:
    submit_three(each_family)
    status, first = each_family.list_page(page_size=2)
    assert (status, base64.b64decode(first["next_page_token"])) == (200, b'{"offset": 2}')
    assert each_family.listed(page_size=2, page_token=first["next_page_token"]) == ["a"]
    assert each_family.list_page(page_size=3)[1]["next_page_token"] is None


def test_a_call_without_a_time_counts_from_its_submit(api: Api) -> None:
    submit_three(api)
    api.submitted(external_conversation_id="d")
    assert api.listed() == ["d", "b", "c", "a"]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("external_conversation_id=a", ["a"]),
        ('external_conversation_id = "a"', ["a"]),
        ("external_conversation_id!=a", ["b", "c"]),
        ("external_conversation_id=a OR external_conversation_id=c", ["c", "a"]),
        ("metadata.tier=gold OR metadata.tier=free AND occurred_at>2026-01-01T00:00:00Z", ["a"]),
        ("status=PENDING AND metadata.tier!=gold", ["b", "c"]),
        ('status="COMPLETED"', []),
        ('occurred_at>="2025-11-02T10:00:00Z"', ["b", "c"]),
        ('occurred_at>"2025-11-02T11:00:00+01:00" AND occurred_at<2025-11-03T10:00:00Z', []),
        ("occurred_at<=2025-11-02T10:00:00Z", ["c", "a"]),
        ("metadata.n>1", ["b", "c"]),
        ("metadata.n=10", ["c"]),
        ("metadata.ok=true", ["c"]),
        ("metadata.absent=x", []),
        ('external_conversation_id="metric.x"', []),
    ],
)
def test_filters(api: Api, expression: str, expected: list[str]) -> None:
    submit_three(api)
    assert api.listed(filter=expression) == expected


FIELDS = "Valid fields: status, create_time, occurred_at, external_conversation_id"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"page_size": 0}, invalid("Invalid page_size", "page_size", "page_size must be between 1 and 250")),
        (
            {"page_size": 251},
            invalid("Invalid page_size", "page_size", "page_size must be between 1 and 250"),
        ),
        (
            {"page_size": "two"},
            invalid("Invalid page_size", "page_size", "page_size must be between 1 and 250"),
        ),
        ({"page_token": "%"}, invalid("Invalid page_token", "page_token")),
        ({"page_token": "eyJvZmZzZXQiOiAtMX0="}, invalid("Invalid page_token", "page_token")),
        (
            {"order_by": "external_conversation_id"},
            invalid("Invalid order_by", "order_by", "order_by must be one of: create_time, occurred_at, status"),
        ),
        ({"filter": "colour=red"}, invalid(FILTER, "filter", f"Unknown field 'colour'. {FIELDS}")),
        ({"filter": "agent_id=x"}, invalid(FILTER, "filter", f"Unknown field 'agent_id'. {FIELDS}")),
        ({"filter": "tags=x"}, invalid(FILTER, "filter", f"Unknown field 'tags'. {FIELDS}")),
        ({"filter": "status"}, invalid(FILTER, "filter", "Cannot parse the filter at position 0")),
        ({"filter": ""}, invalid(FILTER, "filter", "The filter is not complete")),
        (
            {"filter": "status=COMPLETED AND"},
            invalid(FILTER, "filter", "Cannot parse the filter at position 16"),
        ),
        (
            {"filter": "status=COMPLETED status=FAILED"},
            invalid(FILTER, "filter", "Cannot parse the filter at position 16"),
        ),
        (
            {"filter": 'external_conversation_id="say \\"hi\\""'},
            invalid(FILTER, "filter", "Cannot parse the filter at position 0"),
        ),
        ({"filter": "(status=FAILED)"}, invalid(FILTER, "filter", "Cannot parse the filter at position 0")),
        (
            {"filter": "create_time>yesterday"},
            invalid(FILTER, "filter", "Invalid timestamp for field 'create_time'"),
        ),
        (
            {"filter": "external_conversation_id>a"},
            invalid(FILTER, "filter", "Operator '>' is not supported for field 'external_conversation_id'"),
        ),
        (
            {"include": "everything"},
            invalid("Invalid include", "include", "include must be metric_outputs or metric_values"),
        ),
        (
            {"include": "metric_outputs"},
            invalid("Invalid include", "metric_id", "metric_id is required for include=metric_outputs"),
        ),
        (
            {"include": "metric_values", "page_size": 101},
            invalid("Invalid page_size", "page_size", "page_size must be between 1 and 100"),
        ),
        ({"view": "table"}, invalid("Invalid view", "view", "view must be metric_breakdown")),
        (
            {"view": "metric_breakdown", "metric_id": "m"},
            invalid("Invalid view", "view", "metric_id and group_by_metadata are required"),
        ),
        (
            {"view": "metric_breakdown", "metric_id": "m", "group_by_metadata": "g", "aggregation": "sum"},
            invalid("Invalid aggregation", "aggregation", "aggregation must be success or avg"),
        ),
        (
            {"filter": "metric.m<0.5 AND status=FAILED"},
            invalid(FILTER, "filter", "Unknown field 'status'. Valid fields: create_time, agent_id"),
        ),
        (
            {"filter": "metric.m<0.5 OR agent_id=x"},
            invalid(FILTER, "filter", "A metric predicate can only be combined with AND"),
        ),
        (
            {"filter": "metric.m<0.5 AND create_time>2025-11-01T00:00:00Z"},
            invalid(FILTER, "filter", "create_time bounds must be inclusive with a metric predicate"),
        ),
        (
            {"filter": "metric.m<0.5", "order_by": "status"},
            invalid("Invalid order_by", "order_by", "order_by cannot be combined with a metric predicate"),
        ),
        (
            {"filter": "metric.m<0.5", "page_size": 101},
            invalid("Invalid page_size", "page_size", "page_size must be between 1 and 100"),
        ),
        (
            {"consistency": "linearizable"},
            invalid("Invalid consistency", "consistency", "consistency must be eventual or strong"),
        ),
    ],
)
def test_rejects(each_family: Api, query: dict[str, Any], expected: Answer) -> None:
    assert each_family.list_page(**query) == expected


def test_nothing_is_scored_here(api: Api) -> None:
    api.submitted(external_conversation_id="a")
    assert api.listed(filter="metric.m<0.5") == []
    breakdown = {"view": "metric_breakdown", "metric_id": "m", "group_by_metadata": "tier"}
    assert api.list_page(**breakdown) == (
        200,
        {**breakdown, "aggregation": "avg", "breakdown": [], "total_count": 0},
    )
    (item,) = api.list_page(include="metric_values")[1]["conversations"]
    assert (item["has_audio"], item["metric_values"]) == (False, [])
    (item,) = api.list_page(include="metric_outputs", metric_id="m")[1]["conversations"]
    assert item["metric_outputs"] == []


def test_the_default_list_lags_and_the_strong_one_does_not(each_family: Api) -> None:
    each_family.simulator.admin.configure(list_lag_seconds=5)
    each_family.submitted(external_conversation_id="a")
    each_family.submitted(external_conversation_id="b")
    eventual = {**STRONG, "consistency": "eventual"}
    assert (each_family.listed(), each_family.listed(**eventual), each_family.listed(**STRONG)) == (
        [],
        [],
        ["a"],
    )
    each_family.simulator.admin.configure(clock_offset_seconds=6)
    assert (each_family.listed(), each_family.listed(**eventual)) == (["b", "a"], ["a"])


def test_a_strong_read_shows_two_of_a_kind(api: Api) -> None:
    api.submitted(external_conversation_id="a")
    api.submitted(external_conversation_id="a")
    assert api.listed(**STRONG) == ["a", "a"]


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"filter": None}, "filter must be a single external_conversation_id equality"),
        ({"filter": "status=FAILED"}, "filter must be a single external_conversation_id equality"),
        (
            {"filter": "external_conversation_id!=a"},
            "filter must be a single external_conversation_id equality",
        ),
        (
            {"filter": "external_conversation_id=a AND status=FAILED"},
            "filter must be a single external_conversation_id equality",
        ),
        ({"page_size": None}, "page_size must be at most 2"),
        ({"page_size": 3}, "page_size must be at most 2"),
        ({"order_by": "-occurred_at"}, "order_by is not allowed"),
        ({"include": "metric_values"}, "include is not allowed"),
        ({"page_token": "eyJvZmZzZXQiOiAyfQ=="}, "page_token is not allowed"),
        ({"metric_id": "m"}, "metric_id is not allowed"),
        ({"start_date": "2025-11-01T00:00:00Z"}, "start_date is not allowed"),
    ],
)
def test_a_strong_read_is_narrow(each_family: Api, change: dict[str, Any], rule: str) -> None:
    query = {name: value for name, value in {**STRONG, **change}.items() if value is not None}
    assert each_family.list_page(**query) == not_strong(rule)


def test_an_older_api_knows_no_consistency(api: Api) -> None:
    api.simulator.admin.configure(strong_consistency=False)
    assert api.list_page(**STRONG) == invalid("Unknown query parameter: consistency", "consistency")
