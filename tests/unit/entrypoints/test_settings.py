"""The environment: parsed once, and a fault names the variable and never its value."""

import pytest

from coval_relay.settings import SettingsError, SubmitTranscriptSettings, UploadRecordingSettings, parse
from tests.support.environment_variables import COMMON, RECORDINGS


def test_lists_numbers_and_defaults() -> None:
    settings = parse(
        UploadRecordingSettings,
        {**COMMON, **RECORDINGS, "GRACE_SECONDS": "60", "METRICS": "", "RECORDING_PREFIXES": ""},
    )
    assert settings.recording_buckets == ("a-bucket", "b-bucket")
    assert settings.recording_prefixes == ("",)
    assert (settings.grace_seconds, settings.coval_timeout_seconds, settings.metrics) == (60, 30, ())


def test_the_agent_map_is_json() -> None:
    settings = parse(SubmitTranscriptSettings, {**COMMON, "AGENT_IDS": '{"front-desk": "x"}'})
    assert settings.agent_ids == {"front-desk": "x"}


def test_a_fault_names_the_variable_not_its_value() -> None:
    broken = {**COMMON, "GRACE_SECONDS": "my secret", "OVERSIZE_TRANSCRIPT": "shrink"}
    del broken["TABLE_NAME"]
    with pytest.raises(SettingsError) as caught:
        parse(SubmitTranscriptSettings, broken)
    assert str(caught.value) == (
        "TABLE_NAME: Field required; "
        "GRACE_SECONDS: Input should be a valid integer, unable to parse string as an integer; "
        "OVERSIZE_TRANSCRIPT: Input should be 'truncate', 'recording' or 'reject'"
    )
