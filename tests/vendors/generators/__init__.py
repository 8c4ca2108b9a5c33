"""A module a platform: `payload(draws)` makes one payload of it, which its own types have parsed."""
