"""A recording object was created: bring it to Coval."""

import coval_relay.cold_start  # noqa: F401  first
from coval_relay.bootstrap import upload_recording

handler = upload_recording()
