"""Random bodies that vendors sign: ours is let in, a change of what they sign is not, and their SDKs say the same.

`make webhooks`, or `python -m tests.support.webhook_rounds [ROUNDS] [SEED]`
"""

import json
import random
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

from elevenlabs.webhooks_custom import WebhooksClient
from livekit.api import TokenVerifier, WebhookReceiver
from standardwebhooks import Webhook
from twilio.request_validator import RequestValidator

from coval_relay.adapters.web.webhook_signatures import SignatureLibraries
from coval_relay.domain.webhooks.request import FORM, WebhookRequest
from coval_relay.domain.webhooks.routes import Routes
from coval_relay.domain.webhooks.verification import rejection
from local.webhooks import (
    ACCOUNT,
    LIVEKIT_KEY,
    LIVEKIT_SECRET,
    PLATFORMS,
    SECRETS,
    STANDARD_SECRET,
    TWILIO_TOKEN,
    vendor_module,
)
from tests.support.webhooks import request_of

LIBRARIES = SignatureLibraries()
ROUTES = Routes(json.dumps(SECRETS))
CHARACTERS = 'aZ09 _-+&=%.,:;"\\/{}[]\n\té\u00ff\u20ac\U0001f600\u200b'
UNBOUND = ("vapi",)
"""Platforms whose token binds neither body nor URL."""


def run(rounds: int, seed: int) -> list[str]:
    """What went wrong; nothing, one hopes."""
    source = random.Random(seed)  # noqa: S311 - to be the same again
    found = (_round(source, PLATFORMS[number % len(PLATFORMS)]) for number in range(rounds))
    return [fault for fault in found if fault]


def _round(source: random.Random, platform: str) -> str:
    content_type, body = _body(source, platform)
    request = request_of(platform, content_type, body, float(int(time.time())))
    route = ROUTES.get(platform)
    assert route is not None
    if rejection(request, route, LIBRARIES) is not None:
        return f"{platform}: {body!r} is not let in"
    if not _vendor_agrees(platform, request):
        return f"{platform}: {body!r} is not let in by the vendor's SDK"
    changed = _changed(source, request, platform)
    if rejection(changed, route, LIBRARIES) is None:
        return f"{platform}: {body!r} is let in when changed to {changed.body!r}, {changed.headers!r}"
    return ""


def _body(source: random.Random, platform: str) -> tuple[str, bytes]:
    if platform == "twilio" and source.random() < 0.5:
        pairs = [("AccountSid", ACCOUNT), *((_word(source), _word(source)) for _ in range(source.randrange(8)))]
        return FORM, urlencode(dict(pairs)).encode()
    content = {_word(source): _value(source, 3) for _ in range(source.randrange(6))}
    if platform == "livekit":  # its SDK reads the event, too
        content = {"event": _word(source), "id": _word(source)}
    if platform == "elevenlabs":
        content["type"] = _word(source)
    if platform == "twilio":
        content["account_sid"] = ACCOUNT
    return "application/json", json.dumps(content, ensure_ascii=source.random() < 0.5).encode()


def _word(source: random.Random) -> str:
    return "".join(source.choice(CHARACTERS) for _ in range(source.randrange(12)))


def _value(source: random.Random, depth: int) -> Any:
    kind = source.randrange(6 if depth else 4)
    if kind == 4:
        return [_value(source, depth - 1) for _ in range(source.randrange(4))]
    if kind == 5:
        return {_word(source): _value(source, depth - 1) for _ in range(source.randrange(4))}
    return (_word(source), source.randrange(-(10**15), 10**15), source.random(), None)[kind]


# --- what the vendors' SDKs say ----------------------------------------------------------------------


def _vendor_agrees(platform: str, request: WebhookRequest) -> bool:
    verify = _VERIFIERS.get(platform)
    return verify is None or bool(verify(request))


def _twilio(request: WebhookRequest) -> object:
    form: Any = (
        dict(parse_qsl(request.body.decode(), keep_blank_values=True)) if request.is_form else request.body.decode()
    )
    url = request.urls()[0]
    return RequestValidator(TWILIO_TOKEN).validate(url, form, request.headers["x-twilio-signature"])


def _retell(request: WebhookRequest) -> object:
    verify = vendor_module("retell", "lib/webhook_auth.py").symmetric["verify"]
    return verify(request.body.decode(), "key_current", request.headers["x-retell-signature"])


def _elevenlabs(request: WebhookRequest) -> object:
    client = WebhooksClient(client_wrapper=None)
    return client.construct_event(request.body.decode(), request.headers["elevenlabs-signature"], "wsec_local")


def _livekit(request: WebhookRequest) -> object:
    receiver = WebhookReceiver(TokenVerifier(LIVEKIT_KEY, LIVEKIT_SECRET))
    return receiver.receive(request.body.decode(), request.headers["authorization"])


def _telnyx(request: WebhookRequest) -> object:
    sdk = vendor_module("telnyx", "lib/webhook_verification.py")
    sdk.verify_webhook_signature(request.body, request.headers, SECRETS["telnyx"])
    return True


def _standard(request: WebhookRequest) -> object:
    Webhook(STANDARD_SECRET).verify(request.body, dict(request.headers))
    return True


_VERIFIERS: Mapping[str, Callable[[WebhookRequest], object]] = {
    "twilio": _twilio,
    "retell": _retell,
    "elevenlabs": _elevenlabs,
    "livekit": _livekit,
    "telnyx": _telnyx,
    "canonical": _standard,
}

# --- changes -----------------------------------------------------------------------------------------


def _changed(source: random.Random, request: WebhookRequest, platform: str) -> WebhookRequest:
    """One change of what the vendor signs: of the body, of a header that the signature needs, or of Twilio's URL."""
    headers = {name: value for name, value in request.headers.items() if name != "content-type"}
    kinds = ["header"] if platform in UNBOUND else ["header", "body", "body"]
    kind = source.choice([*kinds, *(["url"] if platform == "twilio" else [])])
    if kind == "url":
        return replace(request, query=request.query + source.choice(("&a=1", "%20", "x")))
    if kind == "header":
        name = source.choice(sorted(headers))
        return replace(request, headers={**request.headers, name: _text_changed(source, headers[name])})
    if request.is_form:
        name, value = source.choice(request.form or ())
        pairs = [(one, other + "~" if (one, other) == (name, value) else other) for one, other in request.form or ()]
        return replace(request, body=urlencode(pairs).encode())
    return replace(request, body=_bytes_changed(source, request.body))


def _bytes_changed(source: random.Random, body: bytes) -> bytes:
    place = source.randrange(len(body))
    return source.choice(
        (
            body[:place] + bytes([body[place] ^ (1 << source.randrange(8))]) + body[place + 1 :],
            body[:place] + body[place + 1 :],
            body[:place] + bytes([source.randrange(256)]) + body[place:],
        )
    )


def _text_changed(source: random.Random, text: str) -> str:
    """One character is another one, or missing; not the last: of a token's base64 it has bits that nobody reads."""
    place = source.randrange(len(text) - 1)
    other = chr(ord(text[place]) ^ 1)
    return text[:place] + source.choice((other, "")) + text[place + 1 :]


def main() -> int:
    rounds, seed = (int(given) for given in (*sys.argv[1:], *("1000", "0")[len(sys.argv) - 1 :]))
    began = time.monotonic()
    faults = run(rounds, seed)
    seconds = time.monotonic() - began
    counted = f"{rounds} webhooks of {len(PLATFORMS)} platforms, {len(faults)} faults, {seconds:.0f} s"
    sys.stdout.write("\n".join((*faults, counted, "")))
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
