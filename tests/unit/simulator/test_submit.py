"""Submit: fields, limits, audio sources and every documented answer (Coval API, conversations:submit)."""

import json
import re
from typing import Any

import pytest

from tests.support.audio_files import wav
from tests.support.simulator import (
    MESSAGE,
    Answer,
    Api,
    Files,
    detail,
    error,
    invalid,
    invalid_body,
    not_found,
)

TOO_LARGE = error(
    413,
    "PAYLOAD_TOO_LARGE",
    "Request payload exceeds maximum size limit",
    detail("metadata", "Request payload exceeds maximum size limit. Consider reducing metadata size."),
)
NO_INPUT = invalid(
    "Missing required input data", "transcript", "At least one of transcript or audio_url must be provided"
)
UPLOAD_ID = "upl_01HRAB8N9G7Q4Y3K2J5W6X1ZTC"
AGENT_ID = "gk3jK9mPq2xRt5vW8yZaBc"


def test_answers_with_the_resource_in_the_envelope_of_its_family(each_family: Api) -> None:
    status, answer = each_family.submit(
        {
            "transcript": [MESSAGE],
            "external_conversation_id": "call-1",
            "occurred_at": "2025-11-03T14:32:00.25Z",
            "metadata": {"campaign": "q4"},
            "tags": ["Gold", "gold", "vip"],
        }
    )
    (resource,) = answer.values()
    conversation_id, created = resource.pop("conversation_id"), resource.pop("create_time")
    assert (status, list(answer), resource) == (
        200,
        [each_family.family.envelope],
        {
            "name": f"conversations/{conversation_id}",
            "status": "PENDING",
            "external_conversation_id": "call-1",
            "occurred_at": "2025-11-03T14:32:00.25Z",
            "has_audio": False,
            "agent_id": None,
            "persona_id": None,
            "metadata": {"campaign": "q4"},
            "tags": ["gold", "vip"],
        },
    )
    assert re.fullmatch(r"[2-9A-HJ-NP-Za-km-z]{22}", conversation_id)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", created)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, NO_INPUT),
        ({"external_conversation_id": "only"}, NO_INPUT),
        ({"audio": "UklGRg=="}, NO_INPUT),
        (
            {"audio_url": "https://a.example/1.wav", "upload_id": UPLOAD_ID},
            invalid("audio_url and upload_id are mutually exclusive", "audio_url"),
        ),
        (
            {"transcript": []},
            invalid_body("transcript", "List should have at least 1 item after validation, not 0"),
        ),
        ({"transcript": None}, invalid_body(None, "Value error, transcript must not be null")),
        ({"transcript": "Hello"}, invalid_body("transcript", "Input should be a valid list")),
        ({"audio_url": 7}, invalid_body("audio_url", "Input should be a valid string")),
        (
            {"upload_id": "upl_01HRAB8N9G7Q4Y3K2J5W6X1ZTI"},
            invalid_body("upload_id", "String should match pattern '^upl_[0-9A-HJKMNP-TV-Z]{26}$'"),
        ),
        (
            {"transcript": [MESSAGE], "agent_id": "short"},
            invalid_body("agent_id", "String should match pattern '^[A-Za-z0-9-]{22}$'"),
        ),
        (
            {"transcript": [MESSAGE], "agent_id": AGENT_ID},
            not_found(f"Agent not found: {AGENT_ID}", "agent_id"),
        ),
        ({"upload_id": UPLOAD_ID}, not_found(f"Upload not found: {UPLOAD_ID}", "upload_id")),
        (
            {"transcript": [MESSAGE], "metadata": ["no"]},
            invalid_body("metadata", "Input should be a valid dictionary"),
        ),
        (
            {"transcript": [MESSAGE], "tags": ["t"] * 21},
            invalid_body("tags", "List should have at most 20 items after validation, not 21"),
        ),
        (
            {"transcript": [MESSAGE], "tags": ["ok", "x" * 201]},
            invalid_body("tags[1]", "String should have at most 200 characters"),
        ),
        (
            {"transcript": [MESSAGE], "tags": [" "]},
            invalid_body("tags[0]", r"String should match pattern '\S'"),
        ),
        (
            {"transcript": [MESSAGE], "occurred_at": 1762180320},
            invalid_body("occurred_at", "Input should be a valid string"),
        ),
        (
            {"transcript": [MESSAGE], "occurred_at": "yesterday"},
            invalid_body("occurred_at", "Value error, Input should be an ISO 8601 date-time"),
        ),
        (
            {"transcript": [MESSAGE], "occurred_at": "2025-11-03T14:32:00"},
            invalid_body("occurred_at", "Value error, Input should have a time zone"),
        ),
        (
            {"transcript": [MESSAGE], "external_conversation_id": 17},
            invalid_body("external_conversation_id", "Input should be a valid string"),
        ),
    ],
)
def test_rejects_and_keeps_nothing(each_family: Api, body: Any, expected: Answer) -> None:
    assert each_family.submit(body) == expected
    assert each_family.simulator.admin.conversations() == []


def test_rejects_several_fields_at_once(api: Api) -> None:
    assert api.submit({"transcript": [{"role": "bot"}], "tags": [1]}) == error(
        400,
        "INVALID_ARGUMENT",
        "Invalid request body",
        detail("tags[0]", "Input should be a valid string"),
        detail("transcript[0].role", "Input should be 'user', 'assistant', 'system' or 'tool'"),
    )


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"[1]", invalid_body(None, "Body must be a JSON object")),
        (b"{", None),
        (b'{"metadata": NaN}', invalid_body(None, "Body is not valid JSON: NaN is not JSON")),
    ],
)
def test_rejects_what_is_no_json_object(api: Api, content: bytes, expected: Answer | None) -> None:
    headers = {"Content-Type": "application/json"}
    answer = api.call("POST", "/v1/conversations:submit", content=content, headers=headers)
    assert answer[0] == 400
    assert answer[1]["error"]["message"] == "Invalid request body"
    assert expected is None or answer == expected


def test_rejects_a_body_that_is_not_declared_as_json(api: Api) -> None:
    answer = api.call("POST", "/v1/conversations:submit", content=b"{}", headers={"Content-Type": "text/plain"})
    assert answer == invalid_body(None, "Content-Type must be application/json")


def test_takes_null_for_the_agent_only(api: Api) -> None:
    assert api.submit({"transcript": [MESSAGE], "agent_id": None})[0] == 200


def test_takes_an_agent_that_exists(api: Api) -> None:
    api.simulator.admin.put_agent(AGENT_ID, display_name="Support", model_type="MODEL_TYPE_EMAIL")
    status, answer = api.submit({"transcript": [MESSAGE], "agent_id": AGENT_ID})
    assert (status, answer["conversation"]["agent_id"]) == (200, AGENT_ID)


def test_takes_a_naive_time_by_switch(api: Api) -> None:
    api.simulator.admin.configure(naive_times_allowed=True)
    status, answer = api.submit({"transcript": [MESSAGE], "occurred_at": "2025-11-03T14:32:00"})
    assert (status, answer["conversation"]["occurred_at"]) == (200, "2025-11-03T14:32:00")


def payload_of(size: int, character: str) -> dict[str, Any]:
    """A body whose ASCII-escaped compact JSON has exactly this many bytes."""
    body = {"transcript": [MESSAGE], "metadata": {"filling": ""}}
    filling = character * (
        (size - len(json.dumps(body, separators=(",", ":")))) // len(json.dumps(character).strip('"'))
    )
    body["metadata"] = {"filling": filling}
    rest = size - len(json.dumps(body, separators=(",", ":")))
    return {**body, "metadata": {"filling": filling + "a" * rest}}


@pytest.mark.parametrize("character", ["a", "é", "🎧"])
def test_counts_the_escaped_payload_up_to_262144_bytes(api: Api, character: str) -> None:
    assert api.submit(payload_of(262_144, character))[0] == 200
    assert api.submit(payload_of(262_145, character)) == TOO_LARGE


def test_the_gateway_rejects_more_than_it_can_carry(api: Api) -> None:
    body = {"transcript": [MESSAGE], "metadata": {"filling": "a" * 10 * 1024 * 1024}}
    assert api.submit(body) == (413, {"message": "Request Entity Too Large"})


def test_a_repeated_external_id_makes_a_second_conversation(api: Api) -> None:
    ids = {api.submitted(external_conversation_id="call-1"), api.submitted(external_conversation_id="call-1")}
    assert {item["conversation_id"] for item in api.simulator.admin.conversations("call-1")} == ids
    assert len(ids) == 2


def test_filters_simulated_calls(each_family: Api) -> None:
    body = {"transcript": [MESSAGE], "metadata": {"coval_simulation_id": "sim_7"}}
    filtered = 200, {"filtered": True, "reason": "coval_simulation", "simulation_id": "sim_7"}
    assert each_family.submit(body) == filtered
    assert each_family.simulator.admin.conversations() == []
    assert each_family.submit({"transcript": [MESSAGE], "metadata": {"coval_simulation_id": "other"}})[0] == 200
    each_family.simulator.admin.configure(filter_simulations=False)
    assert list(each_family.submit(body)[1]) == [each_family.family.envelope]


@pytest.mark.parametrize(
    ("metric", "legacy", "canonical"),
    [
        ("29BlkepvvX19ebbLDB0y6Q", None, None),
        (
            "x" * 27,
            "metrics[0]: String should have at most 26 characters",
            f"metrics: Unknown metric: {'x' * 27}",
        ),
        ("csat", "metrics[0]: String should have at least 22 characters", "metrics: Unknown metric: csat"),
        ("known_name", "metrics[0]: String should have at least 22 characters", None),
    ],
)
def test_metrics_are_ids_or_in_the_canonical_family_names(
    each_family: Api, metric: str, legacy: str | None, canonical: str | None
) -> None:
    each_family.simulator.admin.configure(metric_names=["known_name"])
    status, answer = each_family.submit({"transcript": [MESSAGE], "metrics": [metric]})
    expected = canonical if each_family.family.is_uploaded else legacy
    if expected is None:
        assert status == 200
    else:
        (found,) = answer["error"]["details"]
        assert (status, f"{found['field']}: {found['description']}") == (400, expected)


def test_only_known_metrics_by_switch(api: Api) -> None:
    known, unknown = "29BlkepvvX19ebbLDB0y6Q", "mymKvEg6ZA65srXbTX5wSM"
    api.simulator.admin.configure(metric_ids=[known])
    assert api.submit({"transcript": [MESSAGE], "metrics": [known]})[0] == 200
    assert api.submit({"transcript": [MESSAGE], "metrics": [unknown]}) == invalid(
        f"Unknown metric: {unknown}", "metrics"
    )


def test_an_upload_serves_one_submit(each_family: Api) -> None:
    upload_id = each_family.upload(wav())
    status, answer = each_family.submit({"upload_id": upload_id})
    assert (status, answer[each_family.family.envelope]["has_audio"]) == (200, True)
    assert each_family.submit({"upload_id": upload_id}) == not_found(f"Upload not found: {upload_id}", "upload_id")


def test_an_upload_whose_bytes_never_came_is_not_found(api: Api) -> None:
    _, answer = api.call("POST", "/v1/audio:upload", json={})
    upload_id = answer["upload_id"]
    assert api.submit({"upload_id": upload_id}) == not_found(f"Upload not found: {upload_id}", "upload_id")


def test_an_upload_lasts_seven_days(api: Api) -> None:
    first, second = api.upload(wav()), api.upload(wav())
    api.simulator.admin.configure(clock_offset_seconds=7 * 86400 - 60)
    assert api.submit({"upload_id": first})[0] == 200
    api.simulator.admin.configure(clock_offset_seconds=7 * 86400)
    assert api.submit({"upload_id": second}) == not_found(f"Upload not found: {second}", "upload_id")


def test_an_upload_that_is_rejected_is_not_used_up(api: Api) -> None:
    upload_id = api.upload(wav(3.0))
    rejected = invalid("Audio too short: 3.0 seconds. Minimum duration is 5 seconds.", "upload_id")
    assert [api.submit({"upload_id": upload_id}) for _ in range(2)] == [rejected, rejected]


def test_audio_is_fetched_from_the_url_exactly_as_it_was_signed(api: Api, files: Files) -> None:
    url = files.add("call%2F1%20a.wav", wav())
    signed = f"{url}?X-Amz-Credential=a%2Fb&X-Amz-Signature=c%2Bd"
    status, answer = api.submit({"audio_url": signed})
    assert (status, answer["conversation"]["has_audio"]) == (200, True)
    assert files.paths == ["/call%2F1%20a.wav?X-Amz-Credential=a%2Fb&X-Amz-Signature=c%2Bd"]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/404", "Audio URL not found (404)"),
        ("/403", "Failed to retrieve audio from URL"),
        ("/500", "Failed to retrieve audio from URL"),
        ("/302", "Failed to retrieve audio from URL"),
        ("/cut.wav", "Failed to retrieve audio from URL"),
    ],
)
def test_rejects_audio_that_cannot_be_fetched(each_family: Api, files: Files, path: str, message: str) -> None:
    files.add("cut.wav", wav())
    files.add("elsewhere", wav())
    body = {"transcript": [MESSAGE], "audio_url": files.url + path}
    assert each_family.submit(body) == invalid(message)
    assert files.paths == [path]


@pytest.mark.parametrize(
    "url",
    ["s3://bucket/key", "ftp://a.example/1.wav", "not a url", "http://", "http://127.0.0.1:1/x.wav", ""],
)
def test_rejects_urls_that_lead_nowhere(api: Api, url: str) -> None:
    assert api.submit({"audio_url": url}) == invalid("Failed to retrieve audio from URL")


def test_rejects_private_addresses_by_switch(api: Api, files: Files) -> None:
    api.simulator.admin.configure(private_addresses_allowed=False)
    url = files.add("call.wav", wav())
    assert api.submit({"audio_url": url}) == invalid("Failed to retrieve audio from URL")
    assert files.paths == []


@pytest.mark.parametrize(
    ("timings", "audio", "used"),
    [
        ([{"start_time": 0, "end_time": 1}, {"firstWordStart": 1.5, "lastWordEnd": 2}], True, "submitted"),
        ([{"start_time": 0, "end_time": 1}, {}], True, "transcribed"),
        ([{}], True, "transcribed"),
        ([{}], False, "submitted"),
    ],
)
def test_says_which_transcript_the_metrics_see(
    api: Api, files: Files, timings: list[dict[str, Any]], audio: bool, used: str
) -> None:
    source = {"audio_url": files.add("call.wav", wav())} if audio else {}
    assert api.submit({"transcript": [{**MESSAGE, **timing} for timing in timings], **source})[0] == 200
    assert [item["transcript_used"] for item in api.simulator.admin.conversations()] == [used]
