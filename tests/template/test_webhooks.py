"""The ways in for webhooks: none unless one is asked for, and both look alike to the function."""

import json
from typing import Any

import pytest

from coval_relay.domain.webhooks.event_types import EVENT_TYPES
from coval_relay.platforms import registry
from tests.template.cloudformation import Stack
from tests.template.deployments import SMALLEST, WEBHOOKS, key

URL = {"WebhookUrl", "WebhookUrlPermission", "WebhookUrlInvokePermission"}
API = {"WebhookApi", "WebhookIntegration", "WebhookRoute", "WebhookLabelRoute", "WebhookStage", "WebhookApiPermission"}
SENDERS = ("Twilio", "Vapi", "Retell", "ElevenLabs", "LiveKit", "Telnyx", "Daily", "Canonical")


def deployed(smallest: Stack, way: str) -> Stack:
    return Stack(smallest.template, {**SMALLEST, "Webhooks": way, "WebhookSecretArn": WEBHOOKS})


@pytest.mark.parametrize(("way", "expected"), [("function_url", URL), ("http_api", API), ("both", URL | API)])
def test_ways_in(smallest: Stack, way: str, expected: set[str]) -> None:
    stack = deployed(smallest, way)
    assert {name for name in stack.resources() if name in URL | API} == expected
    assert "ReceiveWebhookFunction" in stack.resources()


def test_without_one_nothing_of_it_is_there(smallest: Stack) -> None:
    assert [name for name in (*smallest.resources(), *smallest.outputs()) if "ebhook" in name] == []
    assert smallest.properties("SubmitTranscriptFunction")["Environment"]["Variables"]["WEBHOOK_BUCKET"] == ""


@pytest.mark.parametrize(
    ("way", "base"), [("function_url", "WebhookUrl.FunctionUrl"), ("http_api", "WebhookApi.ApiEndpoint/")]
)
def test_outputs_give_each_platform_s_url(smallest: Stack, way: str, base: str) -> None:
    outputs = deployed(smallest, way).outputs()
    found = {name: outputs[f"{name}WebhookUrl"] for name in SENDERS}
    retries = {"Twilio": "#rc=5&rp=all"}
    assert found == {name: base + name.lower() + retries.get(name, "") for name in SENDERS}
    assert {name.lower() for name in SENDERS} == set(EVENT_TYPES)


def test_what_is_wanted_is_what_its_platform_reads() -> None:
    for platform, events in EVENT_TYPES.items():
        (listing,) = (one for one in registry.PLATFORMS if one.name == platform)
        assert events.wanted <= set(listing.detail_types), platform
        assert not events.wanted or events.wanted == set(listing.detail_types), platform


def test_the_function_url_leaves_the_verifying_to_the_function(fullest: Stack) -> None:
    assert fullest.properties("WebhookUrl") == {"TargetFunctionArn": "ReceiveWebhookFunction", "AuthType": "NONE"}


OWN = [["CovalRelay", f"Webhook{name}", "service", "relay"] for name in ("Rejected", "Failed", "Unrouted")]
OF_URL = [["AWS/Lambda", name, "FunctionName", "ReceiveWebhookFunction"] for name in ("Url4xxCount", "Url5xxCount")]
OF_API = [["AWS/ApiGateway", name, "ApiId", "WebhookApi"] for name in ("4xx", "5xx")]


@pytest.mark.parametrize(
    ("way", "expected"), [("function_url", OF_URL), ("http_api", OF_API), ("both", [*OF_URL, *OF_API])]
)
def test_what_aws_answers_itself_is_seen_on_the_dashboard(smallest: Stack, way: str, expected: list[list[str]]) -> None:
    """What is larger than Lambda takes comes to no function, so nothing of ours counts it."""
    widgets = json.loads(deployed(smallest, way).properties("WebhookDashboard")["DashboardBody"])["widgets"]
    places = [(one["x"], one["y"], one["width"]) for one in widgets]
    assert sorted(places) == [(0, 0, 12), (0, 6, 12), (12, 0, 12), (12, 6, 12)]
    (shown,) = (one["properties"]["metrics"] for one in widgets if "in all" in one["properties"]["title"])
    assert [spelt_out(shown, at) for at in range(len(shown))] == [*OWN, *expected]


def spelt_out(metrics: list[list[str]], at: int) -> list[str]:
    """A point stands for what stands there in the metric before."""
    return [spelt_out(metrics, at - 1)[place] if part == "." else part for place, part in enumerate(metrics[at])]


def test_the_http_api_takes_posts_of_one_or_two_names(fullest: Stack) -> None:
    routes = fullest.resources("AWS::ApiGatewayV2::Route").values()
    assert {one["Properties"]["RouteKey"] for one in routes} == {"POST /{platform}", "POST /{platform}/{label}"}
    assert {one["Properties"]["Target"] for one in routes} == {"integrations/WebhookIntegration"}
    integration = fullest.properties("WebhookIntegration")
    assert (integration["IntegrationType"], integration["PayloadFormatVersion"]) == ("AWS_PROXY", "2.0")
    assert fullest.properties("WebhookStage")["StageName"] == "$default"


def test_the_function(smallest: Stack, fullest: Stack) -> None:
    plain = deployed(smallest, "function_url").properties("ReceiveWebhookFunction")
    chosen = ("Handler", "MemorySize", "Timeout", "Role", "LoggingConfig")
    assert {name: plain[name] for name in chosen} == {
        "Handler": "app.handler",
        "MemorySize": 512,
        "Timeout": 15,
        "Role": "ReceiveWebhookRole.Arn",
        "LoggingConfig": {"LogFormat": "JSON", "ApplicationLogLevel": "INFO", "LogGroup": "ReceiveWebhookLogGroup"},
    }
    own = {name: plain["Environment"]["Variables"][name] for name in ("WEBHOOK_SECRET_ARN", "WEBHOOK_BUCKET")}
    assert own == {"WEBHOOK_SECRET_ARN": WEBHOOKS, "WEBHOOK_BUCKET": "WebhookBucket"}
    assert "ReservedConcurrentExecutions" not in plain
    assert fullest.properties("ReceiveWebhookFunction")["ReservedConcurrentExecutions"] == "50"


def test_large_bodies_are_kept_for_thirty_days(translated: dict[str, Any], fullest: Stack) -> None:
    found, staging = fullest.properties("WebhookBucket"), fullest.properties("StagingBucket")
    for name in ("BucketEncryption", "OwnershipControls", "PublicAccessBlockConfiguration"):
        assert found[name] == staging[name]
    [rule] = found["LifecycleConfiguration"]["Rules"]
    assert (rule["Status"], rule["ExpirationInDays"]) == ("Enabled", 30)
    assert key("own") in str(found["BucketEncryption"])
    for name in ("WebhookBucket", "WebhookBucketPolicy"):
        assert translated["Resources"][name]["DeletionPolicy"] == "RetainExceptOnCreate"
    [statement] = fullest.properties("WebhookBucketPolicy")["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
