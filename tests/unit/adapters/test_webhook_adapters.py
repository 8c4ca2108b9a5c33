"""The door's adapters on AWS as moto has it: the secret's cache, the bucket of large bodies, HTTP events."""

import base64
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from coval_relay.adapters.aws.claim_checks import S3ClaimChecks
from coval_relay.adapters.aws.http_events import MalformedRequestError, request_of
from coval_relay.adapters.aws.secrets import CachedSecret
from coval_relay.domain.errors import PermanentError, RetryableError
from coval_relay.domain.webhooks.routes import Routes
from tests.support.fakes import FakeClock

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient


@pytest.fixture
def aws() -> Iterator[None]:
    with mock_aws():
        yield


class CountedSecret:
    """A secret, and how often it was read."""

    def __init__(self, text: str) -> None:
        self.client: SecretsManagerClient = boto3.client("secretsmanager", region_name="us-east-1")
        self.arn = self.client.create_secret(Name="webhooks", SecretString=text)["ARN"]
        self.readings = 0
        self.get = self.client.get_secret_value
        self.client.get_secret_value = self._counted

    def _counted(self, **asked: Any) -> Any:
        self.readings += 1
        return self.get(**asked)


@pytest.mark.usefixtures("aws")
def test_the_secret_is_read_every_five_minutes_and_for_a_rejection_every_five_seconds() -> None:
    secret, clock = CountedSecret(json.dumps({"retell": "one"})), FakeClock()
    routes = CachedSecret(secret.arn, Routes, secret.client, clock)
    for _ in range(3):
        assert routes.get().get("retell")
    for _ in range(1000):  # forged requests, all at once
        routes.refresh()
    assert secret.readings == 1
    clock.now += 5
    routes.refresh()
    clock.now += 299
    routes.get()
    assert secret.readings == 2
    clock.now += 1
    routes.get()
    assert secret.readings == 3


@pytest.mark.usefixtures("aws")
def test_a_secret_that_cannot_be_used_is_not_read_again_and_again_either() -> None:
    secret, clock = CountedSecret("no json"), FakeClock()
    routes = CachedSecret(secret.arn, Routes, secret.client, clock)
    for _ in range(100):
        with pytest.raises(RetryableError) as unusable:
            routes.get()
        assert unusable.value.code == "webhook_secret_unusable"
    assert secret.readings == 1
    secret.client.put_secret_value(SecretId=secret.arn, SecretString='{"retell": "one"}')
    clock.now += 5
    assert routes.get().get("retell")


@pytest.mark.usefixtures("aws")
def test_where_the_secret_cannot_be_read_again_a_young_one_stays_in_use() -> None:
    """Else a forged request, which has it read again, could close the door for all others."""
    secret, clock = CountedSecret(json.dumps({"retell": "one"})), FakeClock()
    routes = CachedSecret(secret.arn, Routes, secret.client, clock)
    routes.get()
    secret.client.put_secret_value(SecretId=secret.arn, SecretString="no json")
    clock.now += 5
    with pytest.raises(RetryableError):
        routes.refresh()
    assert routes.get().get("retell")


@pytest.mark.usefixtures("aws")
def test_a_secret_that_cannot_be_read_is_waited_for() -> None:
    client = boto3.client("secretsmanager", region_name="us-east-1")
    arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:none-AbCdEf"
    routes = CachedSecret(arn, Routes, client, FakeClock())
    with pytest.raises(RetryableError, match="secretsmanager_ResourceNotFoundException"):
        routes.get()


@pytest.mark.usefixtures("aws")
def test_large_bodies() -> None:
    client: S3Client = boto3.client("s3", region_name="us-east-1")
    client.create_bucket(Bucket="webhooks")
    bodies = S3ClaimChecks(lambda: client, "webhooks", "123456789012")
    bodies.put("vapi/1", b"\x00\xff")
    assert bodies.get("vapi/1") == b"\x00\xff"
    with pytest.raises(PermanentError) as gone:
        bodies.get("vapi/2")
    assert gone.value.code == "webhook_body_gone"
    elsewhere = S3ClaimChecks(lambda: client, "nowhere", "123456789012")
    with pytest.raises(RetryableError):
        elsewhere.put("vapi/1", b"")


def event(**changes: Any) -> dict[str, Any]:
    context = {"domainName": "h.example", "http": {"method": "POST"}, "timeEpoch": 1790951801250}
    return {"rawPath": "/vapi", "headers": {"X-Token": "t"}, "requestContext": context, **changes}


def test_an_event_is_read_whole() -> None:
    encoded = base64.b64encode(b"\xff").decode()
    read = request_of(event(rawQueryString="a=%20", body=encoded, isBase64Encoded=True))
    assert (read.method, read.route, read.headers, read.body) == ("POST", "vapi", {"x-token": "t"}, b"\xff")
    assert read.urls()[0] == "https://h.example/vapi?a=%20"
    assert read.arrived_at == 1790951801.25
    assert request_of(event(body="señor")).body == "señor".encode()
    assert request_of(event(headers=None)).body == b""


@pytest.mark.parametrize(
    "changes", [{"requestContext": {}}, {"headers": 7}, {"body": "no base64", "isBase64Encoded": True}]
)
def test_what_is_no_event_of_http_is_rejected(changes: dict[str, Any]) -> None:
    with pytest.raises(MalformedRequestError):
        request_of(event(**changes))


def test_a_request_shows_nothing_of_itself() -> None:
    shown = repr(request_of(event(body="secret words")))
    assert [word for word in ("secret", "x-token", "h.example") if word in shown] == []
