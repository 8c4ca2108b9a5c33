"""The list of conversations: its parameters, its lag, and the strong read."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from local.simulator import filters
from local.simulator.behaviour_switches import Switches
from local.simulator.conversations import Conversation
from local.simulator.errors import ApiError, invalid
from local.simulator.pagination import Page, parse_order, parse_page
from local.simulator.path_families import Family

FIELDS = ("status", "create_time", "occurred_at", "external_conversation_id")
METRIC_FIELDS = ("create_time", "agent_id")
ORDERS = ("create_time", "occurred_at", "status")
DEFAULT_ORDER = "-occurred_at"
NOT_WITH_STRONG = (
    "include",
    "order_by",
    "page_token",
    "view",
    "metric_id",
    "group_by_metadata",
    "aggregation",
    "start_date",
    "end_date",
)
MAX_STRONG_PAGE = 2
MAX_PAGE = 250
MAX_METRIC_PAGE = 100

Query = Mapping[str, str]


def list_conversations(
    query: Query, held: Iterable[Conversation], now: float, switches: Switches, family: Family
) -> dict[str, Any]:
    """Answer a list request; raises ApiError 400 (Coval API, list conversations)."""
    has_predicate = _has_metric_predicate(query)
    is_metric_path = _check_expansion(query) or has_predicate
    page = parse_page(query, MAX_METRIC_PAGE if is_metric_path else MAX_PAGE)
    expression = _parse_filter(query, has_predicate)
    is_strong = _is_strong(query, expression, page, switches)
    if query.get("view") == "metric_breakdown":
        return _breakdown(query)
    external_id = expression.single_equality("external_conversation_id") if expression else None
    candidates = [item for item in held if external_id in (None, item.external_id)]
    visible = [item for item in candidates if _is_visible(item, now, switches, is_strong)]
    found = [item for item in visible if expression is None or expression.matches(_lookup(item, now))]
    items, token = page.cut(_sorted(found, query, now, is_metric_path))
    resources = [_resource(item, query, now, is_metric_path) for item in items]
    return {family.list_envelope: resources, "next_page_token": token}


def _check_expansion(query: Query) -> bool:
    """Check `include` and `view`; return whether the page comes from the metric path."""
    include, view = query.get("include"), query.get("view")
    if include not in (None, "metric_outputs", "metric_values"):
        raise invalid("Invalid include", "include", "include must be metric_outputs or metric_values")
    if include == "metric_outputs" and "metric_id" not in query:
        raise invalid("Invalid include", "metric_id", "metric_id is required for include=metric_outputs")
    if view not in (None, "metric_breakdown"):
        raise invalid("Invalid view", "view", "view must be metric_breakdown")
    if view and ("metric_id" not in query or "group_by_metadata" not in query):
        raise invalid("Invalid view", "view", "metric_id and group_by_metadata are required")
    if query.get("aggregation", "avg") not in ("avg", "success"):
        raise invalid("Invalid aggregation", "aggregation", "aggregation must be success or avg")
    return include == "metric_values"


def _breakdown(query: Query) -> dict[str, Any]:
    """Nothing is ever scored here, so there is nothing to break down."""
    return {
        "view": "metric_breakdown",
        "metric_id": query["metric_id"],
        "group_by_metadata": query["group_by_metadata"],
        "aggregation": query.get("aggregation", "avg"),
        "breakdown": [],
        "total_count": 0,
    }


def _has_metric_predicate(query: Query) -> bool:
    unquoted = re.sub(r'"[^"]*"', '""', query.get("filter", ""))
    return re.search(r"(^|\s)metric\.", unquoted) is not None


def _parse_filter(query: Query, has_metric_predicate: bool) -> filters.Filter | None:
    text = query.get("filter")
    if text is None:
        return None
    if not has_metric_predicate:
        return filters.parse(text, FIELDS, ("metadata.",))
    expression = filters.parse(text, METRIC_FIELDS, ("metadata.", "metric."))
    _check_metric_filter(expression, query)
    return expression


def _check_metric_filter(expression: filters.Filter, query: Query) -> None:
    strict = [part for part in expression.comparisons if part.field == "create_time"]
    if len(expression.alternatives) > 1:
        raise _invalid_metric_filter("A metric predicate can only be combined with AND")
    if any(part.operator in (">", "<", "!=") for part in strict):
        raise _invalid_metric_filter("create_time bounds must be inclusive with a metric predicate")
    if query.get("order_by", DEFAULT_ORDER) != DEFAULT_ORDER:
        raise invalid("Invalid order_by", "order_by", "order_by cannot be combined with a metric predicate")


def _invalid_metric_filter(description: str) -> ApiError:
    return invalid("Invalid filter expression", "filter", description)


def _is_strong(query: Query, expression: filters.Filter | None, page: Page, switches: Switches) -> bool:
    consistency = query.get("consistency", "eventual")
    if "consistency" in query and not switches.strong_consistency:
        raise invalid("Unknown query parameter: consistency", "consistency")
    if consistency not in ("eventual", "strong"):
        raise invalid("Invalid consistency", "consistency", "consistency must be eventual or strong")
    if consistency == "strong":
        _check_strong(query, expression, page)
    return consistency == "strong"


def _check_strong(query: Query, expression: filters.Filter | None, page: Page) -> None:
    if expression is None or expression.single_equality("external_conversation_id") is None:
        raise _invalid_strong("filter must be a single external_conversation_id equality")
    if page.size > MAX_STRONG_PAGE:
        raise _invalid_strong(f"page_size must be at most {MAX_STRONG_PAGE}")
    for name in NOT_WITH_STRONG:
        if name in query:
            raise _invalid_strong(f"{name} is not allowed")


def _invalid_strong(rule: str) -> ApiError:
    return invalid("Invalid consistency", "consistency", f"consistency=strong: {rule}")


def _is_visible(item: Conversation, now: float, switches: Switches, is_strong: bool) -> bool:
    if item.ended_by_user and not switches.deleted_visible:
        return False
    return is_strong or now - item.created >= switches.list_lag_seconds


def _lookup(item: Conversation, now: float) -> filters.Lookup:
    def look_up(field: str) -> filters.Value:
        if field.startswith("metadata."):
            return _comparable(item.metadata.get(field.removeprefix("metadata.")))
        return known.get(field)

    known: dict[str, filters.Value] = {
        "status": item.status(now),
        "external_conversation_id": item.external_id,
        "create_time": datetime.fromtimestamp(item.created, UTC),
        "occurred_at": item.occurred,
        "agent_id": item.submission.agent_id,
    }
    return look_up


def _comparable(value: Any) -> filters.Value:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return float(value)
    return None if value is None else str(value)


def _sorted(found: list[Conversation], query: Query, now: float, is_metric_path: bool) -> list[Conversation]:
    text = "-create_time" if is_metric_path else query.get("order_by", DEFAULT_ORDER)
    order = parse_order(text, ORDERS)
    keys = {
        "create_time": lambda item: item.created,
        "occurred_at": lambda item: item.occurred.timestamp(),
        "status": lambda item: item.status(now),
    }
    return sorted(found, key=keys[order.field], reverse=order.is_descending)


def _resource(item: Conversation, query: Query, now: float, is_metric_path: bool) -> dict[str, Any]:
    resource = item.listed(now)
    if is_metric_path:
        resource |= {"has_audio": False, "metric_values": []}
    if query.get("include") == "metric_outputs":
        resource["metric_outputs"] = []
    return resource
