"""A recording object was created: bring it to Coval."""

import coval_relay.entrypoints.cold_start  # noqa: F401  first
from coval_relay.entrypoints.functions import upload_recording

handler = upload_recording()
