"""Coval behind HTTP, as the product's own client asks it, with outages."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import httpx

from coval_relay.domain.coval import Conversation, Filtered
from coval_relay.domain.errors import PermanentError
from tests.support.fakes import FakeClock, FakeCoval

TIMEOUT_SECONDS = 30
SILENCE = "silence"


@dataclass
class IndexedCoval(FakeCoval):
    """Finds a call's conversations without a search through all."""

    by_call: dict[str, list[str]] = field(default_factory=dict)

    def submit(self, body: bytes) -> Conversation | Filtered:
        made = super().submit(body)
        if isinstance(made, Conversation):
            self.by_call.setdefault(str(made.external_conversation_id), []).append(made.conversation_id)
        return made

    def find(self, external_conversation_id: str) -> list[Conversation]:
        return [self._conversation(name) for name in self.by_call.get(external_conversation_id, [])][:2]


@dataclass
class CovalOverHttp:
    """Answers requests; `fault` is a status, SILENCE (carried out, and no answer comes), or empty."""

    clock: FakeClock
    fault: Callable[[], str]
    coval: IndexedCoval = field(default_factory=IndexedCoval)
    asked: list[int] = field(default_factory=list)
    """When each request came."""

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(self.clock.now)
        fault = self.fault()
        if not fault:
            return self._served(request)
        if fault == SILENCE:
            self._served(request)
            self.clock.now += TIMEOUT_SECONDS
            raise httpx.ReadTimeout(SILENCE, request=request)
        headers = {"retry-after": "1"} if fault == "429" else {}
        return httpx.Response(int(fault), json={"error": {"code": "FAULT", "message": "no"}}, headers=headers)

    def _served(self, request: httpx.Request) -> httpx.Response:
        try:
            return httpx.Response(200, text=json.dumps(self._answer(request), default=str))
        except PermanentError as error:
            content = {"code": error.code, "message": error.reason, "details": [{"field": error.field}]}
            return httpx.Response(error.status or 400, json={"error": content})

    def _answer(self, request: httpx.Request) -> Any:  # noqa: PLR0911 - one case a request
        name = request.url.path.rpartition("/")[2]
        match request.method, name:
            case "POST", "conversations:submit":
                made = self.coval.submit(request.read())
                return {"filtered": True} if isinstance(made, Filtered) else {"conversation": asdict(made)}
            case "POST", "audio:upload":
                asked = json.loads(request.read())
                return asdict(self.coval.create_upload(asked["content_type"], asked["expected_size_bytes"]))
            case "PUT", _:
                self.coval.uploads[name] = b"RIFF"
                return {}
            case "GET", "conversations":
                call_id = request.url.params["filter"].partition("=")[2].strip('"')
                return {"conversations": [asdict(one) for one in self.coval.find(call_id)]}
            case "GET", _:
                found = self.coval.get(name)
                return {"conversation": asdict(found)} if found else _not_found()
            case "PATCH", _:
                url = json.loads(request.read())["audio_url"]
                return {"conversation": asdict(self.coval.attach_audio(name, url))}
            case "DELETE", _:
                self.coval.delete(name)
                return {}
        raise AssertionError(request)


def _not_found() -> Any:
    raise PermanentError("NOT_FOUND", "Conversation not found", None, 404)
