"""What failed inside a service, and will come again by itself, is reported in one way."""

from coval_relay.domain.errors import RelayError, code_of, raised_at
from coval_relay.domain.faults import waiting_event
from coval_relay.domain.log_events import LogEvent, Telemetry


def report_failure(telemetry: Telemetry, error: Exception, call_id: str = "", **age: int) -> None:
    """As something that waits; of an unforeseen error only its kind and place, as its message may quote the call."""
    if isinstance(error, RelayError):
        telemetry(waiting_event(code_of(error)), call_id, code=code_of(error), **age)
    else:
        telemetry(LogEvent.DELIVERY_FAILED, call_id, kind=type(error).__name__, where=raised_at(error))
