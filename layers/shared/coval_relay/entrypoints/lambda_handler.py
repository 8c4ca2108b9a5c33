"""The functions' edge: Lambda's handler, and what events of any source mean."""

import gc
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Protocol

from coval_relay import settings
from coval_relay.adapters.aws import queue_messages, s3_events, telemetry
from coval_relay.adapters.aws.lambda_events import FIRST_SENT
from coval_relay.adapters.aws.sqs import SqsQueue
from coval_relay.domain.call import Reason
from coval_relay.domain.lifecycle import Attempt
from coval_relay.domain.messages import SOURCE, Message
from coval_relay.domain.ports import Clock
from coval_relay.entrypoints.consumer import Consumer, dead_letter_attributes
from coval_relay.platforms import registry
from coval_relay.platforms.shared.contract import PlatformOptions
from coval_relay.services.calls import Calls
from coval_relay.services.progress import Outcome
from coval_relay.settings import Settings

Service = Callable[[Message, Attempt], Outcome]
Handler = Callable[[Any, "LambdaContext"], dict[str, Any]]


class LambdaContext(Protocol):
    """What the handlers use of Lambda's context object."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int: ...


def clock() -> int:
    return int(time.time())


class TimeLeft:
    """The time that the running invocation has left, in seconds."""

    def __init__(self) -> None:
        self.remaining: Callable[[], float] = lambda: 0.0

    def __call__(self) -> float:
        return self.remaining()


def handler_of(model: type[Settings], build: Callable[[Any, TimeLeft], Consumer]) -> Handler:
    @cache
    def consumer() -> tuple[Consumer, TimeLeft]:
        time_left = TimeLeft()
        try:
            return build(settings.load(model), time_left), time_left
        finally:
            _wake_collector()

    def handler(event: Any, context: LambdaContext) -> dict[str, Any]:
        telemetry.logger().append_keys(request_id=context.aws_request_id)
        serve, time_left = consumer()
        time_left.remaining = lambda: context.get_remaining_time_in_millis() / 1000
        try:
            return serve(event, time_left)
        finally:
            telemetry.flush()

    return handler


def _wake_collector() -> None:
    """The start is over: what it has made stays, and is never searched again."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


@cache
def client(service: str) -> Any:
    import boto3

    return boto3.client(service)


@cache
def queue() -> SqsQueue:
    return SqsQueue(client("sqs"))


def translator(
    platform_options: PlatformOptions, now: Clock
) -> Callable[[Mapping[str, Any]], Sequence[Message]]:
    """What an event of any source means."""

    def translate(event: Mapping[str, Any]) -> Sequence[Message]:
        if event.get("source") == SOURCE:
            return (queue_messages.from_event(event),)
        if event.get("source") == "aws.s3":
            return (s3_events.object_created(event),)
        return registry.translate(event, platform_options, now())

    return translate


def consumer_of(
    options: Settings, calls: Calls, service: Service, platform_options: PlatformOptions
) -> Consumer:
    def again(body: str, delay_seconds: int, first_sent: int) -> None:
        queue().send(options.queue_url, body, delay_seconds, {FIRST_SENT: str(first_sent)})

    def dead(body: str, reason: Reason) -> None:
        queue().send(options.dead_letter_queue_url, body, attributes=dead_letter_attributes(reason))

    return Consumer(
        translate=translator(platform_options, clock),
        service=service,
        calls=calls,
        own_queue=again,
        dead_letters=dead,
        telemetry=telemetry.report,
        request_seconds=options.coval_timeout_seconds,
        processing_seconds=options.coval_processing_seconds,
    )
