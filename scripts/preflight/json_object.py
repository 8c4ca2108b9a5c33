"""JSON that somebody else has written: a secret's text, a rule's pattern."""

import json
from typing import Any


def json_object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
