"""Faults on demand, and what each leaves behind."""

import time
from collections import Counter
from typing import Any

import httpx
import pytest

from tests.support.audio_files import wav
from tests.support.simulator import MESSAGE, Api

SUBMIT = {"transcript": [MESSAGE], "external_conversation_id": "call-1"}


def held(api: Api) -> int:
    """How many conversations there are."""
    return len(api.simulator.admin.conversations())


def outcomes(api: Api) -> list[tuple[str, Any]]:
    return [(item["outcome"], item["response_status"]) for item in api.simulator.admin.requests(path="/v1")]


def test_answers_a_status_with_headers_and_body(api: Api) -> None:
    body = {"error": {"code": "RESOURCE_EXHAUSTED", "message": "Slow down", "details": []}}
    fault = {"kind": "status", "status": 429, "headers": {"Retry-After": "7"}, "body": body}
    api.simulator.admin.add_fault(fault, method="post", path=":submit$")
    response = api.http.post(f"{api.simulator.url}/v1/conversations:submit", json=SUBMIT)
    assert (response.status_code, response.headers["Retry-After"], response.json()) == (429, "7", body)
    assert held(api) == 0
    assert api.submit(SUBMIT)[0] == 200


@pytest.mark.parametrize("body", [None, "upstream connect error"])
def test_answers_a_status_without_json(api: Api, body: str | None) -> None:
    api.simulator.admin.add_fault({"kind": "status", "status": 503, "body": body})
    response = api.http.post(f"{api.simulator.url}/v1/conversations:submit", json=SUBMIT)
    assert (response.status_code, response.text) == (503, body or "")


@pytest.mark.parametrize("perform", [False, True])
def test_a_failure_may_have_had_its_effect(api: Api, perform: bool) -> None:
    api.simulator.admin.add_fault({"kind": "status", "status": 500, "body": {}, "perform": perform})
    assert api.submit(SUBMIT) == (500, {})
    assert held(api) == int(perform)


@pytest.mark.parametrize("perform", [False, True])
def test_answers_garbage(api: Api, perform: bool) -> None:
    api.simulator.admin.add_fault({"kind": "garbage", "perform": perform})
    headers = {"x-api-key": api.simulator.api_key}
    response = api.http.post(f"{api.simulator.url}/v1/conversations:submit", json=SUBMIT, headers=headers)
    assert (response.status_code, response.text) == (200, "<html>\ufffd not json")
    assert held(api) == int(perform)


def test_keeps_silent_after_it_has_accepted(api: Api) -> None:
    api.simulator.admin.add_fault({"kind": "timeout_after_accept"}, external_conversation_id="call-1")
    with pytest.raises(httpx.ReadTimeout):
        api.call("POST", "/v1/conversations:submit", json=SUBMIT, timeout=0.2)
    assert (held(api), outcomes(api)) == (1, [("held", 200)])


def test_cuts_the_connection_after_it_has_accepted(api: Api) -> None:
    api.simulator.admin.add_fault({"kind": "timeout_after_accept", "seconds": 0})
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        api.submit(SUBMIT)
    assert (held(api), outcomes(api)) == (1, [("held", 200)])


def test_keeps_silent_before_it_accepts(api: Api) -> None:
    api.simulator.admin.add_fault({"kind": "timeout_before"})
    with pytest.raises(httpx.ReadTimeout):
        api.call("POST", "/v1/conversations:submit", json=SUBMIT, timeout=0.2)
    assert (held(api), outcomes(api)) == (0, [("held", None)])


def test_cuts_the_connection(api: Api) -> None:
    api.simulator.admin.add_fault({"kind": "cut"})
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        api.submit(SUBMIT)
    assert (held(api), outcomes(api)) == (0, [("cut", None)])


def test_cuts_an_upload_in_the_middle(api: Api) -> None:
    api.simulator.admin.add_fault({"kind": "cut", "after_bytes": 50_000}, method="PUT", path="^/uploads/")
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)):
        api.upload(wav(60.0))
    (request,) = api.simulator.admin.requests(path="/uploads/")
    assert (request["outcome"], request["bytes_received"] >= 50_000) == ("cut", True)
    assert [state["file"] for state in api.simulator.admin.uploads()] == [None]


def test_delays(api: Api) -> None:
    api.simulator.admin.add_fault({"kind": "delay", "seconds": 0.1})
    started = time.monotonic()
    assert api.submit(SUBMIT)[0] == 200
    assert time.monotonic() - started >= 0.1


def test_drips(api: Api) -> None:
    api.simulator.admin.add_fault({"kind": "drip", "bytes": 100, "seconds": 0.001})
    assert api.submit(SUBMIT)[0] == 200
    assert (held(api), outcomes(api)) == (1, [("answered", 200)])


@pytest.mark.parametrize(
    ("match", "hits"),
    [
        ({}, True),
        ({"method": "POST", "path": "conversations:submit"}, True),
        ({"method": "GET"}, False),
        ({"path": "^/uploads"}, False),
        ({"external_conversation_id": "call-1"}, True),
        ({"external_conversation_id": "call-2"}, False),
        ({"contains": "Hello"}, True),
        ({"contains": "Goodbye"}, False),
    ],
)
def test_matches(api: Api, match: dict[str, Any], hits: bool) -> None:
    api.simulator.admin.add_fault({"kind": "status", "status": 418}, **match)
    status = api.http.post(f"{api.simulator.url}/v1/conversations:submit", json=SUBMIT).status_code
    assert (status == 418) == hits


def test_finds_the_call_of_later_requests(api: Api) -> None:
    conversation_id = api.submitted(external_conversation_id="call-1")
    api.simulator.admin.add_fault(
        {"kind": "status", "status": 500, "body": {}}, times=3, external_conversation_id="call-1"
    )
    query = {"filter": 'external_conversation_id="call-1"'}
    answers = [api.get(conversation_id), api.list_page(**query), api.patch(conversation_id, {})]
    assert answers == [(500, {})] * 3


def test_the_first_rule_that_matches_is_used_up_first(api: Api) -> None:
    first = api.simulator.admin.add_fault({"kind": "status", "status": 500, "body": {}}, times=2)
    second = api.simulator.admin.add_fault({"kind": "status", "status": 502, "body": {}})
    assert [api.submit(SUBMIT)[0] for _ in range(4)] == [500, 500, 502, 200]
    assert [(item["id"], item["left"]) for item in api.simulator.admin.faults()] == [(first, 0), (second, 0)]
    assert [item["fault"] for item in api.simulator.admin.requests()] == [first, first, second, None]
    api.simulator.admin.clear_faults()
    assert api.simulator.admin.faults() == []


def test_a_share_of_the_requests_is_hit(api: Api) -> None:
    api.simulator.admin.add_fault({"kind": "status", "status": 500, "body": {}}, times=1000, share=0.5)
    statuses = Counter(api.submit({**SUBMIT, "external_conversation_id": f"call-{n}"})[0] for n in range(100))
    assert statuses.keys() == {200, 500}
    assert statuses[500] in range(15, 86)  # a chance of one in 10¹¹ to fail


@pytest.mark.parametrize("fault", [{"kind": "earthquake"}, {"kind": "status"}, {"kind": "cut", "extra": 1}])
def test_rejects_faults_it_does_not_know(api: Api, fault: dict[str, Any]) -> None:
    with pytest.raises(httpx.HTTPStatusError, match="400 Bad Request"):
        api.simulator.admin.add_fault(fault)
