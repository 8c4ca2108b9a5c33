"""A recording came late, or a call was left unfinished: attach it, go on with it."""

import coval_relay.entrypoints.cold_start  # noqa: F401  first
from coval_relay.entrypoints.functions import attach_recording

handler = attach_recording()
