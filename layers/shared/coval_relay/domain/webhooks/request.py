"""One webhook as it arrived, before anything of it is believed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

FORM = "application/x-www-form-urlencoded"
Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class WebhookRequest:
    """Method, URL, headers (names in lower case) and the raw bytes of the body."""

    method: str
    host: str = field(repr=False)
    path: str = field(repr=False)
    query: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    arrived_at: float
    """Epoch seconds, by AWS's clock."""

    @property
    def route(self) -> str:
        """`platform`, or `platform/label`."""
        return "/".join(part for part in self.path.split("/") if part)

    @property
    def is_form(self) -> bool:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower() == FORM

    @cached_property
    def form(self) -> Pairs | None:
        """The pairs of a form in their order, blank ones too; None where it is none in UTF-8."""
        return form_of(self.body) if self.is_form else None

    @cached_property
    def content(self) -> Any:
        """A form as the object of its first values, else JSON; None for what is neither."""
        return content_of(self.body, is_form=self.is_form)

    def urls(self, bases: tuple[str, ...] = ()) -> tuple[str, ...]:
        """The URL as its sender may know it: with the usual port or without, and below other hosts' names."""
        rest = self.path + (f"?{self.query}" if self.query else "")
        return tuple(base + rest for base in (f"https://{self.host}", f"https://{self.host}:443", *bases))


def form_of(body: bytes) -> Pairs | None:
    try:
        return tuple(parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict"))
    except ValueError:
        return None


def content_of(body: bytes, *, is_form: bool) -> Any:
    """What a body says, as JSON has it; None where it says nothing that can be read."""
    try:
        if is_form:
            return dict(reversed(form_of(body) or ())) or None
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def value_at(content: Any, path: str) -> Any:
    """What stands at a path of names joined by dots; None where nothing does."""
    for name in path.split("."):
        if not isinstance(content, Mapping):
            return None
        content = content.get(name)
    return content
