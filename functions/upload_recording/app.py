"""A recording object was created: bring it to Coval."""

from coval_relay.bootstrap import upload_recording

handler = upload_recording()
