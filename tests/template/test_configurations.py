"""What configurations/ has ready: each with the parameters that its platform needs, and no prompt."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from coval_relay.configuration.parsing import validated
from coval_relay.platforms.registry import NAMES
from scripts import check_configuration, samconfig
from tests.support import ready_configurations
from tests.support.ready_configurations import FOLDERS, document
from tests.template.cloudformation import Stack
from tests.template.deployments import CREDENTIALS, PARTNER_BUS, SECRET, WEBHOOKS
from tests.template.test_parameters import accepts

SECRETS = {
    "CovalApiKeySecretArn": SECRET,
    "PlatformCredentialsSecretArn": CREDENTIALS,
    "WebhookSecretArn": WEBHOOKS,
}
MOST_VALUES = 3
each_folder = pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)


def parameters(folder: Path) -> dict[str, str]:
    return ready_configurations.parameters(folder, "acme-recordings", PARTNER_BUS, SECRETS)


def test_there_is_one_for_each_way_to_begin() -> None:
    names = {folder.name for folder in FOLDERS}
    assert names == {"amazon_connect", "twilio", "vapi", "retell", "livekit", "genesys", "plain_s3"}
    assert names - {"plain_s3"} <= {*NAMES}


@each_folder
def test_the_template_takes_what_was_filled_in(translated: dict[str, Any], folder: Path) -> None:
    filled = parameters(folder)
    assert [name for name, value in filled.items() if not accepts(translated["Parameters"][name], value)] == []
    assert Stack(translated, filled).broken_rules() == []


@each_folder
def test_its_two_files_agree(folder: Path) -> None:
    assert list(check_configuration.apart(validated(document(folder)), parameters(folder))) == []


@each_folder
def test_two_or_three_values_are_left_to_the_operator_and_the_build_asks_for_them(folder: Path) -> None:
    written = samconfig.overrides(samconfig.read(folder / "samconfig.toml"))
    left = {
        (name.partition("Secret")[0] if "Secret" in name else value)
        for name, value in written.items()
        if value[0] == "<"
    }
    assert 1 <= len(left) <= MOST_VALUES
    found = list(check_configuration.faults(folder))
    assert len(found) >= len(left)
    assert all(": fill in <" in fault for fault in found)


@each_folder
def test_nothing_is_asked_at_the_deploy(folder: Path) -> None:
    deploy = samconfig.read(folder / "samconfig.toml")["default"]["deploy"]["parameters"]
    assert (deploy["confirm_changeset"], deploy["resolve_s3"]) == (False, True)


def test_the_check_names_what_does_not_fit(tmp_path: Path) -> None:
    shutil.copy(FOLDERS[0] / "samconfig.toml", tmp_path)
    (tmp_path / "relay.toml").write_text("[platforms.vapi]\nagent_channel = 1\n")
    faults = list(check_configuration.faults(tmp_path))
    assert (
        faults[-1] == "relay.toml: platforms.vapi: is not one of the parameter Platforms, in samconfig.toml's default"
    )


def test_transcripts_of_your_own_need_a_rule() -> None:
    own = {"Platforms": "canonical", "TranscriptBuckets": "acme"}
    rule = {"name": "own", "kind": "transcript", "pattern": r"(?P<external_conversation_id>.+)\.json"}
    fault = "key_rules: TranscriptBuckets needs a rule of kind transcript, or another platform"
    assert list(check_configuration.apart(validated({}), own)) == [fault]
    assert list(check_configuration.apart(validated({"key_rules": [rule]}), own)) == []
