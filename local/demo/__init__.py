"""The demonstration: real calls through the deployed stack, and what became of them."""
