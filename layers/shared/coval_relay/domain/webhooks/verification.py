"""Whether a webhook is its sender's: by the raw bytes, at its arrival, with every secret that may be right."""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any, Protocol, assert_never
from urllib.parse import parse_qsl

from coval_relay.domain.webhooks.request import WebhookRequest
from coval_relay.domain.webhooks.routes import Credential, Route
from coval_relay.domain.webhooks.schemes import JwtScheme, SignedScheme, TokenScheme

PLACE = re.compile(r"\{(body|timestamp|id|method|url|form|plivo)\}")
EPOCH = re.compile(r"[0-9]{10,13}")
MILLISECONDS = 10**11
"""From here on a timestamp counts milliseconds: in seconds it would be the year 5138."""
MOST_SIGNATURES = 8


class Rejection(StrEnum):
    """Why a request is not let in; the later ones came nearer to being let in."""

    NO_SIGNATURE = "no_signature"
    WRONG_SIGNATURE = "wrong_signature"
    UNKNOWN_ACCOUNT = "unknown_account"
    TOO_OLD_OR_NEW = "too_old_or_new"


class Libraries(Protocol):
    """What the standard library lacks."""

    def ed25519(self, public_key: bytes, signature: bytes, message: bytes) -> bool:
        """Whether the signature is right."""

    def jwt(self, token: str, key: bytes) -> Mapping[str, Any] | None:
        """The claims of a token that this key has signed by HS256, whatever its times."""

    def jwt_claims(self, token: str) -> Mapping[str, Any]:
        """The claims of a token that nobody has verified; none of what is no token."""


def rejection(request: WebhookRequest, route: Route, libraries: Libraries) -> Rejection | None:
    """None where one of the route's credentials fits; all are tried, whichever fits."""
    found = [_checked(request, route, credential, libraries) for credential in route.credentials]
    return None if None in found else max(filter(None, found), key=list(Rejection).index)


def _checked(request: WebhookRequest, route: Route, credential: Credential, libraries: Libraries) -> Rejection | None:
    match credential.scheme:
        case SignedScheme() as scheme:
            keys = credential.keys_of(route.accounts(request))
            return _signed(_Signed(request, scheme, route.bases, libraries), keys)
        case TokenScheme() as scheme:
            return _token(request, scheme, credential.keys_of(route.accounts(request)))
        case JwtScheme() as scheme:
            return _jwt(request, scheme, credential, libraries)
        case _:
            assert_never(credential.scheme)


# --- signatures --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Signed:
    """A request as a scheme reads it."""

    request: WebhookRequest
    scheme: SignedScheme
    bases: tuple[str, ...]
    libraries: Libraries

    @property
    def parts(self) -> list[str]:
        header = self.request.headers.get(self.scheme.header, "")
        split = header.split(self.scheme.separator) if self.scheme.separator else [header]
        return [part.strip() for part in split if part.strip()]

    @property
    def signatures(self) -> list[str]:
        prefix = self.scheme.prefix
        return [part.removeprefix(prefix) for part in self.parts if part.startswith(prefix)][:MOST_SIGNATURES]

    @property
    def timestamp(self) -> str:
        if self.scheme.timestamp_header:
            return self.request.headers.get(self.scheme.timestamp_header, "")
        prefix = self.scheme.timestamp_prefix
        return next((part.removeprefix(prefix) for part in self.parts if prefix and part.startswith(prefix)), "")

    def texts(self) -> list[bytes]:
        """What may have been signed: a text for every URL that the sender may know."""
        if not _query_hash_fits(self.request, self.scheme.query_hash):
            return []
        urls = self.request.urls(self.bases) if re.search(r"\{(url|plivo)\}", self.scheme.template) else ("",)
        texts = (self._text(url) for url in urls)
        return [text for text in texts if text is not None]

    def _text(self, url: str) -> bytes | None:
        parts = PLACE.split(self.scheme.template)
        places = [self._value(name, url) for name in parts[1::2]]
        if None in places:
            return None
        words = [part.encode() for part in parts[::2]]
        return b"".join(word for pair in zip(words, [*places, b""], strict=True) for word in pair if word)

    def _value(self, name: str, url: str) -> bytes | None:
        request = self.request
        if name == "body":
            return request.body
        values: Mapping[str, Callable[[], str | None]] = {
            "timestamp": lambda: self.timestamp,
            "id": partial(_id, request, self.scheme.id_header),
            "method": lambda: request.method,
            "url": lambda: url,
            "form": partial(_form_text, request),
            "plivo": partial(_plivo_text, request, url),
        }
        value = values[name]()
        return None if value is None else value.encode("utf-8", "surrogatepass")

    def fits(self, key: bytes, text: bytes) -> bool:
        """Whether one of the signatures is right; all are compared."""
        if self.scheme.algorithm == "ed25519":
            given = (_decoded(signature, self.scheme.encoding) for signature in self.signatures)
            return _any(self.libraries.ed25519(key, signature, text) for signature in given)
        digest = hmac.digest(key, text, self.scheme.algorithm)
        expected = digest.hex() if self.scheme.encoding == "hex" else base64.b64encode(digest).decode()
        return _any(_equal(expected, signature) for signature in self.signatures)


def _signed(signed: _Signed, keys: Sequence[bytes] | None) -> Rejection | None:
    if not signed.signatures:
        return Rejection.NO_SIGNATURE
    if keys is None:
        return Rejection.UNKNOWN_ACCOUNT
    if not _any(signed.fits(key, text) for text in signed.texts() for key in keys):
        return Rejection.WRONG_SIGNATURE
    fresh = not signed.scheme.tolerance or _is_near(signed.timestamp, signed.request, signed.scheme.tolerance)
    return None if fresh else Rejection.TOO_OLD_OR_NEW


def _is_near(timestamp: str, request: WebhookRequest, tolerance: int) -> bool:
    """In seconds or milliseconds, as vendors have it."""
    if not EPOCH.fullmatch(timestamp):
        return False
    number = int(timestamp)
    seconds = number / 1000 if number >= MILLISECONDS else number
    return abs(seconds - request.arrived_at) <= tolerance


def _id(request: WebhookRequest, header: str) -> str | None:
    """None where it holds a dot: it would not be clear where it ends."""
    given = request.headers.get(header, "")
    return None if "." in given else given


def _query_hash_fits(request: WebhookRequest, parameter: str) -> bool:
    if not parameter:
        return True
    given = dict(parse_qsl(request.query)).get(parameter, "")
    return _equal(hashlib.sha256(request.body).hexdigest(), given.lower())


def _form_text(request: WebhookRequest) -> str | None:
    """None where the body is no form."""
    return None if request.form is None else "".join(name + value for name, value in sorted(set(request.form)))


def _plivo_text(request: WebhookRequest, url: str) -> str | None:
    """Plivo signs the query sorted, and after a dot the form (Plivo, signature V3)."""
    form = _form_text(request) if request.is_form else ""
    if form is None:
        return None
    base = url.partition("?")[0]
    query = "&".join(sorted(f"{name}={value}" for name, value in parse_qsl(request.query, keep_blank_values=True)))
    if not form:
        return f"{base}?{query}" if query else base
    return f"{base}?{query}.{form}" if query else f"{base}?{form}"


def _decoded(signature: str, encoding: str) -> bytes:
    """Nothing where it is not written in the encoding, or in another way than the only right one."""
    try:
        raw = bytes.fromhex(signature) if encoding == "hex" else base64.b64decode(signature, validate=True)
    except ValueError:
        return b""
    again = raw.hex() if encoding == "hex" else base64.b64encode(raw).decode()
    return raw if again == signature else b""


# --- tokens ------------------------------------------------------------------------------------------


def _token(request: WebhookRequest, scheme: TokenScheme, keys: Sequence[bytes] | None) -> Rejection | None:
    given = request.headers.get(scheme.header, "").strip()
    if not given:
        return Rejection.NO_SIGNATURE
    if keys is None:
        return Rejection.UNKNOWN_ACCOUNT
    expected = (
        f"Basic {base64.b64encode(key).decode()}" if scheme.basic else scheme.prefix + key.decode() for key in keys
    )
    return None if _any(_equal(token, given) for token in expected) else Rejection.WRONG_SIGNATURE


def _jwt(request: WebhookRequest, scheme: JwtScheme, credential: Credential, libraries: Libraries) -> Rejection | None:
    header = request.headers.get(scheme.header, "").strip()
    if not header or not header.startswith(scheme.prefix):
        return Rejection.NO_SIGNATURE
    token = header.removeprefix(scheme.prefix)
    account = libraries.jwt_claims(token).get(scheme.account_claim)
    keys = credential.keys_of((account,) if isinstance(account, str) else ())
    if keys is None:
        return Rejection.UNKNOWN_ACCOUNT
    verified = [claims for key in keys if (claims := libraries.jwt(token, key)) is not None]
    if not _any(_holds_the_hash(claims.get(scheme.hash_claim), request.body) for claims in verified):
        return Rejection.WRONG_SIGNATURE
    return None if any(_is_valid(claims, request, scheme) for claims in verified) else Rejection.TOO_OLD_OR_NEW


def _holds_the_hash(claim: object, body: bytes) -> bool:
    """In base64 as LiveKit has it, or in hex."""
    digest = hashlib.sha256(body)
    written = claim if isinstance(claim, str) else ""
    return _any(_equal(text, written) for text in (base64.b64encode(digest.digest()).decode(), digest.hexdigest()))


def _is_valid(claims: Mapping[str, Any], request: WebhookRequest, scheme: JwtScheme) -> bool:
    """By its end; one without an end is good for a moment from its beginning. One without either never is."""
    end, beginning, now = (
        _number(claims.get("exp")),
        _number(claims.get("nbf", claims.get("iat"))),
        request.arrived_at,
    )
    if end is None:
        return beginning is not None and abs(now - beginning) <= scheme.tolerance
    return now <= end + scheme.tolerance and (beginning is None or beginning - scheme.tolerance <= now)


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _any(found: Iterable[bool]) -> bool:
    """Whether one is true; all are looked at, so that the time it takes says nothing of which."""
    return sum(found) > 0


def _equal(expected: str, given: str) -> bool:
    return hmac.compare_digest(expected.encode(), given.encode("utf-8", "surrogatepass"))
