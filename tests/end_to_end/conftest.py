"""One local stack for all end-to-end tests, beside the one that `make up` starts."""

import os
from collections.abc import Iterator
from unittest.mock import patch

import pytest

from local.stack.paths import PROJECT, Files
from local.stack.stack import Stack, down, up

FILES = Files(PROJECT / ".local" / "end_to_end")


@pytest.fixture(scope="session", autouse=True)
def clean_environment() -> None:
    """The stack makes its own clean room: it has to look for tools and a registry as the user does."""


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    with patch.dict(os.environ):
        down(FILES)
        try:
            yield up(FILES)
        finally:
            down(FILES)
