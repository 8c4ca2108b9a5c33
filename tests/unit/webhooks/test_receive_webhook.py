"""The door: what it answers, when it stores, when it reads its secret again, and what it says of it."""

import hmac
import json
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from coval_relay.adapters.aws import webhook_messages
from coval_relay.adapters.aws.door_telemetry import DoorTelemetry
from coval_relay.adapters.web.webhook_signatures import SignatureLibraries
from coval_relay.domain.errors import RetryableError
from coval_relay.domain.webhooks.request import WebhookRequest
from coval_relay.domain.webhooks.routes import Routes, UnusableSecretError
from coval_relay.domain.webhooks.stored_webhook import StoredWebhook
from coval_relay.entrypoints.webhook_door import WebhookDoor
from coval_relay.services.receive_webhook import ReceiveWebhook
from local.webhooks import PLATFORMS, SECRETS, body_of, headers_of
from tests.support.webhooks import http_event, request_of

AT = 1790951801.25
SAMPLES = {
    path.relative_to("events").with_suffix("").as_posix(): json.loads(path.read_text(encoding="utf-8"))
    for platform in PLATFORMS
    for path in sorted(Path("events").glob(f"{platform}/*.json"))
}
EVENTS = {name: sample for name, sample in SAMPLES.items() if sample.get("source") not in (None, "aws.s3")}
ONE_EACH = {name.partition("/")[0]: name for name in reversed(EVENTS)}


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    """LiveKit's SDK signs for the moment, and a minute later that is another one."""
    monkeypatch.setitem(globals(), "AT", int(time.time()) + 0.25)


@dataclass
class Door:
    """A door whose secret, storage and reports a test can see and break."""

    secret: Any = field(default_factory=lambda: dict(SECRETS))
    rotated: Any = None
    """What a fresh reading gives."""
    error: RetryableError | None = None
    storage_error: Exception | None = None
    stored: list[StoredWebhook] = field(default_factory=list)
    lines: list[dict[str, Any]] = field(default_factory=list)
    readings: int = 0

    def __post_init__(self) -> None:
        telemetry = DoorTelemetry("relay", lambda line: self.lines.append(json.loads(line)), lambda: AT)
        receive = ReceiveWebhook(routes=self, libraries=SignatureLibraries(), store=self.store, telemetry=telemetry)
        self.door = WebhookDoor(receive, telemetry)
        self.cached: Routes | None = None

    def get(self) -> Routes:
        if self.error:
            raise self.error
        self.cached = self.cached or self._parsed(self.secret)
        return self.cached

    def refresh(self) -> Routes:
        self.readings += 1
        if self.error:
            raise self.error
        self.cached = self._parsed(self.secret if self.rotated is None else self.rotated)
        return self.cached

    def _parsed(self, secret: Any) -> Routes:
        return Routes(secret if isinstance(secret, str) else json.dumps(secret))

    def store(self, webhook: StoredWebhook) -> None:
        if self.storage_error:
            raise self.storage_error
        self.stored.append(webhook)

    def status(self, request: WebhookRequest) -> int:
        answer = self.door(http_event(request))
        assert answer["body"] == ""
        return int(answer["statusCode"])

    def said(self) -> list[tuple[str, Any, Any]]:
        return [(line["event"], line.get("platform"), line.get("reason")) for line in self.lines]


def sent(name: str, **changes: Any) -> WebhookRequest:
    platform = name.partition("/")[0]
    content_type, body = body_of(EVENTS[name])
    return replace(request_of(platform, content_type, body, AT), **changes)


def vapi(content: Any, **changes: Any) -> WebhookRequest:
    return replace(request_of("vapi", "application/json", json.dumps(content).encode(), AT), **changes)


REPORT = {"message": {"type": "end-of-call-report"}}


@pytest.mark.parametrize("name", EVENTS)
def test_what_its_vendor_has_signed_is_stored_and_a_tampered_twin_is_not(name: str) -> None:
    platform = name.partition("/")[0]
    request = sent(name)
    front, digit, end = request.body.rpartition(b"0")
    tampered = replace(request, body=front + (b"1" if digit else b"") + end + (b"" if digit else b" "))
    if platform == "vapi":  # a token binds no body
        tampered = replace(request, headers={**request.headers, "authorization": "Bearer vapi-tokem"})
    door = Door()
    assert (door.status(tampered), door.stored) == (401, [])
    assert door.status(request) == 200
    [reported] = [line for line in door.lines if line["event"] in ("WEBHOOK_ACCEPTED", "WEBHOOK_DROPPED")]
    assert [webhook.body for webhook in door.stored] == [request.body][: reported["event"] == "WEBHOOK_ACCEPTED"]
    assert door.said()[0] == ("WEBHOOK_REJECTED", platform, "wrong_signature")


@pytest.mark.parametrize("platform", sorted({name.partition("/")[0] for name in EVENTS}))
def test_with_another_platform_s_secret_nobody_comes_in(platform: str) -> None:
    door = Door()
    for other in sorted(ONE_EACH.keys() - {platform}):
        request = sent(ONE_EACH[other])
        assert door.status(replace(request, path=f"/{platform}")) == 401
    assert door.stored == []


def test_a_way_in_with_a_label_has_secrets_of_its_own() -> None:
    door = Door(secret={"vapi": "another-token", "vapi/eu": "vapi-token"})
    assert door.status(vapi(REPORT, path="/vapi/eu")) == 200
    assert door.status(vapi(REPORT)) == 401
    assert [webhook.provenance for webhook in door.stored] == ["webhook:vapi/eu"]


@pytest.mark.parametrize("path", ["/", "/acme", "/vapi/eu", "/vapi/eu/x", "/VAPI", "//", "/vapi%2f"])
def test_what_has_no_secret_has_no_way_in(path: str) -> None:
    door = Door()
    assert door.status(vapi(REPORT, path=path)) == 404
    assert door.said() == [("WEBHOOK_UNROUTED", None, None)]


def test_a_way_in_that_was_added_a_moment_ago_is_there() -> None:
    door = Door(secret={"retell": "key"}, rotated=dict(SECRETS))
    assert door.status(vapi(REPORT)) == 200


def test_nobody_is_sent_away_by_an_old_secret() -> None:
    door = Door(secret={"vapi": "old"}, rotated={"vapi": ["old", "vapi-token"]})
    assert (door.status(vapi(REPORT)), door.readings) == (200, 1)
    assert door.said() == [("WEBHOOK_ACCEPTED", "vapi", None)]


def test_a_way_in_that_was_taken_away_a_moment_ago_lets_nobody_in_by_another_secret() -> None:
    door = Door(secret={"vapi": "old"}, rotated={"retell": "key"})
    assert (door.status(vapi(REPORT)), door.readings) == (401, 1)
    assert door.said() == [("WEBHOOK_REJECTED", "vapi", "wrong_signature")]


@pytest.mark.parametrize(
    ("changes", "status", "reason"),
    [
        ({"method": "GET"}, 405, "method"),
        ({"headers": {"content-encoding": "gzip"}}, 415, "compressed"),
        ({"headers": {}}, 401, "no_signature"),
        ({"headers": {"authorization": "vapi-token"}}, 401, "wrong_signature"),
        ({"headers": {"authorization": "Bearer "}}, 401, "wrong_signature"),
        ({"headers": {"authorization": "Bearer \ud800"}}, 401, "wrong_signature"),
    ],
)
def test_what_is_not_let_in(changes: dict[str, Any], status: int, reason: str) -> None:
    door = Door()
    assert (door.status(vapi(REPORT, **changes)), door.stored) == (status, [])
    assert door.said() == [("WEBHOOK_REJECTED", "vapi", reason)]


def test_whatever_lambda_hands_over_is_let_in() -> None:
    """Of an event of 6 MB, the most that there is, the body is always less."""
    report = {"message": {"type": "end-of-call-report", "transcript": "x" * 6 * 1024 * 1024}}
    assert Door().status(vapi(report)) == 200


def test_what_is_no_unicode_is_not_let_in() -> None:
    request = sent("twilio/call_completed", query="\udfff")
    assert Door().status(request) == 401


def test_kinds_that_nobody_wants_are_counted_and_dropped() -> None:
    door = Door()
    assert door.status(vapi({"message": {"type": "status-update"}})) == 200
    ringing = request_of("twilio", "application/x-www-form-urlencoded", TWILIO_RINGING, AT)
    assert door.status(ringing) == 200
    assert door.said() == [("WEBHOOK_DROPPED", "vapi", "not_wanted"), ("WEBHOOK_DROPPED", "twilio", "not_wanted")]
    assert door.stored == []


TWILIO_RINGING = b"AccountSid=AC00000000000000000000000000000001&CallSid=CA1&CallStatus=ringing"


@pytest.mark.parametrize("body", [b'{"message": {}}', b"not json", b"\xff\xfe", b"[" * 100_000, b""])
def test_what_is_verified_and_not_understood_is_kept_for_the_dead_letters(body: bytes) -> None:
    door = Door()
    assert door.status(vapi(REPORT, body=body)) == 200
    [webhook] = door.stored
    assert (webhook.body, webhook.event_type) == (body, "")


def test_daily_s_set_up_ping_is_answered_and_nothing_else_that_is_not_signed() -> None:
    door = Door()
    unsigned = {"content-type": "application/json"}
    ping = request_of("daily", "application/json", b'{"test":"test"}', AT, headers=unsigned)
    assert door.status(ping) == 200
    assert door.status(replace(ping, body=b'{"test":"test","type":"meeting.ended"}')) == 401
    assert door.status(replace(ping, path="/retell")) == 401
    rejected = [("WEBHOOK_REJECTED", platform, "no_signature") for platform in ("daily", "retell")]
    assert door.said() == [("WEBHOOK_DROPPED", "daily", "ping"), *rejected]
    assert door.stored == []


@pytest.mark.parametrize("path", ["twilio", "livekit"])
def test_an_account_is_believed_with_its_own_secret_only(path: str) -> None:
    secret = {
        **SECRETS,
        path: {
            "other": next(iter(SECRETS[path].values())),
            **dict.fromkeys(SECRETS[path], "changed-secret-of-32-bytes-or-more"),
        },
    }
    door = Door(secret=secret)
    assert door.status(sent(ONE_EACH[path])) == 401
    assert Door(secret={**SECRETS, path: {"other": "x" * 32}}).status(sent(ONE_EACH[path])) == 401


@pytest.mark.parametrize("account", [{"a": 1}, [], 7, None])
def test_what_is_no_name_of_an_account_names_none(account: Any) -> None:
    body = json.dumps({"account_sid": account, "transcript_sid": "GT1"}).encode()
    door = Door()
    assert door.status(request_of("twilio", "application/json", body, AT)) == 401
    assert door.said() == [("WEBHOOK_REJECTED", "twilio", "unknown_account")]


def test_a_body_that_names_two_accounts_names_none() -> None:
    body = TWILIO_RINGING + b"&account_sid=AC00000000000000000000000000000009"
    door = Door()
    assert door.status(request_of("twilio", "application/x-www-form-urlencoded", body, AT)) == 401
    assert door.said() == [("WEBHOOK_REJECTED", "twilio", "unknown_account")]


@pytest.mark.parametrize(
    "broken",
    [
        "no json", "[]", {"vapi": ""}, {"vapi": []}, {"vapi": {}}, {"vapi": 7}, {"vapi": [" padded "]},
        {"vapi": {"AC1": []}}, {"vapi": {"secret": "x", "accounts": {"a": "x"}}}, {"vapi": {"accounts": {"": "x"}}},
        {"vapi": {"scheme": "unheard-of", "secret": "x"}}, {"vapi": {"secret": "x", "type": 7}},
        {"vapi": {"scheme": "hmac", "algorithm": "md5", "secret": "x"}},
        {"vapi": {"scheme": "hmac", "tolerance": "5", "secret": "x"}},
        {"vapi": {"scheme": "hmac", "unknown": "x", "secret": "x"}},
        {"vapi": {"scheme": "standard", "secret": "not base64"}}, {"vapi": {"scheme": "standard", "secret": "whsec_"}},
        {"vapi": {"scheme": "telnyx", "secret": "c2hvcnQ="}},
    ],
    ids=str,
)  # fmt: skip
def test_a_secret_that_breaks_a_rule_asks_senders_to_come_again(broken: Any) -> None:
    door = Door(secret=broken)
    assert door.status(vapi(REPORT)) == 503
    assert [event for event, _, _ in door.said()] == ["WEBHOOK_FAILED"]


def test_a_broken_entry_stops_no_other() -> None:
    assert Door(secret={**SECRETS, "retell": {}}).status(vapi(REPORT)) == 200


def test_senders_are_asked_to_come_again_while_the_secret_or_the_queue_cannot_be_reached() -> None:
    unreachable = RetryableError("secretsmanager_unreachable")
    door = Door(error=unreachable)
    assert door.status(vapi(REPORT)) == 503
    assert door.said() == [("WEBHOOK_FAILED", "unknown", "secretsmanager_unreachable")]
    door = Door(storage_error=RetryableError("sqs_unreachable"))
    assert door.status(vapi(REPORT)) == 503
    assert door.said() == [("WEBHOOK_FAILED", "vapi", "sqs_unreachable")]


def test_nobody_is_sent_away_while_the_secret_cannot_be_read_again() -> None:
    door = Door(secret={"vapi": "old"})
    door.get()
    door.error = UnusableSecretError()
    door.get = lambda: door.cached  # type: ignore[assignment, method-assign, return-value]
    assert door.status(vapi(REPORT)) == 503


def test_what_is_unforeseen_is_asked_to_come_again_and_quotes_nothing() -> None:
    door = Door(storage_error=KeyError("+15550100001"))
    assert door.status(vapi(REPORT)) == 503
    [line] = door.lines
    assert (line["kind"], line["where"][:27]) == ("KeyError", "test_receive_webhook.py:" + line["where"][24:27])
    assert "+1555" not in json.dumps(line)


@pytest.mark.parametrize("event", [{}, {"requestContext": 7}, {"rawPath": "/x", "requestContext": {}}, {"body": None}])
def test_what_is_no_request_is_rejected(event: Any) -> None:
    assert Door().door(event)["statusCode"] == 400


def test_a_line_is_a_metric_by_platform_and_reason() -> None:
    door = Door()
    door.status(vapi(REPORT, headers={}))
    [line] = door.lines
    [metric] = line["_aws"]["CloudWatchMetrics"]
    assert line["_aws"]["Timestamp"] == int(AT * 1000)
    assert metric == {
        "Namespace": "CovalRelay",
        "Dimensions": [["service"], ["service", "platform"], ["service", "platform", "reason"]],
        "Metrics": [{"Name": "WebhookRejected", "Unit": "Count"}],
    }
    assert {line[name] for name in ("service", "platform", "reason")} == {"relay", "vapi", "no_signature"}


# --- schemes of one's own ----------------------------------------------------------------------------


def own(entry: Any, headers: dict[str, str], body: bytes = b'{"event":"call.finished"}') -> int:
    request = vapi(REPORT, path="/acme", headers=headers, body=body)
    return Door(secret={"acme": entry}).status(request)


def test_a_newcomer_needs_configuration_only() -> None:
    entry = {
        "scheme": "hmac", "secret": "s", "header": "X-Acme-Signature", "algorithm": "sha512", "prefix": "sha512=",
        "template": "{method} {id} {body}", "id_header": "X-Acme-Id", "type": "event", "events": ["call.finished"],
    }  # fmt: skip
    digest = "sha512=" + hmac.digest(b"s", b'POST 7 {"event":"call.finished"}', "sha512").hex()
    assert own(entry, {"x-acme-signature": digest, "x-acme-id": "7"}) == 200
    assert own(entry, {"x-acme-signature": digest, "x-acme-id": "8"}) == 401
    assert own({"scheme": "basic", "secret": "user:password"}, {"authorization": "Basic dXNlcjpwYXNzd29yZA=="}) == 200
    assert own({"scheme": "basic", "secret": "user:password"}, {"authorization": "Basic dXNlcjpwYXNzd29yZB=="}) == 401
    header = {"scheme": "header", "header": "x-token", "secrets": ["a", "b"]}
    assert [own(header, {"x-token": token}) for token in ("a", "b", "c", "")] == [200, 200, 401, 401]


def test_a_sender_may_know_the_relay_by_another_name() -> None:
    form = "application/x-www-form-urlencoded"
    headers = headers_of("twilio", form, TWILIO_RINGING, "https://hooks.acme.example/twilio", AT)
    request = request_of("twilio", form, TWILIO_RINGING, AT, headers=headers)
    assert Door().status(request) == 401
    named = {"accounts": SECRETS["twilio"], "urls": ["https://hooks.acme.example"]}
    assert Door(secret={"twilio": named}).status(request) == 200


# --- what the queue keeps ----------------------------------------------------------------------------


def kept(body: bytes, bodies: dict[str, bytes]) -> StoredWebhook:
    webhook = StoredWebhook(platform="vapi", label="", event_type="x", arrived_at=AT, is_form=False, body=body)
    text = webhook_messages.to_text(webhook, bodies.__setitem__)
    assert len(text.encode()) <= 900_000
    found = webhook_messages.from_message(json.loads(text), bodies.__getitem__)
    assert found == webhook
    return found


@pytest.mark.parametrize("body", [b"{}", b"", b"\xff\x00", "señor 😀".encode(), b'"\\ud800"'])
def test_the_queue_keeps_every_byte(body: bytes) -> None:
    bodies: dict[str, bytes] = {}
    kept(body, bodies)
    assert bodies == {}


@pytest.mark.parametrize("body", [b"x" * 900_000, b"\xff" * 700_000, "é".encode() * 150_000])
def test_what_no_queue_takes_goes_by_way_of_s3(body: bytes) -> None:
    """By the length of the message: a character that is no ASCII is six."""
    bodies: dict[str, bytes] = {}
    kept(body, bodies)
    [(name, stored)] = bodies.items()
    assert name.startswith("vapi/")
    assert stored == body
