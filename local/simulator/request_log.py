"""The record of every request, kept for tests and for whoever follows the simulator."""

import asyncio
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from aiohttp import web

from local.simulator.conversations import spell_instant

Outcome = Literal["answered", "held", "cut", "aborted"]
"""Held or cut by a fault; aborted where the client left before its answer was made."""


@dataclass
class Exchange:
    """One request and what became of it."""

    time: float
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    raw: bytes = b""
    bytes_received: int = 0
    external_conversation_id: str | None = None
    conversation_id: str | None = None
    upload_id: str | None = None
    fault: int | None = None
    outcome: Outcome = "answered"
    response_status: int | None = None
    response_body: Any = None
    finished: float = 0.0
    number: int | None = None
    """Its place in the record, given when it is finished."""

    @property
    def body(self) -> Any:
        """The body as JSON, as text where it is none, None where it is empty or audio."""
        return read_body(self.raw)

    def view(self) -> dict[str, Any]:
        """Return it as JSON."""
        hidden = {"raw", "finished", "number"}
        plain = {key: value for key, value in vars(self).items() if key not in hidden}
        duration = round(self.finished - self.time, 6)
        return {
            "n": self.number,
            **plain,
            "time": spell_instant(self.time),
            "body": self.body,
            "seconds": duration,
        }

    def take_response(self, response: web.StreamResponse) -> None:
        """Keep status and body of the answer."""
        self.response_status = response.status
        if isinstance(response, web.Response) and isinstance(response.body, bytes):
            self.response_body = read_body(response.body)


def read_body(raw: bytes) -> Any:
    """Read JSON; text where it is none, None where it is empty."""
    try:
        return json.loads(raw) if raw else None
    except ValueError:
        return raw.decode(errors="replace")


def safe_headers(request: web.Request) -> dict[str, str]:
    """Return the headers as they came, the API key as a hash."""
    return {
        name: f"sha256:{hashlib.sha256(value.encode()).hexdigest()}" if name.lower() == "x-api-key" else value
        for name, value in request.headers.items()
    }


@dataclass
class Record:
    """All exchanges, in the order in which they ended."""

    exchanges: list[Exchange] = field(default_factory=list)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, exchange: Exchange, now: float) -> None:
        """Add an exchange, once."""
        if exchange.number is None:
            exchange.finished = now
            self.exchanges.append(exchange)
            exchange.number = len(self.exchanges)
            self.wake()

    def wake(self) -> None:
        """Let everybody who waits look again."""
        self._changed.set()
        self._changed = asyncio.Event()

    def clear(self) -> None:
        self.exchanges.clear()
        self.wake()

    def after(self, number: int, wanted: Callable[[Exchange], bool]) -> list[Exchange]:
        """Return the exchanges after the given number that are wanted."""
        return [exchange for exchange in self.exchanges[number:] if wanted(exchange)]

    async def wait(self, number: int, wanted: Callable[[Exchange], bool], seconds: float) -> list[Exchange]:
        """Return the same, waiting for the first as long as it takes or as the seconds allow."""
        try:
            async with asyncio.timeout(seconds):
                while not (found := self.after(number, wanted)):
                    await self._changed.wait()
                return found
        except TimeoutError:
            return []
