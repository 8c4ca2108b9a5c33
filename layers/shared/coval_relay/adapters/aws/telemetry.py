"""Log lines and metrics, from the closed list of domain/log_events.py, without private data."""

import hashlib
import logging
import os
import re
from functools import cache

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from coval_relay import __version__
from coval_relay.domain.log_events import LogEvent

OPAQUE_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[A-Z]{2}[0-9a-f]{32}", re.IGNORECASE)
"""UUIDs, and Twilio's ids: their digits are nobody's number."""
PHONE_NUMBER = re.compile(r"\+?\d(?:[\W_]*\d){6,}")
"""What may be a phone number inside a call's id, split by what is no letter: LiveKit rooms hold them."""


@cache
def logger() -> Logger:
    """The one logger; libraries that log URLs are kept quiet."""
    for library in ("httpx", "httpcore", "botocore", "boto3", "urllib3"):
        logging.getLogger(library).setLevel(logging.WARNING)
    return Logger(utc=True, version=__version__)


def set_level(name: str) -> None:
    """The logger beneath: Powertools itself lets Lambda's level win, which stays at INFO for the metrics' sake."""
    logging.getLogger(logger().service).setLevel(name)


@cache
def metrics() -> Metrics:
    return Metrics()


def flush() -> None:
    """Write the metrics that the invocation has counted; Powertools complains where there are none."""
    if metrics().provider.metric_set:
        metrics().flush_metrics()


def call_fields(external_conversation_id: str) -> dict[str, str]:
    """The call's id with phone numbers masked, and a digest that is the same on every line of the call.

    It is salted with the table's name, whose end CloudFormation draws: who has the log alone cannot try all
    phone numbers. Who operates the stack can read the name, and so find a call.
    """
    if not external_conversation_id:
        return {}
    salted = f"{os.environ.get('TABLE_NAME', '')}/{external_conversation_id}"
    digest = hashlib.sha256(salted.encode()).hexdigest()[:16]
    opaque = OPAQUE_ID.fullmatch(external_conversation_id)
    shown = external_conversation_id if opaque else PHONE_NUMBER.sub("***", external_conversation_id)
    return {"external_conversation_id": shown, "call_digest": digest}


def report(event: LogEvent, external_conversation_id: str = "", **fields: str | int) -> None:
    """Write one log line, and count the event where it has a metric."""
    level, message, metric = event.value
    extra = {"event": event.name, **call_fields(external_conversation_id), **fields}
    write = {"INFO": Logger.info, "WARNING": Logger.warning, "ERROR": Logger.error}[level]
    write(logger(), message, extra=extra)
    if metric:
        metrics().add_metric(name=metric, unit=MetricUnit.Count, value=1)
    if "age_seconds" in fields:  # SQS's own age leaves out what was received three times
        metrics().add_metric(name="OldestWait", unit=MetricUnit.Seconds, value=float(fields["age_seconds"]))
