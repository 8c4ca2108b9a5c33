"""A rotated API key is used without a deployment: at once where Coval denies the old one."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import boto3
import httpx
import pytest
from moto import mock_aws

from coval_relay.adapters.aws.secrets import SecretApiKey
from coval_relay.adapters.coval import Gate, HttpCovalClient
from coval_relay.domain.errors import RetryableError

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

FIVE_MINUTES = 300.0


@dataclass
class Rotated:
    """Coval, which knows some keys, and the secret that holds one."""

    manager: "SecretsManagerClient"
    known: set[str] = field(default_factory=lambda: {"old"})
    seen: list[str] = field(default_factory=list)
    now: float = 1000.0

    def __post_init__(self) -> None:
        self.arn = self.manager.create_secret(Name="coval", SecretString="old")["ARN"]
        self.client = HttpCovalClient(
            base_url="https://coval.example",
            path_family="conversations",
            api_key=SecretApiKey(self.arn, self.manager, lambda: self.now),
            timeout_seconds=30,
            time_left=lambda: 100.0,
            gate=Gate(lambda *_: None),
            http=httpx.Client(transport=httpx.MockTransport(self._reply)),
        )

    def _reply(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request.headers["x-api-key"])
        known = self.seen[-1] in self.known
        return httpx.Response(200 if known else 401, json={"conversation": {"conversation_id": "c"}})

    def put(self, key: str) -> None:
        self.manager.put_secret_value(SecretId=self.arn, SecretString=key)


@pytest.fixture
def rotated() -> Iterator[Rotated]:
    with mock_aws():
        yield Rotated(boto3.client("secretsmanager", region_name="eu-west-2"))


def test_a_new_key_is_used_within_five_minutes(rotated: Rotated) -> None:
    rotated.known.add("new")
    rotated.client.submit(b"{}")
    rotated.put("new")
    rotated.now += FIVE_MINUTES - 1
    rotated.client.submit(b"{}")
    rotated.now += 1
    rotated.client.submit(b"{}")
    assert rotated.seen == ["old", "old", "new"]


def test_a_new_key_is_used_at_once_where_the_old_one_is_denied(rotated: Rotated) -> None:
    rotated.client.submit(b"{}")
    rotated.put("new")
    rotated.known = {"new"}
    rotated.now += 60
    rotated.client.submit(b"{}")
    assert rotated.seen == ["old", "old", "new"]


def test_a_key_that_is_not_rotated_yet_waits(rotated: Rotated) -> None:
    rotated.known = set()
    with pytest.raises(RetryableError) as caught:
        rotated.client.submit(b"{}")
    assert caught.value == RetryableError("unauthenticated")
    assert rotated.seen == ["old"]
