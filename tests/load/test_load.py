"""A small load run: nothing is lost and nothing doubled while workers die, and Coval and AWS fail."""

from collections.abc import Iterator

import pytest

from local.load.run import Result, Run
from local.load.settings import CONFIGURATION, LoadSettings, Pace
from local.load.verification import Verdict
from local.simulator import AdminClient
from tests.support.own_stack import files_of, own_stack

FILES = files_of("load")
"""A stack of its own: its deadlines are longer than those of the others."""
PACE = Pace(
    kill=8,
    settled=8,
    coval_faults=0.1,
    throttle=15,
    throttled=3,
    storm=15,
    storming=2,
    expiry=10,
    expired=1,
    outage=5,
)
SETTINGS = LoadSettings(calls=45, rate=4, pace=PACE, longest_seconds=600, sweep_seconds=5)


@pytest.fixture(scope="module")
def result() -> Iterator[Result]:
    with own_stack(FILES, configuration=CONFIGURATION) as stack, AdminClient(stack.coval_url) as coval:
        yield Run(stack, FILES, SETTINGS, print, coval).play()


def test_every_call_is_in_coval_once_as_it_was_sent(result: Result) -> None:
    assert (result.calls, result.is_good(), result.verdict, result.dead_letters) == (
        45,
        True,
        Verdict(),
        (),
    )


def test_there_was_something_to_withstand(result: Result) -> None:
    disturbed = {name for name, count in result.disturbed.items() if count}
    faults = {name.partition(" ")[2] for name in result.aws}
    assert disturbed == {"workers killed", "functions throttled", "AWS storms", "expiries"}
    assert faults == {"passed", "throttled", "cut", "lost"}
    assert {"200", "429 (fault)", "503 (fault)"} <= set(result.answers)
