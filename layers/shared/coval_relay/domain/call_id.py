"""What can be a call's id, wherever it comes from."""

from coval_relay.domain.errors import InvalidInputError

MAX_ID_LENGTH = 256
RESERVED = "alias#"
"""The names of aliases begin so in the table."""
ID_RULE = f"must have 1 to 256 printable characters, no double quote, and not begin with {RESERVED}"
"""Coval's filter cannot quote a double quote."""


def is_call_id(value: object) -> bool:
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_ID_LENGTH:
        return False
    return value.isprintable() and '"' not in value and not value.startswith(RESERVED)


def checked_call_id(value: object, field: str = "external_conversation_id") -> str:
    """Raises InvalidInputError for what cannot be a call's id."""
    if not is_call_id(value):
        raise InvalidInputError(field, ID_RULE)
    return str(value)
