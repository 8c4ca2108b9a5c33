"""A call has ended: submit its transcript."""

import coval_relay.cold_start  # noqa: F401  first
from coval_relay.bootstrap import submit_transcript

handler = submit_transcript()
