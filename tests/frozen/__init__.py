"""Moments of calls under way, as each version stored and queued them; today's code has to bring them to their end."""
