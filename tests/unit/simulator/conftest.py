"""A simulator for each test, reset to its defaults."""

from collections.abc import Iterator

import httpx
import pytest

from local.simulator import RunningSimulator, running
from local.simulator.path_families import FAMILIES, LEGACY
from tests.support.simulator import Api, Files, serving_files


@pytest.fixture(scope="session")
def shared_simulator() -> Iterator[RunningSimulator]:
    with running(list_lag_seconds=0) as simulator:
        yield simulator


@pytest.fixture(scope="session")
def http() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False) as client:
        yield client


@pytest.fixture
def simulator(shared_simulator: RunningSimulator) -> RunningSimulator:
    shared_simulator.admin.reset()
    return shared_simulator


@pytest.fixture
def api(simulator: RunningSimulator, http: httpx.Client) -> Api:
    return Api(simulator, LEGACY, http)


@pytest.fixture(params=FAMILIES, ids=[family.envelope for family in FAMILIES])
def each_family(request: pytest.FixtureRequest, simulator: RunningSimulator, http: httpx.Client) -> Api:
    return Api(simulator, request.param, http)


@pytest.fixture(scope="session")
def shared_files() -> Iterator[Files]:
    with serving_files() as files:
        yield files


@pytest.fixture
def files(shared_files: Files) -> Files:
    shared_files.contents.clear()
    shared_files.paths.clear()
    return shared_files
