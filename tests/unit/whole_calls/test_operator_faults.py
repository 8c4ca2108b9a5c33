"""What an operator has to mend costs no call, at whatever request to Coval it shows: it waits, alarms, and goes on."""

import pytest

from coval_relay.adapters.coval import error_mapping
from coval_relay.domain.errors import RetryableError
from tests.support.scenarios import SCENARIOS, Scenario, outcome
from tests.support.world import World

pytestmark = pytest.mark.slow
REQUESTS = ("submit", "create_upload", "put_audio", "attach", "find")
CODES = (
    error_mapping.PERMISSION_DENIED,
    error_mapping.AGENT_UNKNOWN,
    error_mapping.METRICS_UNKNOWN,
    error_mapping.NO_SUCH_PATH,
    error_mapping.PRECONDITION_FAILED,
    error_mapping.QUOTA_EXCEEDED,
)
FAILURES = 12
"""In pauses that grow: more than half an hour."""


def waits_until_mended(scenario: Scenario, request: str, code: str) -> None:
    world = World()
    world.coval.errors += [(request, RetryableError(code), False)] * FAILURES
    scenario.play(world)
    world.run(hours=48)
    asked = len(world.coval.errors) < FAILURES
    assert outcome(world) == scenario.expected
    assert world.dead == []
    assert ("OPERATOR_NEEDED" in world.events()) is asked


@pytest.mark.parametrize("request_", REQUESTS)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_a_key_that_is_not_accepted(scenario: Scenario, request_: str) -> None:
    waits_until_mended(scenario, request_, error_mapping.UNAUTHENTICATED)


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("request_", REQUESTS)
def test_a_setting_that_coval_does_not_accept(request_: str, code: str) -> None:
    for scenario in SCENARIOS[:2]:
        waits_until_mended(scenario, request_, code)
