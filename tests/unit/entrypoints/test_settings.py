"""The environment: parsed once, and a fault names the variable and never its value."""

import pytest

from coval_relay.settings import SettingsError, SubmitTranscriptSettings, UploadRecordingSettings, parse
from tests.support.environment_variables import COMMON, RECORDINGS


def test_lists_and_defaults() -> None:
    settings = parse(UploadRecordingSettings, {**COMMON, **RECORDINGS, "RECORDING_PREFIXES": ""})
    assert settings.recording_buckets == ("a-bucket", "b-bucket")
    assert settings.recording_prefixes == ("",)
    assert (settings.platforms, settings.configuration_parameter) == (("canonical",), "")


def test_a_fault_names_the_variable_not_its_value() -> None:
    broken = {**COMMON, "BUCKET_OWNER": "my secret"}
    del broken["TABLE_NAME"]
    with pytest.raises(SettingsError) as caught:
        parse(SubmitTranscriptSettings, broken)
    assert str(caught.value) == ("TABLE_NAME: Field required; BUCKET_OWNER: String should match pattern '^\\d{12}$'")
