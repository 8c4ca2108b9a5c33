"""Identifiers in Coval's formats, random or derived from a seed and a counter."""

import hashlib
import secrets
from dataclasses import dataclass, field
from itertools import count

SHORT_UUID_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
CROCKFORD_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def _spell(number: int, alphabet: str, length: int) -> str:
    characters = []
    for _ in range(length):
        number, remainder = divmod(number, len(alphabet))
        characters.append(alphabet[remainder])
    return "".join(characters)


@dataclass
class Identifiers:
    """A source of identifiers; the same seed gives the same ones in the same order."""

    seed: str | None = None
    _counter: "count[int]" = field(default_factory=count)

    def secret(self) -> bytes:
        """Return the key that signs the URLs."""
        return hashlib.sha256(self.seed.encode()).digest() if self.seed is not None else secrets.token_bytes(32)

    def resource(self) -> str:
        """Return a ShortUUID of 22 characters (Coval API, Conversation resource and Agent resource)."""
        return _spell(self._number(), SHORT_UUID_ALPHABET, 22)

    def upload(self) -> str:
        """Return an upload id (Coval API, audio:upload: `^upl_[0-9A-HJKMNP-TV-Z]{26}$`)."""
        return "upl_0" + _spell(self._number(), CROCKFORD_ALPHABET, 25)

    def _number(self) -> int:
        if self.seed is None:
            return secrets.randbits(256)
        return int.from_bytes(hashlib.sha256(f"{self.seed}:{next(self._counter)}".encode()).digest(), "big")
