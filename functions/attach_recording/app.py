"""A recording came late, or a call was left unfinished: attach it, go on with it."""

from coval_relay.bootstrap import attach_recording

handler = attach_recording()
