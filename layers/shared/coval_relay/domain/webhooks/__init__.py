"""Webhooks: which scheme verifies a request, whether it is true, and which of its events are wanted."""
