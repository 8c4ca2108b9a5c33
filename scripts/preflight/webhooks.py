"""The webhooks' secret, entry by entry, and the platforms that have none in it."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from scripts.preflight.account import Account
from scripts.preflight.json_object import json_object
from scripts.preflight.secret_texts import UNFILLED, is_unfilled
from scripts.report import Line, Mark

sys.path.append(str(Path(__file__).resolve().parents[2] / "layers" / "shared"))

from coval_relay.domain.webhooks.event_types import EVENT_TYPES
from coval_relay.domain.webhooks.routes import Routes, UnusableSecretError


def webhooks(platforms: Sequence[str], text: str) -> str:
    """What is wrong with the secret's text, entry by entry; empty where nothing is."""
    entries = json_object(text)
    if not entries:
        return "it must be a JSON object of entries by platform"
    faults = {name: _entry_fault(text, name, entry, platforms) for name, entry in entries.items()}
    return "; ".join(f"{name}: {fault}" for name, fault in faults.items() if fault)


def _entry_fault(text: str, name: str, entry: object, platforms: Sequence[str]) -> str:
    """The rest is judged by what the function itself reads it with."""
    if name.partition("/")[0] not in {*EVENT_TYPES, *platforms}:
        return f"it is no platform that has webhooks: {', '.join(EVENT_TYPES)}"
    if is_unfilled({name: entry}):
        return UNFILLED
    try:
        Routes(text).get(name)
    except UnusableSecretError:
        return 'it breaks a rule of docs/webhooks.md, "The secret"'
    return ""


def doors(account: Account, entries: Mapping[str, object]) -> Iterator[Line]:
    """Platforms that tell by webhooks, without a way in; and ways in of none that is heard."""
    platforms, known = account.listed("Platforms"), {name.partition("/")[0] for name in entries}
    if entries and account.one("Webhooks") == "none":
        yield Line(
            Mark.UNSEEN, "Webhooks", "none: no entry of the secret is a way in", "set it to function_url or http_api"
        )
    for name in sorted(known & EVENT_TYPES.keys() - set(platforms)):
        yield Line(
            Mark.UNSEEN, f"webhooks of {name}", "have a secret, and Platforms lacks it", "name it, or leave it out"
        )
    for name in platforms:
        if name in EVENT_TYPES.keys() - known - {"canonical"}:
            mend = "well where its events come by the bus; else an entry in WebhookSecretArn: docs/webhooks.md"
            yield Line(Mark.UNSEEN, f"webhooks of {name}", "have no secret: there is no way in for them", mend)
