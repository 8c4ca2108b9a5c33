"""The web servers of the platforms, behind one egress proxy: every host leads here, by TLS of our own.

The functions reach the web through a proxy, as in a VPC that allows no other way out; so the samples' URLs
stay as they are, and what the code itself asks of a platform's API is answered, too.
"""

import ssl
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from local.stack import certificate
from local.stack.stack import Egress


@dataclass(frozen=True, slots=True)
class Page:
    """What a URL answers: only to who shows these headers, and only so many times."""

    content: bytes = b""
    status: HTTPStatus = HTTPStatus.OK
    location: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    times: int = 1_000_000
    """Afterwards the link is spent (403)."""


@dataclass
class Web:
    """The pages by their URLs, and how each request was answered."""

    pages: dict[str, Page] = field(default_factory=dict)
    answers: list[tuple[str, HTTPStatus]] = field(default_factory=list)
    _given: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, url: str, headers: Mapping[str, str]) -> tuple[HTTPStatus, Page]:
        with self._lock:
            page = self.pages.get(url, Page(status=HTTPStatus.NOT_FOUND))
            status = self._status(url, page, headers)
            self._given[url] += status == page.status
            self.answers.append((url, status))
        return status, page

    def _status(self, url: str, page: Page, headers: Mapping[str, str]) -> HTTPStatus:
        if any(headers.get(name) != value for name, value in page.headers.items()):
            return HTTPStatus.UNAUTHORIZED
        return HTTPStatus.FORBIDDEN if self._given[url] >= page.times else page.status

    def answers_of(self, url: str) -> list[HTTPStatus]:
        return [status for asked, status in self.answers if asked == url]


@contextmanager
def served(web: Web, folder: Path, hosts: tuple[str, ...], **more: Any) -> Iterator[Egress]:
    """Serve the pages until the block ends; the certificate goes into the empty folder."""
    trusted, key = folder / "web.pem", folder / "web-key.pem"
    certificate.ensure(trusted, key, hosts)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(trusted, key)
    handler = type("Handler", (_Handler,), {"web": web, "context": context})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        proxy = f"http://127.0.0.1:{server.server_port}"
        try:
            yield Egress(proxy=proxy, certificate=trusted, hosts=hosts, **more)
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    """CONNECT (RFC 9110, 9.3.6), then requests inside of TLS on the same connection."""

    protocol_version = "HTTP/1.1"
    web: Web
    context: ssl.SSLContext
    host = ""

    def do_CONNECT(self) -> None:
        self.send_response(HTTPStatus.OK)
        self.end_headers()
        self.host = self.path.removesuffix(":443")
        self.connection = self.context.wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)
        self.close_connection = False

    def do_GET(self) -> None:
        status, page = self.web.answer(f"https://{self.host}{self.path}", self.headers)  # type: ignore[arg-type]
        content = page.content if status is HTTPStatus.OK else b""
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        if page.location and status is page.status:
            self.send_header("Location", page.location)
        self.end_headers()
        self.wfile.write(content)

    def finish(self) -> None:
        """The server closes the socket that it accepted, which TLS has taken the place of."""
        super().finish()
        self.connection.close()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class's name
        """Say nothing."""
