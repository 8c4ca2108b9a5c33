"""Some hundreds of payloads a platform, made of its own types: no call is lost, nothing optional rejects it."""

import pytest

from tests.vendors.judge import PLATFORMS, judged

PAYLOADS = 300


@pytest.mark.parametrize("platform", PLATFORMS)
def test_no_call_is_lost_and_nothing_is_rejected(platform: str) -> None:
    report = judged(platform, PAYLOADS, seed=7)
    assert (report.payloads, report.faults) == (PAYLOADS, {})
    assert report.call_ends > PAYLOADS / 10
