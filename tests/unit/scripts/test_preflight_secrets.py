"""The look before the first deploy: what a secret must hold, as the functions read it."""

import json
from typing import Any

import pytest

from coval_relay.adapters.aws.secrets import key_of
from coval_relay.adapters.web.platform_credentials import headers_by_host
from coval_relay.domain.errors import RetryableError
from coval_relay.domain.webhooks.routes import Routes
from scripts.preflight.secret_texts import UNFILLED, api_key, credentials
from scripts.preflight.webhooks import webhooks


@pytest.mark.parametrize(
    "text", ["a-key", '{"api_key": "a-key"}', " a-key\n", "", "a key", "{}", '{"api_key": 7}', "{"]
)
def test_the_key_s_form_is_judged_as_the_functions_do(text: str) -> None:
    try:
        key_of(text)
    except RetryableError:
        assert api_key(text)
    else:
        assert api_key(text) == ""


@pytest.mark.parametrize(
    "text",
    [
        '{"a.example": {"username": "u", "password": "p"}, "b.example": {"header": "x-key", "value": "v"}}',
        '{"a.example": {"username": "u"}}',
        '{"a.example": {"header": "x-key", "value": "v", "more": "m"}}',
        '{"a.example": "u:p"}',
        '{"a.example": {"username": "", "password": "p"}}',
        '{"a.example": {"username": "u", "password": ""}}',
        '{"a.example": {"username": "u:v", "password": "p"}}',
        '{"a.example": {"username": 7, "password": "p"}}',
        '{"a.example": {"header": "x key", "value": "v"}}',
        '{"a.example": {"header": "x-key", "value": " v"}}',
        "u:p",
    ],
)
def test_so_is_that_of_the_platforms_credentials(text: str) -> None:
    try:
        headers_by_host(text)
    except RetryableError:
        assert credentials(text)
    else:
        assert credentials(text) == ""


BASE64 = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LTMyMzI="
ED25519 = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LTMyMyE="
RULE = 'it breaks a rule of docs/webhooks.md, "The secret"'
NO_PLATFORM = "it is no platform that has webhooks: canonical, twilio, vapi, retell, elevenlabs, livekit, telnyx, daily"


@pytest.mark.parametrize(
    ("entries", "fault"),
    [
        ({"vapi": "a token", "vapi/eu": ["old", "new"], "twilio": {"AC1": "t", "AC2": ["t", "u"]}}, ""),
        ({"vapi": {"scheme": "vapi_hmac", "secret": "s"}, "telnyx": ED25519, "daily": BASE64}, ""),
        ({"canonical": f"whsec_{BASE64}"}, ""),
        ({"acme": {"scheme": "hmac", "secret": "s", "header": "X-Acme"}}, ""),
        ({}, "it must be a JSON object of entries by platform"),
        ({"vappi": "a token", "vapi": "a token"}, f"vappi: {NO_PLATFORM}"),
        ({"vappi": {"scheme": "vapi", "secret": "s"}}, f"vappi: {NO_PLATFORM}"),
        ({"hmac": "s"}, f"hmac: {NO_PLATFORM}"),
        ({"vapi": "", "retell": "key"}, f"vapi: {RULE}"),
        ({"vapi": [], "twilio": {"AC1": ""}, "daily": "no base64!"}, f"vapi: {RULE}; twilio: {RULE}; daily: {RULE}"),
        ({"acme": "s"}, f"acme: {RULE}"),
        ({"vapi/a b": "s"}, f"vapi/a b: {RULE}"),
        ({"vapi": "<token>"}, f"vapi: {UNFILLED}"),
        ({"twilio": {"AC…": "auth token"}}, f"twilio: {UNFILLED}"),
        ({"vapi": {"scheme": "vapi_hmac", "secrets": ["s", "…"]}}, f"vapi: {UNFILLED}"),
    ],
)
def test_the_webhooks_secret_is_judged_entry_by_entry(entries: dict[str, Any], fault: str) -> None:
    text, platforms = json.dumps(entries), ["vapi", "acme", "canonical"]
    assert webhooks(platforms, text) == fault
    if not fault:
        assert all(Routes(text).get(name) for name in entries)


@pytest.mark.parametrize("text", ["<token>", '{"api_key": "<coval-key>"}', "…"])
def test_a_placeholder_is_no_key(text: str) -> None:
    assert api_key(text)


def test_a_placeholder_is_no_login() -> None:
    assert credentials('{"api.twilio.com": {"username": "<sid>", "password": "p"}}') == UNFILLED
