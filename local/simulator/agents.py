"""Agents: create, list, get (Coval API, /v1/agents)."""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import urlsplit

from multidict import MultiMapping
from pydantic import Field, field_validator

from local.simulator import filters
from local.simulator.conversations import spell_instant
from local.simulator.errors import invalid
from local.simulator.pagination import parse_order, parse_page
from local.simulator.submissions import Tag
from local.simulator.validation import StrictBody

FIELDS = ("model_type", "display_name", "create_time", "update_time")
ORDERS = ("create_time", "update_time", "display_name", "model_type")
MAX_PAGE = 100
MAX_TAG_FILTERS = 20
E164 = re.compile(r"\+[1-9]\d{1,14}")
SIP = re.compile(r"sips?:\S+")

Text = Annotated[str, Field(max_length=200)]
ModelType = Literal[
    "MODEL_TYPE_VOICE",
    "MODEL_TYPE_OUTBOUND_VOICE",
    "MODEL_TYPE_CHAT",
    "MODEL_TYPE_CHAT_A2A",
    "MODEL_TYPE_CHAT_WEBSOCKET",
    "MODEL_TYPE_EMAIL",
    "MODEL_TYPE_SMS",
    "MODEL_TYPE_WEBSOCKET",
    "MODEL_TYPE_SDK_WEBSOCKET",
    "MODEL_TYPE_LIVEKIT",
    "MODEL_TYPE_DAILY",
    "MODEL_TYPE_OPENAI_REALTIME",
    "MODEL_TYPE_GEMINI_REALTIME",
    "MODEL_TYPE_GROK_REALTIME",
    "MODEL_TYPE_DEEPGRAM_REALTIME",
]
REQUIRED_FIELDS = {
    "MODEL_TYPE_VOICE": ("phone_number",),
    "MODEL_TYPE_SMS": ("phone_number",),
    "MODEL_TYPE_OUTBOUND_VOICE": ("endpoint",),
    "MODEL_TYPE_CHAT": ("metadata.chat_endpoint",),
    "MODEL_TYPE_CHAT_A2A": ("metadata.chat_endpoint",),
    "MODEL_TYPE_CHAT_WEBSOCKET": ("metadata.endpoint",),
    "MODEL_TYPE_WEBSOCKET": ("metadata.endpoint",),
    "MODEL_TYPE_LIVEKIT": ("metadata.generate_token_endpoint", "metadata.livekit_url"),
    "MODEL_TYPE_DAILY": ("metadata.pipecat_api_key", "metadata.agent_name"),
}


class CreateAgentRequest(StrictBody):
    """The body of a create; its name stands in Coval's own error texts."""

    nullable: ClassVar[frozenset[str]] = frozenset(
        {"phone_number", "endpoint", "prompt", "customer_agent_id", "language", "attributes", "tags"}
    )

    display_name: Annotated[str, Field(min_length=1, max_length=200)]
    model_type: ModelType
    phone_number: Text | None = None
    endpoint: Text | None = None
    prompt: Annotated[str, Field(max_length=50_000)] | None = None
    customer_agent_id: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    language: Text | None = None
    attributes: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None
    workflows: dict[str, Any] | None = None
    metric_ids: list[Annotated[str, Field(pattern=r"^[A-Za-z0-9]{22}$")]] | None = None
    test_set_ids: list[Annotated[str, Field(pattern=r"^[A-Za-z0-9]{8}$")]] | None = None
    tags: Annotated[list[Tag], Field(max_length=20)] | None = None

    @field_validator("tags")
    @classmethod
    def _normalise(cls, tags: list[str] | None) -> list[str] | None:
        return tags and sorted({tag.lower() for tag in tags})

    def value(self, path: str) -> Any:
        """Return a field's value, or one inside `metadata`."""
        if path.startswith("metadata."):
            return (self.metadata or {}).get(path.removeprefix("metadata."))
        return getattr(self, path)


def check_create(body: CreateAgentRequest) -> None:
    """Check what the agent's type asks for; raises ApiError 400."""
    for path in REQUIRED_FIELDS.get(body.model_type, ()):
        if path == "metadata.endpoint" and body.value("metadata.connection_mode") not in (None, "direct"):
            continue
        if not body.value(path):
            name = path.removeprefix("metadata.")
            raise invalid(f"{name} is required for {body.model_type} agents", path)
    _check_phone_number(body)
    _check_addresses(body)


def _check_phone_number(body: CreateAgentRequest) -> None:
    number = body.phone_number or ""
    if body.model_type == "MODEL_TYPE_VOICE" and not (E164.fullmatch(number) or SIP.fullmatch(number)):
        raise invalid("phone_number must be in E.164 format or a SIP address", "phone_number")
    if body.model_type == "MODEL_TYPE_SMS" and not E164.fullmatch(number):
        raise invalid("phone_number must be in E.164 format", "phone_number")


def _check_addresses(body: CreateAgentRequest) -> None:
    if body.model_type == "MODEL_TYPE_OUTBOUND_VOICE" and not _has_scheme(body.endpoint, "http", "https"):
        raise invalid("endpoint must be a valid HTTP/HTTPS URL", "endpoint")
    endpoint, chat = body.value("metadata.endpoint"), body.value("metadata.chat_endpoint")
    if endpoint and body.model_type == "MODEL_TYPE_WEBSOCKET" and not _has_scheme(endpoint, "wss"):
        raise invalid("endpoint must be a wss:// URL", "metadata.endpoint")
    if chat and (not _has_scheme(chat, "http", "https") or _is_private(chat)):
        raise invalid("chat_endpoint must be a public HTTP/HTTPS URL", "metadata.chat_endpoint")


def _has_scheme(url: Any, *schemes: str) -> bool:
    parts = urlsplit(url if isinstance(url, str) else "")
    return parts.scheme in schemes and bool(parts.hostname)


def _is_private(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


@dataclass(frozen=True)
class Agent:
    """An agent that was created."""

    agent_id: str
    body: CreateAgentRequest
    created: float

    def resource(self) -> dict[str, Any]:
        """Return the agent as Coval shows it."""
        created = spell_instant(self.created)
        given = self.body.model_dump()
        defaults: dict[str, Any] = {"attributes": {}, "metadata": {}, "workflows": {}}
        lists: dict[str, Any] = {"metric_ids": [], "test_set_ids": [], "tags": []}
        empty = {**defaults, **lists, "customer_agent_id": self.agent_id}
        filled = {name: value for name, value in given.items() if value is not None}
        return {
            **given,
            **empty,
            **filled,
            "id": self.agent_id,
            "knowledge_base_ids": [],
            "create_time": created,
            "update_time": None,
            "created_at": created,
            "created_by": None,
            "updated_at": created,
            "updated_by": None,
        }

    def look_up(self, field: str) -> filters.Value:
        """Return the value that a filter compares."""
        if field == "create_time":
            return datetime.fromtimestamp(self.created, UTC)
        return None if field == "update_time" else str(getattr(self.body, field))

    def has_tags(self, tags: Iterable[str]) -> bool:
        """Whether it has all of these tags."""
        return {tag.lower() for tag in tags} <= set(self.body.tags or ())


def list_agents(query: MultiMapping[str], held: Iterable[Agent]) -> dict[str, Any]:
    """Answer a list request; raises ApiError 400 (Coval API, list agents)."""
    page = parse_page(query, MAX_PAGE)
    expression = filters.parse(query["filter"], FIELDS) if "filter" in query else None
    tags = query.getall("tag_filters", [])
    if len(tags) > MAX_TAG_FILTERS:
        raise invalid("Invalid tag_filters", "tag_filters", f"At most {MAX_TAG_FILTERS} tag_filters are allowed")
    order = parse_order(query.get("order_by", "-create_time"), ORDERS, with_words=True)
    found = [
        agent for agent in held if agent.has_tags(tags) and (expression is None or expression.matches(agent.look_up))
    ]
    found.sort(key=lambda agent: str(agent.look_up(order.field) or ""), reverse=order.is_descending)
    items, token = page.cut(found)
    return {"agents": [agent.resource() for agent in items], "next_page_token": token}
