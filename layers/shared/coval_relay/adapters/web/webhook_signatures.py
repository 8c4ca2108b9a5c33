"""Signatures that the standard library cannot verify; each library is loaded for the first request that needs it."""

from collections.abc import Mapping
from typing import Any


class SignatureLibraries:
    """Ed25519 by `cryptography`, JSON web tokens by PyJWT."""

    def ed25519(self, public_key: bytes, signature: bytes, message: bytes) -> bool:
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415

        try:
            Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True

    def jwt(self, token: str, key: bytes) -> Mapping[str, Any] | None:
        return _decoded(token, key, verify_signature=True)

    def jwt_claims(self, token: str) -> Mapping[str, Any]:
        return _decoded(token, b"", verify_signature=False) or {}


def _decoded(token: str, key: bytes, *, verify_signature: bool) -> Mapping[str, Any] | None:
    """The times are compared with the arrival elsewhere: here they are only read."""
    import jwt  # noqa: PLC0415

    unchecked = dict.fromkeys(("verify_exp", "verify_nbf", "verify_iat", "verify_aud", "verify_iss"), False)
    options: Any = {"verify_signature": verify_signature, **unchecked}
    try:
        claims: Mapping[str, Any] = jwt.decode(token, key, algorithms=["HS256"], options=options)
    except (jwt.PyJWTError, ValueError, RecursionError):
        return None
    return claims
