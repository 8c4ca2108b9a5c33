"""How large a load run is, and how rough."""

from dataclasses import dataclass

PARAMETERS = {"MaximumConcurrency": "4,4,4,0"}
"""Of the template, beside those of every local stack."""
CONFIGURATION = {
    # a burst waits for minutes in the queues, as it may in production, where these are hours
    "deadlines": {"grace_seconds": 3600, "pending_seconds": 3600, "resume_seconds": 60},
    "log_level": "WARNING",
}
"""Of relay.toml, likewise."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often something is disturbed, and for how long; in seconds."""

    kill: float = 8
    settled: float = 12
    """How long a worker is there before it may be killed."""
    coval_faults: float = 0.05
    """The share of the requests to Coval that fail."""
    throttle: float = 45
    throttled: float = 10
    storm: float = 60
    storming: float = 8
    expiry: float = 40
    expired: float = 3
    outage: float = 180


@dataclass(frozen=True, slots=True)
class LoadSettings:
    """One run."""

    calls: int = 5000
    rate: float = 20
    """Requests a second that Coval lets through."""
    seed: int = 1
    pace: Pace = Pace()
    longest_seconds: float = 2400
    visibility_seconds: int = 60
    """For what a worker had that was killed before its first act, which hides a message for as long as it needs.

    Twice a function's timeout, as the template's 1,800 s are twice the longest: who waits for those at the end of
    a run measures nothing else. On AWS a function meets them that crashes as it starts, or is throttled.
    """
    sweep_seconds: float | None = None
    """Sweeps beside those of the schedule; None: no others."""
