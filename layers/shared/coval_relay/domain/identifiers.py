"""What can be a call's id, wherever it comes from."""

from coval_relay.domain.errors import InvalidInput

LONGEST_ID = 256
ID_RULE = "must have 1 to 256 printable characters, no double quote, and not begin with alias#"
"""Coval's filter cannot quote a double quote; items under alias# are not calls."""


def is_call_id(value: object) -> bool:
    if not isinstance(value, str) or not 1 <= len(value) <= LONGEST_ID:
        return False
    return value.isprintable() and '"' not in value and not value.startswith("alias#")


def checked_call_id(value: object, field: str = "external_conversation_id") -> str:
    """Raises InvalidInput for what cannot be a call's id."""
    if not is_call_id(value):
        raise InvalidInput(field, ID_RULE)
    return str(value)
