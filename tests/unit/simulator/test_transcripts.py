"""The rules of a transcript's messages (Coval API, TranscriptMessage)."""

from typing import Any

import pytest

from local.simulator.path_families import LEGACY, UPLOADED
from tests.support.simulator import Answer, Api, invalid_body

CALL = {"id": "t1", "type": "function", "function": {"name": "look_up", "arguments": '{"order": 1}'}}
CALLING = {"role": "assistant", "content": None, "tool_calls": [CALL]}
ROLE = "Input should be 'user', 'assistant', 'system' or 'tool'"


@pytest.mark.parametrize(
    "transcript",
    [
        [{"role": "user", "content": "Hi"}, {"role": "assistant", "message": "Hello"}],
        [
            {"role": "system", "content": "Be kind"},
            CALLING,
            {"role": "tool", "tool_call_id": "t1", "content": "{}"},
        ],
        [
            {
                "role": "user",
                "content": "Hi",
                "start_time": 0,
                "end_time": 0.5,
                "timestamp": "2025-11-03T14:32:00Z",
            }
        ],
        [{"role": "user", "content": "Hi", "firstWordStart": 0.1, "lastWordEnd": 2}],
        [{"role": "user", "content": "Hi", "confidence": 0.7}],
    ],
)
def test_takes(each_family: Api, transcript: list[Any]) -> None:
    assert each_family.submit({"transcript": transcript})[0] == 200
    assert [len(item["transcript"]) for item in each_family.simulator.admin.conversations()] == [len(transcript)]


@pytest.mark.parametrize(
    ("transcript", "expected"),
    [
        ([{"content": "Hi"}], invalid_body("transcript[0].role", "Field required")),
        ([{"role": "agent", "content": "Hi"}], invalid_body("transcript[0].role", ROLE)),
        ([{"role": "User", "content": "Hi"}], invalid_body("transcript[0].role", ROLE)),
        (["Hi"], None),
        ([{"role": "user"}], invalid_body("transcript[0]", "content or message is required for role user")),
        (
            [{"role": "system", "content": ""}],
            invalid_body("transcript[0]", "content or message is required for role system"),
        ),
        (
            [CALLING, {"role": "tool", "tool_call_id": "t1"}],
            invalid_body("transcript[1]", "content or message is required for role tool"),
        ),
        (
            [{"role": "assistant", "content": None, "tool_calls": []}],
            invalid_body("transcript[0]", "content, message or tool_calls is required"),
        ),
        (
            [{"role": "user", "content": "Hi", "tool_calls": [CALL]}],
            invalid_body("transcript[0]", "tool_calls is only valid for role assistant"),
        ),
        (
            [{"role": "tool", "content": "{}"}],
            invalid_body("transcript[0]", "tool_call_id is required for role tool"),
        ),
        (
            [{"role": "tool", "content": "{}", "tool_call_id": "t1"}, CALLING],
            invalid_body(
                "transcript[0].tool_call_id",
                "tool_call_id must match the id of a tool call of an earlier assistant message",
            ),
        ),
        (
            [CALLING, CALLING],
            invalid_body("transcript[1].tool_calls", "each tool call must have a unique id"),
        ),
        (
            [{"role": "assistant", "tool_calls": [{**CALL, "type": "tool"}]}],
            invalid_body("transcript[0].tool_calls[0].type", "Input should be 'function'"),
        ),
        (
            [{"role": "assistant", "tool_calls": [{**CALL, "function": {"name": "f", "arguments": {}}}]}],
            invalid_body("transcript[0].tool_calls[0].function.arguments", "Input should be a valid string"),
        ),
        (
            [
                {
                    "role": "assistant",
                    "tool_calls": [{**CALL, "function": {"name": "f", "arguments": "order=1"}}],
                }
            ],
            invalid_body(
                "transcript[0].tool_calls[0].function.arguments",
                "Value error, arguments must be a JSON-encoded string",
            ),
        ),
        (
            [{"role": "user", "content": "Hi", "start_time": "0"}],
            invalid_body("transcript[0].start_time", "Input should be a valid number"),
        ),
        (
            [{"role": "user", "content": "Hi", "start_time": 0, "lastWordEnd": 1}],
            invalid_body("transcript[0]", "use start_time/end_time or firstWordStart/lastWordEnd, not both"),
        ),
        (
            [{"role": "user", "content": "Hi", "timestamp": 1762180320}],
            invalid_body("transcript[0].timestamp", "Input should be a valid string"),
        ),
    ],
)
def test_rejects(each_family: Api, transcript: list[Any], expected: Answer | None) -> None:
    answer = each_family.submit({"transcript": transcript})
    assert answer[0] == 400
    assert expected is None or answer == expected


def test_takes_agent_for_assistant_by_switch(api: Api) -> None:
    api.simulator.admin.configure(lenient_agent_role=True)
    assert api.submit({"transcript": [{"role": "agent", "content": "Hi"}]})[0] == 200
    (item,) = api.simulator.admin.conversations()
    assert item["transcript"] == [{"role": "assistant", "content": "Hi"}]


@pytest.mark.parametrize("is_tool_call", [True, False])
def test_only_the_canonical_family_knows_covals_own_tool_entries(api: Api, is_tool_call: bool) -> None:
    entry = {"role": "tool", "name": "dtmf_tool", "content": "1", "is_tool_call": is_tool_call}
    body = {"transcript": [{**entry, "tool_call_owner": "user"}]}
    assert Api(api.simulator, UPLOADED, api.http).submit(body)[0] == 200
    expected = invalid_body("transcript[0]", "tool_call_id is required for role tool")
    assert Api(api.simulator, LEGACY, api.http).submit(body) == expected


@pytest.mark.parametrize(
    ("entry", "rule"),
    [
        ({"is_tool_call": True}, "is_tool_call: true is only valid for role tool"),
        ({"tool_call_owner": "assistant"}, "tool_call_owner is only valid for role tool"),
    ],
)
def test_tool_entries_are_tools(api: Api, entry: dict[str, Any], rule: str) -> None:
    body = {"transcript": [{"role": "user", "content": "Hi", **entry}]}
    assert Api(api.simulator, UPLOADED, api.http).submit(body) == invalid_body("transcript[0]", rule)


def test_only_the_canonical_family_takes_null_for_what_is_not_given(api: Api) -> None:
    body = {"transcript": [{"role": "user", "content": "Hi", "message": None, "start_time": None}]}
    assert Api(api.simulator, UPLOADED, api.http).submit(body)[0] == 200
    expected = invalid_body("transcript[0]", "Value error, message must not be null")
    assert Api(api.simulator, LEGACY, api.http).submit(body) == expected
