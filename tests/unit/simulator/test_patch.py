"""Patch: audio once, metadata additively (Coval API, PATCH conversations/{id})."""

import base64
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.support.audio_files import wav
from tests.support.simulator import Answer, Api, Files, detail, error, invalid, invalid_body, not_found

UNKNOWN_ID = "gk3jK9mPq2xRt5vW8yZaBc"
ONE_OF = "Exactly one of audio_url, audio or metadata must be provided"
IDENTITY_KEYS = [
    "conversation_id",
    "external_conversation_id",
    "call_id",
    "trace_id",
    "langfuse_trace_id",
    "observation_id",
    "langfuse_observation_id",
    "project_id",
    "environment",
    "occurred_at",
]


def second_audio(conversation_id: str) -> Answer:
    message = f"Conversation '{conversation_id}' already has audio attached. Overwriting audio is not supported."
    return error(409, "ALREADY_EXISTS", message, detail("audio", "Audio already attached"))


def test_attaches_audio_once(each_family: Api, files: Files) -> None:
    conversation_id = each_family.submitted()
    body = {"audio_url": files.add("call.wav", wav())}
    status, answer = each_family.patch(conversation_id, body)
    assert (status, answer) == each_family.get(conversation_id)
    assert (status, answer[each_family.family.envelope]["has_audio"]) == (200, True)
    assert each_family.patch(conversation_id, body) == second_audio(conversation_id)
    assert len(files.paths) == 1


def test_attaches_base64(api: Api) -> None:
    conversation_id = api.submitted()
    content = base64.b64encode(wav()).decode()
    assert api.patch(conversation_id, {"audio": content})[0] == 200
    assert [item["audio"]["source"] for item in api.simulator.admin.conversations()] == ["audio"]


def test_audio_of_the_submit_cannot_be_replaced(api: Api, files: Files) -> None:
    body = {"audio_url": files.add("call.wav", wav())}
    conversation_id = api.submitted(**body)
    assert api.patch(conversation_id, body) == second_audio(conversation_id)


def test_of_two_attachments_at_once_one_wins(api: Api, files: Files) -> None:
    conversation_id = api.submitted()
    api.simulator.admin.add_fault({"kind": "delay", "seconds": 0.05}, times=2, method="PATCH")
    body = {"audio_url": files.add("call.wav", wav())}
    with ThreadPoolExecutor(2) as pool:
        statuses = sorted(status for status, _ in pool.map(lambda _: api.patch(conversation_id, body), range(2)))
    assert statuses == [200, 409]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, invalid(ONE_OF, "audio")),
        ({"upload_id": "upl_01HRAB8N9G7Q4Y3K2J5W6X1ZTC"}, invalid(ONE_OF, "audio")),
        ({"audio_url": "https://a.example/1.wav", "metadata": {}}, invalid(ONE_OF, "audio_url")),
        ({"audio_url": "https://a.example/1.wav", "audio": "UklGRg=="}, invalid(ONE_OF, "audio_url")),
        ({"audio": "%"}, invalid_body("audio", "audio must be base64-encoded")),
        ({"audio": ""}, invalid("Audio file is empty.", "audio")),
        (
            {"audio": base64.b64encode(b"OggS" + bytes(60)).decode()},
            invalid("Unsupported audio format: OGG. Only WAV and MP3 files are supported.", "audio"),
        ),
        ({"metadata": []}, invalid_body("metadata", "Input should be a valid dictionary")),
        (
            {"metadata": {str(number): number for number in range(101)}},
            invalid("At most 100 metadata keys per request", "metadata"),
        ),
        (
            {"metadata": {"k" * 201: 1}},
            invalid("Metadata key names are limited to 200 characters", "metadata"),
        ),
        ({"metadata": {"k": None}}, invalid("Metadata value of 'k' must not be null", "metadata")),
        *(
            (
                {"metadata": {key: 1}},
                invalid(f"Metadata key '{key}' identifies the conversation and cannot be set", "metadata"),
            )
            for key in IDENTITY_KEYS
        ),
    ],
)
def test_rejects(each_family: Api, body: Any, expected: Answer) -> None:
    conversation_id = each_family.submitted()
    before = each_family.simulator.admin.conversations()[0]
    assert each_family.patch(conversation_id, body) == expected
    after = each_family.simulator.admin.conversations()[0]
    assert {**after, "status": before["status"]} == before


def test_rejects_audio_that_cannot_be_fetched_and_takes_it_later(api: Api, files: Files) -> None:
    conversation_id = api.submitted()
    body = {"audio_url": f"{files.url}/late.wav"}
    files.contents["/403"] = b""
    assert api.patch(conversation_id, {"audio_url": f"{files.url}/404"}) == invalid("Audio URL not found (404)")
    files.add("late.wav", wav())
    assert api.patch(conversation_id, body)[0] == 200


def test_adds_metadata_and_overwrites_none(api: Api) -> None:
    conversation_id = api.submitted(metadata={"a": 1, "empty": None})
    assert api.patch(conversation_id, {"metadata": {"b": [1, {"c": True}], "empty": "filled"}})[0] == 200
    message = "Metadata key 'a' already has a value. Overwriting metadata is not supported."
    expected = error(409, "ALREADY_EXISTS", message, detail("metadata", "Metadata key 'a' already set"))
    assert api.patch(conversation_id, {"metadata": {"new": 1, "a": 2}}) == expected
    (item,) = api.simulator.admin.conversations()
    assert item["metadata"] == {"a": 1, "empty": "filled", "b": [1, {"c": True}]}


def test_metadata_runs_no_metrics(api: Api) -> None:
    conversation_id = api.submitted()
    assert api.patch(conversation_id, {"metadata": {"a": 1}})[0] == 200
    (item,) = api.simulator.admin.conversations()
    assert [wave["wave"] for wave in item["waves"]] == ["text"]


def test_knows_no_such_conversation(each_family: Api) -> None:
    assert each_family.patch(UNKNOWN_ID, {"metadata": {"a": 1}}) == not_found("Conversation not found")


def test_a_deleted_conversation_takes_nothing(api: Api) -> None:
    conversation_id = api.submitted()
    api.simulator.admin.delete_conversation(conversation_id)
    assert api.patch(conversation_id, {"metadata": {"a": 1}}) == not_found("Conversation not found")
