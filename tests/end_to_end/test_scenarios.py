"""The demonstration's scenarios: each function under its own role, Coval and the items as expected."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import boto3
import pytest

from local.demo.runner import Run
from local.demo.scenarios import SCENARIOS, Ending, Scenario
from local.demo.timeline import Timeline
from local.stack.stack import Stack

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

pytestmark = pytest.mark.sandbox

SECONDS = 600


@pytest.fixture(scope="module")
def endings(stack: Stack) -> Mapping[str, Ending]:
    return Run(stack, SCENARIOS, Timeline(width=30)).play(SECONDS)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_a_call_ends_as_expected(scenario: Scenario, endings: Mapping[str, Ending]) -> None:
    assert endings[scenario.name] == scenario.expected


@pytest.mark.usefixtures("endings")
def test_a_large_copy_was_staged_in_parts(stack: Stack) -> None:
    """S3 names the number of parts at the end of the ETag."""
    s3: S3Client = boto3.client("s3")
    copies = s3.list_objects_v2(Bucket=stack.staging_bucket)["Contents"]
    assert [copy for copy in copies if copy["Size"] > 100_000_000 and "-" in copy["ETag"]]
