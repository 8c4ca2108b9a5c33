"""Lambda's handler: made once an execution environment, called with each event."""

import gc
from collections.abc import Callable
from functools import cache
from typing import Any, Protocol, TypeVar

from coval_relay import settings
from coval_relay.adapters.aws import telemetry
from coval_relay.entrypoints.consumer import Consumer
from coval_relay.settings import Settings

S = TypeVar("S", bound=Settings)
Handler = Callable[[Any, "LambdaContext"], dict[str, Any]]


class LambdaContext(Protocol):
    """What the handlers use of Lambda's context object."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int: ...


class TimeLeft:
    """The time that the running invocation has left, in seconds."""

    def __init__(self) -> None:
        self.remaining: Callable[[], float] = lambda: 0.0

    def __call__(self) -> float:
        return self.remaining()


def handler_of(model: type[S], build: Callable[[S, TimeLeft], Consumer]) -> Handler:
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
