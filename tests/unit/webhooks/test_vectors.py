"""Signatures that the vendors' own SDKs have computed, and a change of each part that they cover."""

import base64
import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest

from coval_relay.adapters.web.webhook_signatures import SignatureLibraries
from coval_relay.domain.webhooks.request import FORM, WebhookRequest
from coval_relay.domain.webhooks.routes import Routes
from coval_relay.domain.webhooks.verification import Rejection, rejection

LIBRARIES = SignatureLibraries()
AT = 1790951801
TOKEN = "12345678901234567890123456789012"
HOST = "abc123.lambda-url.eu-west-2.on.aws"
CALL = b"AccountSid=AC1&CallSid=CA1&CallStatus=completed&Called=%2B15550100001&Empty=&Note=caf%C3%A9"
TRANSCRIPT = b'{"transcript_sid":"GT1","customer_key":"CA1","event_type":"voice_intelligence_transcript_available"}'
HASHED = f"stack=prod&bodySHA256={hashlib.sha256(TRANSCRIPT).hexdigest()}"
RETELL = '{"event":"call_ended","call":{"call_id":"c1","transcript":"¡Adiós, señor!"}}'.encode()
ELEVEN = b'{"type":"post_call_transcription","event_timestamp":1790951801,"data":{}}'
TELNYX_SIGNATURE = "gB5TfSssq7P5yMFpbDxLFNNy2K5AOipQtZ7ImWTzfs//P4kPvNC3apvu8r/Yp5kPh8Sm9EAwg6OGFeOFm4Q4BA=="
STANDARD = "v1,0TXbc+tyubzX9O5xuQ+wPEEZnhk+iVFY+olFVdx9NwU="
STANDARD_HEADERS = {"webhook-id": "msg_1", "webhook-timestamp": str(AT), "webhook-signature": STANDARD}


def request(body: bytes, headers: dict[str, str], path: str = "/x", **more: Any) -> WebhookRequest:
    given: dict[str, Any] = {"method": "POST", "host": HOST, "arrived_at": AT, **more}
    return WebhookRequest(body=body, headers=headers, path=path, **given)


def form(signature: str, header: str = "x-twilio-signature") -> dict[str, str]:
    return {"content-type": f"{FORM}; charset=UTF-8", header: signature}


VECTORS: dict[str, tuple[str, Any, WebhookRequest]] = {
    "twilio form": (
        "twilio",
        TOKEN,
        request(CALL, form("16sHq+DSvTD7lXS+IiWnXLqZmkc="), "/twilio", query="stack=prod"),
    ),
    "twilio shared key": (
        "twilio",
        TOKEN,
        request(CALL, form("aPfrdmo2MNcWqE7SDdrLqcqpGBFZWR8h4+HSMD9o+m8="), "/twilio", query="stack=prod"),
    ),
    "twilio json": (
        "twilio",
        TOKEN,
        request(TRANSCRIPT, {"x-twilio-signature": "6NT6uugTLE0xvvLyza3tohswk0I="}, "/twilio", query=HASHED),
    ),
    "retell": (
        "retell",
        "key_abc",
        request(
            RETELL,
            {"x-retell-signature": f"v={AT}000,d=dcac5cf63f408d0cbb3eacde0da53651a4d8d1ecd5ab8bef5309f36230c957ed"},
        ),
    ),
    "elevenlabs": (
        "elevenlabs",
        "wsec_x",
        request(
            ELEVEN,
            {"elevenlabs-signature": f"t={AT},v0=f25b52bb1e25e1c7cd0e11ba7d70f837c203ce610299e12005cc026467cc7cd3"},
        ),
    ),
    "telnyx": (
        "telnyx",
        "A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=",
        request(
            b'{"data":{"event_type":"call.hangup"}}',
            {"telnyx-signature-ed25519": TELNYX_SIGNATURE, "telnyx-timestamp": str(AT)},
        ),
    ),
    "plivo": (
        "plivo",
        "tok",
        request(
            b"CallUUID=u1&Duration=330",
            {
                **form("ff8o/TaP5a24BkKMuyzqvvR/mEgfuiFn5kWzl/aKi8k=", "x-plivo-signature-v3"),
                "x-plivo-signature-v3-nonce": "123",
            },
            host="h.example",
            query="b=2&a=1",
        ),
    ),
    "signalwire": (
        "signalwire",
        "PSK_x",
        request(b'{"a":1}', {"x-signalwire-signature": "750def888ca489cad5516245b880552e5fb656af"}, host="h"),
    ),
    "standard webhooks": (
        "standard",
        "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3",
        request(b'{"a":1}', STANDARD_HEADERS),
    ),
    "standard webhooks, svix, several signatures": (
        "standard",
        "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3",
        request(
            b'{"a":1}', {"svix-id": "msg_1", "svix-timestamp": str(AT), "svix-signature": f"v1,AAAA {STANDARD} v2,x"}
        ),
    ),
}
each_vector = pytest.mark.parametrize("name", VECTORS)


def verdict(scheme: str, secret: Any, asked: WebhookRequest) -> Rejection | None:
    """With a secret beside it that does not fit."""
    other = base64.b64encode(bytes(32)).decode()
    route = Routes(json.dumps({"x": {"scheme": scheme, "secrets": [other, secret]}})).get("x")
    assert route is not None
    return rejection(asked, route, LIBRARIES)


@each_vector
def test_a_vendor_s_signature_is_right(name: str) -> None:
    assert verdict(*VECTORS[name]) is None


@each_vector
def test_not_with_another_secret(name: str) -> None:
    scheme, _, asked = VECTORS[name]
    other = base64.b64encode(bytes([1]) * 32).decode()
    assert verdict(scheme, other, asked) is Rejection.WRONG_SIGNATURE


@each_vector
def test_not_with_another_body(name: str) -> None:
    scheme, secret, asked = VECTORS[name]
    assert verdict(scheme, secret, replace(asked, body=asked.body.replace(b"a", b"b", 1))) is Rejection.WRONG_SIGNATURE


@each_vector
def test_not_without_its_headers(name: str) -> None:
    scheme, secret, asked = VECTORS[name]
    assert verdict(scheme, secret, replace(asked, headers={})) is Rejection.NO_SIGNATURE


@pytest.mark.parametrize(
    "name", [name for name, (scheme, _, _) in VECTORS.items() if scheme in ("twilio", "plivo", "signalwire")]
)
@pytest.mark.parametrize("change", [{"host": "evil.example"}, {"path": "/y"}, {"query": "stack=test"}], ids=str)
def test_not_at_another_url(name: str, change: dict[str, str]) -> None:
    scheme, secret, asked = VECTORS[name]
    assert verdict(scheme, secret, replace(asked, **change)) is Rejection.WRONG_SIGNATURE  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "seconds"),
    [("retell", 301), ("elevenlabs", 1801), ("telnyx", 301), ("standard webhooks", 301)],
)
def test_not_much_later_or_earlier(name: str, seconds: int) -> None:
    scheme, secret, asked = VECTORS[name]
    for arrived_at in (AT + seconds, AT - seconds):
        assert verdict(scheme, secret, replace(asked, arrived_at=arrived_at)) is Rejection.TOO_OLD_OR_NEW
    for arrived_at in (AT + seconds - 2, AT - seconds + 2):
        assert verdict(scheme, secret, replace(asked, arrived_at=arrived_at)) is None
