"""Webhooks of every platform: the body that a sample came in, and the headers that its vendor signs it with.

Twilio's, LiveKit's and Retell's SDKs and Standard Webhooks' sign by themselves. What ElevenLabs and Telnyx sign is
made here, and their SDKs verify it in the tests; Vapi and Daily have no such SDK.
"""

import base64
import hashlib
import hmac
import json
import os
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from livekit.api import AccessToken
from standardwebhooks import Webhook
from twilio.request_validator import RequestValidator

Headers = dict[str, str]
FORM = "application/x-www-form-urlencoded"
ACCOUNT = "AC00000000000000000000000000000001"
TELNYX = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
LIVEKIT_KEY, LIVEKIT_SECRET = "APIlocal", "livekit-secret-of-at-least-32-bytes"
TWILIO_TOKEN = "12345678901234567890123456789012"  # noqa: S105 -- of the local stack only
DAILY_SECRET = base64.b64encode(b"daily-secret-of-some-bytes").decode()
STANDARD_SECRET = "whsec_" + base64.b64encode(b"standard-secret-of-24-by").decode()
SECRETS: Mapping[str, Any] = {
    "twilio": {ACCOUNT: [TWILIO_TOKEN]},
    "vapi": "vapi-token",
    "retell": ["key_previous", "key_current"],
    "elevenlabs": "wsec_local",
    "livekit": {LIVEKIT_KEY: LIVEKIT_SECRET},
    "telnyx": base64.b64encode(TELNYX.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode(),
    "daily": DAILY_SECRET,
    "canonical": STANDARD_SECRET,
}
PLATFORMS = tuple(SECRETS)
"""Whose webhooks are taken."""


@cache
def vendor_module(package: str, file: str) -> Any:
    """One file of a vendor's SDK, without the whole of it, whose import takes seconds."""
    found = find_spec(package)
    assert found is not None
    assert found.submodule_search_locations is not None
    spec = spec_from_file_location(f"{package}_file", Path(found.submodule_search_locations[0]) / file)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def body_of(sample: Mapping[str, Any]) -> tuple[str, bytes]:
    """Content type and body in which a sample's vendor sends it."""
    detail, detail_type = sample["detail"], sample["detail-type"]
    if detail_type == "twilio-webhook-lambda" and "transcript_sid" not in detail:
        return FORM, urlencode(detail).encode()
    if detail_type == "session_report":
        detail = {**detail, "event": detail_type}
    if detail_type[0].isupper():
        detail = {"type": detail_type, "timestamp": sample.get("time"), "data": detail}
    return "application/json", json.dumps(detail, ensure_ascii=False).encode()


def query_of(platform: str, content_type: str, body: bytes) -> str:
    """Twilio puts the hash of a JSON body into the URL."""
    hashed = platform == "twilio" and content_type != FORM
    return f"bodySHA256={hashlib.sha256(body).hexdigest()}" if hashed else ""


def headers_of(platform: str, content_type: str, body: bytes, url: str, at: float) -> Headers:
    """What the vendor puts beside a body."""
    headers = {"content-type": "application/webhook+json" if platform == "livekit" else content_type}
    signed: Headers = _SIGNED[platform](content_type, body, url, int(at))
    return headers | signed


def _twilio(content_type: str, body: bytes, url: str, _: int) -> Headers:
    form = dict(parse_qsl(body.decode(), keep_blank_values=True)) if content_type == FORM else {}
    return {"x-twilio-signature": RequestValidator(TWILIO_TOKEN).compute_signature(url, form)}


def _vapi(*_: object) -> Headers:
    return {"authorization": "Bearer vapi-token"}


def _retell(_: str, body: bytes, __: str, at: int) -> Headers:
    symmetric = vendor_module("retell", "lib/webhook_auth.py").symmetric
    return {"x-retell-signature": symmetric["sign"](body.decode(), "key_current", at * 1000)}


def _elevenlabs(_: str, body: bytes, __: str, at: int) -> Headers:
    digest = hmac.new(b"wsec_local", f"{at}.".encode() + body, "sha256").hexdigest()
    return {"elevenlabs-signature": f"t={at},v0={digest}"}


def _livekit(_: str, body: bytes, __: str, at: int) -> Headers:
    """Good for five minutes, as LiveKit's own are, from the time of the real clock."""
    hashed = base64.b64encode(hashlib.sha256(body).digest()).decode()
    left = at - int(datetime.now(UTC).timestamp()) + 300
    token = AccessToken(LIVEKIT_KEY, LIVEKIT_SECRET).with_sha256(hashed).with_ttl(timedelta(seconds=left))
    return {"authorization": token.to_jwt()}


def _telnyx(_: str, body: bytes, __: str, at: int) -> Headers:
    signature = base64.b64encode(TELNYX.sign(f"{at}|".encode() + body)).decode()
    return {"telnyx-signature-ed25519": signature, "telnyx-timestamp": str(at)}


def _daily(_: str, body: bytes, __: str, at: int) -> Headers:
    digest = hmac.new(base64.b64decode(DAILY_SECRET), f"{at}.".encode() + body, "sha256").digest()
    return {"x-webhook-signature": base64.b64encode(digest).decode(), "x-webhook-timestamp": str(at)}


def _canonical(_: str, body: bytes, __: str, at: int) -> Headers:
    signature = Webhook(STANDARD_SECRET).sign("msg_1", datetime.fromtimestamp(at, UTC), body.decode())
    return {"webhook-id": "msg_1", "webhook-timestamp": str(at), "webhook-signature": signature}


_SIGNED: Mapping[str, Any] = {
    "twilio": _twilio,
    "vapi": _vapi,
    "retell": _retell,
    "elevenlabs": _elevenlabs,
    "livekit": _livekit,
    "telnyx": _telnyx,
    "daily": _daily,
    "canonical": _canonical,
}


# --- ways in -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WayIn:
    """Where the local AWS takes webhooks, and the URL that their senders know and sign."""

    url: str
    signed_url: str

    def post(self, path: str, sample: Mapping[str, Any], **changes: Any) -> int:
        """Send a sample as its vendor would, or with other `body` or `headers`; the answer's status."""
        content_type, body = body_of(sample)
        platform = path.partition("/")[0] if path.partition("/")[0] in SECRETS else "canonical"
        query = query_of(platform, content_type, body)
        end = path + (f"?{query}" if query else "")
        at = time.time()
        signed = headers_of(platform, content_type, body, self.signed_url + end, at)
        sent: dict[str, Any] = {"content": body, "headers": signed} | changes
        trusted = ssl.create_default_context(cafile=os.environ["AWS_CA_BUNDLE"])
        return httpx.post(self.url + end, timeout=60, trust_env=False, verify=trusted, **sent).status_code

    def forge(self, path: str, genuine: Mapping[str, Any], changed: Mapping[str, Any]) -> int:
        """Send what somebody has changed on its way under the genuine one's signature; the answer's status.

        Vapi's token binds no body: who does not know it has to guess.
        """
        _, body = body_of(changed)
        headers = {"headers": {"authorization": "Bearer guessed"}} if path == "vapi" else {}
        return self.post(path, genuine, content=body, **headers)


def function_url(aws_url: str, outputs: Mapping[str, str]) -> WayIn:
    """By its path, as the emulator has it: no name server knows its hosts."""
    signed = outputs["WebhookFunctionUrl"]
    name = urlsplit(signed).netloc.partition(".")[0]
    return WayIn(f"{aws_url}/_aws/lambda-url/{name}/", signed)


def http_api(aws_url: str, outputs: Mapping[str, str]) -> WayIn:
    """Likewise; the emulator's event names the host without its port."""
    host = urlsplit(outputs["WebhookApiUrl"]).hostname or ""
    return WayIn(f"{aws_url}/_aws/execute-api/{host.partition('.')[0]}/$default/", f"https://{host}/")
