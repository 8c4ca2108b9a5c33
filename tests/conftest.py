"""A clean room: no AWS profile, key or endpoint of the developer's reaches a test."""

import os
from collections.abc import Iterator
from functools import cache
from unittest.mock import patch

import pytest
from botocore.loaders import create_loader
from hypothesis import settings

# Machines are small and noisy: no example fails for being slow, and CI plays the same examples each time.
for profile, examples in (("quick", 20), ("full", 100)):
    settings.register_profile(profile, deadline=None, derandomize="CI" in os.environ, max_examples=examples)
settings.load_profile("quick")

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_REGION": "us-east-1",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
    "POWERTOOLS_SERVICE_NAME": "test",
    "POWERTOOLS_METRICS_NAMESPACE": "CovalRelay",
}
KEPT = (
    "PYTEST_CURRENT_TEST",
    "PATH",
    "HOME",
    "TMPDIR",
    "LANG",
    "PYENV_VERSION",
    "PYTHONPATH",
    "CI",
    "PIP_CERT",
    "SSL_CERT_FILE",
)


@pytest.fixture(scope="session", autouse=True)
def clean_environment() -> Iterator[None]:
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    with patch.dict(os.environ, {**kept, **ENVIRONMENT}, clear=True):
        yield


@pytest.fixture(scope="session", autouse=True)
def service_models_read_once() -> Iterator[None]:
    """Each emulated AWS has sessions of its own; what botocore ships of a service is large, and stays the same."""
    with patch("botocore.session.create_loader", cache(create_loader)):
        yield


@pytest.fixture(autouse=True)
def restored_environment() -> Iterator[None]:
    """What a test does to the environment ends with it."""
    with patch.dict(os.environ):
        yield
