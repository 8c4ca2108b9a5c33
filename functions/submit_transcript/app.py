"""A call has ended: submit its transcript."""

from coval_relay.bootstrap import submit_transcript

handler = submit_transcript()
