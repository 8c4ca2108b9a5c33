"""Tool calls as platforms send them become calls that Coval takes."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coval_relay.domain.tool_calls import json_arguments, with_sound_tool_calls
from local.simulator.transcripts import UploadedMessage, check_tool_calls


def asked(*ids: str, arguments: str = "{}") -> dict[str, Any]:
    function = {"name": "find_slot", "arguments": arguments}
    return {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": id_, "type": "function", "function": function} for id_ in ids],
    }


def answered(id_: str, content: str = "9") -> dict[str, Any]:
    return {"role": "tool", "content": content, "tool_call_id": id_}


def ids_of(messages: Any) -> list[Any]:
    return [message.get("tool_call_id") or [call["id"] for call in message["tool_calls"]] for message in messages]


@pytest.mark.parametrize(
    ("messages", "ids"),
    [
        ([asked("a"), answered("a")], [["a"], "a"]),
        ([asked("a"), answered("a"), asked("a"), answered("a")], [["a"], "a", ["a#2"], "a#2"]),
        ([asked("a"), asked("a"), answered("a"), answered("a")], [["a"], ["a#2"], "a", "a#2"]),
        ([asked("a", "a"), answered("a")], [["a", "a#2"], "a"]),
        ([asked("a"), answered("a"), answered("a")], [["a"], "a", "a"]),
        ([asked("a", "a#2"), asked("a"), answered("a"), answered("a")], [["a", "a#2"], ["a#3"], "a", "a#3"]),
    ],
    ids=["as it should be", "used again", "sent twice", "twice at once", "answered twice", "a taken name"],
)
def test_each_answer_is_under_its_own_call(messages: list[dict[str, Any]], ids: list[Any]) -> None:
    assert ids_of(with_sound_tool_calls(messages)) == ids


@pytest.mark.parametrize(
    ("arguments", "sent"),
    [
        ('{"day": "mon"}', '{"day": "mon"}'),
        ("null", "null"),
        ("", "{}"),
        (" \n", "{}"),
        ('{"day": "m', '{"unparsed": "{\\"day\\": \\"m"}'),
        ("NaN", '{"unparsed": "NaN"}'),
        ("[" * 100_000, json.dumps({"unparsed": "[" * 100_000})),
    ],
    ids=["JSON", "null", "none", "blanks", "cut off", "no JSON", "too deep"],
)
def test_arguments_are_json(arguments: str, sent: str) -> None:
    assert json_arguments(arguments) == sent


CALLS = st.lists(st.sampled_from(["a", "a#2", "b"]), min_size=1, max_size=3)


@given(st.lists(st.tuples(CALLS, st.text(max_size=4), st.booleans()), max_size=8))
def test_coval_takes_whatever_was_called(rounds: list[tuple[list[str], str, bool]]) -> None:
    messages: list[dict[str, Any]] = []
    for ids, arguments, is_answered in rounds:
        messages += [asked(*ids, arguments=arguments), *([answered(ids[0])] if is_answered else [])]
    sent = json.dumps(with_sound_tool_calls(messages))
    check_tool_calls([UploadedMessage.model_validate(message) for message in json.loads(sent)])
