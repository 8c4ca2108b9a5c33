"""A vendor's webhook arrives: verify and store it."""

import coval_relay.entrypoints.cold_start  # noqa: F401  first
from coval_relay.entrypoints.webhook_door import receive_webhook

handler = receive_webhook()
