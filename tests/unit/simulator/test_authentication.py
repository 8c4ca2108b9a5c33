"""Keys, the case of their header, and scopes (Coval API keys; SDK overview)."""

from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

from local.simulator.path_families import FAMILIES
from tests.support.simulator import MESSAGE, Answer, Api, detail, error

MISSING = (401, {"message": "Missing API Key"})
WRONG = error(401, "UNAUTHENTICATED", "Invalid or missing API key")
WRONG_FOR_AGENTS = error(
    401, "UNAUTHENTICATED", "Authentication failed", detail("x-api-key", "Invalid or missing API key")
)


def denied(scope: str) -> Answer:
    reason = detail(None, f"API key does not have required permission: {scope}")
    return error(403, "PERMISSION_DENIED", "Insufficient permissions", reason)


def status_with_header(api: Api, name: str) -> int:
    """GET with the header's characters exactly so, as HTTP/1.1 sends them."""
    parts = urlsplit(api.simulator.url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    try:
        connection.request("GET", "/v1/agents", headers={name: api.simulator.api_key})
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("path", "expected"),
    [("/v1/agents", WRONG_FOR_AGENTS), *((family.path, WRONG) for family in FAMILIES)],
)
def test_denies_a_wrong_key(api: Api, path: str, expected: Answer) -> None:
    assert api.call("GET", path, headers={"x-api-key": "wrong"}) == expected


def test_denies_a_wrong_key_before_it_reads_the_body(api: Api) -> None:
    answer = api.call("POST", "/v1/conversations:submit", content=b"{", headers={"x-api-key": "wrong"})
    assert answer == WRONG


def test_the_gateway_asks_for_the_key(api: Api) -> None:
    response = api.http.get(f"{api.simulator.url}/v1/agents")
    assert (response.status_code, response.json()) == MISSING


def test_the_gateway_knows_the_header_in_lower_case_only(api: Api) -> None:
    names = ("x-api-key", "X-API-Key", "X-Api-Key")
    assert [status_with_header(api, name) for name in names] == [200, 401, 401]
    api.simulator.admin.configure(case_sensitive_api_key=False)
    assert [status_with_header(api, name) for name in names] == [200, 200, 200]


def test_keys_can_be_rotated(api: Api) -> None:
    api.simulator.admin.configure(api_keys=["new"])
    assert api.call("GET", "/v1/conversations") == WRONG
    assert api.call("GET", "/v1/conversations", headers={"x-api-key": "new"})[0] == 200


def test_each_operation_has_its_scope(each_family: Api) -> None:
    scope = each_family.family.scope
    conversation_id = each_family.submitted()
    path = f"{each_family.family.path}/{conversation_id}"
    each_family.simulator.admin.configure(permissions=["webhooks:write"])
    assert [
        each_family.submit({"transcript": [MESSAGE]}),
        each_family.list_page(),
        each_family.get(conversation_id),
        each_family.call("GET", f"{path}/audio"),
        each_family.patch(conversation_id, {"metadata": {"a": 1}}),
        each_family.delete(conversation_id),
        each_family.call("POST", "/v1/agents", json={}),
        each_family.call("GET", "/v1/agents"),
        each_family.call("GET", "/v1/agents/x"),
    ] == [
        denied(f"{scope}:submit"),
        denied(f"{scope}:read"),
        denied(f"{scope}:read"),
        denied(f"{scope}:read"),
        denied(f"{scope}:submit"),
        denied(f"{scope}:delete"),
        denied("agents:write"),
        denied("agents:read"),
        denied("agents:read"),
    ]


@pytest.mark.parametrize("permissions", [[], ["*"], ["conversations:*"], ["conversations:submit"]])
def test_scopes_that_suffice(api: Api, permissions: list[str]) -> None:
    api.simulator.admin.configure(permissions=permissions)
    assert api.submit({"transcript": [MESSAGE]})[0] == 200
    assert api.call("POST", "/v1/audio:upload", json={})[0] == 200


def test_knows_no_other_routes(api: Api) -> None:
    assert api.call("GET", "/v1/metrics") == (404, {"message": "Not Found"})
    assert api.call("PUT", "/v1/conversations") == (404, {"message": "Not Found"})
