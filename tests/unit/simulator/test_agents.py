"""Agents: what each type needs, and their list (Coval API, /v1/agents)."""

import re
from typing import Any

import pytest

from tests.support.simulator import Answer, Api, detail, error, invalid, not_found

VOICE = {"display_name": "Support", "model_type": "MODEL_TYPE_VOICE", "phone_number": "+12345678901"}


def create(api: Api, **body: Any) -> Answer:
    return api.call("POST", "/v1/agents", json={**VOICE, **body})


def of_type(kind: str, **fields: Any) -> dict[str, Any]:
    return {"model_type": f"MODEL_TYPE_{kind}", "phone_number": None, **fields}


def raw_text(*lines: str) -> Answer:
    title = f"{len(lines) // 2} validation error{'s' if len(lines) > 2 else ''} for CreateAgentRequest"
    return error(400, "INVALID_ARGUMENT", "Invalid request body", detail(None, "\n".join((title, *lines))))


def names(api: Api, **query: Any) -> list[str]:
    status, answer = api.call("GET", "/v1/agents", params=query)
    assert status == 200, answer
    return [agent["display_name"] for agent in answer["agents"]]


def test_creates_and_gets(api: Api) -> None:
    status, answer = create(api, tags=["Voice", "voice"], metadata={"voice": "alloy"})
    agent = dict(answer["agent"])
    agent_id, created = agent.pop("id"), agent.pop("create_time")
    assert (status, list(answer), agent) == (
        201,
        ["agent"],
        {
            "customer_agent_id": agent_id,
            "display_name": "Support",
            "model_type": "MODEL_TYPE_VOICE",
            "phone_number": "+12345678901",
            "endpoint": None,
            "prompt": None,
            "language": None,
            "attributes": {},
            "metadata": {"voice": "alloy"},
            "workflows": {},
            "metric_ids": [],
            "test_set_ids": [],
            "knowledge_base_ids": [],
            "tags": ["voice"],
            "update_time": None,
            "created_at": created,
            "created_by": None,
            "updated_at": created,
            "updated_by": None,
        },
    )
    assert re.fullmatch(r"[A-Za-z0-9]{22}", agent_id)
    assert api.call("GET", f"/v1/agents/{agent_id}") == (200, answer)


def test_knows_no_such_agent(api: Api) -> None:
    path = "/v1/agents/gk3jK9mPq2xRt5vW8yZaBc"
    assert api.call("GET", path) == not_found("Agent not found", "agent_id")


@pytest.mark.parametrize(
    "body",
    [
        {"phone_number": "sip:support@a.example"},
        {"customer_agent_id": "mine", "metric_ids": ["29BlkepvvX19ebbLDB0y6Q"], "test_set_ids": ["aB3dE5gH"]},
        of_type("SMS", phone_number="+12345678901"),
        of_type("OUTBOUND_VOICE", endpoint="https://a.example/call"),
        of_type("CHAT", metadata={"chat_endpoint": "https://a.example/chat"}),
        of_type("WEBSOCKET", metadata={"endpoint": "wss://a.example"}),
        of_type("WEBSOCKET", metadata={"connection_mode": "http_first"}),
        of_type(
            "LIVEKIT",
            metadata={"generate_token_endpoint": "https://a.example", "livekit_url": "wss://b.example"},
        ),
        of_type("DAILY", metadata={"pipecat_api_key": "k", "agent_name": "a"}),
        of_type("EMAIL"),
        of_type("SDK_WEBSOCKET"),
        of_type("OPENAI_REALTIME"),
        of_type("GEMINI_REALTIME"),
        of_type("GROK_REALTIME"),
        of_type("DEEPGRAM_REALTIME"),
    ],
)
def test_takes(api: Api, body: dict[str, Any]) -> None:
    assert create(api, **body)[0] == 201


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            {"phone_number": None},
            invalid("phone_number is required for MODEL_TYPE_VOICE agents", "phone_number"),
        ),
        (
            {"phone_number": "12345"},
            invalid("phone_number must be in E.164 format or a SIP address", "phone_number"),
        ),
        (
            of_type("SMS", phone_number="sip:support@a.example"),
            invalid("phone_number must be in E.164 format", "phone_number"),
        ),
        (
            of_type("OUTBOUND_VOICE"),
            invalid("endpoint is required for MODEL_TYPE_OUTBOUND_VOICE agents", "endpoint"),
        ),
        (
            of_type("OUTBOUND_VOICE", endpoint="wss://a.example"),
            invalid("endpoint must be a valid HTTP/HTTPS URL", "endpoint"),
        ),
        (
            of_type("CHAT"),
            invalid("chat_endpoint is required for MODEL_TYPE_CHAT agents", "metadata.chat_endpoint"),
        ),
        (
            of_type("CHAT_A2A", metadata={"chat_endpoint": "http://localhost/chat"}),
            invalid("chat_endpoint must be a public HTTP/HTTPS URL", "metadata.chat_endpoint"),
        ),
        (
            of_type("CHAT", metadata={"chat_endpoint": "http://10.0.0.1/chat"}),
            invalid("chat_endpoint must be a public HTTP/HTTPS URL", "metadata.chat_endpoint"),
        ),
        (
            of_type("CHAT_WEBSOCKET"),
            invalid("endpoint is required for MODEL_TYPE_CHAT_WEBSOCKET agents", "metadata.endpoint"),
        ),
        (
            of_type("WEBSOCKET", metadata={"endpoint": "ws://a.example"}),
            invalid("endpoint must be a wss:// URL", "metadata.endpoint"),
        ),
        (
            of_type("LIVEKIT", metadata={"generate_token_endpoint": "https://a.example"}),
            invalid("livekit_url is required for MODEL_TYPE_LIVEKIT agents", "metadata.livekit_url"),
        ),
        (
            of_type("DAILY", metadata={"agent_name": "a"}),
            invalid("pipecat_api_key is required for MODEL_TYPE_DAILY agents", "metadata.pipecat_api_key"),
        ),
        (
            {"display_name": ""},
            raw_text("display_name", "  String should have at least 1 character [type=string_too_short]"),
        ),
        (
            {"display_name": "x" * 201, "tags": ["t"] * 21},
            raw_text(
                "display_name",
                "  String should have at most 200 characters [type=string_too_long]",
                "tags",
                "  List should have at most 20 items after validation, not 21 [type=too_long]",
            ),
        ),
        (
            {"metric_ids": ["short"]},
            raw_text(
                "metric_ids[0]",
                "  String should match pattern '^[A-Za-z0-9]{22}$' [type=string_pattern_mismatch]",
            ),
        ),
    ],
)
def test_rejects(api: Api, body: dict[str, Any], expected: Answer) -> None:
    assert create(api, **body) == expected
    assert names(api) == []


def test_rejects_in_pydantics_own_text(api: Api) -> None:
    expected = raw_text("display_name", "  Field required [type=missing]")
    assert api.call("POST", "/v1/agents", json={"model_type": "MODEL_TYPE_EMAIL"}) == expected


@pytest.mark.parametrize("model_type", ["MODEL_TYPE_TTS", "voice"])
def test_rejects_types_that_cannot_be_created(api: Api, model_type: str) -> None:
    status, answer = create(api, model_type=model_type)
    assert (status, answer["error"]["message"]) == (400, "Invalid request body")


def create_three(api: Api) -> None:
    create(api, display_name="Beta", tags=["production", "voice"])
    create(api, display_name="Alpha", tags=["production"])
    create(api, **of_type("EMAIL", display_name="Gamma"))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, ["Gamma", "Alpha", "Beta"]),
        ({"order_by": "create_time"}, ["Beta", "Alpha", "Gamma"]),
        ({"order_by": "display_name"}, ["Alpha", "Beta", "Gamma"]),
        ({"order_by": "display_name desc"}, ["Gamma", "Beta", "Alpha"]),
        ({"order_by": "display_name asc"}, ["Alpha", "Beta", "Gamma"]),
        ({"filter": "model_type=MODEL_TYPE_EMAIL"}, ["Gamma"]),
        ({"filter": 'display_name="Alpha" OR display_name=Beta'}, ["Alpha", "Beta"]),
        ({"filter": "create_time>2125-01-01T00:00:00Z"}, []),
        ({"tag_filters": "Production"}, ["Alpha", "Beta"]),
        ({"tag_filters": ["production", "voice"]}, ["Beta"]),
    ],
)
def test_lists(api: Api, query: dict[str, Any], expected: list[str]) -> None:
    create_three(api)
    assert names(api, **query) == expected


def test_pages(api: Api) -> None:
    create_three(api)
    _, first = api.call("GET", "/v1/agents", params={"page_size": 2})
    assert names(api, page_size=2, page_token=first["next_page_token"]) == ["Beta"]


SORTABLE = "order_by must be one of: create_time, update_time, display_name, model_type"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (
            {"page_size": 101},
            invalid("Invalid page_size", "page_size", "page_size must be between 1 and 100"),
        ),
        ({"order_by": "name"}, invalid("Invalid order_by", "order_by", SORTABLE)),
        ({"order_by": "display_name down"}, invalid("Invalid order_by", "order_by", SORTABLE)),
        (
            {"tag_filters": ["t"] * 21},
            invalid("Invalid tag_filters", "tag_filters", "At most 20 tag_filters are allowed"),
        ),
        (
            {"filter": "customer_agent_id=mine"},
            invalid(
                "Invalid filter expression",
                "filter",
                "Unknown field 'customer_agent_id'. Valid fields: model_type, display_name, create_time, update_time",
            ),
        ),
    ],
)
def test_rejects_to_list(api: Api, query: dict[str, Any], expected: Answer) -> None:
    assert api.call("GET", "/v1/agents", params=query) == expected
