"""One local stack for all end-to-end tests, beside the one that `make up` starts."""

from collections.abc import Iterator

import pytest

from local.stack.stack import Egress, Stack
from tests.aws.cost import BILLS
from tests.aws.live_stack import live_stack
from tests.aws.sandbox import LIVE
from tests.end_to_end.platform_web_servers import Web, served
from tests.support.own_stack import files_of, own_stack

FILES = files_of("end_to_end")
HOSTS = (
    "api.elevenlabs.io",
    "api.twilio.com",
    "dxc03zgurdly9.cloudfront.example",
    "intelligence.twilio.com",
    "media.twiliocdn.com",
    "s3.amazonaws.com",
    "storage.acme.example",
    "storage.vapi.ai",
)
"""Of the samples' URLs, and where Twilio redirects to."""
CREDENTIALS = {
    "api.elevenlabs.io": {"header": "xi-api-key", "value": "xi-local-key"},
    "api.twilio.com": {"username": "AC-local", "password": "twilio-local-password"},
    "intelligence.twilio.com": {"username": "AC-local", "password": "twilio-local-password"},
}


@pytest.fixture(scope="session", autouse=True)
def clean_environment() -> None:
    """The stack makes its own clean room: it has to look for tools and a registry as the user does."""


@pytest.fixture(scope="session")
def web() -> Web:
    """What the platforms' web servers hold."""
    return Web()


@pytest.fixture(scope="session")
def egress(web: Web, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Egress]:
    """The way there."""
    with served(web, tmp_path_factory.mktemp("web"), HOSTS, credentials=CREDENTIALS) as way_out:
        yield way_out


@pytest.fixture(scope="session")
def stack(egress: Egress) -> Iterator[Stack]:
    with live_stack(FILES) if LIVE else own_stack(FILES, egress) as stack:
        yield stack


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What only AWS can show is no part of a run on the local stack."""
    left_out = [item for item in items if not LIVE and item.get_closest_marker("aws_only")]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What a run in an account of AWS has cost."""
    for line in BILLS:
        terminalreporter.write_line(line)
