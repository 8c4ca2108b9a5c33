"""Get, delete, audio, and a conversation's life through its two waves of metrics."""

from typing import Any

import pytest

from tests.support.audio_files import wav
from tests.support.simulator import MESSAGE, Api, Files, invalid, not_found

UNKNOWN_ID = "gk3jK9mPq2xRt5vW8yZaBc"
NOT_FOUND = not_found("Conversation not found")


def statuses(api: Api, conversation_id: str, offsets: list[float]) -> list[str]:
    """The status that a GET shows, so many seconds after now."""
    found = []
    for offset in offsets:
        api.simulator.admin.configure(clock_offset_seconds=offset)
        found.append(api.get(conversation_id)[1][api.family.envelope]["status"])
    return found


def finished(api: Api) -> list[str]:
    """The waves whose webhook went out."""
    return [webhook["wave"] for webhook in api.simulator.admin.webhooks()]


def progress(total: int, completed: int, running: int, skipped: int | None = None) -> dict[str, int]:
    counts = {"total_metrics": total, "completed_metrics": completed, "failed_metrics": 0}
    counts["in_progress_metrics"] = running
    return counts if skipped is None else {**counts, "skipped_metrics": skipped}


def test_shows_a_single_conversation_in_full(each_family: Api) -> None:
    conversation_id = each_family.submitted(external_conversation_id="call-1")
    status, answer = each_family.get(conversation_id)
    resource = answer.pop(each_family.family.envelope)
    created = resource.pop("create_time")
    canonical = {"workspace_id": "ws_simulator", "transcript": [MESSAGE]} if each_family.family.is_uploaded else {}
    assert (status, answer, resource) == (
        200,
        {},
        {
            "name": f"conversations/{conversation_id}",
            "conversation_id": conversation_id,
            "status": "PENDING",
            "external_conversation_id": "call-1",
            "occurred_at": created,
            "has_audio": False,
            "agent_id": None,
            "persona_id": None,
            "metadata": {},
            "tags": [],
            "source": None,
            "destination": None,
            "progress": progress(5, 0, 3, 2) if each_family.family.is_uploaded else progress(5, 0, 3),
            **canonical,
        },
    )


def test_both_families_show_the_same_conversation(each_family: Api, api: Api) -> None:
    conversation_id = each_family.submitted(external_conversation_id="call-1")
    assert api.get(conversation_id)[1]["conversation"]["external_conversation_id"] == "call-1"


def test_leaves_progress_out_on_request(api: Api) -> None:
    conversation_id = api.submitted()
    assert "progress" not in api.get(conversation_id, include_progress="false")[1]["conversation"]
    assert api.get(conversation_id, include_progress="no") == invalid("Invalid include_progress", "include_progress")


@pytest.mark.parametrize("conversation_id", [UNKNOWN_ID, "short"])
def test_knows_no_such_conversation(each_family: Api, conversation_id: str) -> None:
    path = f"{each_family.family.path}/{conversation_id}"
    answers = [each_family.call(*call) for call in (("GET", path), ("DELETE", path), ("GET", f"{path}/audio"))]
    assert answers == [NOT_FOUND] * 3


def test_runs_two_waves_each_with_a_webhook(each_family: Api, files: Files) -> None:
    conversation_id = each_family.submitted(external_conversation_id="call-1")
    assert statuses(each_family, conversation_id, [0, 0.7, 5]) == ["PENDING", "IN_PROGRESS", "COMPLETED"]
    assert finished(each_family) == ["text"]
    assert each_family.patch(conversation_id, {"audio_url": files.add("call.wav", wav())})[0] == 200
    assert statuses(each_family, conversation_id, [5, 10]) == ["IN_PROGRESS", "COMPLETED"]
    assert finished(each_family) == ["text", "audio"]
    payload = {
        "organization_id": "org_simulator",
        "message": "Run on call-1 Succeeded",
        "run_id": conversation_id,
        "status": "COMPLETED",
    }
    assert [webhook["payload"] for webhook in each_family.simulator.admin.webhooks("call-1")] == [payload] * 2


@pytest.mark.parametrize(
    ("sources", "waves"), [({}, ["text"]), ({"transcript"}, ["text", "audio"]), ({"audio"}, ["audio"])]
)
def test_runs_the_waves_of_what_was_submitted(api: Api, files: Files, sources: set[str], waves: list[str]) -> None:
    body: dict[str, Any] = {} if sources == {"audio"} else {"transcript": [MESSAGE]}
    if sources:
        body["audio_url"] = files.add("call.wav", wav())
    assert api.submit(body)[0] == 200
    (item,) = api.simulator.admin.conversations()
    assert [wave["wave"] for wave in item["waves"]] == waves
    assert finished(api) == []


def test_counts_progress_by_wave(api: Api, files: Files) -> None:
    conversation_id = api.submitted()
    found = [api.get(conversation_id)[1]["conversation"]["progress"]]
    api.simulator.admin.configure(clock_offset_seconds=5)
    found.append(api.get(conversation_id)[1]["conversation"]["progress"])
    api.patch(conversation_id, {"audio_url": files.add("call.wav", wav())})
    found.append(api.get(conversation_id)[1]["conversation"]["progress"])
    api.simulator.admin.configure(clock_offset_seconds=10)
    found.append(api.get(conversation_id)[1]["conversation"]["progress"])
    assert found == [progress(5, 0, 3), progress(5, 3, 0), progress(5, 3, 2), progress(5, 5, 0)]


@pytest.mark.parametrize(("offset", "status"), [(0, "CANCELLED"), (0.7, "CANCELLED"), (5, "DELETED")])
def test_delete_cancels_what_runs_and_deletes_what_has_run(each_family: Api, offset: float, status: str) -> None:
    conversation_id = each_family.submitted()
    each_family.simulator.admin.configure(clock_offset_seconds=offset)
    answer = each_family.delete(conversation_id)
    shown = each_family.get(conversation_id)
    assert answer == ((200, {}) if each_family.family.is_uploaded else shown)
    assert shown[1][each_family.family.envelope]["status"] == status
    assert each_family.delete(conversation_id) == NOT_FOUND


def test_hides_what_was_deleted_by_switch(api: Api) -> None:
    conversation_id = api.submitted()
    api.delete(conversation_id)
    api.simulator.admin.configure(deleted_visible=False)
    assert api.get(conversation_id) == NOT_FOUND
    assert api.listed() == []


def test_serves_the_audio(each_family: Api) -> None:
    content = wav()
    conversation_id = each_family.submitted(upload_id=each_family.upload(content))
    status, answer = each_family.call("GET", f"{each_family.family.path}/{conversation_id}/audio")
    url = answer.pop("audio_url")
    assert (status, answer) == (200, {"conversation_id": conversation_id, "url_expires_in_seconds": 3600})
    assert each_family.http.get(url).content == content
    assert each_family.http.get(url + "0").status_code == 403


def test_has_no_audio_to_serve(each_family: Api) -> None:
    path = f"{each_family.family.path}/{each_family.submitted()}/audio"
    assert each_family.call("GET", path) == not_found("Conversation has no audio file available", "audio")
