"""Lambda's handler: made once an execution environment, called with each event."""

import gc
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any, Generic, NoReturn, Protocol, TypeVar

from coval_relay import settings
from coval_relay.adapters.aws import telemetry
from coval_relay.configuration.current import deployed
from coval_relay.configuration.document import Configuration
from coval_relay.domain.errors import RetryableError
from coval_relay.entrypoints.aws_adapters import configuration_source
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


Build = Callable[[S, Configuration, TimeLeft], Consumer]
"""Composes a function for a configuration."""


class _Function(Generic[S]):
    """A function's consumer, composed anew when its configuration has changed."""

    def __init__(self, model: type[S], build: Build[S]) -> None:
        self.time_left = TimeLeft()
        self._settings, self._build = settings.load(model), build
        self._deployed = deployed()
        self._configuration = configuration_source(self._settings, self._deployed)
        self._composed: tuple[Configuration, Consumer] | None = None

    def consumer(self) -> Consumer:
        try:
            return self._consumer_of(self._configuration())
        except RetryableError as error:
            return waiting(self._consumer_of(self._deployed), error)

    def _consumer_of(self, configuration: Configuration) -> Consumer:
        if self._composed is None or self._composed[0] is not configuration:
            telemetry.set_level(configuration.log_level)
            self._composed = configuration, self._build(self._settings, configuration, self.time_left)
        return self._composed[1]


def waiting(consumer: Consumer, error: RetryableError) -> Consumer:
    """One that puts off whatever comes, by the usual rules."""

    def translate(_: Any) -> NoReturn:
        raise error

    return replace(consumer, translate=translate)


def handler_of(model: type[S], build: Build[S]) -> Handler:
    @cache
    def function() -> _Function[S]:
        return _Function(model, build)

    def handler(event: Any, context: LambdaContext) -> dict[str, Any]:
        telemetry.logger().append_keys(request_id=context.aws_request_id)
        try:
            serve, time_left = function().consumer(), function().time_left
        finally:
            _wake_collector()
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
