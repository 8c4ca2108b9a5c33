"""Each folder of configurations/ is deployed beside the local stack, and takes a call to Coval."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.simulator import AdminClient
from local.stack.parameters import PARTNER_BUS, RECORDINGS, merged
from local.stack.stack import Stack, secrets
from local.webhooks import function_url
from scripts import smoke_test, ways_in
from tests.aws.sandbox import Choices, Deployment, left_by
from tests.support import ready_configurations
from tests.support.own_stack import files_of, own_stack
from tests.support.ready_configurations import FOLDERS, document

FILES = files_of("configurations")


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with own_stack(FILES) as found:
        yield found


def choices(folder: Path, coval_url: str) -> Choices:
    """As they are, but for where Coval is, and how long a request may take: the functions have half a minute here."""
    parameters = ready_configurations.parameters(folder, RECORDINGS, PARTNER_BUS, secrets({}))
    return Choices(parameters, merged(document(folder), {"coval": {"base_url": coval_url, "timeout_seconds": 5}}))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_it_works_as_soon_as_it_is_deployed(
    stack: Stack, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment = Deployment(f"ready-{folder.name.replace('_', '-')}", FILES.folder / folder.name)
    outputs = deployment.deploy(choices(folder, stack.coval_url))
    began = int(time.time())

    def unsigned(url: str, body: bytes) -> int:
        """No name server knows the emulator's hosts."""
        sample = {"detail-type": "unsigned", "detail": {}}
        return function_url(stack.aws_url, outputs).post(url.rpartition("/")[2], sample, content=body, headers={})

    monkeypatch.setattr(ways_in, "answer", unsigned)
    try:
        assert smoke_test.main(["--stack", deployment.name, "--call"]) == 0, capsys.readouterr().out
        *lines, last = capsys.readouterr().out.splitlines()
        asked = [line for line in lines if ways_in.SIGNED_ALONE in line]
        assert len(asked) == ("WebhookFunctionUrl" in outputs)
        call_id = last.split()[1].rstrip(":")
        with AdminClient(stack.coval_url) as coval:
            (conversation,) = coval.conversations(call_id)
        assert last == f"ok    {call_id}: is in Coval as {conversation['conversation_id']}"
        assert int(call_id.removeprefix("smoke-test-")) >= began
    finally:
        deployment.delete()
        left_by(outputs)
