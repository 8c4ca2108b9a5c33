"""How vendors sign their webhooks, as data: a newcomer that signs by HMAC needs configuration only."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Algorithm = Literal["sha1", "sha256", "sha512", "ed25519"]
ALGORITHMS = ("sha1", "sha256", "sha512", "ed25519")
MINUTES = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedScheme:
    """A signature of a text that the request's parts are put into.

    `template` may hold {body}, {timestamp}, {id}, {method}, {url}, {form} (names and values of a form, sorted, nothing
    between them) and {plivo} (Plivo's order of URL and form).
    """

    header: str = "x-signature"
    algorithm: Algorithm = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    template: str = "{body}"
    separator: str = ""
    """Between the parts of the header, where it has several."""
    prefix: str = ""
    """Of a part that is a signature; several may be listed, any may be right."""
    timestamp_prefix: str = ""
    """Of the part that is the timestamp, where it stands in the same header."""
    timestamp_header: str = ""
    tolerance: int = 0
    """Seconds that the timestamp may be away from the arrival, either way; 0: no timestamp is asked for."""
    id_header: str = ""
    query_hash: str = ""
    """Query parameter that must be the body's SHA-256 in hex, where the text holds the URL only."""
    key: Literal["text", "base64"] = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenScheme:
    """A header that equals a secret; binds nothing of the request."""

    header: str = "authorization"
    prefix: str = ""
    basic: bool = False
    """Whether the secret is `user:password` of HTTP Basic."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JwtScheme:
    """A JSON web token (HS256) whose claim holds the body's SHA-256; another names the account."""

    header: str = "authorization"
    prefix: str = ""
    hash_claim: str = "sha256"
    account_claim: str = "iss"
    tolerance: int = MINUTES
    """Seconds that it may be used after its end or, where it has none, away from its beginning."""


Scheme = SignedScheme | TokenScheme | JwtScheme


def _standard(prefix: str) -> SignedScheme:
    return SignedScheme(
        header=f"{prefix}-signature",
        timestamp_header=f"{prefix}-timestamp",
        id_header=f"{prefix}-id",
        encoding="base64",
        template="{id}.{timestamp}.{body}",
        separator=" ",
        prefix="v1,",
        tolerance=5 * MINUTES,
        key="base64",
    )


def _twilio(algorithm: Algorithm, header: str = "x-twilio-signature") -> tuple[SignedScheme, SignedScheme]:
    """Forms are signed with their values; of anything else the URL, which holds the body's hash."""
    by_form = SignedScheme(header=header, algorithm=algorithm, encoding="base64", template="{url}{form}")
    by_hash = SignedScheme(
        header=header, algorithm=algorithm, encoding="base64", template="{url}", query_hash="bodySHA256"
    )
    return by_form, by_hash


SCHEMES: Mapping[str, tuple[Scheme, ...]] = {
    # of vendors; docs/webhooks.md says where each is described
    "twilio": (*_twilio("sha1"), *_twilio("sha256")),
    "vapi": (TokenScheme(prefix="Bearer "), TokenScheme(header="x-vapi-secret")),
    "vapi_hmac": (SignedScheme(template="{timestamp}.{body}", timestamp_header="x-timestamp", tolerance=30 * MINUTES),),
    "retell": (
        SignedScheme(
            header="x-retell-signature",
            template="{body}{timestamp}",
            separator=",",
            prefix="d=",
            timestamp_prefix="v=",
            tolerance=5 * MINUTES,
        ),
    ),
    "elevenlabs": (
        SignedScheme(
            header="elevenlabs-signature",
            template="{timestamp}.{body}",
            separator=",",
            prefix="v0=",
            timestamp_prefix="t=",
            tolerance=30 * MINUTES,
        ),
    ),
    "livekit": (JwtScheme(),),
    "telnyx": (
        SignedScheme(
            header="telnyx-signature-ed25519",
            algorithm="ed25519",
            encoding="base64",
            template="{timestamp}|{body}",
            timestamp_header="telnyx-timestamp",
            tolerance=5 * MINUTES,
            key="base64",
        ),
    ),
    "daily": (
        SignedScheme(
            header="x-webhook-signature",
            encoding="base64",
            template="{timestamp}.{body}",
            timestamp_header="x-webhook-timestamp",
            tolerance=30 * MINUTES,
            key="base64",
        ),
    ),
    "vonage": (JwtScheme(prefix="Bearer ", hash_claim="payload_hash", account_claim="api_key", tolerance=5 * MINUTES),),
    "plivo": (
        SignedScheme(
            header="x-plivo-signature-v3",
            encoding="base64",
            template="{plivo}.{id}",
            separator=",",
            id_header="x-plivo-signature-v3-nonce",
        ),
    ),
    "signalwire": (
        SignedScheme(header="x-signalwire-signature", algorithm="sha1", template="{url}{body}"),
        *_twilio("sha1"),
    ),
    "bland": (SignedScheme(header="x-webhook-signature"),),
    "bandwidth": (TokenScheme(basic=True),),
    # of many, and bare ones to be filled in
    "standard": (_standard("webhook"), _standard("svix")),
    "hmac": (SignedScheme(),),
    "header": (TokenScheme(),),
    "basic": (TokenScheme(basic=True),),
    "jwt": (JwtScheme(),),
}
