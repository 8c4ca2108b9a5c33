"""The ways in for webhooks, as Secrets Manager has them."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from coval_relay.adapters.aws.secrets import REFRESH_SECONDS, CachedSecret
from coval_relay.domain.errors import RetryableError
from coval_relay.domain.webhooks.routes import Routes

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient


class SecretRoutes:
    """WebhookRoutes on one secret, cached on the usual terms.

    A reading that failed is not repeated at once either: anybody can send requests.
    """

    def __init__(
        self, arn: str, client: "SecretsManagerClient | None" = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._secret = CachedSecret(arn, Routes, client, clock)
        self._clock = clock
        self._failed: tuple[RetryableError, float] | None = None

    def get(self) -> Routes:
        return self._read(self._secret.get)

    def refresh(self) -> Routes:
        return self._read(self._secret.refresh)

    def _read(self, read: Callable[[], Routes]) -> Routes:
        if self._failed and self._clock() - self._failed[1] < REFRESH_SECONDS:
            raise RetryableError(self._failed[0].code)
        try:
            return read()
        except RetryableError as error:
            self._failed = error, self._clock()
            raise
