"""The Coval port over HTTP (httpx): https://api.coval.dev/v1, both path families."""

import json
import logging
import math
import random
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, Protocol, TypeVar
from urllib.parse import quote

import httpx

from coval_relay import __version__
from coval_relay.adapters.coval import error_mapping, responses, retries
from coval_relay.adapters.coval.error_mapping import Failure, RequestKind, Response
from coval_relay.adapters.coval.gate import Gate
from coval_relay.adapters.coval.responses import Page
from coval_relay.domain.coval import (
    BAD_REQUEST,
    NOT_FOUND,
    Agent,
    ContentType,
    Conversation,
    Filtered,
    Upload,
)
from coval_relay.domain.errors import InvalidInputError, PermanentError, RelayError, RetryableError

T = TypeVar("T")
PathFamily = Literal["conversations", "uploaded"]

CONNECT_SECONDS = 5.0
KEEP_ALIVE_SECONDS = 5.0
"""Idle connections are dropped silently on the way to Coval (coval-sdk closes its own after 5 s)."""
RESERVE_SECONDS = 3.0
"""Left of the invocation for what follows a request: the write of its outcome."""
SPARE_SECONDS = 5.0
"""Left besides a request's own time after a wait in place."""
SHORTEST_READ_SECONDS = 2.0
"""Less time than this is not worth asking in."""
MAX_FOUND = 2
AGENTS_PAGE_SIZE = 100
NO_TIME_LEFT = "no_time_left"
PUT_FAILED = "upload_put_failed"
LENGTH_CHANGED = "recording_changed_length"

NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)


class ApiKey(Protocol):
    """Where the key comes from; both raise RetryableError."""

    def get(self) -> str: ...

    def refresh(self) -> str:
        """Read the key again, because Coval rejected the one that `get` gave."""


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """One request to Coval; `path` comes after the version."""

    kind: RequestKind
    method: str
    path: str
    params: Mapping[str, str] | None = None
    content: bytes | None = None
    of_one: bool = False
    """Whether its path names a conversation or an agent, which may be gone."""

    @property
    def operation(self) -> str:
        """What the gate counts by."""
        return f"{self.method} {self.kind.value}"


def http_client() -> httpx.Client:
    """One client for Coval and its upload host: the key goes with each request, not with the client.

    The environment is trusted: a VPC's egress proxy and certificate bundle (HTTPS_PROXY, SSL_CERT_FILE)
    are legitimate.
    """
    return httpx.Client(
        follow_redirects=False,
        limits=httpx.Limits(keepalive_expiry=KEEP_ALIVE_SECONDS),
        headers={"user-agent": f"coval-relay/{__version__}"},
    )


class HttpCovalClient:
    """Coval's API; see the port for what is raised.

    `time_left` gives the seconds that the invocation has left: no request is begun that does not fit into it,
    none goes on past it. `settling_seconds` is how long a default list may lag behind, waited for only
    where Coval rejects strong reads.
    """

    def __init__(
        self,
        *,
        base_url: str,
        path_family: PathFamily,
        api_key: ApiKey,
        timeout_seconds: float,
        time_left: Callable[[], float],
        gate: Gate,
        settling_seconds: float = 10.0,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
        now: Callable[[], float] = time.time,
        http: httpx.Client | None = None,
    ) -> None:
        self._root = f"{base_url.rstrip('/')}/v1"
        family = {"conversations": "conversations", "uploaded": "conversations/uploaded"}
        self._collection = family[path_family]
        self._api_key = api_key
        self._timeout_seconds = timeout_seconds
        self._time_left = time_left
        self._gate = gate
        self._settling_seconds = settling_seconds
        self._sleep = sleep
        self._jitter = jitter
        self._now = now
        self._http = http or http_client()
        _keep_urls_out_of_logs()

    # --- conversations -------------------------------------------------------------------------------

    def submit(self, body: bytes) -> Conversation | Filtered:
        answer = self._call(ApiRequest(RequestKind.EFFECT, "POST", f"{self._collection}:submit", content=body))
        return _read(RequestKind.EFFECT, responses.submitted, answer)

    def attach_audio(self, conversation_id: str, audio_url: str) -> Conversation:
        content = _json({"audio_url": audio_url})
        path = self._place(conversation_id)
        answer = self._call(ApiRequest(RequestKind.EFFECT, "PATCH", path, content=content, of_one=True))
        return _read(RequestKind.EFFECT, responses.conversation, answer)

    def get(self, conversation_id: str) -> Conversation | None:
        return self._get_one(self._place(conversation_id), responses.conversation)

    def find(self, external_conversation_id: str) -> list[Conversation]:
        """At most two, by one strongly consistent read; raises InvalidInputError for an unquotable id.

        Coval API, list: `consistency=strong` goes with one equality filter and page_size up to 2 only.
        """
        filtered = {"filter": _equality(external_conversation_id), "page_size": str(MAX_FOUND)}
        try:
            listed = self._conversations({"consistency": "strong", **filtered}).items
        except PermanentError as error:
            if not _rejects_consistency(error):
                raise
            self._pause(self._settling_seconds)
            listed = self._conversations(filtered).items
        return _of(external_conversation_id, listed)

    def delete(self, conversation_id: str) -> None:
        try:
            self._call(ApiRequest(RequestKind.EFFECT, "DELETE", self._place(conversation_id), of_one=True))
        except PermanentError as error:
            if error.status != NOT_FOUND:
                raise

    def conversations(
        self,
        *,
        matching: str | None = None,
        order_by: str | None = None,
        page_size: int = 50,
    ) -> Iterator[Conversation]:
        asked = {"filter": matching, "order_by": order_by, "page_size": str(page_size)}
        return _all_pages(self._conversations, {name: value for name, value in asked.items() if value})

    def _conversations(self, params: Mapping[str, str]) -> Page[Conversation]:
        answer = self._call(ApiRequest(RequestKind.READ, "GET", self._collection, params=params))
        return _read(RequestKind.READ, responses.conversations, answer)

    def _place(self, conversation_id: str) -> str:
        return f"{self._collection}/{quote(conversation_id, safe='')}"

    # --- audio ---------------------------------------------------------------------------------------

    def create_upload(self, content_type: ContentType, size: int) -> Upload:
        content = _json({"content_type": content_type, "expected_size_bytes": size})
        answer = self._call(ApiRequest(RequestKind.HARMLESS, "POST", "audio:upload", content=content))
        return _read(RequestKind.HARMLESS, responses.upload, answer)

    def put_audio(self, upload: Upload, chunks: Iterable[bytes], size: int) -> None:
        """One PUT in constant memory; raises Retryable: a retry takes a new URL and reads `chunks` anew.

        The length is declared, so the body is not sent chunked, which object stores reject with 501.
        """
        headers = {"content-type": upload.content_type, "content-length": str(size)}
        timeout = self._timeout(RequestKind.EFFECT)
        with closing(self._measured(chunks, size)) as body:
            try:
                request = self._http.build_request(
                    "PUT", upload.upload_url, headers=headers, content=body, timeout=timeout
                )
                status = self._exchange(request).status
            except (httpx.RequestError, httpx.InvalidURL):
                raise RetryableError(PUT_FAILED) from None
        if not httpx.codes.is_success(status):
            raise RetryableError(PUT_FAILED)

    def _measured(self, chunks: Iterable[bytes], size: int) -> Generator[bytes, None, None]:
        missing = size
        for chunk in chunks:
            missing -= len(chunk)
            if missing < 0:
                break
            if self._time_left() < RESERVE_SECONDS:
                raise RetryableError(NO_TIME_LEFT)
            yield chunk
        if missing:
            raise RetryableError(LENGTH_CHANGED)

    # --- agents --------------------------------------------------------------------------------------

    def agents(self) -> Iterator[Agent]:
        return _all_pages(self._agents, {"page_size": str(AGENTS_PAGE_SIZE)})

    def get_agent(self, agent_id: str) -> Agent | None:
        return self._get_one(f"agents/{quote(agent_id, safe='')}", responses.agent)

    def create_agent(self, fields: Mapping[str, Any]) -> Agent:
        answer = self._call(ApiRequest(RequestKind.EFFECT, "POST", "agents", content=_json(fields)))
        return _read(RequestKind.EFFECT, responses.agent, answer)

    def _agents(self, params: Mapping[str, str]) -> Page[Agent]:
        return _read(
            RequestKind.READ,
            responses.agents,
            self._call(ApiRequest(RequestKind.READ, "GET", "agents", params=params)),
        )

    # --- one call ------------------------------------------------------------------------------------

    def _get_one(self, path: str, read: Callable[[bytes], T]) -> T | None:
        try:
            answer = self._call(ApiRequest(RequestKind.READ, "GET", path, of_one=True))
        except PermanentError as error:
            if error.status == NOT_FOUND:
                return None
            raise
        return _read(RequestKind.READ, read, answer)

    def wait_turn(self) -> int:
        """Sleeps while Coval asks to, where the time allows it; returns the seconds for which Coval is left alone."""
        if busy := self._gate.busy_for():
            if not self._fits(busy):
                return math.ceil(busy)
            self._sleep(busy)
        return math.ceil(self._gate.closed_for())

    def _call(self, ask: ApiRequest) -> Response:
        """One request and what may be repeated of it; returns a 2xx answer."""
        attempt = 1
        while True:
            self._gate.check()
            is_probe = self._gate.is_half_open
            try:
                answer = self._authenticated(ask)
            except RelayError as error:
                wait = self._counted(ask, error, attempt)
                if wait is None or is_probe or self._gate.closed_for():
                    raise
            else:
                self._gate.passed(ask.operation)
                return answer
            self._sleep(wait)
            attempt += 1

    def _counted(self, ask: ApiRequest, error: RelayError, attempt: int) -> float | None:
        """Reports to the gate; returns how long to wait in place before the request may be repeated."""
        if isinstance(error, RetryableError) and error.code == NO_TIME_LEFT:
            return None
        self._gate.failed(ask.operation, error)
        if isinstance(error, RetryableError) and error.code == error_mapping.RATE_LIMITED:
            busy = self._gate.busy_for()
            return busy if self._fits(busy) else None
        return retries.pause(ask.kind, error, attempt, self._time_left() - RESERVE_SECONDS, self._jitter())

    def _fits(self, seconds: float) -> bool:
        """Whether after a sleep of these seconds a request still has its whole time."""
        return seconds + self._timeout_seconds + SPARE_SECONDS <= self._time_left()

    def _authenticated(self, ask: ApiRequest) -> Response:
        """A 401 has had no effect: once more, where the key that is read again is another one."""
        key = self._api_key.get()
        answer = self._send(ask, key)
        if answer.status == error_mapping.UNAUTHENTICATED_STATUS and (renewed := self._api_key.refresh()) != key:
            answer = self._send(ask, renewed)
        if httpx.codes.is_success(answer.status):
            return answer
        now = datetime.fromtimestamp(self._now(), UTC)
        raise error_mapping.error_of(ask.kind, answer, now, of_one=ask.of_one)

    def _send(self, ask: ApiRequest, key: str) -> Response:
        # Coval's gateway distinguishes header names by case and knows the lower-case one only.
        headers = {"x-api-key": key, **({"content-type": "application/json"} if ask.content else {})}
        request = self._http.build_request(
            ask.method,
            f"{self._root}/{ask.path}",
            params=ask.params,
            content=ask.content,
            headers=headers,
            timeout=self._timeout(ask.kind),
        )
        try:
            return self._exchange(request)
        except httpx.RequestError as error:
            raise error_mapping.failed(ask.kind, _failure(error)) from None

    def _exchange(self, request: httpx.Request) -> Response:
        """Read the answer to its end, but not past the invocation's: a dripping body is cut off."""
        response = self._http.send(request, stream=True)
        body = bytearray()
        with closing(response):
            for chunk in response.iter_bytes():
                body += chunk
                if self._time_left() < RESERVE_SECONDS:
                    raise httpx.ReadTimeout(NO_TIME_LEFT, request=request)
        return Response(response.status_code, {**response.headers}, bytes(body))

    def _timeout(self, kind: RequestKind) -> httpx.Timeout:
        """Raises RetryableError where too little time is left: an effect gets its whole timeout or none."""
        left = self._time_left() - RESERVE_SECONDS
        least = min(SHORTEST_READ_SECONDS, self._timeout_seconds)
        if left < (least if kind is RequestKind.READ else self._timeout_seconds):
            raise RetryableError(NO_TIME_LEFT)
        seconds = min(self._timeout_seconds, left)
        connect = min(CONNECT_SECONDS, seconds)
        return httpx.Timeout(seconds, connect=connect, pool=connect)

    def _pause(self, seconds: float) -> None:
        if self._time_left() - RESERVE_SECONDS < seconds:
            raise RetryableError(NO_TIME_LEFT)
        self._sleep(seconds)


def _all_pages(fetch: Callable[[Mapping[str, str]], Page[T]], params: Mapping[str, str]) -> Iterator[T]:
    page = fetch(params)
    yield from page.items
    while page.next_token:
        page = fetch({**params, "page_token": page.next_token})
        yield from page.items


def _read(kind: RequestKind, read: Callable[[bytes], T], answer: Response) -> T:
    try:
        return read(answer.body)
    except responses.UnreadableResponseError:
        raise error_mapping.unreadable(kind) from None


def _failure(error: httpx.RequestError) -> Failure:
    if isinstance(error, NOT_SENT):
        return Failure.NOT_SENT
    return Failure.TIMEOUT if isinstance(error, httpx.TimeoutException) else Failure.BROKEN


def _json(fields: Mapping[str, Any]) -> bytes:
    return json.dumps(fields, separators=(",", ":")).encode()


def _equality(external_conversation_id: str) -> str:
    """Coval's filter has no escape for a double quote (Coval API, list: filter)."""
    if '"' in external_conversation_id or not external_conversation_id.isprintable():
        raise InvalidInputError("external_conversation_id", "must be printable and hold no double quote")
    return f'external_conversation_id="{external_conversation_id}"'


def _of(external_conversation_id: str, listed: list[Conversation]) -> list[Conversation]:
    """Those of exactly this id, whatever the filter let through: another call's is neither adopted nor deleted.

    Raises RetryableError where the list does not show that there is none: full of others, or of ids that are not said.
    """
    names = [one.external_conversation_id for one in listed]
    if external_conversation_id not in names and (len(names) >= MAX_FOUND or None in names):
        raise error_mapping.unreadable(RequestKind.READ)
    return [one for one in listed if one.external_conversation_id == external_conversation_id]


def _rejects_consistency(error: PermanentError) -> bool:
    named = error.field == "consistency" or "consistency" in error.reason.lower()
    return error.status == BAD_REQUEST and named


def _keep_urls_out_of_logs() -> None:
    """httpx logs each URL at INFO: upload URLs are secrets."""
    for library in ("httpx", "httpcore"):
        logging.getLogger(library).setLevel(logging.WARNING)
