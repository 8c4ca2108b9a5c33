"""Reads Coval's answers: both path families' envelopes, the flat form of the guide, the filtered answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from coval_relay.domain.coval import Agent, Conversation, Filtered, Upload

T = TypeVar("T")
Json = Mapping[str, Any]

CONVERSATION = ("conversation", "uploaded_conversation")
CONVERSATIONS = ("conversations", "uploaded_conversations")


class UnreadableResponseError(Exception):
    """The body is not what Coval's API promises; carries nothing of it."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list; `next_token` is None on the last one."""

    items: list[T]
    next_token: str | None


class _Filtered(BaseModel):
    reason: str = ""
    simulation_id: str = ""


@cache
def _reader(model: Any) -> TypeAdapter[Any]:
    return TypeAdapter(model)


def submitted(body: bytes) -> Conversation | Filtered:
    """The answer to a submit (Coval API, submit: 200, also for the filtered one)."""
    answer = _object(body)
    if answer.get("filtered"):
        filtered = _read(_Filtered, answer)
        return Filtered(reason=filtered.reason, simulation_id=filtered.simulation_id)
    return _conversation(_enveloped(answer, CONVERSATION))


def conversation(body: bytes) -> Conversation:
    """The answer to a GET or a PATCH of one conversation."""
    return _conversation(_enveloped(_object(body), CONVERSATION))


def conversations(body: bytes) -> Page[Conversation]:
    """One page of conversations."""
    answer = _object(body)
    return Page([_conversation(item) for item in _listed(answer, CONVERSATIONS)], _next_token(answer))


def upload(body: bytes) -> Upload:
    """The answer to `audio:upload`."""
    read = _read(Upload, _object(body))
    if not read.upload_url.startswith(("https://", "http://")):
        raise UnreadableResponseError
    return read


def agent(body: bytes) -> Agent:
    """The answer to a GET or a POST of one agent."""
    return _agent(_enveloped(_object(body), ("agent",)))


def agents(body: bytes) -> Page[Agent]:
    """One page of agents."""
    answer = _object(body)
    return Page([_agent(item) for item in _listed(answer, ("agents",))], _next_token(answer))


def _object(body: bytes) -> Json:
    return _read(dict[str, Any], body)


def _conversation(fields: Json) -> Conversation:
    read = _read(Conversation, fields)
    if not read.conversation_id:
        raise UnreadableResponseError
    return read


def _agent(fields: Json) -> Agent:
    return _read(Agent, {**fields, "agent_id": fields.get("id")})


def _enveloped(answer: Json, names: tuple[str, ...]) -> Json:
    inner = next((answer[name] for name in names if name in answer), answer)
    return _read(dict[str, Any], inner)


def _listed(answer: Json, names: tuple[str, ...]) -> list[dict[str, Any]]:
    return _read(list[dict[str, Any]], next((answer[name] for name in names if name in answer), None))


def _next_token(answer: Json) -> str | None:
    return _read(str, answer.get("next_page_token") or "") or None


def _read(model: type[T], value: object) -> T:
    """Unknown fields are passed over; a null counts as a field that is not there."""
    reader = _reader(model)  # type: ignore[arg-type]  # a type is hashable
    try:
        if isinstance(value, Mapping):
            value = {name: field for name, field in value.items() if field is not None}
        read: T = reader.validate_json(value) if isinstance(value, bytes) else reader.validate_python(value)
    except ValidationError:
        raise UnreadableResponseError from None
    return read
