"""The platforms' credentials: forms of the secret, how long it is kept, and that nothing shows it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3
import pytest
from moto import mock_aws

from coval_relay.adapters.web.platform_credentials import UNUSABLE, PlatformCredentials, headers_by_host
from coval_relay.domain.errors import RetryableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_secretsmanager import SecretsManagerClient


@dataclass
class Ticks:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def manager() -> "Iterator[SecretsManagerClient]":
    with mock_aws():
        yield boto3.client("secretsmanager", region_name="eu-west-2")


def test_forms_of_the_secret() -> None:
    secret = """{
        "API.example.com": {"username": "AC1", "password": "p:ß "},
        "media.example.com:8443": {"header": "X-Api-Key", "value": "key one"},
        "empty.example.com": {"username": "key", "password": ""}
    }"""
    assert headers_by_host(secret) == {
        "api.example.com": {"authorization": "Basic QUMxOnA6w58g"},
        "media.example.com:8443": {"x-api-key": "key one"},
        "empty.example.com": {"authorization": "Basic a2V5Og=="},
    }
    assert headers_by_host("{}") == {}


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "hush",
        "[]",
        '{"username": "hush", "password": "hush"}',
        '{"h": "hush"}',
        '{"h": {"username": "hush"}}',
        '{"h": {"username": "a:b", "password": "hush"}}',
        '{"h": {"username": "a", "password": "hush\\n"}}',
        '{"h": {"header": "x", "value": ""}}',
        '{"h": {"header": "x", "value": "hush\\nhush: 1"}}',
        '{"h": {"header": "x", "value": "hush\\n"}}',
        '{"h": {"header": "x: hush", "value": "1"}}',
        '{"h": {"header": "x", "value": "hüsh"}}',
        '{"h": {"header": "x", "value": "1", "username": "hush", "password": "hush"}}',
    ],
)
def test_secrets_that_break_the_rule(secret: str) -> None:
    with pytest.raises(RetryableError) as caught:
        headers_by_host(secret)
    assert caught.value == RetryableError(UNUSABLE)
    assert "hush" not in repr(caught.value)
    assert caught.value.__suppress_context__


def test_a_host_gets_its_own_credentials_only(manager: "SecretsManagerClient") -> None:
    arn = manager.create_secret(Name="c", SecretString='{"a.example": {"header": "k", "value": "v"}}')["ARN"]
    credentials = PlatformCredentials(arn)
    assert credentials.headers("a.example") == {"k": "v"}
    assert [credentials.headers(host) for host in ("b.example", "sub.a.example", "")] == [{}, {}, {}]


def test_without_a_secret_no_host_has_any() -> None:
    assert (PlatformCredentials().headers("a.example"), PlatformCredentials().refreshed("a.example")) == (
        {},
        {},
    )


def test_a_rotation_needs_no_deployment(manager: "SecretsManagerClient") -> None:
    def secret(value: str) -> str:
        return f'{{"a.example": {{"header": "k", "value": "{value}"}}}}'

    arn = manager.create_secret(Name="c", SecretString=secret("one"))["ARN"]
    clock = Ticks()
    credentials = PlatformCredentials(arn, clock=clock)
    assert credentials.headers("a.example") == {"k": "one"}
    manager.put_secret_value(SecretId=arn, SecretString=secret("two"))
    clock.now += 4.9
    assert credentials.refreshed("a.example") == {"k": "one"}
    clock.now += 0.1
    assert credentials.headers("a.example") == {"k": "one"}
    assert credentials.refreshed("a.example") == {"k": "two"}
    manager.put_secret_value(SecretId=arn, SecretString=secret("three"))
    clock.now += 300
    assert credentials.headers("a.example") == {"k": "three"}


def test_a_secret_that_is_mended_is_read_within_seconds(manager: "SecretsManagerClient") -> None:
    arn = manager.create_secret(Name="c", SecretString="broken")["ARN"]
    clock = Ticks()
    credentials = PlatformCredentials(arn, clock=clock)
    with pytest.raises(RetryableError):
        credentials.headers("a.example")
    manager.put_secret_value(SecretId=arn, SecretString='{"a.example": {"header": "k", "value": "v"}}')
    clock.now += 5
    assert credentials.headers("a.example") == {"k": "v"}


def test_a_secret_that_cannot_be_read(manager: "SecretsManagerClient") -> None:
    missing = "arn:aws:secretsmanager:eu-west-2:123456789012:secret:none-AbCdEf"
    with pytest.raises(RetryableError) as caught:
        PlatformCredentials(missing, manager).headers("a.example")
    assert caught.value == RetryableError("secretsmanager_ResourceNotFoundException")
