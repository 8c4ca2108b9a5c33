"""What can be a call's id, wherever it comes from."""

import unicodedata

from coval_relay.domain.errors import InvalidInputError

MAX_ID_LENGTH = 256
RESERVED = "alias#"
"""The names of aliases begin so in the table."""
ID_RULE = f"must have 1 to 256 printable characters, no double quote, and not begin with {RESERVED}"
"""Coval's filter cannot quote a double quote."""


def one_spelling(name: str) -> str:
    """Of names that look the same one spelling: composed letters (NFC), no blanks around them."""
    return unicodedata.normalize("NFC", name).strip()


def call_id_of(value: object) -> str | None:
    """The call's id in its one spelling; None for what cannot be one."""
    name = one_spelling(value) if isinstance(value, str) else ""
    usable = 1 <= len(name) <= MAX_ID_LENGTH and name.isprintable()
    return name if usable and '"' not in name and not name.startswith(RESERVED) else None


def checked_call_id(value: object, field: str = "external_conversation_id") -> str:
    """Raises InvalidInputError for what cannot be a call's id."""
    call_id = call_id_of(value)
    if call_id is None:
        raise InvalidInputError(field, ID_RULE)
    return call_id
