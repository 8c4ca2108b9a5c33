"""Imported before all else by a worker: while it starts, Python's collector rests, until lambda_handler.py wakes it.

What is made by then stays: to search it again and again takes a seventh of a cold start.
"""

import gc

gc.disable()
