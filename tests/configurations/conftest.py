"""As the end-to-end tests: the stack makes its own clean room."""

import pytest


@pytest.fixture(scope="session", autouse=True)
def clean_environment() -> None:
    """The stack has to look for tools and a registry as the user does."""
