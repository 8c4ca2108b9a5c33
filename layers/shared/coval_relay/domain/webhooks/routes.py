"""The ways in, from one secret's text: whose webhooks are taken, by which scheme, with which secrets."""

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from coval_relay.domain.errors import RetryableError
from coval_relay.domain.webhooks.event_types import EVENT_TYPES, OWN_EVENTS, EventTypes
from coval_relay.domain.webhooks.request import WebhookRequest
from coval_relay.domain.webhooks.schemes import ALGORITHMS, SCHEMES, Scheme, SignedScheme
from coval_relay.domain.webhooks.stored_webhook import LABEL, PLATFORM

UNUSABLE = "webhook_secret_unusable"
ANY = ""
"""The account of secrets that are good for all accounts."""
CREDENTIAL = frozenset({"scheme", "secret", "secrets", "accounts"})
OPTIONS = frozenset({"urls", "type", "events"})
ED25519_KEY_BYTES = 32
Accounts = tuple[str, ...]


class UnusableSecretError(RetryableError):
    """The secret breaks a rule: an operator mends it, what comes meanwhile is asked to come again."""

    def __init__(self) -> None:
        super().__init__(UNUSABLE)


@dataclass(frozen=True, slots=True)
class Credential:
    """A scheme and its keys by account."""

    scheme: Scheme
    keys: Mapping[str, tuple[bytes, ...]] = field(repr=False)

    def keys_of(self, accounts: Accounts) -> tuple[bytes, ...] | None:
        """The keys of the one account that a request names; None where they are not known."""
        if ANY in self.keys:
            return self.keys[ANY]
        return self.keys.get(accounts[0]) if len(accounts) == 1 else None


@dataclass(frozen=True, slots=True)
class Route:
    """One way in: `POST /platform` or `/platform/label`."""

    platform: str
    label: str
    credentials: tuple[Credential, ...]
    events: EventTypes
    bases: tuple[str, ...] = ()
    """Other beginnings of the URL, where the sender knows the relay by another host's name."""

    def accounts(self, request: WebhookRequest) -> Accounts:
        """The accounts that a request names, which is believed only with that account's secret."""
        return self.events.accounts(request) if any(ANY not in one.keys for one in self.credentials) else ()


class Routes:
    """All ways in; each is read when it is asked for, so that a broken one stops no other."""

    def __init__(self, secret: str) -> None:
        """Raises UnusableSecretError where the secret's text is no JSON object."""
        try:
            written = json.loads(secret)
        except (ValueError, RecursionError):
            written = None
        if not isinstance(written, dict):
            raise UnusableSecretError
        self._written: Mapping[str, Any] = written
        self._read: dict[str, Route] = {}

    def get(self, name: str) -> Route | None:
        """The way in by its name, None where there is none; raises UnusableSecretError."""
        if name in self._written and name not in self._read:
            self._read[name] = _route(name, self._written[name])
        return self._read.get(name)


def _route(name: str, written: object) -> Route:
    platform, _, label = name.partition("/")
    if not (PLATFORM.fullmatch(platform) and LABEL.fullmatch(label)):
        raise UnusableSecretError
    entries = [_entry(part) for part in (written if isinstance(written, list) else [written])]
    options = {key: value for entry in entries for key, value in entry.items() if key in OPTIONS}
    credentials = tuple(credential for entry in entries for credential in _credentials(platform, entry))
    if not credentials:
        raise UnusableSecretError
    return Route(platform, label, credentials, _events(platform, options), _strings(options.get("urls", ())))


def _entry(written: object) -> Mapping[str, Any]:
    """One credential: a secret, an object of accounts, or an object that says more."""
    if isinstance(written, str):
        return {"secret": written}
    if not isinstance(written, dict):
        raise UnusableSecretError
    return written if written.keys() & CREDENTIAL else {"accounts": written}


def _credentials(platform: str, entry: Mapping[str, Any]) -> Iterator[Credential]:
    name = entry.get("scheme", platform)
    schemes = SCHEMES.get("standard" if name == "canonical" else name) if isinstance(name, str) else None
    if schemes is None:
        raise UnusableSecretError
    changes = {key: value for key, value in entry.items() if key not in CREDENTIAL | OPTIONS}
    for scheme in schemes:
        changed = _changed(scheme, changes)
        keys = {account: tuple(_key(changed, one) for one in secrets) for account, secrets in _secrets(entry).items()}
        yield Credential(changed, keys)


def _secrets(entry: Mapping[str, Any]) -> Mapping[str, tuple[str, ...]]:
    accounts = entry.get("accounts", {})
    if not isinstance(accounts, dict) or ANY in accounts:
        raise UnusableSecretError
    by_account = {account: _strings(secrets) for account, secrets in accounts.items()}
    common = (*_strings(entry.get("secret", ())), *_strings(entry.get("secrets", ())))
    if bool(common) == bool(by_account) or not all(by_account.values()):
        raise UnusableSecretError  # neither, or both; or an account without a secret
    return by_account or {ANY: common}


def _strings(written: object) -> tuple[str, ...]:
    listed = [written] if isinstance(written, str) else written
    if not isinstance(listed, list | tuple) or not all(
        isinstance(one, str) and one.strip() == one != "" for one in listed
    ):
        raise UnusableSecretError
    return tuple(listed)


def _key(scheme: Scheme, secret: str) -> bytes:
    """Never empty: with an empty key anybody could sign."""
    if not isinstance(scheme, SignedScheme) or scheme.key == "text":
        return secret.encode()
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except ValueError:
        key = b""
    if not key or (scheme.algorithm == "ed25519" and len(key) != ED25519_KEY_BYTES):
        raise UnusableSecretError
    return key


def _changed(scheme: Scheme, changes: Mapping[str, Any]) -> Scheme:
    """The scheme with what the operator says otherwise; each value is of its field's type."""
    known = {one.name: type(getattr(scheme, one.name)) for one in fields(scheme)}
    if any(type(value) is not known.get(name) for name, value in changes.items()):
        raise UnusableSecretError
    lowered = {name: value.lower() if name.endswith("header") else value for name, value in changes.items()}
    changed = replace(scheme, **lowered)
    if isinstance(changed, SignedScheme) and not (
        changed.algorithm in ALGORITHMS and changed.encoding in ("hex", "base64") and changed.key in ("text", "base64")
    ):
        raise UnusableSecretError
    return changed


def _events(platform: str, options: Mapping[str, Any]) -> EventTypes:
    events = EVENT_TYPES.get(platform, OWN_EVENTS)
    place = options.get("type", events.type_field)
    if not isinstance(place, str):
        raise UnusableSecretError
    wanted = frozenset(_strings(options["events"])) if "events" in options else events.wanted
    return replace(events, type_field=place, wanted=wanted)
