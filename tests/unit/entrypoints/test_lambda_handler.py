"""A function's consumer: composed once for a configuration, whatever comes."""

import pytest

from coval_relay import settings
from coval_relay.configuration.document import Configuration
from coval_relay.domain.errors import RetryableError
from coval_relay.entrypoints import lambda_handler
from coval_relay.entrypoints.consumer import Consumer, DeliveryFailedError
from coval_relay.settings import Settings
from tests.support.world import World


class Context:
    """Lambda's, as far as it is looked at."""

    aws_request_id = "x"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


def unreadable() -> Configuration:
    raise RetryableError("ssm_unreachable")


def test_while_no_configuration_can_be_had_one_consumer_puts_off_what_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    composed: list[Configuration] = []

    def build(_: Settings, configuration: Configuration, __: object) -> Consumer:
        composed.append(configuration)
        return World().consumers["call_end"]

    deployed = Configuration()
    monkeypatch.setattr(settings, "load", lambda _: None)
    monkeypatch.setattr(lambda_handler, "configuration_source", lambda *_: unreadable)
    monkeypatch.setattr(lambda_handler, "deployed", lambda: deployed)
    handler = lambda_handler.handler_of(Settings, build)
    for _ in range(2):
        with pytest.raises(DeliveryFailedError, match=r"^ssm_unreachable$"):
            handler({"source": "aws.s3"}, Context())
    assert composed == [deployed]
