"""One emulated AWS for all tests of this folder."""

from collections.abc import Iterator

import pytest

from tests.support import emulator


@pytest.fixture(scope="session")
def aws_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with emulator.running(tmp_path_factory.mktemp("emulator")) as url:
        yield url
