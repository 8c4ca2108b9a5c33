"""The document in SSM: read again in time, and the last good one holds."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from moto import mock_aws

from coval_relay.adapters.aws.ssm_configuration import SsmConfiguration
from coval_relay.configuration.current import CurrentConfiguration
from coval_relay.configuration.document import Configuration
from coval_relay.domain.errors import RetryableError

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

PARAMETER = "/relay/configuration"
BROKEN = f"{PARAMETER}: calls.tag: is not known; is tags meant?"


@dataclass
class Stored:
    """A document in a parameter, with a clock, and what was reported."""

    ssm: "SSMClient"
    now: float = 1000.0
    reports: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.current = self.environment()

    def environment(self) -> CurrentConfiguration:
        """As a new execution environment makes it."""
        parameter = SsmConfiguration(self.ssm, PARAMETER)
        return CurrentConfiguration(Configuration(), parameter, lambda: self.now, self.reports.append)

    def put(self, tag: str, key: str = "tags") -> None:
        self.ssm.put_parameter(Name=PARAMETER, Value=f'[calls]\n{key} = ["{tag}"]', Type="String", Overwrite=True)

    def tags(self) -> tuple[str, ...]:
        return self.current().calls.tags


@pytest.fixture
def stored() -> Iterator[Stored]:
    with mock_aws():
        yield Stored(boto3.client("ssm", region_name="eu-west-2"))


def test_it_is_read_again_after_five_minutes(stored: Stored) -> None:
    stored.put("one")
    assert stored.tags() == ("one",)
    stored.put("two")
    stored.now += 299.9
    assert stored.tags() == ("one",)
    stored.now += 0.1
    assert (stored.tags(), stored.reports) == (("two",), [])


def test_the_last_good_one_holds_while_it_is_broken(stored: Stored) -> None:
    stored.put("good")
    assert stored.tags() == ("good",)
    stored.put("broken", "tag")
    stored.now += 300
    assert (stored.tags(), stored.tags()) == (("good",), ("good",))
    assert stored.reports == [BROKEN]
    stored.put("mended")
    stored.now += 300
    assert stored.tags() == ("mended",)


def test_a_new_environment_finds_the_last_good_one_among_the_versions(stored: Stored) -> None:
    stored.put("old")
    stored.put("good")
    for _ in range(5):
        stored.put("broken", "tag")
    assert (stored.tags(), stored.reports) == (("good",), [BROKEN])


def test_it_does_not_look_further_back_than_it_should(stored: Stored) -> None:
    stored.put("good")
    for _ in range(6):
        stored.put("broken", "tag")
    with pytest.raises(RetryableError, match="configuration_unusable"):
        stored.current()


def test_the_last_good_one_holds_while_ssm_fails(stored: Stored, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(**_: object) -> None:
        raise EndpointConnectionError(endpoint_url="https://ssm")

    stored.put("good")
    assert stored.tags() == ("good",)
    monkeypatch.setattr(stored.ssm, "get_parameter", down)
    stored.now += 300
    assert (stored.tags(), stored.reports) == (("good",), ["ssm_unreachable"])


def test_without_a_good_one_messages_wait(stored: Stored) -> None:
    with pytest.raises(RetryableError) as missing:
        stored.current()
    stored.put("broken", "tag")
    with pytest.raises(RetryableError) as broken:
        stored.current()
    assert [missing.value.code, broken.value.code] == ["ssm_ParameterNotFound", "configuration_unusable"]
    assert stored.reports == ["ssm_ParameterNotFound", BROKEN]
    stored.put("good")
    assert stored.tags() == ("good",)


def test_a_secret_parameter_is_not_decrypted(stored: Stored) -> None:
    stored.ssm.put_parameter(Name=PARAMETER, Value="[calls]", Type="SecureString")
    with pytest.raises(RetryableError, match="configuration_unusable"):
        stored.current()
