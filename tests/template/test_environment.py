"""Each function's environment and its settings model are the same list."""

import json

import httpx
import pytest
from botocore.utils import get_environ_proxies

from coval_relay.settings import (
    AttachRecordingSettings,
    Settings,
    SubmitTranscriptSettings,
    UploadRecordingSettings,
    parse,
)
from tests.template.cloudformation import Stack
from tests.template.deployments import CREDENTIALS, FULLEST, QUEUE_OF, SECRET

LARGEST_ENVIRONMENT_BYTES = 4096
LIBRARIES = ("POWERTOOLS_", "PYDANTIC_", "HTTPS_PROXY", "NO_PROXY")
MODELS: dict[str, type[Settings]] = {
    "SubmitTranscript": SubmitTranscriptSettings,
    "UploadRecording": UploadRecordingSettings,
    "AttachRecording": AttachRecordingSettings,
}
each_function = pytest.mark.parametrize("function", MODELS)


def variables(stack: Stack, function: str) -> dict[str, str]:
    found: dict[str, str] = stack.properties(f"{function}Function")["Environment"]["Variables"]
    return found


@each_function
def test_environment_is_the_settings_model_both_ways(smallest: Stack, function: str) -> None:
    own = {name.lower() for name in variables(smallest, function) if not name.startswith(LIBRARIES)}
    assert own == set(MODELS[function].model_fields)


@each_function
def test_libraries_get_what_they_need(smallest: Stack, function: str) -> None:
    found = variables(smallest, function)
    assert {name: found[name] for name in found if name.startswith(LIBRARIES)} == {
        "POWERTOOLS_SERVICE_NAME": "relay",
        "POWERTOOLS_METRICS_NAMESPACE": "CovalRelay",
        "POWERTOOLS_LOG_LEVEL": "INFO",
        "PYDANTIC_DISABLE_PLUGINS": "__all__",
    }


PROXY, *DIRECTLY = FULLEST["HttpsProxy"].split(",")


@each_function
def test_libraries_get_the_proxy(fullest: Stack, function: str) -> None:
    found = variables(fullest, function)
    assert (found["HTTPS_PROXY"], found["NO_PROXY"]) == (PROXY, ",".join([PROXY, *DIRECTLY]))


@pytest.mark.parametrize(
    ("url", "proxied"),
    [
        ("https://api.coval.dev/v1/conversations", True),
        ("https://proxy.acme.example/", True),
        ("https://sqs.eu-west-2.amazonaws.com/", False),
        ("https://acme-recordings.s3.eu-west-2.amazonaws.com/key", False),
        ("https://s3.eu-central-1.amazonaws.com/", True),
        ("https://coval.acme.example/v1/conversations", False),
    ],
)
def test_the_proxy_s_own_url_among_the_hosts_without_it_does_no_harm(
    fullest: Stack, monkeypatch: pytest.MonkeyPatch, url: str, proxied: bool
) -> None:
    """As the two libraries read the variables: httpx by its transport for a URL, botocore for an endpoint."""
    for name in ("HTTPS_PROXY", "NO_PROXY"):
        monkeypatch.setenv(name, variables(fullest, "SubmitTranscript")[name])
    assert get_environ_proxies(url).get("https") == (PROXY if proxied else None)
    with httpx.Client() as client:
        transport = client._transport_for_url(httpx.URL(url))
        assert (transport is not client._transport) is proxied


NOBODY_CAN_GUESS = "recording_buckets"
"""The template asks for them."""


@each_function
def test_defaults_are_those_of_the_code(smallest: Stack, function: str) -> None:
    model = MODELS[function]
    settings = parse(model, variables(smallest, function))
    defaults = {
        name: field.get_default(call_default_factory=True, validated_data={})
        for name, field in model.model_fields.items()
        if not field.is_required() and name != NOBODY_CAN_GUESS
    }
    assert settings.model_dump(include=set(defaults)) == defaults


@each_function
def test_queues_are_the_function_s_own(smallest: Stack, function: str) -> None:
    settings = parse(MODELS[function], variables(smallest, function))
    queue = QUEUE_OF[function]
    assert settings.model_dump(include={"table_name", "coval_api_key_secret_arn"} | QUEUE_FIELDS) == {
        "table_name": "ConversationTable",
        "queue_url": f"{queue}Queue",
        "dead_letter_queue_url": f"{queue}DeadLetterQueue",
        "call_end_queue_url": "CallEndQueue",
        "recording_queue_url": "RecordingQueue",
        "attach_queue_url": "AttachQueue",
        "coval_api_key_secret_arn": SECRET,
    }


QUEUE_FIELDS = {
    "queue_url",
    "dead_letter_queue_url",
    "call_end_queue_url",
    "recording_queue_url",
    "attach_queue_url",
}


def test_lists_reach_the_code_whole(fullest: Stack) -> None:
    attach = parse(AttachRecordingSettings, variables(fullest, "AttachRecording"))
    submit = parse(SubmitTranscriptSettings, variables(fullest, "SubmitTranscript"))
    assert attach.recording_buckets == ("acme-recordings", "acme-voicemail")
    assert attach.recording_prefixes == ("voice/", "calls/2026 é+")
    assert submit.transcript_buckets == ("acme-recordings",)
    assert submit.transcript_prefixes == tuple(FULLEST["TranscriptPrefixes"].split(","))


@each_function
def test_choices_reach_every_function(fullest: Stack, function: str) -> None:
    found = parse(MODELS[function], variables(fullest, function))
    assert found.model_dump(include=set(OPTIONS)) == OPTIONS


OPTIONS = {
    "platforms": ("amazon_connect", "amazon_chime", "genesys", "canonical"),
    "configuration_parameter": FULLEST["ConfigurationParameterName"],
    "platform_credentials_secret_arn": CREDENTIALS,
    "rejected_events_bucket": "StagingBucket",
    "bucket_owner": "111122223333",
}


@pytest.mark.parametrize("function", ["UploadRecording", "AttachRecording"])
def test_prepared_copies_lie_in_the_stack_s_own_bucket(smallest: Stack, function: str) -> None:
    assert variables(smallest, function)["STAGING_BUCKET"] == "StagingBucket"


@each_function
def test_environment_has_room_left(fullest: Stack, function: str) -> None:
    """Lambda: all variables of a function together take at most 4 KB."""
    assert len(json.dumps(variables(fullest, function))) < LARGEST_ENVIRONMENT_BYTES * 3 / 4
