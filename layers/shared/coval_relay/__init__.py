"""Coval Relay: takes finished phone calls from any telephony platform to Coval, each exactly once."""
