"""docs/webhooks.md: its examples do what it says, and what it lists is there."""

import base64
import hmac
import json
import re
import time
import urllib.request
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from coval_relay.adapters.aws import webhook_messages
from coval_relay.adapters.aws.door_telemetry import DoorTelemetry
from coval_relay.adapters.web.webhook_signatures import SignatureLibraries
from coval_relay.domain.call import ConversationState
from coval_relay.domain.webhooks.event_types import EVENT_TYPES
from coval_relay.domain.webhooks.request import WebhookRequest
from coval_relay.domain.webhooks.routes import OPTIONS, Routes
from coval_relay.domain.webhooks.schemes import SCHEMES
from coval_relay.services.receive_webhook import ReceiveWebhook
from local.webhooks import STANDARD_SECRET
from tests.support.events import call_ended
from tests.support.world import World

PAGE = Path("docs/webhooks.md").read_text(encoding="utf-8")
BLOCKS = {
    kind: re.findall(rf"^ *```{kind}\n(.*?)^ *```$", PAGE, re.DOTALL | re.MULTILINE) for kind in ("json", "python")
}


class Ways:
    """The ways in, as a secret's text has them."""

    def __init__(self, text: str) -> None:
        self.routes = Routes(text)

    def get(self) -> Routes:
        return self.routes

    def refresh(self) -> Routes:
        return self.routes


def received(world: World, secret: str, request: WebhookRequest) -> int:
    def store(webhook: Any) -> None:
        world.send("call_end", webhook_messages.to_text(webhook, world.webhook_bodies.__setitem__))

    telemetry = DoorTelemetry("relay", lambda _: None)
    receive = ReceiveWebhook(routes=Ways(secret), libraries=SignatureLibraries(), store=store, telemetry=telemetry)
    return receive(request)


def request_of(sent: urllib.request.Request) -> WebhookRequest:
    url = urlsplit(sent.full_url)
    headers = {name.lower(): value for name, value in sent.header_items()}
    assert isinstance(sent.data, bytes)
    return WebhookRequest(
        method=sent.get_method(),
        host=url.netloc,
        path=url.path,
        query=url.query,
        headers=headers,
        body=sent.data,
        arrived_at=time.time(),
    )


def test_a_sender_of_one_s_own() -> None:
    """The page's example, its last line done by hand."""
    [code] = BLOCKS["python"]
    definition, _, call = code.partition("\n\n\n")
    assert call.startswith("urllib.request.urlopen(signed(url, secret,")
    names: dict[str, Any] = {"base64": base64, "hmac": hmac, "json": json, "time": time, "uuid": uuid, "urllib": urllib}
    exec(compile(definition, "docs/webhooks.md", "exec"), names)  # noqa: S102 - the page's own words
    sent = names["signed"]("https://h.example/canonical", STANDARD_SECRET, "Call Ended", call_ended("call-1")["detail"])
    world, secret = World(), json.dumps({"canonical": STANDARD_SECRET})
    assert received(world, secret, request_of(sent)) == 200
    world.run(hours=1)
    assert world.store.get("call-1").state is ConversationState.SUBMITTED


def test_a_newcomer_by_configuration() -> None:
    secret = BLOCKS["json"][-1]
    written = json.loads(secret)["acme"]
    body, at = b'{"event": "call.finished"}', str(int(time.time()))
    digest = hmac.digest(written["secret"].encode(), f"{at}.".encode() + body, "sha256").hex()
    headers = {"X-Acme-Timestamp": at, "X-Acme-Signature": f"sha256={digest}"}
    sent = request_of(urllib.request.Request("https://h.example/acme", body, headers))
    world = World()
    assert received(world, secret, sent) == 200
    assert len(world.queued) == 1


def test_the_first_secret_is_one() -> None:
    written = BLOCKS["json"][0]
    for platform in json.loads(written):
        assert Routes(written).get(platform) is not None


def test_every_platform_scheme_and_option_is_described() -> None:
    for name in (*EVENT_TYPES, *SCHEMES, *OPTIONS):
        assert f"`{name}`" in PAGE, name
