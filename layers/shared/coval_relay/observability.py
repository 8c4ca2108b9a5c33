"""Log lines and metrics, from the closed list of domain/journal.py, without private data."""

import hashlib
import logging
import re
from functools import cache

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from coval_relay.domain.journal import LogEvent

OPAQUE_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[A-Z]{2}[0-9a-f]{32}", re.IGNORECASE)
"""UUIDs, and Twilio's ids: their digits are nobody's number."""
PHONE_NUMBER = re.compile(r"\+?\d(?:[\s().-]*\d){6,}")
"""What may be a phone number inside a call's id: LiveKit room names hold them, for one."""


@cache
def logger() -> Logger:
    """The one logger; libraries that log URLs are kept quiet."""
    for library in ("httpx", "httpcore", "botocore", "boto3", "urllib3"):
        logging.getLogger(library).setLevel(logging.WARNING)
    return Logger(utc=True)


@cache
def metrics() -> Metrics:
    return Metrics()


def flush() -> None:
    """Write the metrics that the invocation has counted; Powertools complains where there are none."""
    if metrics().provider.metric_set:
        metrics().flush_metrics()


def call_fields(external_conversation_id: str) -> dict[str, str]:
    """The call's id with phone numbers masked, and a digest that is the same on every line of the call."""
    if not external_conversation_id:
        return {}
    digest = hashlib.sha256(external_conversation_id.encode()).hexdigest()[:16]
    opaque = OPAQUE_ID.fullmatch(external_conversation_id)
    shown = external_conversation_id if opaque else PHONE_NUMBER.sub("***", external_conversation_id)
    return {"external_conversation_id": shown, "call_digest": digest}


def journal(event: LogEvent, external_conversation_id: str = "", **fields: str | int) -> None:
    """Write one log line, and count the event where it has a metric."""
    level, message, metric = event.value
    extra = {"event": event.name, **call_fields(external_conversation_id), **fields}
    write = {"INFO": Logger.info, "WARNING": Logger.warning, "ERROR": Logger.error}[level]
    write(logger(), message, extra=extra)
    if metric:
        metrics().add_metric(name=metric, unit=MetricUnit.Count, value=1)
