"""The handler of webhooks. It imports no more than boto3 and the standard library: a vendor waits for its answer."""

import gc
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import boto3
from botocore.config import Config

from coval_relay.adapters.aws import webhook_messages
from coval_relay.adapters.aws.claim_checks import S3ClaimChecks
from coval_relay.adapters.aws.door_telemetry import DoorTelemetry
from coval_relay.adapters.aws.http_events import MalformedRequestError, request_of
from coval_relay.adapters.aws.secrets import CachedSecret
from coval_relay.adapters.aws.sqs import SqsQueue
from coval_relay.adapters.web.webhook_signatures import SignatureLibraries
from coval_relay.domain.errors import raised_at
from coval_relay.domain.log_events import LogEvent, Telemetry
from coval_relay.domain.webhooks.request import WebhookRequest
from coval_relay.domain.webhooks.routes import Routes
from coval_relay.domain.webhooks.stored_webhook import StoredWebhook
from coval_relay.services.receive_webhook import UNAVAILABLE, ReceiveWebhook

BAD_REQUEST = 400
PATIENCE = Config(connect_timeout=1, read_timeout=3, retries={"total_max_attempts": 2, "mode": "standard"})
"""Vendors wait for 5 to 20 seconds: better a 503 in time, which most of them try again."""
Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class WebhookDoor:
    """Every request ends with a status and an empty body."""

    receive: Callable[[WebhookRequest], int]
    telemetry: Telemetry

    def __call__(self, event: Mapping[str, Any], _: object = None) -> Answer:
        try:
            return _answer(self.receive(request_of(event)))
        except MalformedRequestError:
            self.telemetry(LogEvent.WEBHOOK_UNROUTED)
            return _answer(BAD_REQUEST)
        except Exception as error:  # noqa: BLE001 - the edge: what is unforeseen is asked to come again
            # No message of an unforeseen error is logged: it may quote what it was about.
            kind, where = type(error).__name__, raised_at(error)
            self.telemetry(LogEvent.WEBHOOK_FAILED, platform="unknown", reason="unforeseen", kind=kind, where=where)
            return _answer(UNAVAILABLE)


def _answer(status: int) -> Answer:
    return {"statusCode": status, "headers": {"content-type": "text/plain"}, "body": ""}


def receive_webhook() -> WebhookDoor:
    """The handler, made with its clients while the environment starts."""
    environment, telemetry = os.environ, DoorTelemetry(os.environ["POWERTOOLS_SERVICE_NAME"])
    queue, queue_url = SqsQueue(_client("sqs")), environment["CALL_END_QUEUE_URL"]
    bucket, owner = environment["WEBHOOK_BUCKET"], environment["BUCKET_OWNER"]
    claim_checks = S3ClaimChecks(lambda: _client("s3"), bucket, owner)

    def store(webhook: StoredWebhook) -> None:
        """Its queue is that of the function that takes every kind of event."""
        queue.send(queue_url, webhook_messages.to_text(webhook, claim_checks.put))

    arn = environment["WEBHOOK_SECRET_ARN"]
    routes = CachedSecret(arn, Routes, _client("secretsmanager", arn.split(":")[3]))
    receive = ReceiveWebhook(routes=routes, libraries=SignatureLibraries(), store=store, telemetry=telemetry)
    gc.freeze()
    gc.enable()
    return WebhookDoor(receive, telemetry)


@cache
def _client(service: str, region: str | None = None) -> Any:
    return boto3.client(service, region_name=region, config=PATIENCE)
