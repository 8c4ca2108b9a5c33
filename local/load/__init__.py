"""A burst of calls through the local stack while Coval and AWS fail, and what is left of it."""
