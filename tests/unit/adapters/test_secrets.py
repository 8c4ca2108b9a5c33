"""The API key: forms of the secret, how long it is kept, and that nothing shows it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from moto import mock_aws

from coval_relay.adapters.aws.secrets import SecretApiKey, key_of
from coval_relay.domain.errors import RetryableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_secretsmanager import SecretsManagerClient

UNUSABLE = RetryableError("api_key_secret_unusable")


@dataclass
class Ticks:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def manager() -> "Iterator[SecretsManagerClient]":
    with mock_aws():
        yield boto3.client("secretsmanager", region_name="eu-west-2")


@pytest.mark.parametrize(
    "text", ["coval_sk_1", " coval_sk_1\n", '{"api_key": "coval_sk_1"}', '\n{"api_key":"coval_sk_1 "}']
)
def test_forms_of_the_secret(text: str) -> None:
    assert key_of(text) == "coval_sk_1"


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n",
        "two words",
        "schlüssel",
        '{"key": "coval_sk_1"}',
        '{"api_key": 7}',
        '{"api_key": ""}',
        "{broken",
    ],
)
def test_secrets_without_a_key(text: str) -> None:
    with pytest.raises(RetryableError) as caught:
        key_of(text)
    assert caught.value == UNUSABLE
    assert str(caught.value) == "('api_key_secret_unusable',)" or "api_key_secret_unusable" in str(caught.value)


def test_the_key_is_kept_five_minutes_and_refreshed_at_most_each_five_seconds(
    manager: "SecretsManagerClient",
) -> None:
    arn = manager.create_secret(Name="coval", SecretString="one")["ARN"]
    clock = Ticks()
    key = SecretApiKey(arn, clock=clock)

    def rotated(value: str, seconds: float) -> None:
        manager.put_secret_value(SecretId=arn, SecretString=value)
        clock.now += seconds

    assert key.get() == "one"
    rotated("two", 4.9)
    assert (key.get(), key.refresh()) == ("one", "one")
    clock.now += 0.1
    assert (key.get(), key.refresh(), key.get()) == ("one", "two", "two")
    rotated("three", 299.9)
    assert key.get() == "two"
    clock.now += 0.1
    assert key.get() == "three"


def test_the_key_is_read_at_once_however_young_the_clock(manager: "SecretsManagerClient") -> None:
    arn = manager.create_secret(Name="coval", SecretString="one")["ARN"]
    assert SecretApiKey(arn, clock=Ticks(0.0)).refresh() == "one"


def test_what_cannot_be_read(manager: "SecretsManagerClient") -> None:
    missing = "arn:aws:secretsmanager:eu-west-2:123456789012:secret:none-AbCdEf"
    with pytest.raises(RetryableError) as caught:
        SecretApiKey(missing, manager).get()
    assert caught.value == RetryableError("secretsmanager_ResourceNotFoundException")


def test_a_binary_secret_is_none(manager: "SecretsManagerClient") -> None:
    arn = manager.create_secret(Name="coval", SecretBinary=b"one")["ARN"]
    with pytest.raises(RetryableError) as caught:
        SecretApiKey(arn, manager).get()
    assert caught.value == UNUSABLE


def test_a_service_that_is_not_there(manager: "SecretsManagerClient", monkeypatch: pytest.MonkeyPatch) -> None:
    def down(**_: str) -> None:
        raise EndpointConnectionError(endpoint_url="https://secretsmanager")

    monkeypatch.setattr(manager, "get_secret_value", down)
    with pytest.raises(RetryableError) as caught:
        SecretApiKey("arn", manager).get()
    assert caught.value == RetryableError("secretsmanager_unreachable")


def test_a_reading_that_failed_is_not_repeated_at_once(manager: "SecretsManagerClient") -> None:
    arn = manager.create_secret(Name="coval", SecretString="two words")["ARN"]
    clock = Ticks()
    key = SecretApiKey(arn, manager, clock)
    with pytest.raises(RetryableError):
        key.get()
    manager.put_secret_value(SecretId=arn, SecretString="one")
    clock.now += 4.9
    with pytest.raises(RetryableError) as caught:
        key.get()
    assert caught.value == UNUSABLE
    clock.now += 0.1
    assert key.get() == "one"
