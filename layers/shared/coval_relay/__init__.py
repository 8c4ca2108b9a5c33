"""Coval Relay: takes finished phone calls from any telephony platform to Coval, each exactly once."""

__version__ = "0.1.0"
"""In every log line, every request to Coval and the stack's outputs (`make pages` writes it into the template)."""
