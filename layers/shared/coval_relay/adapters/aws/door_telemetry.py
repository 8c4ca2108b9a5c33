"""Log lines and metrics of the function that starts quickly: what telemetry.py does, without a library's import.

One JSON line an event, which is its metric too (CloudWatch, embedded metric format), by platform and reason.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from coval_relay.domain.log_events import LogEvent

NAMESPACE = "CovalRelay"
DIMENSIONS = ("platform", "reason")


@dataclass(frozen=True, slots=True)
class DoorTelemetry:
    """Telemetry on standard output; nothing of a request is among its fields."""

    service: str
    write: Callable[[str], object] = print
    clock: Callable[[], float] = time.time

    def __call__(self, event: LogEvent, external_conversation_id: str = "", **fields: str | int) -> None:
        """At the door no call is known yet."""
        del external_conversation_id
        level, message, metric = event.value
        line: dict[str, Any] = {"level": level, "event": event.name, "message": message, "service": self.service}
        line |= {"timestamp": _utc(self.clock()), **fields}
        if metric:
            line |= {metric: 1, "_aws": _metric(metric, fields, self.clock())}
        self.write(json.dumps(line))


def _metric(name: str, fields: dict[str, str | int], now: float) -> dict[str, Any]:
    given = [dimension for dimension in DIMENSIONS if dimension in fields]
    sets = [["service", *given[:count]] for count in range(len(given) + 1)]
    metrics = [{"Name": name, "Unit": "Count"}]
    described = {"Namespace": NAMESPACE, "Dimensions": sets, "Metrics": metrics}
    return {"Timestamp": int(now * 1000), "CloudWatchMetrics": [described]}


def _utc(now: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now * 1000) % 1000:03d}Z"
