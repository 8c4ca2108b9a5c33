"""What the secrets hold: Coval's key, the platforms' credentials. The webhooks': webhooks.py."""

import re
from collections.abc import Mapping

from scripts.preflight.json_object import json_object

KEY = re.compile(r"[!-~]+")
PLACEHOLDER = re.compile(r"<[^<>]*>|.*….*|\.\.\.")
"""What the pages and files show in place of a value; none is one."""
UNFILLED = "it still holds a placeholder"
LOGINS = (
    {"username": re.compile(r"[^:\x00-\x1f\x7f]+"), "password": re.compile(r"[^\x00-\x1f\x7f]*")},
    {"header": re.compile(r"[A-Za-z0-9-]+"), "value": re.compile(r"[!-~]([ -~]*[!-~])?")},
)
"""As the functions take them (coval_relay/adapters/web/platform_credentials.py)."""


def api_key(text: str) -> str:
    """What is wrong with the text of Coval's secret; empty where nothing is."""
    found: object = text.strip()
    if text.lstrip().startswith("{"):
        found = json_object(text).get("api_key")
    if is_unfilled(found):
        return UNFILLED
    if isinstance(found, str) and KEY.fullmatch(found.strip()):
        return ""
    return 'it must be the key as plain text, or {"api_key": "…"}'


def credentials(text: str) -> str:
    """Likewise, of the platforms' credentials."""
    entries = json_object(text)
    if is_unfilled(entries):
        return UNFILLED
    if entries and all(any(_fits(entry, login) for login in LOGINS) for entry in entries.values()):
        return ""
    return 'it must be {"HOST": {"username": …, "password": …}} or {"HOST": {"header": …, "value": …}}'


def _fits(entry: object, login: Mapping[str, re.Pattern[str]]) -> bool:
    if not isinstance(entry, dict) or entry.keys() != login.keys():
        return False
    return all(isinstance(entry[name], str) and pattern.fullmatch(entry[name]) for name, pattern in login.items())


def is_unfilled(written: object) -> bool:
    """Names are looked at too: an account is one."""
    if isinstance(written, dict):
        return any(is_unfilled(part) for item in written.items() for part in item)
    if isinstance(written, list):
        return any(is_unfilled(part) for part in written)
    return isinstance(written, str) and PLACEHOLDER.fullmatch(written.strip()) is not None
