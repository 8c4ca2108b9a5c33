"""A strict simulator of the Coval API, for tests and for the local stack.

In-process: `with local.simulator.running() as simulator:`; by itself: `python -m local.simulator`.
"""

from local.simulator.admin import AdminClient
from local.simulator.server import RunningSimulator, running

__all__ = ["AdminClient", "RunningSimulator", "running"]
