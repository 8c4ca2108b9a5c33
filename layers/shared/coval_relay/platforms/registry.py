"""Which translator takes which event: one line a platform's event."""

from collections.abc import Callable, Mapping
from typing import Any

from coval_relay.domain.errors import InvalidInput
from coval_relay.domain.messages import Message
from coval_relay.platforms import canonical
from coval_relay.platforms.canonical import Translation

Translator = Callable[[Mapping[str, Any], Translation, int], Message]

TRANSLATORS: Mapping[str, Translator] = {
    "Call Ended": canonical.call_ended,
    "Recording Ready": canonical.recording_ready,
}


def translate(event: Mapping[str, Any], translation: Translation, now: int) -> Message:
    """The canonical message of a telephony event; raises InvalidInput."""
    translator = TRANSLATORS.get(str(event.get("detail-type")))
    if translator is None:
        raise InvalidInput("detail-type", f"must be one of: {', '.join(TRANSLATORS)}")
    return translator(event, translation, now)
