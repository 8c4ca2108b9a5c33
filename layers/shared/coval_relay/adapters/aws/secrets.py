"""What Secrets Manager keeps, cached: Coval's API key, and whatever else is parsed from a secret's text."""

import json
import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from coval_relay.domain.errors import RetryableError

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

T = TypeVar("T")
LIFE_SECONDS = 300.0
REFRESH_SECONDS = 5.0
"""A secret that was rejected, or could not be read, is not read again more often than this."""
UNUSABLE = "api_key_secret_unusable"
_KEY = re.compile(r"[!-~]+")


class CachedSecret(Generic[T]):
    """What `parse` makes of the text under one secret's ARN, read in the ARN's own region.

    Its client is made for the first reading: few workers need the hosts' secret. `clock` is monotonic, in
    seconds. A reading that failed is not repeated at once either: anybody can send requests to the door.
    """

    def __init__(
        self,
        arn: str,
        parse: Callable[[str], T],
        client: "SecretsManagerClient | None" = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._arn = arn
        self._parse = parse
        self._client = client
        self._clock = clock
        self._kept: tuple[T, float] | None = None
        self._failed: tuple[str, float] | None = None

    def get(self) -> T:
        """At most five minutes old; raises RetryableError."""
        return self._newer_than(LIFE_SECONDS)

    def refresh(self) -> T:
        """Read again, unless that was done a moment ago; raises RetryableError."""
        return self._newer_than(REFRESH_SECONDS)

    def _newer_than(self, seconds: float) -> T:
        now = self._clock()
        if self._kept is None or now - self._kept[1] >= seconds:
            self._kept = self._read_again(now), now
        return self._kept[0]

    def _read_again(self, now: float) -> T:
        if self._failed and now - self._failed[1] < REFRESH_SECONDS:
            raise RetryableError(self._failed[0])
        try:
            return self._parse(self._read())
        except RetryableError as error:
            self._failed = error.code, now
            raise

    def _read(self) -> str:
        self._client = self._client or _connect(self._arn)
        try:
            answer = self._client.get_secret_value(SecretId=self._arn)
        except ClientError as error:
            raise RetryableError(f"secretsmanager_{error.response['Error']['Code']}") from error
        except BotoCoreError as error:
            raise RetryableError("secretsmanager_unreachable") from error
        return answer.get("SecretString", "")


class SecretApiKey(CachedSecret[str]):
    """Coval's API key."""

    def __init__(
        self,
        arn: str,
        client: "SecretsManagerClient | None" = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(arn, key_of, client, clock)


def key_of(secret: str) -> str:
    """The key in a secret's text: the text itself, or `api_key` of a JSON object.

    Raises RetryableError where no header could carry it: operators mend the secret, calls wait.
    """
    key: object = secret.strip()
    if secret.lstrip().startswith("{"):
        try:
            key = json.loads(secret).get("api_key")
        except (ValueError, RecursionError):
            key = None
    if not isinstance(key, str) or not _KEY.fullmatch(key.strip()):
        raise RetryableError(UNUSABLE)
    return key.strip()


def _connect(arn: str) -> "SecretsManagerClient":
    import boto3  # noqa: PLC0415 - only what makes its own client pays for the import

    client: SecretsManagerClient = boto3.client("secretsmanager", region_name=arn.split(":")[3])
    return client
