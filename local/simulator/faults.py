"""Faults on demand: which request they hit, how often, and what they do to it."""

import asyncio
import json
import random
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Annotated, Any, Literal

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from local.simulator.request_log import Exchange

FOREVER = 3600.0
Perform = Callable[[], Awaitable[web.StreamResponse]]


class Form(BaseModel):
    """A part of a fault as the admin route takes it."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Match(Form):
    """Which requests: every given condition must hold; `path` is a regular expression, searched."""

    method: str | None = None
    path: str | None = None
    external_conversation_id: str | None = None
    contains: str | None = None

    def hits(self, exchange: Exchange) -> bool:
        """Whether a request is meant."""
        conditions = (
            self.method is None or self.method.upper() == exchange.method,
            self.path is None or re.search(self.path, exchange.path) is not None,
            self.external_conversation_id in (None, exchange.external_conversation_id),
            self.contains is None or self.contains.encode() in exchange.raw,
        )
        return all(conditions)


class Status(Form):
    """Answer with a status; with `perform` the request has its effect all the same."""

    kind: Literal["status"]
    status: int
    headers: dict[str, str] = {}
    body: Any = None
    perform: bool = False

    async def apply(self, hit: "Hit") -> web.StreamResponse:
        if self.perform:
            await hit.perform()
        is_text = isinstance(self.body, str)
        text = self.body if is_text else "" if self.body is None else json.dumps(self.body)
        content_type = "text/plain" if is_text else "application/json"
        return web.Response(text=text, status=self.status, headers=self.headers, content_type=content_type)


class Garbage(Form):
    """Answer 200 with bytes that are no JSON; with `perform` the request has its effect."""

    kind: Literal["garbage"]
    body: str = "<html>\ufffd not json"
    perform: bool = False

    async def apply(self, hit: "Hit") -> web.StreamResponse:
        if self.perform:
            await hit.perform()
        return web.Response(text=self.body, content_type="application/json")


class TimeoutAfterAccept(Form):
    """Perform the request, then keep silent and cut the connection after the seconds."""

    kind: Literal["timeout_after_accept"]
    seconds: float = FOREVER

    async def apply(self, hit: "Hit") -> web.StreamResponse:
        hit.exchange.take_response(await hit.perform())
        return await hit.hold(self.seconds)


class TimeoutBefore(Form):
    """Keep silent without performing, then cut."""

    kind: Literal["timeout_before"]
    seconds: float = FOREVER

    async def apply(self, hit: "Hit") -> web.StreamResponse:
        return await hit.hold(self.seconds)


class Cut(Form):
    """Cut the connection without performing, of a PUT after so many bytes of its body."""

    kind: Literal["cut"]
    after_bytes: int = 0

    async def apply(self, hit: "Hit") -> web.StreamResponse:
        taken = 0
        while taken < self.after_bytes and (chunk := await hit.request.content.readany()):
            taken += len(chunk)
        hit.exchange.bytes_received = max(taken, hit.exchange.bytes_received)
        return hit.cut()


class Delay(Form):
    """Perform later."""

    kind: Literal["delay"]
    seconds: float

    async def apply(self, hit: "Hit") -> web.StreamResponse:
        await hit.pause(self.seconds)
        return await hit.perform()


class Drip(Form):
    """Perform, and send the answer's body a few bytes at a time."""

    kind: Literal["drip"]
    bytes: int = Field(1, ge=1)
    seconds: float = Field(0.05, ge=0)

    async def apply(self, hit: "Hit") -> web.StreamResponse:
        whole = await hit.perform()
        body = whole.body if isinstance(whole, web.Response) and isinstance(whole.body, bytes) else b""
        hit.exchange.take_response(whole)
        hit.publish()
        response = web.StreamResponse(status=whole.status, headers={"Content-Type": whole.content_type})
        response.content_length = len(body)
        await response.prepare(hit.request)
        for start in range(0, len(body), self.bytes):
            await response.write(body[start : start + self.bytes])
            await hit.pause(self.seconds)
        return response


Fault = Annotated[
    Status | Garbage | TimeoutAfterAccept | TimeoutBefore | Cut | Delay | Drip, Field(discriminator="kind")
]


class FaultRule(Form):
    """A scheduled fault."""

    match: Match = Match()
    times: int = Field(1, ge=1)
    share: float = Field(1.0, gt=0, le=1)
    """Of the requests that are meant."""
    fault: Fault

    def hits(self, exchange: Exchange) -> bool:
        return self.match.hits(exchange) and random.random() < self.share  # noqa: S311 -- no secret


@dataclass
class Scheduled:
    """A rule and how often it still applies."""

    number: int
    rule: FaultRule
    left: int

    def view(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {"id": self.number, "left": self.left, **self.rule.model_dump(mode="json")}


@dataclass
class FaultSchedule:
    """The scheduled faults; the first that matches is used."""

    rules: list[Scheduled] = field(default_factory=list)
    _numbers: "count[int]" = field(default_factory=lambda: count(1))

    def add(self, rule: FaultRule) -> Scheduled:
        """Schedule a fault."""
        scheduled = Scheduled(next(self._numbers), rule, rule.times)
        self.rules.append(scheduled)
        return scheduled

    def take(self, exchange: Exchange) -> Fault | None:
        """Return the fault for a request and count it as used."""
        for scheduled in self.rules:
            if scheduled.left and scheduled.rule.hits(exchange):
                scheduled.left -= 1
                exchange.fault = scheduled.number
                return scheduled.rule.fault
        return None


@dataclass(frozen=True)
class Hit:
    """A request that a fault has hit."""

    request: web.Request
    exchange: Exchange
    perform: Perform
    publish: Callable[[], None]
    """Puts the exchange into the record at once, for one that will be silent long."""
    closing: asyncio.Event

    async def pause(self, seconds: float) -> None:
        """Wait, but not longer than the simulator lives."""
        try:
            async with asyncio.timeout(seconds):
                await self.closing.wait()
        except TimeoutError:
            return

    async def hold(self, seconds: float) -> web.StreamResponse:
        """Keep silent, then cut."""
        self.exchange.outcome = "held"
        self.publish()
        await self.pause(seconds)
        return self.cut()

    def cut(self) -> web.StreamResponse:
        """Break the connection."""
        if self.exchange.outcome == "answered":
            self.exchange.outcome = "cut"
        if self.request.transport is not None:
            self.request.transport.abort()
        return web.Response()
