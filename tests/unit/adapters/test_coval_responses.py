"""Coval's envelopes, as each of its documents shows them."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from coval_relay.adapters.coval import responses
from coval_relay.domain.coval import Agent, Conversation, Filtered, Upload

FIELDS = {
    "name": "conversations/3vJ8nD9wQ2kL5mXr7TbYcH",
    "conversation_id": "3vJ8nD9wQ2kL5mXr7TbYcH",
    "status": "PENDING",
    "create_time": "2026-11-03T14:32:30Z",
    "external_conversation_id": "call-1",
    "occurred_at": "2026-11-03T14:30:00Z",
    "has_audio": False,
    "agent_id": None,
    "metadata": {"queue": "sales"},
    "tags": [],
}
CONVERSATION = Conversation(
    conversation_id="3vJ8nD9wQ2kL5mXr7TbYcH",
    external_conversation_id="call-1",
    status="PENDING",
    has_audio=False,
    create_time="2026-11-03T14:32:30Z",
    metadata={"queue": "sales"},
)
AGENT_FIELDS = {
    "id": "abc123def456ghi789jklm",
    "customer_agent_id": "mine",
    "display_name": "Support",
    "model_type": "MODEL_TYPE_NEW_ONE",
    "metadata": {"secret": "never read"},
}
AGENT = Agent("abc123def456ghi789jklm", "mine", "Support", "MODEL_TYPE_NEW_ONE")


def raw(value: Any) -> bytes:
    return json.dumps(value).encode()


@pytest.mark.parametrize("read", [responses.submitted, responses.conversation])
@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"conversation": FIELDS}, CONVERSATION),
        ({"uploaded_conversation": FIELDS}, CONVERSATION),
        (FIELDS, CONVERSATION),
        (
            {"conversation_id": "conv_01HXYZ", "status": "IN_PROGRESS", "has_audio": True},
            Conversation("conv_01HXYZ", status="IN_PROGRESS", has_audio=True),
        ),
        ({"conversation": {"conversation_id": "c", "metadata": None, "status": None}}, Conversation("c")),
        ({"filtered": False, "conversation": FIELDS}, CONVERSATION),
    ],
)
def test_one_conversation(read: Callable[[bytes], Conversation | Filtered], body: Any, expected: Conversation) -> None:
    assert read(raw(body)) == expected


def test_a_filtered_call() -> None:
    body = {"filtered": True, "reason": "coval_simulation", "simulation_id": "sim_1"}
    assert responses.submitted(raw(body)) == Filtered("coval_simulation", "sim_1")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"conversations": [FIELDS], "next_page_token": "t"}, responses.Page([CONVERSATION], "t")),
        ({"uploaded_conversations": [FIELDS], "next_page_token": None}, responses.Page([CONVERSATION], None)),
        ({"conversations": [], "next_page_token": ""}, responses.Page([], None)),
    ],
)
def test_conversations(body: Any, expected: responses.Page[Conversation]) -> None:
    assert responses.conversations(raw(body)) == expected


def test_an_upload_keeps_its_url_to_itself() -> None:
    body = {
        "upload_id": "upl_1",
        "upload_url": "https://uploads.example/x?signature=secret",
        "expires_at": "2026-11-03T15:32:00Z",
        "max_size_bytes": 104857600,
        "content_type": "audio/mp3",
    }
    upload = responses.upload(raw(body))
    expires_at = datetime(2026, 11, 3, 15, 32, tzinfo=UTC)
    assert upload == Upload("upl_1", "https://uploads.example/x?signature=secret", expires_at, 104857600, "audio/mp3")
    assert "secret" not in repr(upload)


def test_agents() -> None:
    assert responses.agent(raw({"agent": AGENT_FIELDS})) == AGENT
    assert responses.agent(raw(AGENT_FIELDS)) == AGENT
    assert responses.agents(raw({"agents": [AGENT_FIELDS]})) == responses.Page([AGENT], None)


@pytest.mark.parametrize(
    ("read", "body"),
    [
        (responses.submitted, b"<html>\xff"),
        (responses.submitted, b""),
        (responses.submitted, b"[]"),
        (responses.submitted, b"{}"),
        (responses.submitted, raw({"conversation": None})),
        (responses.submitted, raw({"conversation": {"conversation_id": ""}})),
        (responses.submitted, raw({"conversation": {"status": "PENDING"}})),
        (responses.submitted, raw({"filtered": False})),
        (responses.conversations, raw({"conversations": None})),
        (responses.conversations, raw({"items": []})),
        (responses.conversations, raw({"conversations": [{}]})),
        (responses.conversations, raw({"conversations": [], "next_page_token": 7})),
        (responses.upload, raw({"upload_id": "upl_1"})),
        (responses.agent, raw({"agent": {"display_name": "x"}})),
    ],
)
def test_what_cannot_be_read(read: Callable[[bytes], object], body: bytes) -> None:
    with pytest.raises(responses.UnreadableResponseError) as caught:
        read(body)
    assert str(caught.value) == ""
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
