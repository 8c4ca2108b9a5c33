"""A verified webhook on its way to the platforms' readers."""

import re
from dataclasses import dataclass, field

PLATFORM = re.compile(r"[a-z][a-z0-9_]{0,39}")
LABEL = re.compile(r"[A-Za-z0-9._-]{0,64}")
"""Of an account, where a platform has several; empty where it has one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredWebhook:
    """What the queue keeps of a webhook; its body is text that the sender's signature has been verified for."""

    platform: str
    label: str
    event_type: str
    """The detail-type under which its platform's reader knows it; empty where the body names none."""
    arrived_at: float
    is_form: bool
    body: bytes = field(repr=False)

    @property
    def provenance(self) -> str:
        """Who sent it, as the call's item has it."""
        return f"webhook:{self.platform}" + (f"/{self.label}" if self.label else "")
