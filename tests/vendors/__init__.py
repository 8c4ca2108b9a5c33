"""Payloads made from the platforms' own published types, and what the relay makes of them."""
