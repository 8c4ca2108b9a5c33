"""The web application: middlewares around Coval's routes and the admin's."""

import re
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import ClientSession, DummyCookieJar, web

from local.simulator.admin_routes import PREFIX, AdminRoutes
from local.simulator.behaviour_switches import MEBIBYTE, Switches
from local.simulator.coval import Coval, open_coval
from local.simulator.errors import ApiError, GatewayError, ObjectStoreError
from local.simulator.faults import Hit
from local.simulator.path_families import FAMILIES
from local.simulator.request_log import Exchange, safe_headers
from local.simulator.routes import (
    API_PREFIX,
    COVAL,
    EXCHANGE,
    AgentRoutes,
    AudioRoutes,
    ConversationRoutes,
    authenticate,
)

MAX_BODY = 10 * MEBIBYTE
"""Most that an API gateway takes (Amazon API Gateway quotas, payload size)."""
EXTERNAL_ID_FILTER = re.compile(r'external_conversation_id\s*=\s*"?([^"\s]+)"?')

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def recorded(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Write every exchange but the admin's into the record."""
    if request.path.startswith(PREFIX):
        return await handler(request)
    coval = request.app[COVAL]
    exchange = request[EXCHANGE] = await _open_exchange(request, coval)
    try:
        response = await handler(request)
        if exchange.outcome == "answered" and exchange.response_status is None:
            exchange.take_response(response)
        return response
    finally:
        if exchange.outcome == "answered" and exchange.response_status is None:
            exchange.outcome = "aborted"
        coval.record.add(exchange, coval.now())


async def _open_exchange(request: web.Request, coval: Coval) -> Exchange:
    exchange = Exchange(coval.now(), request.method, request.path, dict(request.query), safe_headers(request))
    if request.path.startswith(API_PREFIX):
        exchange.raw = await request.read() if (request.content_length or 0) <= MAX_BODY else b""
        exchange.bytes_received = len(exchange.raw)
        exchange.conversation_id = request.match_info.get("id")
        exchange.external_conversation_id = _external_id(exchange, coval)
    return exchange


def _external_id(exchange: Exchange, coval: Coval) -> str | None:
    body = exchange.body
    if isinstance(body, dict) and isinstance(body.get("external_conversation_id"), str):
        return str(body["external_conversation_id"])
    if conversation := coval.conversations.get(exchange.conversation_id or ""):
        return conversation.external_id
    found = EXTERNAL_ID_FILTER.search(exchange.query.get("filter", ""))
    return found[1] if found else None


@web.middleware
async def faulty(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let a scheduled fault have its way."""
    coval, exchange = request.app[COVAL], request.get(EXCHANGE)
    fault = coval.faults.take(exchange) if exchange else None
    if fault is None or exchange is None:
        return await handler(request)
    hit = Hit(
        request,
        exchange,
        lambda: handler(request),
        lambda: coval.record.add(exchange, coval.now()),
        coval.closing,
    )
    return await fault.apply(hit)


@web.middleware
async def answered(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Check the key, and turn errors into their answers."""
    try:
        if request.path.startswith(API_PREFIX):
            _check_rate(request.app[COVAL])
            authenticate(request, request.app[COVAL])
            _check_length(request)
        return await handler(request)
    except (ApiError, GatewayError, ObjectStoreError) as error:
        return error.response()
    except (web.HTTPNotFound, web.HTTPMethodNotAllowed):
        return GatewayError(404, "Not Found").response()


def _check_rate(coval: Coval) -> None:
    """Throttle what comes too fast, with the number of seconds after which it may come again."""
    rate = coval.switches.requests_per_second
    seconds = coval.bucket.wait(time.monotonic(), rate) if rate else 0
    if seconds:
        raise GatewayError(429, "Too Many Requests", {"Retry-After": str(seconds)})


def _check_length(request: web.Request) -> None:
    if (request.content_length or 0) > MAX_BODY:
        raise GatewayError(413, "Request Entity Too Large")


async def make_app(state_folder: Path, seed: str | None, switches: Switches) -> web.Application:
    """Return the simulator's application; its audio lies in the folder."""
    session = ClientSession(cookie_jar=DummyCookieJar(), auto_decompress=False)
    coval = open_coval(state_folder, seed, switches, session)
    app = web.Application(middlewares=[recorded, faulty, answered], client_max_size=MAX_BODY + 1)
    app[COVAL] = coval
    for family in FAMILIES:
        app.add_routes(ConversationRoutes(coval, family).routes())
    for group in (AudioRoutes(coval), AgentRoutes(coval), AdminRoutes(coval)):
        app.add_routes(group.routes())
    app.on_shutdown.append(_close)
    app.on_cleanup.append(_close_session)
    return app


async def _close(app: web.Application) -> None:
    app[COVAL].closing.set()


async def _close_session(app: web.Application) -> None:
    await app[COVAL].session.close()
