"""Tool calls in a form that Coval takes: every id once, arguments that are JSON, each answer under its own call."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

Message = Mapping[str, Any]


def with_sound_tool_calls(messages: Iterable[Message]) -> tuple[Message, ...]:
    """The messages with sound calls; each answer has an earlier call.

    Platforms use an id again in one call, send a call twice, and cut arguments off; Coval rejects the whole
    transcript for one of them (Coval API, submit: transcript[].tool_calls, tool_call_id).
    """
    ids = _Ids()
    return tuple(
        _answer(message, ids) if message["role"] == "tool" else _question(message, ids) for message in messages
    )


@dataclass
class _Ids:
    """The ids that are taken, and which calls of a platform's id still have no answer."""

    taken: set[str] = field(default_factory=set)
    unanswered: dict[str, list[str]] = field(default_factory=dict)
    last: dict[str, str] = field(default_factory=dict)

    def of_call(self, id_: str) -> str:
        number, own = 1, id_
        while own in self.taken:
            number += 1
            own = f"{id_}#{number}"
        self.taken.add(own)
        self.unanswered.setdefault(id_, []).append(own)
        self.last[id_] = own
        return own

    def of_answer(self, id_: str) -> str:
        """The first call that waits for it, else the last one: a platform may answer twice."""
        waiting = self.unanswered[id_]
        return waiting.pop(0) if waiting else self.last[id_]


def _question(message: Message, ids: _Ids) -> Message:
    calls = message.get("tool_calls")
    if not calls:
        return message
    return {**message, "tool_calls": tuple(_sound(call, ids) for call in calls)}


def _sound(call: Mapping[str, Any], ids: _Ids) -> dict[str, Any]:
    function = call["function"]
    arguments = json_arguments(function["arguments"])
    return {**call, "id": ids.of_call(call["id"]), "function": {**function, "arguments": arguments}}


def _answer(message: Message, ids: _Ids) -> Message:
    return {**message, "tool_call_id": ids.of_answer(message["tool_call_id"])}


def json_arguments(text: str) -> str:
    """The arguments as they are where they are JSON, else as a text in JSON; none are an empty object."""
    if not text.strip():
        return "{}"
    try:
        json.loads(text, parse_constant=_not_json)
    except (ValueError, RecursionError):
        return json.dumps({"unparsed": text})
    return text


def _not_json(constant: str) -> NoReturn:
    raise ValueError(constant)
