"""A few hundred random bodies, signed or verified by the vendors' SDKs; `make webhooks` runs more."""

import pytest

from tests.support.webhook_rounds import run


@pytest.mark.parametrize("seed", range(4))
def test_ours_and_the_vendors_verification_agree(seed: int) -> None:
    assert run(100, seed) == []
