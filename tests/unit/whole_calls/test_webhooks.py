"""Calls that come by signed webhooks: from the vendor's request to the conversation in Coval."""

import json
from pathlib import Path
from typing import Any

import pytest

from coval_relay.adapters.aws import webhook_messages
from coval_relay.domain.call import ConversationState
from coval_relay.domain.webhooks.stored_webhook import StoredWebhook
from coval_relay.platforms import registry
from local.webhooks import body_of
from tests.support.world import World

CALLS = {
    "vapi/end_of_call_report": "de28acb8-b62b-4e25-a64c-ced9dd181990",
    "retell/call_analyzed": "call_5f0c1f8a2b3c4d5e6f708192a3b",
    "elevenlabs/post_call_transcription": "conv_01k0example8842",
    "livekit/session_report": "RM_8hV2kQnWbTzA",
    "call_ended_inline": "acme-8842",
}


def stored(name: str, label: str = "", **changes: Any) -> StoredWebhook:
    sample = json.loads(Path(f"events/{name}.json").read_text(encoding="utf-8"))
    content_type, body = body_of(sample)
    platform = registry.platform_of(sample["detail-type"])
    assert platform is not None
    values = {
        "platform": platform,
        "label": label,
        "event_type": sample["detail-type"],
        "arrived_at": 1790951801.5,
        "is_form": content_type != "application/json",
        "body": body,
    }
    return StoredWebhook(**(values | changes))


def arrived(world: World, webhook: StoredWebhook) -> None:
    world.send("call_end", webhook_messages.to_text(webhook, world.webhook_bodies.__setitem__))
    world.run(hours=1)


@pytest.mark.parametrize(("name", "call_id"), CALLS.items())
def test_a_call_is_submitted_with_its_provenance(name: str, call_id: str) -> None:
    world = World()
    arrived(world, stored(name, "eu"))
    call = world.store.get(call_id)
    assert call.state is ConversationState.SUBMITTED
    assert call.facts is not None
    assert call.facts.provenance == f"webhook:{name.partition('/')[0] if '/' in name else 'canonical'}/eu"
    [submitted] = world.coval.conversations.values()
    assert submitted["external_conversation_id"] == call_id
    assert "webhook" not in json.dumps(submitted)


def test_a_form_and_what_follows_it() -> None:
    world = World()
    arrived(world, stored("twilio/call_completed"))
    call = world.store.get("CA00000000000000000000000000000002")
    assert call.facts is not None
    assert (call.facts.provenance, world.dead) == ("webhook:twilio", [])


def test_a_list_of_events_is_taken_one_by_one() -> None:
    sample = json.loads(Path("events/twilio/event_stream_call_completed.json").read_text(encoding="utf-8"))
    second = json.loads(json.dumps(sample["detail"]).replace("CA00000000000000000000000000000002", "CA" + 32 * "3"))
    world = World()
    body = json.dumps([sample["detail"], second]).encode()
    arrived(world, stored("twilio/event_stream_call_completed", body=body))
    assert [
        bool(world.store.get(call_id).facts) for call_id in ("CA00000000000000000000000000000002", "CA" + 32 * "3")
    ] == [
        True,
        True,
    ]


def test_a_large_body_comes_by_way_of_s3() -> None:
    world = World()
    large = json.loads(stored("vapi/end_of_call_report").body)
    large["message"]["assistant"] = {"prompt": "x" * 1_000_000}
    arrived(world, stored("vapi/end_of_call_report", body=json.dumps(large).encode()))
    assert len(world.webhook_bodies) == 1
    assert world.store.get(CALLS["vapi/end_of_call_report"]).state is ConversationState.SUBMITTED


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"body": b"not json"}, "webhook.body: must be JSON, or a form, in UTF-8"),
        ({"body": b"\xff"}, "webhook.body: must be JSON, or a form, in UTF-8"),
        ({"event_type": ""}, "webhook.type: is not one of its platform's events"),
        ({"event_type": "call_ended"}, "webhook.type: is not one of its platform's events"),
        ({"body": b"[1]"}, "detail: Input should be a valid dictionary or instance of _Body"),
        ({"body": b"{}"}, "detail.message: Field required"),
    ],
)
def test_what_cannot_be_read_is_a_dead_letter(changes: dict[str, Any], reason: str) -> None:
    world = World()
    arrived(world, stored("vapi/end_of_call_report", **changes))
    [(queue, _, found)] = world.dead
    assert found is not None
    assert (queue, found.text) == ("call_end", reason)


def test_no_event_of_a_bus_bears_a_provenance() -> None:
    """EventBridge's envelope is its own: what a sender chooses stands in `detail`."""
    forged = json.loads(webhook_messages.to_text(stored("vapi/end_of_call_report"), dict[str, bytes]().__setitem__))
    world = World()
    world.send("call_end", {"source": "acme", "detail-type": "end-of-call-report", "detail": forged})
    world.run(hours=1)
    assert len(world.dead) == 1
