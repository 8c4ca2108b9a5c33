"""Requests to the door, and what it puts into the queue: nothing is written that its sender has not signed."""

import json
import time
from collections.abc import Sequence
from functools import cache
from random import Random
from typing import Any
from urllib.parse import parse_qsl

from coval_relay.adapters.aws import webhook_messages
from coval_relay.adapters.aws.door_telemetry import DoorTelemetry
from coval_relay.adapters.web.webhook_signatures import SignatureLibraries
from coval_relay.domain.webhooks.request import FORM
from coval_relay.domain.webhooks.routes import Routes
from coval_relay.domain.webhooks.stored_webhook import StoredWebhook
from coval_relay.entrypoints.webhook_door import WebhookDoor
from coval_relay.services.receive_webhook import ReceiveWebhook
from local.webhooks import PLATFORMS, SECRETS, body_of
from tests.fuzz.boundary import Fault, without_secrets
from tests.fuzz.deliveries import EVENTS, handled, sqs
from tests.fuzz.mutation import mutated_bytes, mutated_json, text_of
from tests.support.webhooks import http_event, request_of

AT = 1_790_951_900.0
STATUSES = {200, 400, 401, 404, 405, 415}
UNBOUND = "vapi"
"""Its token binds nothing of the request."""


@cache
def _samples() -> Sequence[tuple[str, Any]]:
    named = [(path.parent.name, path) for path in sorted(EVENTS.rglob("*.json"))]
    read = [(platform, json.loads(path.read_text(encoding="utf-8"))) for platform, path in named]
    read += [("canonical", sample) for platform, sample in read if platform == "events" and "detail" in sample]
    known = [(platform, sample) for platform, sample in read if platform in PLATFORMS]
    return [(platform, one) for platform, one in known if "detail" in one and one["source"] != "aws.s3"]


@cache
def requests() -> list[Any]:
    """Every sample of every platform, signed now, as LiveKit's SDK does; bodies stand as text."""
    now = float(int(time.time()))
    signed = [(platform, *body_of(sample)) for platform, sample in _samples()]
    events = [http_event(request_of(platform, kind, body, now)) for platform, kind, body in signed]
    return [
        {**event, "body": body.decode(), "isBase64Encoded": False}
        for event, (_, _, body) in zip(events, signed, strict=True)
    ]


@cache
def _signed() -> frozenset[tuple[str, str]]:
    """What the vendors have signed."""
    return frozenset((event["rawPath"].strip("/"), _content(event["body"])) for event in requests())


def _content(body: str) -> str:
    """Of a form what Twilio signs: where a name ends and its value begins it does not say (docs/webhooks.md)."""
    pairs = parse_qsl(body, keep_blank_values=True)
    return "".join(map("".join, sorted(set(pairs)))) if body.startswith("AccountSid=") else body


def mutated_request(random: Random, event: Any, corpus: Sequence[Any]) -> Any:
    """A part of it from another request, the body byte by byte, or anything anywhere."""
    if not isinstance(event, dict) or random.random() < 0.3:
        return mutated_json(random, event, corpus)
    other, kind = random.choice(corpus), random.choice(("body", "rawPath", "headers", "rawQueryString", "bytes"))
    if kind == "bytes":
        changed = mutated_bytes(random, text_of(event.get("body")).encode(errors="replace"), ())
        return {**event, "body": changed.decode(errors="replace")}
    return {**event, kind: other.get(kind)} if isinstance(other, dict) else event


class _Secret:
    """The ways in, never anything else."""

    def __init__(self) -> None:
        self.routes = Routes(json.dumps(SECRETS))

    def get(self) -> Routes:
        return self.routes

    def refresh(self) -> Routes:
        return self.routes


def judged_request(event: Any) -> str:
    stored: list[StoredWebhook] = []
    lines: list[str] = []
    telemetry = DoorTelemetry("relay", lines.append)
    receive = ReceiveWebhook(routes=_secret(), libraries=SignatureLibraries(), store=stored.append, telemetry=telemetry)
    answer = WebhookDoor(receive, telemetry)(event)
    without_secrets(lines)
    if answer["body"] != "" or answer["statusCode"] not in STATUSES:
        raise Fault(f"answered {answer}: {lines}")
    for webhook in stored:
        signed = (webhook.platform, _content(webhook.body.decode(errors="backslashreplace")))
        if webhook.platform != UNBOUND and signed not in _signed():
            raise Fault("stored what nobody has signed")
    reasons = {json.loads(line).get("reason", "") for line in lines}
    return f"{answer['statusCode']} {' '.join(sorted(reasons))}"


@cache
def _secret() -> _Secret:
    return _Secret()


# --- behind the door ---------------------------------------------------------------------------------


def messages() -> list[Any]:
    """What the door puts into the queue."""
    found = []
    for platform, sample in _samples():
        kind, body = body_of(sample)
        webhook = StoredWebhook(
            platform=platform,
            label="",
            event_type=sample["detail-type"],
            arrived_at=AT,
            is_form=kind == FORM,
            body=body,
        )
        found.append(json.loads(webhook_messages.to_text(webhook, dict[str, bytes]().__setitem__)))
    claimed = {key: value for key, value in found[0]["webhook"].items() if key != "text"}
    return [*found, {"webhook": {**claimed, "claim": "twilio/1", "sha256": "0" * 64}}]


def judged_message(message: Any) -> str:
    return handled(sqs(text_of(message)), "call_end")
