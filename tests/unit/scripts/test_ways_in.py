"""What the smoke test says of the webhooks' ways in, by what the function itself answers to what nobody has signed."""

import json
import re
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from coval_relay.adapters.aws.door_telemetry import DoorTelemetry
from coval_relay.adapters.web.webhook_signatures import SignatureLibraries
from coval_relay.domain.webhooks.request import WebhookRequest
from coval_relay.domain.webhooks.routes import Routes
from coval_relay.services.receive_webhook import ReceiveWebhook
from local.webhooks import PLATFORMS, SECRETS
from scripts import ways_in

FUNCTION, API = "https://function.example/", "https://api.example/"
KEYS = ("Twilio", "Vapi", "Retell", "ElevenLabs", "LiveKit", "Telnyx", "Daily", "Canonical")
OUTPUTS = {"WebhookFunctionUrl": FUNCTION, **{f"{key}WebhookUrl": f"{FUNCTION}{key.lower()}" for key in KEYS}}
OUTPUTS_OF_TEMPLATE = Path("template.yaml").read_text(encoding="utf-8").partition("\nOutputs:")[2]
SIGNED_ALONE = "takes what is signed alone"
FIRES = "ok    WebhookRejectedAlarm: fires for some minutes, as this test has sent {} unsigned webhooks"
MISSING = (
    "MEND  https://function.example/vapi: has no entry in the webhooks' secret\n        -> add it, as docs/webhooks.md "
    "says, or look for a misspelt one; of accounts' own name them: --webhook vapi/LABEL"
)


class Secret:
    """The ways in, as a secret's text has them."""

    def __init__(self, text: str) -> None:
        self.text = text

    def get(self) -> Routes:
        return Routes(self.text)

    refresh = get


class Door:
    """The function itself, in place of its URL; what it stores is an error."""

    def __init__(self, secret: Mapping[str, Any]) -> None:
        self.log: list[str] = []
        self.receive = ReceiveWebhook(
            routes=Secret(json.dumps(secret)),
            libraries=SignatureLibraries(),
            store=lambda webhook: pytest.fail(f"stored: {webhook}"),
            telemetry=DoorTelemetry("relay", self.log.append),
        )

    def answer(self, url: str, body: bytes) -> int:
        headers = {"content-type": "application/json"}
        host, path = urlsplit(url).netloc, urlsplit(url).path
        return self.receive(
            WebhookRequest(method="POST", host=host, path=path, headers=headers, body=body, arrived_at=time.time())
        )

    def events(self) -> list[str]:
        return [json.loads(line)["event"] for line in self.log]


def said(*platforms: str, named: tuple[str, ...] = (), outputs: Mapping[str, str] = OUTPUTS) -> list[str]:
    return [str(line) for line in ways_in.looked_at(outputs, platforms, named)]


def with_secret(monkeypatch: pytest.MonkeyPatch, secret: Mapping[str, Any]) -> Door:
    door = Door(secret)
    monkeypatch.setattr(ways_in, "answer", door.answer)
    return door


def test_each_platform_s_way_in_takes_nothing_unsigned(monkeypatch: pytest.MonkeyPatch) -> None:
    door = with_secret(monkeypatch, SECRETS)
    answers = dict.fromkeys(PLATFORMS, SIGNED_ALONE) | {"daily": "answers Daily's ping"}
    wells = [f"ok    {FUNCTION}{name}: {answer}" for name, answer in answers.items()]
    assert said(*PLATFORMS) == [*wells, FIRES.format(7)]
    assert sorted(door.events()) == ["WEBHOOK_DROPPED", *["WEBHOOK_REJECTED"] * 7]


def test_the_outputs_tell_which_platforms_send_webhooks() -> None:
    names = re.findall(r"^  (Webhook\w+Url|\w+WebhookUrl):", OUTPUTS_OF_TEMPLATE, re.MULTILINE)
    outputs = [name for name in names if name.endswith("WebhookUrl")]
    assert sorted(outputs) == sorted(f"{key}WebhookUrl" for key in KEYS)
    assert {name.removesuffix("WebhookUrl").lower() for name in outputs} == {*PLATFORMS}
    assert {*ways_in.BASES} <= {*names}


def test_a_misspelt_entry_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    with_secret(monkeypatch, {"vappi": "token"})
    assert said("vapi", "genesys") == [MISSING]


def test_canonical_needs_an_entry_only_for_webhooks(monkeypatch: pytest.MonkeyPatch) -> None:
    with_secret(monkeypatch, {})
    (line,) = said("canonical")
    assert line.startswith("?     https://function.example/canonical: has no entry in the webhooks' secret\n")


def test_an_entry_that_breaks_a_rule_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    with_secret(monkeypatch, {"vapi": {"scheme": "unknown", "secret": "s"}})
    assert "\n".join(said("vapi")) == (
        "MEND  https://function.example/vapi: the webhooks' secret cannot be read, or its entry breaks a rule\n"
        "        -> the log of receive_webhook says why; docs/webhooks.md"
    )


def test_accounts_own_ways_stand_for_their_platform_s(monkeypatch: pytest.MonkeyPatch) -> None:
    with_secret(monkeypatch, {"vapi/eu": "token", "retell": "key", "acme": {"scheme": "vapi", "secret": "s"}})
    assert said("vapi", "retell", named=("vapi/eu", "vapi/us", "acme")) == [
        f"ok    {FUNCTION}vapi/eu: {SIGNED_ALONE}",
        MISSING.replace("/vapi:", "/vapi/us:"),
        f"ok    {FUNCTION}acme: {SIGNED_ALONE}",
        f"ok    {FUNCTION}retell: {SIGNED_ALONE}",
        FIRES.format(3),
    ]


def test_both_ways_in_are_asked_where_there_are_two(monkeypatch: pytest.MonkeyPatch) -> None:
    with_secret(monkeypatch, SECRETS)
    both = said("vapi", outputs={**OUTPUTS, "WebhookApiUrl": API})
    assert both == [f"ok    {base}vapi: {SIGNED_ALONE}" for base in (FUNCTION, API)] + [FIRES.format(2)]
    assert said("vapi", outputs={"AttachQueueUrl": "url"}) == []


@pytest.mark.parametrize(
    ("status", "said", "mend"),
    [
        (200, "lets in what nobody has signed", "tell us"),
        (403, "is forbidden: your organization may allow no public function URLs", "deploy with Webhooks=http_api"),
        (429, "is throttled", "raise the last number of MaximumConcurrency, or the account's limit"),
        (502, "answers 502", "the log of receive_webhook says why; docs/webhooks.md"),
    ],
)
def test_what_stands_before_the_function_is_told_apart(status: int, said: str, mend: str) -> None:
    assert str(ways_in.judged("vapi", "url", status)) == f"MEND  url: {said}\n        -> {mend}"


class Answers(BaseHTTPRequestHandler):
    """Answers with the status that its path names, where it is asked as a sender asks."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        asked_well = (body, self.headers["content-type"]) == (b"{}", "application/json")
        self.send_response(int(self.path[1:]) if asked_well else 500)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
        """Says nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Answers) as found:
        thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{found.server_port}/"
        found.shutdown()
        thread.join()


@pytest.mark.parametrize("status", [200, 401, 404, 503])
def test_the_answer_is_its_status(server: str, status: int) -> None:
    assert ways_in.answer(f"{server}{status}", b"{}") == status


def test_what_cannot_be_reached_from_here_is_said() -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        base = f"http://127.0.0.1:{unheard.getsockname()[1]}/"
        (line,) = said("vapi", outputs={**OUTPUTS, "WebhookFunctionUrl": base})
    assert line.startswith(f"?     {base}vapi: cannot be reached from here: ")
