"""JSON web tokens: whose they are, how long they are good, and what they say of the body."""

import base64
import hashlib
import json
from typing import Any

import jwt
import pytest

from coval_relay.adapters.web.webhook_signatures import SignatureLibraries
from coval_relay.domain.webhooks.request import WebhookRequest
from coval_relay.domain.webhooks.routes import Routes
from coval_relay.domain.webhooks.verification import Rejection, rejection

AT = 1790951801
BODY = b'{"event":"room_finished"}'
SECRET, OTHER = "a secret of more bytes than any algorithm here asks for", "another secret of more than 32 bytes"
HASH = hashlib.sha256(BODY)
LIVEKIT = {"iss": "API1", "sha256": base64.b64encode(HASH.digest()).decode(), "nbf": AT - 1, "exp": AT + 300}
VONAGE = {"api_key": "API1", "payload_hash": HASH.hexdigest(), "iat": AT - 10, "jti": "1"}
SECRETS = {"livekit": {"API1": ["previous secret of more than 32 bytes", SECRET], "API2": OTHER}}


def verdict(token: str, scheme: str = "livekit", body: bytes = BODY) -> Rejection | None:
    route = Routes(json.dumps({"x": {"scheme": scheme, "accounts": SECRETS["livekit"]}})).get("x")
    assert route is not None
    request = WebhookRequest(
        method="POST", host="h", path="/x", headers={"authorization": token}, body=body, arrived_at=AT
    )
    return rejection(request, route, SignatureLibraries())


def livekit(key: str = SECRET, algorithm: str = "HS256", **changes: Any) -> str:
    claims = {name: value for name, value in {**LIVEKIT, **changes}.items() if value is not None}
    return jwt.encode(claims, key, algorithm=algorithm)


def vonage(**changes: Any) -> str:
    claims = {name: value for name, value in {**VONAGE, **changes}.items() if value is not None}
    return f"Bearer {jwt.encode(claims, SECRET, algorithm='HS256')}"


def test_tokens_that_are_good() -> None:
    assert verdict(livekit()) is None
    assert verdict(livekit(exp=AT - 59)) is None  # the SDK allows a minute
    assert verdict(vonage(), "vonage") is None
    assert verdict(vonage(payload_hash=base64.b64encode(HASH.digest()).decode()), "vonage") is None


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        ("", Rejection.NO_SIGNATURE),
        ("no token", Rejection.UNKNOWN_ACCOUNT),
        (livekit(iss=None), Rejection.UNKNOWN_ACCOUNT),
        (livekit(iss="API3"), Rejection.UNKNOWN_ACCOUNT),
        (livekit(iss="API2"), Rejection.WRONG_SIGNATURE),
        (livekit(OTHER), Rejection.WRONG_SIGNATURE),
        (livekit(algorithm="HS384"), Rejection.WRONG_SIGNATURE),
        (livekit(sha256=None), Rejection.WRONG_SIGNATURE),
        (livekit(sha256=7), Rejection.WRONG_SIGNATURE),
        (livekit(exp=AT - 61), Rejection.TOO_OLD_OR_NEW),
        (livekit(nbf=AT + 61), Rejection.TOO_OLD_OR_NEW),
        (livekit(exp=None, nbf=None), Rejection.TOO_OLD_OR_NEW),
        (livekit(exp="later", nbf=AT - 61), Rejection.TOO_OLD_OR_NEW),
        (livekit()[:-3], Rejection.WRONG_SIGNATURE),
    ],
)
def test_tokens_that_are_not(token: str, expected: Rejection) -> None:
    assert verdict(token) is expected


def test_an_unsigned_token_is_none() -> None:
    claims = jwt.encode({**LIVEKIT}, SECRET, algorithm="HS256").split(".")[1]
    header = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').rstrip(b"=").decode()
    assert verdict(f"{header}.{claims}.") is Rejection.WRONG_SIGNATURE


def test_a_token_of_another_body() -> None:
    assert verdict(livekit(), body=BODY + b" ") is Rejection.WRONG_SIGNATURE
    assert verdict(vonage(), "vonage", BODY + b" ") is Rejection.WRONG_SIGNATURE


@pytest.mark.parametrize("iat", [AT - 301, AT + 301, None])
def test_a_token_without_an_end_is_good_for_a_moment(iat: int | None) -> None:
    assert verdict(vonage(iat=iat), "vonage") is Rejection.TOO_OLD_OR_NEW
