"""A call has ended: submit its transcript."""

import coval_relay.entrypoints.cold_start  # noqa: F401  first
from coval_relay.entrypoints.functions import submit_transcript

handler = submit_transcript()
