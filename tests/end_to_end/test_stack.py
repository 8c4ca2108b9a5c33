"""A stack that is up is used again as it is."""

from local.stack.paths import BUILD
from local.stack.stack import Egress, Stack, aws_server, is_up, simulator_server, up
from tests.end_to_end.conftest import FILES


def _state() -> list[str]:
    servers = [aws_server(FILES), simulator_server(FILES)]
    built = str((BUILD / "template.yaml").stat().st_mtime_ns)
    return [*(server.record.read_text() for server in servers), built, FILES.deployed.read_text()]


def test_a_second_up_starts_builds_and_deploys_nothing(stack: Stack, egress: Egress) -> None:
    before = _state()
    deployed_at = FILES.deploy_log.stat().st_mtime_ns

    assert up(FILES, egress) == stack

    assert is_up(FILES)
    assert _state() == before
    assert FILES.deploy_log.stat().st_mtime_ns == deployed_at
