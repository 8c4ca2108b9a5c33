"""`python -m local.load.aws_faults`: a proxy before the local AWS that throttles, cuts and loses.

It ends TLS with the local AWS's own certificate, so that it can answer as the service does:

    function ── TLS ── [throttled: the service's answer | cut: nothing] ── TLS ── local AWS
    function ── TLS ── ✗ lost: the request was carried out, its answer never comes ── local AWS
"""

import argparse
import json
import random
import re
import ssl
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, TCPConnector, web
from multidict import CIMultiDict, CIMultiDictProxy
from pydantic import BaseModel, ConfigDict, Field
from yarl import URL

ADMIN = "/_aws_faults"
MAX_BYTES = 256 * 1024 * 1024
UPSTREAM_SECONDS = 60.0
_SERVICE = re.compile(r"(?:%2F|/)([a-z0-9-]+)(?:%2F|/)aws4_request", re.IGNORECASE)
"""In the scope of a signature, in a header or a presigned URL (AWS Signature Version 4)."""
_OF_THE_HOP = ("connection", "content-length", "expect", "keep-alive", "transfer-encoding")

THROTTLED = {
    "dynamodb": "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException",
    "sqs": "com.amazonaws.sqs#RequestThrottled",
}
"""How a service says it in JSON (each service's API, common errors)."""


class Shares(BaseModel):
    """Which share of the requests meets which fault."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    throttled: float = Field(0.0, ge=0, le=1)
    cut: float = Field(0.0, ge=0, le=1)
    lost: float = Field(0.0, ge=0, le=1)

    def drawn(self, chance: float) -> str:
        """The fault that a number of [0, 1) means; empty for none."""
        for name in ("throttled", "cut", "lost"):
            share: float = getattr(self, name)
            if chance < share:
                return name
            chance -= share
        return ""


@dataclass
class AwsFaults:
    """The proxy's two routes: what is to fail, and everything else."""

    upstream: str
    trusted: ssl.SSLContext
    shares: Shares = field(default_factory=Shares)
    met: Counter[str] = field(default_factory=Counter)

    def app(self) -> web.Application:
        app = web.Application(client_max_size=MAX_BYTES)
        app.cleanup_ctx.append(self._session)
        app.router.add_get(ADMIN, self.show)
        app.router.add_put(ADMIN, self.change)
        app.router.add_route("*", "/{path:.*}", self.passed)
        return app

    async def show(self, _: web.Request) -> web.Response:
        """Answer how many requests met which fault, and which were passed on."""
        return web.json_response(self.met)

    async def change(self, request: web.Request) -> web.Response:
        self.shares = Shares.model_validate_json(await request.read())
        return await self.show(request)

    async def passed(self, request: web.Request) -> web.StreamResponse:
        """Pass a request on, unless chance has it otherwise."""
        fault = self.shares.drawn(random.random())  # noqa: S311 -- no secret
        service = service_of(request)
        self.met[f"{service} {fault or 'passed'}"] += 1
        if fault == "throttled":
            await request.read()
            return throttled(service)
        if fault == "cut":
            return _cut(request)
        answer = await self._passed_on(request)
        return _cut(request) if fault == "lost" else answer

    async def _passed_on(self, request: web.Request) -> web.Response:
        async with self._http.request(
            request.method,
            URL(self.upstream + request.raw_path, encoded=True),
            headers=_end_to_end(request.headers),
            data=await request.read() or None,
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            allow_redirects=False,
        ) as answer:
            headers = _end_to_end(answer.headers)
            if request.method == "HEAD" and "Content-Length" in answer.headers:
                headers["Content-Length"] = answer.headers["Content-Length"]
            return web.Response(status=answer.status, headers=headers, body=await answer.read())

    async def _session(self, _: web.Application) -> AsyncIterator[None]:
        async with ClientSession(
            connector=TCPConnector(ssl=self.trusted, limit=0),
            cookie_jar=DummyCookieJar(),
            timeout=ClientTimeout(total=UPSTREAM_SECONDS),
            auto_decompress=False,
        ) as self._http:
            yield


def service_of(request: web.Request) -> str:
    """The AWS service that a request is signed for."""
    signed = request.headers.get("Authorization") or request.query_string
    found = _SERVICE.search(signed)
    return found[1] if found else "unsigned"


def throttled(service: str) -> web.Response:
    """The service's own answer to too many requests."""
    if service in ("s3", "unsigned"):
        text = "<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
        return web.Response(text=text, status=503, content_type="application/xml")
    body = {"__type": THROTTLED.get(service, "ThrottlingException"), "message": "Rate exceeded"}
    return web.Response(text=json.dumps(body), status=400, content_type="application/x-amz-json-1.0")


def _end_to_end(headers: CIMultiDictProxy[str]) -> CIMultiDict[str]:
    """Without what concerns one connection only (RFC 9110, 7.6.1)."""
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in _OF_THE_HOP)


def _cut(request: web.Request) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def main() -> None:
    """Serve until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m local.load.aws_faults", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--upstream", required=True, help="the local AWS, https://...")
    parser.add_argument("--certificate", type=Path, required=True)
    parser.add_argument("--key", type=Path, required=True)
    arguments = parser.parse_args()
    trusted = ssl.create_default_context(cafile=arguments.certificate)
    serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    serving.load_cert_chain(arguments.certificate, arguments.key)
    app = AwsFaults(arguments.upstream, trusted).app()
    web.run_app(app, host="127.0.0.1", port=arguments.port, ssl_context=serving, print=None, access_log=None)


if __name__ == "__main__":
    main()
