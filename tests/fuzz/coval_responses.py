"""Coval's answers: any status with any headers and any body, to each of the client's methods."""

import json
from collections.abc import Callable, Iterator, Sequence
from itertools import count, islice
from random import Random
from typing import Any, Final

import httpx

from coval_relay.adapters.coval import Gate, HttpCovalClient
from coval_relay.domain.coval import Conversation, Upload
from tests.fuzz.boundary import SECRET, outcome_of
from tests.fuzz.mutation import mutated_json, text_of

STATUSES: Final = (
    100, 200, 200, 200, 201, 204, 206, 301, 302, 304, 400, 400, 401, 403, 404, 404, 405, 408, 409, 410, 413,
    415, 422, 425, 429, 429, 431, 451, 499, 500, 501, 502, 503, 504, 511, 599, 600, 999,
)  # fmt: skip
RETRY_AFTER: Final = (
    "1", "0", "-1", "1.5", "99999999999", "", " 7 ", "Fri, 02 Oct 2026 14:30:50 GMT",
    "Fri, 02 Oct 2026 14:30:50", "Fri, 99 Oct 99999 99:99:99 +9999", "Fri, 02 Oct 0000 14:30:50 GMT",
    "Fri", ",", "1 1 1 1 1 1", "\u0663", "2 Jan",
    "Mon, 01 Jan 0001 00:00:00 +2359", "1 Jan 1 1:1:1 -9999", "\x00",
)  # fmt: skip
CONVERSATION: Final = {
    "conversation_id": "conversation0000000001", "external_conversation_id": "call-1", "status": "COMPLETED",
    "has_audio": True, "create_time": "2026-10-02T14:30:50Z", "metadata": {"a": SECRET},
}  # fmt: skip
AGENT: Final = {"id": "a" * 22, "customer_agent_id": "x", "display_name": SECRET, "model_type": "voice"}
UPLOAD: Final = {
    "upload_id": "upl_1", "upload_url": "https://uploads.example.com/u?signature=x", "max_size_bytes": 1000,
    "expires_at": "2026-10-02T14:30:50Z", "content_type": "audio/wav",
}  # fmt: skip
ERROR: Final = {
    "error": {
        "code": "INVALID_ARGUMENT",
        "message": f"Audio URL not found: https://a.example/?signature={SECRET}",
        "details": [{"field": "audio_url", "description": SECRET}],
    }
}
BODIES: Final = (
    CONVERSATION, {"conversation": CONVERSATION}, {"uploaded_conversation": CONVERSATION},
    {"conversations": [CONVERSATION], "next_page_token": "t"}, {"uploaded_conversations": [CONVERSATION]},
    {"filtered": True, "reason": "coval_simulation", "simulation_id": "sim_1"}, UPLOAD, {"agent": AGENT},
    {"agents": [AGENT], "next_page_token": "t"}, ERROR, {"message": "Forbidden"}, {"error": "words"}, "",
    "<html>",
)  # fmt: skip


class Key:
    """A key that is rejected or not, but always there."""

    def get(self) -> str:
        return "key-1"

    def refresh(self) -> str:
        return "key-2"


def answers() -> list[Any]:
    return [
        [method, status, {"content-type": "application/json", "retry-after": "1"}, body]
        for method in METHODS
        for status, body in [(200, body) for body in BODIES] + [(status, ERROR) for status in STATUSES]
    ]


def mutated_answer(random: Random, answer: Any, corpus: Sequence[Any]) -> Any:
    method, status, headers, body = answer
    if random.random() < 0.2:
        method = random.choice(list(METHODS))
    if random.random() < 0.3:
        status = random.choice((*STATUSES, random.randint(100, 999)))
    if random.random() < 0.3:
        headers = {**headers, **_header(random)}
    return [method, status, headers, mutated_json(random, body, [other[3] for other in corpus[-20:]])]


def _header(random: Random) -> dict[str, str]:
    return random.choice(
        (
            {"retry-after": random.choice(RETRY_AFTER)},
            {"content-encoding": random.choice(("gzip", "br", "deflate", "nonsense"))},
            {"content-type": random.choice(("text/html", "application/json; charset=utf-16", ";;;", ""))},
            {"location": random.choice(("https://[::1/", "//", "\\\\", f"https://x/{SECRET}", "http://a:b:c/"))},
            {"set-cookie": random.choice(("a=b; Expires=Fri, 99", "=;;;", "a=b; Max-Age=x; Domain=."))},
            {"content-length": random.choice(("0", "-1", "99999999", "x"))},
        )
    )


def judged_answer(answer: Any) -> str:
    method, status, headers, body = answer
    content = body.encode(errors="replace") if isinstance(body, str) else text_of(body).encode()
    encoded = {name: value.encode(errors="replace") for name, value in headers.items()}

    def answered(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, headers=list(encoded.items()), stream=_Body(content))

    left = count(60, -1)
    client = HttpCovalClient(
        base_url="https://api.example.com",
        path_family="conversations",
        api_key=Key(),
        timeout_seconds=30,
        time_left=lambda: float(next(left)),
        gate=Gate(lambda *_: None, chance=lambda: 0.5),
        sleep=lambda _: None,
        jitter=lambda: 0.5,
        now=lambda: 1_790_951_900.0,
        http=httpx.Client(transport=httpx.MockTransport(answered)),
    )
    return f"{method} {status // 100} {outcome_of(lambda: METHODS[method](client))}"


class _Body(httpx.SyncByteStream):
    """As it came: no length or coding is added."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def __iter__(self) -> Iterator[bytes]:
        yield self._content


def _used(conversation: object, client: HttpCovalClient) -> object:
    """What Coval names is asked for by that name."""
    if isinstance(conversation, Conversation):
        client.get(conversation.conversation_id)
    return conversation


def _put(client: HttpCovalClient) -> object:
    made = client.create_upload("audio/wav", 4)
    assert isinstance(made, Upload)
    client.put_audio(made, [b"RIFF"], 4)
    return made


METHODS: Final[dict[str, Callable[[HttpCovalClient], object]]] = {
    "submit": lambda client: _used(client.submit(json.dumps({}).encode()), client),
    "attach": lambda client: _used(client.attach_audio("c1", "https://a.example/"), client),
    "get": lambda client: client.get("c1"),
    "find": lambda client: [_used(found, client) for found in client.find("call-1")],
    "delete": lambda client: client.delete("c1"),
    "conversations": lambda client: list(islice(client.conversations(), 4)),
    "upload": _put,
    "agents": lambda client: list(islice(client.agents(), 4)),
    "agent": lambda client: client.get_agent("a1"),
}
