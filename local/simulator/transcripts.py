"""A transcript's messages: fields, and the rules across fields and messages that Coval gives in prose."""

import json
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from local.simulator.errors import invalid
from local.simulator.validation import DateTime, StrictBody, switches_of

ROLES = ("user", "assistant", "system", "tool")


def _check_encoded_json(text: str) -> str:
    try:
        json.loads(text)
    except ValueError as error:
        raise ValueError("arguments must be a JSON-encoded string") from error
    return text


class Function(StrictBody):
    """What a tool call calls; `arguments` is JSON inside a string (Coval API, ToolCall)."""

    name: str
    arguments: Annotated[str, AfterValidator(_check_encoded_json)]


class ToolCall(StrictBody):
    """One call of a tool by the assistant."""

    id: str
    type: Literal["function"]
    function: Function


class Message(StrictBody):
    """One message (Coval API, TranscriptMessage of the compatibility family)."""

    nullable: ClassVar[frozenset[str]] = frozenset({"content"})

    role: str
    content: str | None = None
    message: str | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: str | None = None
    start_time: float | None = None
    end_time: float | None = None
    first_word_start: float | None = Field(None, alias="firstWordStart")
    last_word_end: float | None = Field(None, alias="lastWordEnd")
    timestamp: DateTime | None = None

    @field_validator("role")
    @classmethod
    def _known_role(cls, role: str, info: ValidationInfo) -> str:
        if role == "agent" and switches_of(info).lenient_agent_role:
            return "assistant"
        if role not in ROLES:
            raise PydanticCustomError("literal_error", "Input should be 'user', 'assistant', 'system' or 'tool'")
        return role

    @model_validator(mode="after")
    def _rules_across_fields(self) -> "Message":
        for broken, rule in self._rules():
            if broken:
                raise PydanticCustomError("message_rule", "{rule}", {"rule": rule})
        return self

    def _rules(self) -> tuple[tuple[bool, str], ...]:
        has_text = bool(self.content or self.message)
        may_call = self.role == "assistant"
        return (
            (may_call and not has_text and not self.tool_calls, "content, message or tool_calls is required"),
            (not may_call and not has_text, f"content or message is required for role {self.role}"),
            (not may_call and self.tool_calls is not None, "tool_calls is only valid for role assistant"),
            (self._needs_tool_call_id() and not self.tool_call_id, "tool_call_id is required for role tool"),
            (self._has_both_timings(), "use start_time/end_time or firstWordStart/lastWordEnd, not both"),
        )

    def _needs_tool_call_id(self) -> bool:
        return self.role == "tool"

    def _has_both_timings(self) -> bool:
        first = (self.start_time, self.end_time) != (None, None)
        return first and (self.first_word_start, self.last_word_end) != (None, None)

    @property
    def is_timed(self) -> bool:
        """Whether Coval can use the message's own timing."""
        return None not in (self.start_time, self.end_time) or None not in (
            self.first_word_start,
            self.last_word_end,
        )

    def unmatched_reference(self, called: set[str]) -> bool:
        """Whether this answers a tool call that no earlier message made."""
        return self.tool_call_id is not None and self._needs_tool_call_id() and self.tool_call_id not in called


class UploadedMessage(Message):
    """One message (Coval API, TranscriptMessage of the uploaded family), with Coval's own tool entries."""

    nullable: ClassVar[frozenset[str]] = frozenset(
        {
            "content",
            "message",
            "tool_calls",
            "tool_call_id",
            "name",
            "is_tool_call",
            "tool_call_owner",
            "is_interrupted",
            "is_estimated",
            "start_time",
            "end_time",
            "timestamp",
            "firstWordStart",
            "lastWordEnd",
        }
    )

    name: str | None = None
    is_tool_call: bool | None = None
    tool_call_owner: Literal["user", "assistant"] | None = None
    is_interrupted: bool | None = None
    is_estimated: bool | None = None

    def _needs_tool_call_id(self) -> bool:
        return self.role == "tool" and self.is_tool_call is None

    def _rules(self) -> tuple[tuple[bool, str], ...]:
        is_tool = self.role == "tool"
        return (
            *super()._rules(),
            (self.is_tool_call is True and not is_tool, "is_tool_call: true is only valid for role tool"),
            (self.tool_call_owner is not None and not is_tool, "tool_call_owner is only valid for role tool"),
        )


def check_tool_calls(transcript: Sequence[Message]) -> None:
    """Check that tool call ids are unique and answers follow their calls; raises ApiError 400."""
    called: set[str] = set()
    for position, message in enumerate(transcript):
        if message.unmatched_reference(called):
            rule = "tool_call_id must match the id of a tool call of an earlier assistant message"
            raise invalid("Invalid request body", f"transcript[{position}].tool_call_id", rule)
        for call in message.tool_calls or ():
            if call.id in called:
                rule = "each tool call must have a unique id"
                raise invalid("Invalid request body", f"transcript[{position}].tool_calls", rule)
            called.add(call.id)


def as_sent(message: Message) -> dict[str, Any]:
    """Return a message's known fields as they were sent."""
    return message.model_dump(by_alias=True, exclude_unset=True, mode="json")
