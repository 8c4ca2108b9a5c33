"""Calls a running simulator as a client does, and builds the errors that it answers with."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

from local.simulator import RunningSimulator
from local.simulator.path_families import FAMILIES, Family

MESSAGE = {"role": "user", "content": "Hello"}
FAMILY_NAMES = [family.envelope for family in FAMILIES]
Answer = tuple[int, Any]


@dataclass(frozen=True)
class Api:
    """Coval's API as one path family shows it."""

    simulator: RunningSimulator
    family: Family
    http: httpx.Client

    def call(self, method: str, path: str, **options: Any) -> Answer:
        """Send a request; return status and JSON."""
        headers = {"x-api-key": self.simulator.api_key, **options.pop("headers", {})}
        response = self.http.request(method, self.simulator.url + path, headers=headers, **options)
        return response.status_code, response.json()

    def submit(self, body: Any) -> Answer:
        return self.call("POST", f"{self.family.path}:submit", json=body)

    def submitted(self, **fields: Any) -> str:
        """Submit what is good; return the conversation's id."""
        status, answer = self.submit({"transcript": [MESSAGE], **fields})
        assert status == 200, answer
        return str(answer[self.family.envelope]["conversation_id"])

    def get(self, conversation_id: str, **query: Any) -> Answer:
        return self.call("GET", f"{self.family.path}/{conversation_id}", params=query)

    def patch(self, conversation_id: str, body: Any) -> Answer:
        return self.call("PATCH", f"{self.family.path}/{conversation_id}", json=body)

    def delete(self, conversation_id: str) -> Answer:
        return self.call("DELETE", f"{self.family.path}/{conversation_id}")

    def list_page(self, **query: Any) -> Answer:
        return self.call("GET", self.family.path, params=query)

    def listed(self, **query: Any) -> list[Any]:
        """List what may be listed; return the external ids."""
        status, answer = self.list_page(**query)
        assert status == 200, answer
        return [item["external_conversation_id"] for item in answer[self.family.list_envelope]]

    def upload(self, content: bytes, content_type: str = "audio/wav") -> str:
        """Upload audio; return its upload id."""
        status, answer = self.call("POST", "/v1/audio:upload", json={"content_type": content_type})
        assert status == 200, answer
        headers = {"Content-Type": content_type}
        assert self.http.put(answer["upload_url"], content=content, headers=headers).status_code == 200
        return str(answer["upload_id"])


@dataclass
class Files:
    """Files behind URLs; a path such as /403 answers with that status."""

    url: str = ""
    contents: dict[str, bytes] = field(default_factory=dict)
    paths: list[str] = field(default_factory=list)

    def add(self, name: str, content: bytes) -> str:
        """Serve a file; return its URL."""
        self.contents[f"/{name}"] = content
        return f"{self.url}/{name}"


@contextmanager
def serving_files() -> Iterator[Files]:
    """Serve files on a free loopback port."""
    files = Files()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            files.paths.append(self.path)
            path = self.path.split("?")[0]
            content = files.contents.get(path)
            status = 200 if content is not None else int(path.strip("/") or 404)
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "/elsewhere")
            if "unsized" not in path:
                self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            half = len(content or b"") // 2 if "cut" in path else None
            with suppress(ConnectionError):
                self.wfile.write((content or b"")[:half])

        def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 -- the base's own name
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        files.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield files
        finally:
            server.shutdown()
            thread.join()


def detail(field_name: str | None, description: str) -> dict[str, str]:
    return {"field": field_name, "description": description} if field_name else {"description": description}


def error(status: int, code: str, message: str, *details: dict[str, str]) -> Answer:
    """An answer in Coval's envelope."""
    return status, {"error": {"code": code, "message": message, "details": list(details)}}


def invalid(message: str, field_name: str | None = None, description: str | None = None) -> Answer:
    details = [detail(field_name, description or message)] if field_name else []
    return error(400, "INVALID_ARGUMENT", message, *details)


def invalid_body(field_name: str | None, description: str) -> Answer:
    return error(400, "INVALID_ARGUMENT", "Invalid request body", detail(field_name, description))


def not_found(message: str, field_name: str | None = None) -> Answer:
    return error(404, "NOT_FOUND", message, *([detail(field_name, message)] if field_name else []))
