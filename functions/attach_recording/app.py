"""A recording came late, or a call was left unfinished: attach it, go on with it."""

import coval_relay.cold_start  # noqa: F401  first
from coval_relay.bootstrap import attach_recording

handler = attach_recording()
