"""The platforms' credentials: what a host wants to see before it gives a recording or a transcript."""

import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from coval_relay.adapters.aws.secrets import CachedSecret
from coval_relay.domain.errors import RetryableError

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

Headers = Mapping[str, str]
NO_HEADERS: Headers = MappingProxyType({})
UNUSABLE = "platform_credentials_unusable"
"""The secret must be a JSON object: each host with username and password, or header and value (printable ASCII)."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Basic(_Strict):
    username: Annotated[str, Field(pattern=r"^[^:\x00-\x1f\x7f]+$")]
    """A colon would end it (RFC 7617, 2)."""
    password: Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]*$")]

    @property
    def headers(self) -> Headers:
        token = b64encode(f"{self.username}:{self.password}".encode()).decode()
        return {"authorization": f"Basic {token}"}


class _Header(_Strict):
    header: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]+$")]
    value: Annotated[str, Field(pattern=r"^[!-~]([ -~]*[!-~])?$")]

    @property
    def headers(self) -> Headers:
        return {self.header.lower(): self.value}


class PlatformCredentials:
    """Headers by host, from the secret under an ARN; without an ARN no host has any.

    Cached for five minutes, so a rotation needs no deployment. Raises RetryableError where the secret cannot be
    read, or breaks its rule: an operator mends it, and no call ends by it.
    """

    def __init__(
        self,
        secret_arn: str = "",
        client: "SecretsManagerClient | None" = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._secret = CachedSecret(secret_arn, headers_by_host, client, clock) if secret_arn else None

    def headers(self, host: str) -> Headers:
        """What to send to this host, and to no other."""
        return self._secret.get().get(host, NO_HEADERS) if self._secret else NO_HEADERS

    def refreshed(self, host: str) -> Headers:
        """The same, read again because the host rejected what `headers` gave."""
        return self._secret.refresh().get(host, NO_HEADERS) if self._secret else NO_HEADERS


def headers_by_host(secret: str) -> Mapping[str, Headers]:
    """Host (in lower case) → headers, from a secret's text; raises RetryableError, without its words."""
    try:
        entries = _entries().validate_json(secret)
    except ValidationError:
        raise RetryableError(UNUSABLE) from None
    return {host.lower(): entry.headers for host, entry in entries.items()}


@cache
def _entries() -> TypeAdapter[dict[str, _Basic | _Header]]:
    return TypeAdapter(dict[str, _Basic | _Header])
