"""Log lines and metrics, from the closed list of domain/journal.py, without private data."""

import hashlib
import logging
import re
from functools import cache

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from coval_relay.domain.journal import LogEvent

PHONE_NUMBER = re.compile(r"\+\d{6,}|(?<![0-9A-Za-z])\d{9,15}(?![0-9A-Za-z])")
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


def call_fields(external_conversation_id: str) -> dict[str, str]:
    """The call's id with phone numbers masked, and a digest that is the same on every line of the call."""
    if not external_conversation_id:
        return {}
    digest = hashlib.sha256(external_conversation_id.encode()).hexdigest()[:16]
    masked = PHONE_NUMBER.sub("***", external_conversation_id)
    return {"external_conversation_id": masked, "call_digest": digest}


def journal(event: LogEvent, external_conversation_id: str = "", **fields: str | int) -> None:
    """Write one log line, and count the event where it has a metric."""
    level, message, metric = event.value
    extra = {"event": event.name, **call_fields(external_conversation_id), **fields}
    write = {"INFO": Logger.info, "WARNING": Logger.warning, "ERROR": Logger.error}[level]
    write(logger(), message, extra=extra)
    if metric:
        metrics().add_metric(name=metric, unit=MetricUnit.Count, value=1)
